"""Work folders that were moved or copied, and results altered while a run is at work."""

import os
import shutil

import numpy as np
import pytest
from support.cache_graph import ALL, Graph, InThisProcess

from fmriprod.interfaces import result_seals
from fmriprod.workflows.cache_plan import RUNS
from fmriprod.workflows.rerun import rerun_node


@pytest.fixture
def graph(work):
    folder = work / "one"
    folder.mkdir()
    graph = Graph(folder)
    assert graph.run() == ALL
    return graph


def there(folder):
    """The same graph in another folder, whose raw files are there as well."""
    graph = Graph.__new__(Graph)
    graph.folder = folder
    return graph


def right(graph, left=2.0):
    """Whether all numbers are what the raw files and factors say."""
    x, y = (np.load(graph.folder / f"{name}.npy") for name in "xy")
    np.testing.assert_array_equal(np.load(graph.file("minus")), left * x - 2 * y)
    np.testing.assert_array_equal(np.load(graph.file("end")), 3 * (left * x - 2 * y))
    np.testing.assert_array_equal(np.load(graph.file("each/mapflow/_each1")), 4 * 2 * y)


def without_seals(graph):
    for path in graph.folder.rglob(result_seals.SEAL):
        path.unlink()


def with_seals_of_before(graph):
    """Seals of earlier versions do not tell their place."""
    for path in graph.folder.rglob(result_seals.SEAL):
        content = path.read_text().replace('"place"', '"other"')
        path.write_text(content)


def overwrite(path, *, keep_time=True):
    """Other bytes, the same size, and the time of content set back."""
    stat = path.stat()
    with path.open("r+b") as stream:
        stream.seek(stat.st_size - 800)
        stream.write(bytes(800))
    if keep_time:
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


SEALS = pytest.mark.parametrize(
    "seals", [lambda graph: None, without_seals, with_seals_of_before], ids=["new", "no", "old"]
)


@SEALS
def test_a_copy_does_not_take_numbers_from_the_original(graph, seals):
    seals(graph)
    copy = there(graph.folder.with_name("two"))
    shutil.copytree(graph.folder, copy.folder)
    graph.run(left=7.0, alone=9.0)
    said = copy.plan()["left"]
    assert said.verdict == RUNS and "it was made in" in said.reasons[0]
    assert copy.run() == ALL
    right(copy)
    right(graph, left=7.0)
    assert copy.run() == graph.run(left=7.0, alone=9.0) == {"saver"}


@SEALS
def test_a_moved_folder_is_run_again(graph, seals):
    seals(graph)
    moved = there(graph.folder.with_name("two"))
    graph.folder.rename(moved.folder)
    assert moved.run() == ALL
    right(moved)
    assert moved.run() == {"saver"}


@pytest.mark.parametrize("seals", [without_seals, with_seals_of_before], ids=["no", "old"])
def test_results_of_earlier_versions_are_still_taken(graph, seals):
    seals(graph)
    assert graph.run() == {"saver"}
    assert all('"place"' in path.read_text() for path in graph.folder.rglob(result_seals.SEAL))


def test_a_link_to_the_folder_is_the_same_folder(graph):
    link = graph.folder.with_name("link")
    link.symlink_to(graph.folder)
    assert there(link).run() == {"saver"}


def test_a_finished_part_of_an_unfinished_map_node_is_looked_at(graph):
    (note,) = graph.file("each").parent.glob("_0x*.json")
    note.unlink()
    overwrite(graph.file("each/mapflow/_each1"))
    assert graph.plan()["each"].verdict == RUNS
    assert graph.run() == {"each", "each.2", "saver"}
    right(graph)


class _Altering(InThisProcess):
    """Alters a file once everything has run, before results are sealed."""

    def __init__(self, alter):
        super().__init__()
        self._alter = alter

    def run(self, graph, config, updatehash=False):
        super().run(graph, config, updatehash)
        self._alter()


@pytest.mark.parametrize(
    "alter", [lambda path: os.truncate(path, 1000), overwrite], ids=["truncated", "overwritten"]
)
@pytest.mark.parametrize("node", ["left", "each/mapflow/_each1"])
def test_damage_of_a_sealed_result_does_not_become_the_truth(graph, alter, node):
    path = graph.file(node)
    assert graph.run(_Altering(lambda: alter(path))) == {"saver"}
    assert graph.run() - {"saver"} == ({"left"} if node == "left" else {"each", "each.2"})
    right(graph)


def test_damage_before_the_seal_is_told_by_what_the_next_step_read(work):
    graph = Graph(work)
    assert graph.run(_Altering(lambda: overwrite(graph.file("left")))) == ALL
    assert graph.plan()["left"].verdict == RUNS
    assert graph.run() == {"left", "saver"}
    right(graph)


class _Stopping(InThisProcess):
    """Is broken off when ``end`` is about to run."""

    def _submit_job(self, node, updatehash=False):
        if node.name == "end":
            raise KeyboardInterrupt
        return super()._submit_job(node, updatehash)


def test_what_was_read_of_an_earlier_result_does_not_count(graph):
    """``end`` has read another ``minus`` before: the one that is there now is no damage."""
    with pytest.raises(KeyboardInterrupt):
        graph.run(_Stopping(), left=5.0)
    ran = graph.run(left=5.0)
    assert "end" in ran and "minus" not in ran
    right(graph, left=5.0)


@pytest.mark.parametrize("node", ["left", "each", "each.1"])
def test_what_was_run_again_alone_is_taken(graph, node):
    assert rerun_node(f"wf.{node}", graph.folder / "work", graph.folder / "crashes") is None
    assert graph.run() == {"saver"}
    right(graph)
