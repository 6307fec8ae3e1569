"""Files of the Neuromatch layout, against what was written by hand."""

import re

import numpy as np
import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.neuromatch_layout import (
    list_runs,
    list_subjects,
    read_evs,
    read_experiment,
    read_run,
    read_run_events,
    series_path,
)
from fmriprod.interfaces.neuromatch_regions import read_atlas, read_regions


@pytest.fixture
def folder(work, rng):
    """Two subjects (2 and 10) with two runs of motor; 10 lacks the second one."""
    for subject, runs in (("2", (5, 6)), ("10", (5,))):
        for run in runs:
            path = series_path(work, subject, run)
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, rng.normal(100 * run, 1, (4, 10 * run)))
            evs = (
                work / "subjects" / subject / "EVs" / ["tfMRI_MOTOR_RL", "tfMRI_MOTOR_LR"][run - 5]
            )
            evs.mkdir(parents=True)
            (evs / "lf.txt").write_text("20.5\t3\t1\n5.25\t2.5\t0.5\n")
            (evs / "rh.txt").write_text(f"{run}\t12\t1\n")
            (evs / "cue.txt").write_text("")
            (evs / "Sync.txt").write_text("0.7\n")
    rows = [["R_V1", "Visual1", "2.2"], ["R_4", "Somatomotor", "2.1"],
            ["L_V1", "Visual1", "2.3"], ["L_4", "Somatomotor", "2.0"]]  # fmt: skip
    np.save(work / "regions.npy", np.array(rows))
    labels = {"labels_R": np.array([0, 1, 1]), "labels_L": np.array([2, 3, 2])}
    np.savez(work / "atlas.npz", **labels, coords=np.arange(12.0).reshape(4, 3))
    return work


def refused(text, function, *args, **options):
    with pytest.raises(InputError, match=re.escape(text)) as caught:
        function(*args, **options)
    assert caught.value.expected and caught.value.found and caught.value.hint
    return str(caught.value)


def test_a_run_is_read_with_or_without_its_mean(folder):
    stored = np.load(series_path(folder, 2, 5))
    kept = read_run(folder, 2, 5, remove_mean=False)
    assert kept.dtype == np.float32 and np.array_equal(kept, stored.astype(np.float32))
    without = read_run(folder, "2", 5)
    np.testing.assert_allclose(without, stored - stored.mean(axis=1, keepdims=True), atol=1e-4)


def test_runs_of_an_experiment_lose_their_own_means_and_follow_each_other(folder):
    one, two = (read_run(folder, 2, run) for run in (5, 6))
    both = read_experiment(folder, 2, "motor")
    assert both.shape == (4, 110)
    np.testing.assert_array_equal(both, np.hstack([one, two]))
    np.testing.assert_array_equal(read_experiment(folder, 2, "motor", [1, 0])[:, :60], two)
    np.testing.assert_array_equal(read_experiment(folder, 2, "MOTOR", 1), two)
    parts = read_experiment(folder, 2, "motor", concatenate=False, remove_mean=False)
    assert [part.shape[1] for part in parts] == [50, 60] and parts[1].mean() > 500


def test_events_are_those_of_the_files(folder):
    one, two = read_evs(folder, 2, "motor", "lf")
    assert one.equals(two)
    assert (folder / "subjects/2/EVs/tfMRI_MOTOR_RL/lf.txt").is_file()
    assert one.to_dict("list") == {
        "onset": [20.5, 5.25], "duration": [3, 2.5], "amplitude": [1, 0.5]
    }  # fmt: skip
    assert [len(part) for part in read_evs(folder, 2, "motor", "cue")] == [0, 0]
    table = read_run_events(folder, 2, 6)
    assert table["trial_type"].tolist() == ["lf", "rh", "lf"]
    assert table["onset"].tolist() == [5.25, 6, 20.5]
    assert read_run_events(folder, 2, 6, ["rh"])["duration"].tolist() == [12]


