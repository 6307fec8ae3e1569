import json

import nibabel as nb
import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.featurize import onset_volumes
from fmriprod.algorithms.recognition_log import morph_ends, recognition_events, trained_objects
from fmriprod.interfaces.featurize import Featurize
from fmriprod.interfaces.recognition_log import RecognitionEvents, read_recognition_log
from fmriprod.interfaces.three_column import read_three_column

OBJECTS = ["bed", "bench", "chair", "table"]
LOGS = "metadata/neurosketch_archival_metadata/recog/metadata_augmented"


def small_log():
    """Two runs of three stimuli, two volumes each after one volume of lead-in."""
    rows = []
    for run in (4, 9):
        rows.append((run, 0, -1, "bed", 0.0, 0, np.nan))
        for trial, (name, answer) in enumerate([("bed", "bed"), ("chair", "bed"), ("bed", np.nan)]):
            for part in (0, 1):
                slot = 1 + 2 * trial + part
                begin = 1500.0 * (1 + 2 * trial) + [3.2, 5.6, -0.2][trial]
                condition = int(name == "chair")
                rows.append((run, slot, condition, name, begin, int(part == 0), answer))
    names = ["run_num", "TRnum", "condition", "object", "onset_time", "onset", "response"]
    return pd.DataFrame(rows, columns=names).assign(viewpoint=7)


def test_an_open_quotation_mark_swallows_no_rows(work):
    lines = small_log().to_csv(index=False).splitlines()
    lines[2], lines[6] = (lines[n].replace("bed", new, 1) for n, new in ((2, '"bed'), (6, 'bed"')))
    (work / "log.csv").write_text("\n".join(lines))
    with pytest.raises(InputError, match="quotation mark that is not closed"):
        read_recognition_log(work / "log.csv")


def test_stimuli_of_a_log(work):
    small_log().to_csv("log.csv", index=False)
    interface = RecognitionEvents(log_file=str(work / "log.csv"))
    out = pe.Node(interface, name="events", base_dir=str(work)).run().outputs
    assert out.run_labels == ["4", "5"]
    assert (out.trained, out.control) == (["bed"], ["chair"])
    assert out.response_rate == pytest.approx(2 / 3) and out.accuracy == 0.5
    events = pd.read_csv(out.events_files[1], sep="\t")
    assert events["onset"].tolist() == [1.5, 4.51, 7.5]
    assert events["correct"].tolist()[:2] == [1, 0] and events["correct"].isna()[2]
    assert events["training"].tolist() == ["trained", "control", "trained"]
    out = RecognitionEvents(log_file=str(work / "log.csv"), timing="planned").run().outputs
    assert pd.read_csv(out.events_files[0], sep="\t")["onset"].tolist() == [1.5, 4.5, 7.5]


def test_logs_that_cannot_be_are_refused(work):
    log = small_log()
    with pytest.raises(InputError, match="did you mean 'viewpont'"):
        recognition_events(log.rename(columns={"viewpoint": "viewpont"}))
    with pytest.raises(InputError, match="others, the first") as error:
        recognition_events(log, tr=2.0)
    assert "repetition time" in str(error.value)
    with pytest.raises(InputError, match="found:    2"):
        recognition_events(log.assign(condition=2))
    with pytest.raises(InputError, match="no stimulus at all"):
        recognition_events(log.assign(onset=0))
    swapped = log.assign(condition=np.where(log["run_num"] == 9, 1, log["condition"]))
    with pytest.raises(InputError, match="both: bed"):
        trained_objects(recognition_events(swapped))
    (work / "empty.csv").write_text("")
    with pytest.raises(InputError) as error:
        RecognitionEvents(log_file=str(work / "empty.csv")).run()
    assert error.value.file.endswith("empty.csv")
    with pytest.raises(InputError, match="'bed'"):
        morph_ends("bed")


@pytest.fixture(scope="module")
def study(real_data):
    """Stimuli of all participants from both sources, in the order of time."""
    root = real_data("neurosketch")
    logs, regressors = [], []
    for path in sorted((root / LOGS).glob("*.csv")):
        logs.append(recognition_events(read_recognition_log(path)).assign(subject=path.stem))
        for run in range(1, 7):
            events = read_three_column(root / "metadata" / "regressors" / path.stem / f"run_{run}")
            regressors.append(events.assign(subject=path.stem, run=run))
    return root, pd.concat(logs, ignore_index=True), pd.concat(regressors, ignore_index=True)


@pytest.mark.realdata
def test_every_run_parses_and_both_sources_agree(study):
    _, logs, regressors = study
    assert regressors.groupby(["subject", "run"]).ngroups == 186 == 31 * 6
    counts = regressors.groupby(["subject", "run", "trial_type"]).size()
    assert len(counts) == 186 * 4 and (counts == 20).all()
    keys = ["subject", "run", "onset", "duration", "trial_type"]
    assert len(logs) == len(regressors) == 186 * 80
    pd.testing.assert_frame_equal(logs[keys], regressors[keys], check_dtype=False)


@pytest.mark.realdata
def test_planned_volumes_are_the_measured_ones_but_for_six_stimuli(study):
    root, logs, _ = study
    planned = pd.concat(
        recognition_events(read_recognition_log(path), timing="planned")
        for path in sorted((root / LOGS).glob("*.csv"))
    )
    late = logs["onset"].to_numpy() - planned["onset"].to_numpy()
    assert (np.floor(logs["onset"] / 1.5).to_numpy() != planned["onset"] / 1.5).sum() == 6
    assert (np.abs(late) > 0.05).sum() == 8 and np.median(np.abs(late)) <= 0.01


