"""What is removed from a work folder, when, and what is never removed."""

import contextlib
import os
import threading
import time

import pytest
from support.study_of_files import build, digests, write

from fmriprod.algorithms.checks import InputError
from fmriprod.workflows.clean_work import MARK, WorkCleaner, unit_of
from fmriprod.workflows.execution import configure, run_workflow
from fmriprod.workflows.outcome import Event
from fmriprod.workflows.reporting_plugin import one_by_one

NODES = ["fmriprod.sub_01_wf.a", "fmriprod.sub_01_wf.b", "fmriprod.sub_02_wf.a"]


def event(node, what):
    return Event(node, what, 0.0)


@pytest.fixture
def place(work):
    """Make a cleaner of a level, with files of two participants and of a stranger."""

    def make(level, nodes=NODES):
        cleaner = WorkCleaner(work / "work", "fmriprod", level)
        for node in nodes:
            folder = work.joinpath("work", *node.split("."))
            folder.mkdir(parents=True)
            (folder / "file").write_text("x")
            cleaner(event(node, "planned"))
        return cleaner

    return make


def people(work):
    return sorted(p.name for p in (work / "work" / "fmriprod").iterdir() if p.name != MARK)


def test_a_participant_goes_when_all_its_steps_have_results(work, place):
    cleaner = place("finished")
    cleaner(event(NODES[0], "end"))
    assert people(work) == ["sub_01_wf", "sub_02_wf"]
    cleaner(event(NODES[1], "cached"))
    assert people(work) == ["sub_02_wf"]
    assert cleaner.removed == [str(work / "work" / "fmriprod" / "sub_01_wf")]


@pytest.mark.parametrize(("level", "left"), [
    ("none", ["sub_01_wf", "sub_02_wf"]), ("finished", ["sub_02_wf"]), ("all", []),
])  # fmt: skip
def test_levels_differ_in_who_failed(work, place, level, left):
    cleaner = place(level)
    for node, what in zip(NODES, ("end", "end", "failed"), strict=True):
        cleaner(event(node, what))
    assert "sub_02_wf" in people(work), "a run that is killed now continues"
    cleaner.end()
    assert people(work) == left


def test_parts_of_a_map_node_count(work, place):
    cleaner = place("finished")
    cleaner(event(f"{NODES[2]}.1", "planned"))
    cleaner(event(NODES[2], "end"))
    assert "sub_02_wf" in people(work)
    cleaner(event(f"{NODES[2]}.1", "end"))
    assert "sub_02_wf" not in people(work)


def test_the_group_goes_when_all_that_lies_in_its_folder_has_results(work, place):
    nodes = ["group_wf.a", "group_wf.sub_01_wf.b"]
    cleaner = WorkCleaner(work / "work", "group_wf", "finished")
    for node in nodes:
        work.joinpath("work", *node.split(".")).mkdir(parents=True)
        cleaner(event(node, "planned"))
    cleaner(event(nodes[0], "end"))
    assert (work / "work/group_wf/a").exists()
    cleaner(event(nodes[1], "end"))
    assert [p.name for p in (work / "work/group_wf").iterdir()] == [MARK]
    assert unit_of(nodes[0]) == ("group_wf",)


def test_a_folder_of_somebody_else_is_refused_before_anything_runs(work):
    (work / "work" / "fmriprod").mkdir(parents=True)
    WorkCleaner(work / "work", "fmriprod", "none")
    with pytest.raises(InputError, match="a work folder that fmriprod made") as caught:
        WorkCleaner(work / "work", "fmriprod", "finished")
    assert "give another --work-dir" in caught.value.hint
    assert list((work / "work" / "fmriprod").iterdir()) == []


def test_a_link_is_refused(work):
    (work / "precious" / "sub_01_wf").mkdir(parents=True)
    (work / "precious" / MARK).write_text("")
    (work / "work").mkdir()
    (work / "work" / "fmriprod").symlink_to(work / "precious")
    with pytest.raises(InputError, match="without it"):
        WorkCleaner(work / "work", "fmriprod", "all")


