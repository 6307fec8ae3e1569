"""After a change exactly what depends on it runs again; the dry run says so before, and why."""

import os
import pickle
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from support.cache_graph import ALL, EACH, Graph, Subtract

from fmriprod.interfaces import base, digests
from fmriprod.workflows.cache_plan import ALWAYS, DEPENDS, RUNS, UP_TO_DATE
from fmriprod.workflows.local_engine import LocalPlugin


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Working folder of a run that is done; tests take copies of nothing but move it about."""
    folder = tmp_path_factory.mktemp("finished")
    graph = Graph(folder)
    assert graph.run() == ALL
    assert graph.run() == {"saver"}
    return graph


@pytest.fixture
def graph(finished, tmp_path):
    """The finished run, put back afterwards."""
    shutil.copytree(finished.folder, tmp_path / "kept", symlinks=True)
    yield finished
    shutil.rmtree(finished.folder)
    shutil.copytree(tmp_path / "kept", finished.folder, symlinks=True)


def snapshot(folder):
    """Content and times of all files."""
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {str(p): (p.read_bytes(), p.stat().st_mtime_ns) for p in files}


def same_size_and_time(path, content):
    stat = os.stat(path)
    assert len(content) == stat.st_size
    path.write_bytes(content)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def change_input(graph):
    path = graph.folder / "x.npy"
    same_size_and_time(path, path.read_bytes()[:-1] + b"\x41")


def change_unused_input(graph):
    np.save(graph.folder / "w.npy", np.arange(3))


def touch_input(graph):
    os.utime(graph.folder / "x.npy", (1, 1))


def remove_output(graph):
    graph.file("left").unlink()


def truncate_output(graph):
    os.truncate(graph.file("minus"), 200)


def damage_output(graph):
    path = graph.file("minus")
    same_size_and_time(path, path.read_bytes()[:-1] + b"\x41")


def rewrite_output_as_it_was(graph):
    path = graph.file("minus")
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content)


def truncate_result(graph):
    os.truncate(graph.file("right", "result_right.pklz"), 100)


def remove_result(graph):
    graph.file("end", "result_end.pklz").unlink()


def truncate_note(graph):
    (note,) = graph.file("alone").parent.glob("_0x*.json")
    os.truncate(note, 10)


def remove_part(graph):
    graph.file("each/mapflow/_each1").unlink()


def remove_seals(graph):
    for path in graph.folder.rglob("_seal.json"):
        path.unlink()


def damage_seals(graph):
    for path in graph.folder.rglob("_seal.json"):
        os.truncate(path, 20)


def truncate_unsealed_result(graph):
    remove_seals(graph)
    truncate_result(graph)


def remove_unsealed_output(graph):
    remove_seals(graph)
    remove_output(graph)


def interrupted(graph):
    (note,) = graph.file("alone").parent.glob("_0x*.json")
    note.rename(str(note).replace(".json", "_unfinished.json"))


LEFT = {"left", "both", "minus", "end", "each", "each.1"}
CASES = [  # what is done, arguments of the graph, what runs (beside the saver), node: reason
    (None, {}, set(), {}),
    (touch_input, {}, set(), {}),
    (change_unused_input, {}, set(), {}),
    (change_input, {}, LEFT, {"left": "in_file: the content of x.npy differs"}),
    (None, {"left": 5.0}, LEFT, {"left": "factor: 2 -> 5"}),
    (None, {"end": 5.0}, {"end"}, {"end": "factor: 3 -> 5"}),
    (None, {"each": 5.0}, EACH, {"each": "factor: 4 -> 5"}),
    (None, {"alone": 5.0}, {"alone"}, {"alone": "factor: 2 -> 5"}),
    (None, {"inputs": "yx"}, {*LEFT, "right", "each.2"},
     {"left": "in_file: x.npy -> y.npy", "right": "in_file: y.npy -> x.npy"}),
    (remove_output, {}, {"left"}, {"left": "result broken: out.npy is missing"}),
    (truncate_output, {}, {"minus"}, {"minus": "result broken: out.npy has 200 bytes, not 4128"}),
    (damage_output, {}, {"minus"},
     {"minus": "result broken: out.npy has another content than the step wrote"}),
    (rewrite_output_as_it_was, {}, set(), {}),
    (truncate_result, {}, {"right"}, {"right": "result broken: result_right.pklz has 100 bytes"}),
    (remove_result, {}, {"end"}, {"end": "the result is missing"}),
    (truncate_note, {}, {"alone"}, {"alone": "result broken: _0x"}),
    (remove_part, {}, {"each", "each.2"}, {"each": "result broken: _each1: out.npy is missing"}),
    (remove_seals, {}, set(), {}),
    (damage_seals, {}, set(), {}),
    (truncate_unsealed_result, {}, {"right"}, {"right": "result broken: result_right.pklz cannot"}),
    (remove_unsealed_output, {}, {"left"}, {"left": "result broken: a file that it names"}),
    (interrupted, {}, {"alone"}, {"alone": "did not finish"}),
]  # fmt: skip


@pytest.mark.parametrize(("change", "changes", "runs", "reasons"), CASES)
def test_exactly_what_depends_on_a_change_runs(graph, change, changes, runs, reasons):
    if change is not None:
        change(graph)
    before = snapshot(graph.folder)
    plan = graph.plan(**changes)
    assert snapshot(graph.folder) == before, "a dry run changes nothing"
    said = {name: step.reasons for name, step in plan.items() if step.verdict == RUNS}
    assert said.keys() == reasons.keys()
    assert all(len(said[name]) == 1 and said[name][0].startswith(reasons[name]) for name in said)
    possible = {name for name, step in plan.items() if step.verdict in (RUNS, DEPENDS)}
    ran = graph.run(**changes) - {"saver"}
    assert ran == runs
    assert {name.partition(".")[0] for name in ran} <= possible
    assert plan["saver"].verdict == ALWAYS
    left, right = (np.load(graph.file(name)) for name in ("left", "right"))
    np.testing.assert_array_equal(np.load(graph.file("minus")), left - right)
    assert graph.run(**changes) == {"saver"}
    assert not [s for s in graph.plan(**changes).values() if s.verdict in (RUNS, DEPENDS)]


def test_a_new_version_of_an_algorithm_runs_again(graph, monkeypatch):
    monkeypatch.setattr(Subtract, "_algorithm_version", "2")
    assert graph.plan()["minus"].reasons == ("version: Subtract 1 -> 2",)
    assert graph.plan()["end"].verdict == DEPENDS
    assert graph.run() - {"saver"} == {"minus"}  # its numbers are the same


def test_a_new_version_of_a_library_runs_again(graph, monkeypatch):
    real = base.library_version
    monkeypatch.setattr(
        base, "library_version", lambda name: "99" if name == "numpy" else real(name)
    )
    expected = f"version: numpy {np.__version__} -> 99"
    plan = graph.plan()
    assert {n for n, s in plan.items() if s.reasons == (expected,)} == {"left", "right", "alone"}
    assert plan["minus"].verdict == DEPENDS
    ran = graph.run() - {"saver"}
    assert ran == {"left", "right", "alone", "end", *EACH}


def test_nothing_has_run_yet(work):
    graph = Graph(work)
    before = snapshot(work)
    plan = graph.plan()
    assert snapshot(work) == before and not (work / "work").exists()
    assert plan["left"].reasons == plan["right"].reasons == ("never run",)
    assert plan["minus"].verdict == DEPENDS and plan["saver"].verdict == ALWAYS


def test_several_notes_of_inputs_are_left_alone(graph):
    """Nipype removes them when it looks whether a result is up to date."""
    (note,) = graph.file("alone").parent.glob("_0x*.json")
    shutil.copyfile(note, note.with_name("_0x" + "0" * 32 + ".json"))
    before = snapshot(graph.folder)
    assert graph.plan()["alone"].verdict == UP_TO_DATE
    assert snapshot(graph.folder) == before
    assert graph.run() == {"saver"}


def test_a_damaged_pickle_of_any_kind_is_noticed(graph):
    remove_seals(graph)
    path = graph.file("left", "result_left.pklz")
    for content in (b"", b"\x80", pickle.dumps({"no": "result"}), os.urandom(100)):
        path.write_bytes(content)
        assert graph.plan()["left"].verdict == RUNS
    assert graph.run() - {"saver"} == {"left"}


def test_a_copied_working_folder_is_compared_by_content(graph):
    """A copy has other inodes and times, and the same content."""
    for path in Path(graph.folder, "work").rglob("*.npy"):
        shutil.copyfile(path, path.with_suffix(".copy"))
        os.replace(path.with_suffix(".copy"), path)
    assert graph.run() == {"saver"}


def test_a_dry_run_keeps_no_digests(work):
    graph = Graph(work)
    for name in "xy":
        np.save(work / f"{name}.npy", np.arange(50_000.0))
    graph.run()
    for path in [*work.rglob("_digests.json"), *work.rglob(".digests/*.json")]:
        path.unlink()
    digests._known.clear()
    time.sleep(0.3)
    before = snapshot(work)
    assert graph.plan()["minus"].verdict == UP_TO_DATE
    assert snapshot(work) == before


def test_a_digest_is_kept_of_old_inputs_that_only_workers_read(work, monkeypatch):
    graph = Graph(work)
    np.save(work / "x.npy", np.arange(50_000.0))
    np.save(work / "y.npy", np.arange(50_000.0))
    begun = time.time()
    monkeypatch.setattr("fmriprod.workflows.cache_truth.time.time", lambda: begun + 4000)
    graph.run(LocalPlugin({"n_procs": 2, "raise_insufficient": False}))
    kept = "".join(p.read_text() for p in (work / "work" / ".digests").glob("*.json"))
    assert "x.npy" in kept and "y.npy" in kept and "z.npy" not in kept  # z is small