@pytest.mark.realdata
def test_timing_is_that_of_the_design(study):
    _, _, events = study
    runs = [events["subject"], events["run"]]
    assert set(events["onset"].groupby(runs).min().round(1)) == {12.0}
    assert events["onset"].max() == 348.0
    slots = (events["onset"] / 1.5).astype(int)
    assert (onset_volumes(events["onset"].to_numpy(), 1.5, shift_volumes=3) == slots + 3).all()
    assert not slots.to_frame().assign(s=runs[0], r=runs[1]).duplicated().any()
    assert slots.max() + 3 < 240
    gaps = (events["onset"].groupby(runs).diff() / 1.5).round().dropna()
    gaps = gaps.astype(int).value_counts().to_dict()
    assert {n: gaps.pop(n) for n in (2, 3, 4)} == {2: 5845, 3: 5869, 4: 2948}
    assert sum(gaps.values()) == 32


@pytest.mark.realdata
def test_trained_objects_are_those_of_the_design(study):
    root, logs, _ = study
    versions = json.loads((root / "results" / "versionNums.json").read_text())
    text = (root / "results" / "neurosketch_deisgn_dict.js").read_text()
    design = {row["version"]: row for row in json.loads(text[text.index("[") :].rstrip("; \n"))}
    pairs = set()
    for subject, events in logs.groupby("subject"):
        trained, control = trained_objects(events)
        row = design[int(versions[subject])]
        assert (trained, control) == (morph_ends(row["trained"]), morph_ends(row["near"]))
        assert sorted(trained + control) == OBJECTS
        pairs.add(tuple(trained))
    assert len(pairs) == 6


@pytest.mark.realdata
def test_behaviour_and_viewpoints(study):
    _, logs, _ = study
    assert round(100 * logs["response"].notna().mean(), 1) == 93.1
    assert round(100 * logs["correct"].mean(), 1) == 97.2
    phase = (logs["run"] - 1) // 2
    views = logs.groupby([logs["subject"], phase, "trial_type"])["viewpoint"]
    assert (views.nunique() == 40).all() and (views.size() == 40).all()


@pytest.mark.realdata
def test_recognition_windows_on_the_real_onsets(study, work):
    """One volume for each stimulus, three after its slot; the series says its own volume."""
    root, _, _ = study
    affine = np.diag([2.0, 2, 2, 1])
    image = nb.Nifti1Image(
        np.arange(240, dtype=np.float32) + np.zeros((2, 1, 1, 240), "f4"), affine
    )
    image.header.set_xyzt_units("mm", "sec")
    image.header.set_zooms((2, 2, 2, 1.5))
    image.to_filename("bold.nii.gz")
    nb.Nifti1Image(np.ones((2, 1, 1), np.uint8), affine).to_filename("mask.nii.gz")
    for run in (1, 6):
        events = read_three_column(root / "metadata/regressors/0110171_neurosketch" / f"run_{run}")
        events.to_csv("events.tsv", sep="\t", index=False)
        inputs = {"in_file": "bold.nii.gz", "mask_file": "mask.nii.gz", "events_file": "events.tsv"}
        inputs = {name: str(work / path) for name, path in inputs.items()}
        out = Featurize(**inputs, shift_volumes=3).run().outputs
        expected = [int(onset / 1.5) + 3 for onset in events["onset"]]
        assert np.load(out.features_file)[:, 0].tolist() == expected
        samples = pd.read_csv(out.samples_file, sep="\t")
        assert samples["label"].tolist() == events["trial_type"].tolist() and len(samples) == 80


def test_drawing_windows(work):
    """Ten trials of 45 s after 12 s: 23 volumes from three after the cue; 308 volumes suffice."""
    series = np.arange(308, dtype=np.float32) + np.zeros((1, 1, 1, 308), "f4")
    image = nb.Nifti1Image(series, np.eye(4))
    image.header.set_xyzt_units("mm", "sec")
    image.header.set_zooms((1, 1, 1, 1.5))
    image.to_filename("bold.nii.gz")
    nb.Nifti1Image(np.ones((1, 1, 1), np.uint8), np.eye(4)).to_filename("mask.nii.gz")
    onsets = [12 + 45 * trial for trial in range(10)]
    rows = [f"{onset}\t39\t{['bed', 'chair'][i % 2]}" for i, onset in enumerate(onsets)]
    (work / "events.tsv").write_text("onset\tduration\ttrial_type\n" + "\n".join(rows) + "\n")
    inputs = {"in_file": "bold.nii.gz", "mask_file": "mask.nii.gz", "events_file": "events.tsv"}
    inputs = {name: str(work / path) for name, path in inputs.items()}
    out = Featurize(**inputs, shift_volumes=3, window=23).run().outputs
    volumes = np.load(out.features_file)[:, 0].reshape(10, 23)
    assert volumes[:, 0].tolist() == [8 + 30 * trial + 3 for trial in range(10)]
    assert (np.diff(volumes, axis=1) == 1).all()
    assert pd.read_csv(out.samples_file, sep="\t")["time_point"][:23].tolist() == [*range(1, 24)]
    with pytest.raises(
        InputError, match=r"trial 9 \('chair', onset 417 s\) needs volumes 281 to 308"
    ):
        Featurize(**inputs, shift_volumes=3, window=28).run()