def test_links_are_not_followed(work, place):
    precious = work / "precious"
    precious.mkdir()
    (precious / "data").write_text("x")
    cleaner = place("all")
    (work / "work/fmriprod/sub_01_wf/a/inside").symlink_to(precious)
    os.rename(work / "work/fmriprod/sub_02_wf", work / "moved")
    (work / "work/fmriprod/sub_02_wf").symlink_to(work / "moved")
    for node in NODES:
        cleaner(event(node, "end"))
    cleaner.end()
    assert (precious / "data").exists() and (work / "moved" / "a" / "file").exists()
    assert people(work) == ["sub_02_wf"]
    assert "a link" in cleaner.trouble[0]


def test_a_mark_that_was_taken_away_protects(work, place):
    cleaner = place("all")
    (work / "work" / "fmriprod" / MARK).unlink()
    for node in NODES:
        cleaner(event(node, "end"))
    assert people(work) == ["sub_01_wf", "sub_02_wf"] and len(cleaner.trouble) > 0


def test_what_a_killed_run_was_removing_is_removed_later(work, place):
    cleaner = place("finished")
    (work / "work/fmriprod/.removing-1/a").mkdir(parents=True)
    cleaner(event(NODES[2], "end"))
    assert people(work) == ["sub_01_wf"]


def test_others_and_what_lies_beside_stay(work, place):
    cleaner = place("all")
    for name in ("work/fmriprod/sub_03_wf", "work/other", "work/.digests"):
        (work / name).mkdir()
    for node in NODES:
        cleaner(event(node, "end"))
    cleaner.end()
    assert people(work) == ["sub_03_wf"]
    assert (work / "work/other").exists() and (work / "work/.digests").exists()


def test_many_runs_that_begin_at_once_make_one_marked_folder(work):
    found = []

    def begin():
        WorkCleaner(work / "work", "fmriprod", "finished")
        found.append((work / "work" / "fmriprod" / MARK).stat().st_size > 0)

    threads = [threading.Thread(target=begin) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 16
    assert [p.name for p in (work / "work").iterdir()] == ["fmriprod"]


def test_an_unknown_level_is_refused(work):
    with pytest.raises(InputError, match="none, finished, all"):
        WorkCleaner(work, "fmriprod", "some")


def test_ranks_put_a_participant_before_the_next_one():
    ranks = one_by_one({"f.sub_01_wf.a": 2, "f.sub_01_wf.b": 0, "f.sub_02_wf.a": 2})
    assert sorted(ranks, key=lambda name: -ranks[name]) == [
        "f.sub_01_wf.a", "f.sub_01_wf.b", "f.sub_02_wf.a",
    ]  # fmt: skip


LABELS = ["01", "02", "03", "04", "05", "06"]


def peak_of(folder, level):
    """Run six participants of 6 MB each; the most that lay in the work folder at a time."""
    workflow = build(folder, LABELS, folder / f"out-{level}", n=250_000)
    configure(workflow, folder / f"work-{level}", folder / "crashes")
    cleaner, ended = WorkCleaner(folder / f"work-{level}", workflow.name, level), []
    peak = 0

    def measure():
        nonlocal peak
        while not ended:
            sizes = 0
            for place, _, files in os.walk(folder / f"work-{level}"):
                with contextlib.suppress(OSError):  # removed meanwhile
                    sizes += sum(os.path.getsize(os.path.join(place, n)) for n in files)
            peak = max(peak, sizes)
            time.sleep(0.003)

    thread = threading.Thread(target=measure)
    thread.start()
    try:
        outcome = run_workflow(
            workflow, on_event=cleaner, engine_args={"one_by_one": level != "none"}
        )
    finally:
        ended.append(True)
        thread.join()
    assert outcome.ok
    return peak


def test_less_is_on_disk_at_a_time_and_results_are_the_same(work):
    write(work, LABELS)
    whole, cleaned = peak_of(work, "none"), peak_of(work, "finished")
    assert whole == pytest.approx(36e6, rel=0.05)
    assert cleaned < 14e6, "more than two participants of 6 MB lay there at a time"
    assert [p.name for p in (work / "work-finished" / "fmriprod").iterdir()] == [MARK]
    assert digests(work / "out-finished") == digests(work / "out-none") != {}
