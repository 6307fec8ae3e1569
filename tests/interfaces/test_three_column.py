import nipype.pipeline.engine as pe
import pandas as pd
import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.events import read_events
from fmriprod.interfaces.three_column import ThreeColumnEvents, read_three_column


@pytest.fixture
def folder(work):
    (work / "bench.txt").write_text("21.00 1.00 1.00\n30.00 1.00 1.00\n\n")
    (work / "bed.txt").write_text("# practice left out\n18.0\t1\t1\r\n 25.5, 1.5, 1\n")
    return work


def test_files_become_one_table_in_time_order(folder):
    events = read_three_column(folder)
    assert events["trial_type"].tolist() == ["bed", "bench", "bed", "bench"]
    assert events["onset"].tolist() == [18.0, 21.0, 25.5, 30.0]
    assert events["duration"].tolist() == [1.0, 1.0, 1.5, 1.0]
    assert (events["amplitude"] == 1).all()


def test_node_writes_bids_events(folder):
    files = [str(folder / "bed.txt"), str(folder / "bench.txt")]
    node = pe.Node(ThreeColumnEvents(in_files=files), name="events", base_dir=str(folder))
    out = node.run().outputs
    events = read_events(out.events_file, n_volumes=240, tr=1.5)
    assert list(events.columns) == ["onset", "duration", "trial_type"] and out.n_events == 4
    (folder / "bed.txt").write_text("18 1 0.5\n25.5 1 1\n")
    out = ThreeColumnEvents(in_files=files, labels=["a", "b"], duration=2.0).run().outputs
    events = pd.read_csv(out.events_file, sep="\t")
    assert events["trial_type"].tolist() == ["a", "b", "a", "b"]
    assert events["amplitude"].tolist() == [0.5, 1, 1, 1] and set(events["duration"]) == {2.0}


def test_all_bad_lines_are_named_at_once(folder):
    (folder / "bed.txt").write_text("18 1 1\n25.5 1\n30 one 1\n")
    (folder / "bench.txt").write_text("21 nan 1\n21 1 1 1\n")
    with pytest.raises(InputError) as error:
        read_three_column(folder)
    text = str(error.value)
    assert "4 line(s)" in text
    for part in ("bed.txt, line 2: '25.5 1'", "bed.txt, line 3: '30 one 1'",
                 "bench.txt, line 1: '21 nan 1'", "bench.txt, line 2: '21 1 1 1'"):  # fmt: skip
        assert part in text
    (folder / "bed.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"bed.txt: cannot be read"):
        read_three_column(folder)


def test_a_condition_without_events_is_passed_over_but_not_a_run(folder):
    (folder / "bed.txt").write_text("0 0 0\n")
    assert set(read_three_column(folder)["trial_type"]) == {"bench"}
    (folder / "bench.txt").write_text("")
    with pytest.raises(InputError, match="no event rows"):
        read_three_column(folder)


def test_events_that_cannot_be_and_wrong_names_are_refused(folder):
    (folder / "bed.txt").write_text("-3 1 1\n")
    with pytest.raises(InputError, match="onset before the first volume"):
        read_three_column(folder)
    files = [str(folder / "bed.txt"), str(folder / "bench.txt")]
    with pytest.raises(InputError, match="1 names for 2 files"):
        ThreeColumnEvents(in_files=files, labels=["a"]).run()
    with pytest.raises(InputError, match="twice: 'a'"):
        ThreeColumnEvents(in_files=files, labels=["a", "a"]).run()
    with pytest.raises(InputError, match=r"no \.txt file in it"):
        read_three_column(folder / "..")
    with pytest.raises(InputError, match="no such folder"):
        read_three_column(folder / "nowhere")