def test_subjects_are_in_the_order_of_their_numbers_and_missing_runs_are_listed(folder):
    assert list_subjects(folder) == ["2", "10"]
    there, lacking = list_runs(folder, "motor", missing="skip")
    assert there["run"].tolist() == [5, 6, 5]
    assert lacking[["subject", "run_name"]].to_numpy().tolist() == [["10", "tfMRI_MOTOR_LR"]]
    assert list_runs(folder, "motor", ["2"])[1].empty
    refused("1 missing: tfMRI_MOTOR_LR of 10", list_runs, folder, "motor")
    refused("rest and tasks come in two", list_runs, folder, "rest", missing="skip")
    refused("of this subject, runs [5]", read_experiment, folder, 10, "motor")
    kept = read_experiment(folder, 10, "motor", missing="skip")
    np.testing.assert_array_equal(kept, read_run(folder, 10, 5))
    refused("of this subject, runs [5]", read_experiment, folder, 10, "motor", 1, missing="skip")


def test_what_is_not_there_is_named(folder):
    refused("known: 2, 10", read_run, folder, 3, 5)
    refused("1 to 18", read_run, folder, 2, 0)
    refused("runs 0 to 1 of motor", read_experiment, folder, 2, "motor", 2)
    refused("found:    none", read_experiment, folder, 2, "motor", [])
    refused("did you mean 'lf'?", read_evs, folder, 2, "motor", "lff")
    refused("rest has none", read_run_events, folder, 2, 1)
    refused("a folder subjects", list_subjects, folder / "subjects" / "2")


def test_an_event_beyond_the_run_is_refused(folder):
    refused("row 3", read_run_events, folder, 2, 5, n_volumes=20)
    path = folder / "subjects/2/EVs/tfMRI_MOTOR_RL/lf.txt"
    path.write_text("36.5 3 1\n")  # 50 volumes of 0.72 s end at 36 s
    assert "tfMRI_MOTOR_RL" in refused("row 2", read_run_events, folder, 2, 5)
    assert len(read_run_events(folder, 2, 5, tr=0.74)) == 2


@pytest.mark.parametrize("text", ["1 2\n", "a b c\n", "1 2 3 4 5 6\n", "1 2 3\n1 2\n4\n"])
def test_a_file_of_events_with_other_columns_is_refused(folder, text):
    (folder / "subjects/2/EVs/tfMRI_MOTOR_RL/lf.txt").write_text(text)
    refused("rows of three numbers", read_evs, folder, 2, "motor", "lf")


def test_regions_are_a_table_of_parcels(folder):
    table = read_regions(folder, 4)
    assert table["name"].tolist() == ["R_V1", "R_4", "L_V1", "L_4"]
    assert table["hemisphere"].tolist() == ["R", "R", "L", "L"]
    assert table["network"].tolist()[1] == "Somatomotor" and table["myelin"].tolist()[2] == 2.3
    refused("5 parcels, as the array has rows", read_regions, folder, 5)
    np.save(folder / "regions.npy", np.array([["R_4", "a", "1"], ["R_4", "a", "1"]]))
    refused("R_4 twice", read_regions, folder)
    np.save(folder / "regions.npy", np.array([["R_4", "a", "high"]]))
    refused("numbers in the third column", read_regions, folder)
    np.save(folder / "regions.npy", np.zeros((4, 3)))
    refused("text (n_parcels, 3)", read_regions, folder)
    (folder / "regions.npy").unlink()
    refused("no such file", read_regions, folder)


def test_the_atlas_lies_there_or_beside(folder):
    atlas = read_atlas(folder, 4)
    assert atlas["labels_L"].tolist() == [2, 3, 2] and atlas["coords"].shape == (4, 3)
    (folder / "hcp_task").mkdir()
    assert read_atlas(folder / "hcp_task")["coords"].shape == (4, 3)
    refused("4 places, labels up to 3", read_atlas, folder, 5)
    np.savez(folder / "atlas.npz", coords=atlas["coords"])
    refused("labels_L, labels_R and coords", read_atlas, folder)
