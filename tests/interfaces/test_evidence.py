import hashlib
import json
from pathlib import Path

import nibabel as nb
import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from nipype.interfaces.base import isdefined
from support.samples import simulated_samples

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.evidence import ObjectEvidence


def write(folder, features, samples, name):
    np.save(folder / f"{name}.npy", features)
    samples.to_csv(folder / f"{name}.tsv", sep="\t", index=False, na_rep="n/a")
    voxels = pd.DataFrame(np.indices((features.shape[1], 1, 1)).reshape(3, -1).T, columns=[*"ijk"])
    voxels[["x", "y", "z"]] = voxels[["i", "j", "k"]] * 2.0
    voxels.assign(usable=1).to_csv(folder / f"{name}_voxels.tsv", sep="\t", index=False)


@pytest.fixture
def files(work, rng):
    """Two files of simulated samples, two runs each, with three volumes for each trial."""
    features, samples = simulated_samples(rng, n_points=3, signal=0.4)
    for name, part in (("a", samples["run"] <= "02"), ("b", samples["run"] > "02")):
        write(work, features[part], samples[part], name)
    return {
        "features_files": [str(work / "a.npy"), str(work / "b.npy")],
        "samples_files": [str(work / "a.tsv"), str(work / "b.tsv")],
    }


def read(out):
    table = pd.read_csv(out.evidence_file, sep="\t", dtype={"run": str})
    return table, json.loads(Path(out.summary_file).read_text())


def test_leave_one_run_out(files):
    out = ObjectEvidence(**files, folds="run", n_permutations=39, title="simulated").run().outputs
    table, summary = read(out)
    assert len(table) == 96 and sorted(table["run"].unique()) == ["01", "02", "03", "04"]
    assert summary["accuracy"] == pytest.approx((table["label"] == table["predicted"]).mean())
    assert summary["accuracy"] > 0.6 and summary["permutation"]["p"] == 1 / 40
    assert out.accuracy == summary["accuracy"]
    assert summary["settings"]["folds"] == "run" and "train" not in summary["settings"]
    assert len(pd.read_csv(out.time_courses_file, sep="\t")) == 6
    for figure in (out.confusion_figure, out.time_course_figure, out.null_figure):
        assert Path(figure).stat().st_size > 5000


def test_queries_rows_and_labels_choose_what_takes_part(files):
    out = ObjectEvidence(
        **files, train="run <= 2", test="run == '04'", rows="time_point > 1",
        labels=["bed", "table"],
    ).run().outputs  # fmt: skip
    table, summary = read(out)
    assert set(table["label"]) == {"bed", "table"} == set(summary["labels"])
    assert set(table["run"]) == {"04"} and set(table["time_point"]) == {2, 3}
    assert summary["folds"][0]["n_train"] == 2 * 2 * 2 * 2
    assert not isdefined(out.null_figure)


def test_one_time_point_has_no_time_course_figure(files):
    out = ObjectEvidence(**files, folds="run", rows="time_point == 1").run().outputs
    assert not isdefined(out.time_course_figure)
    assert len(pd.read_csv(out.time_courses_file, sep="\t")) == 2


def test_voxels_that_are_not_usable_in_one_file_are_left_out(files, work):
    voxels = [str(work / "a_voxels.tsv"), str(work / "b_voxels.tsv")]
    table = pd.read_csv(voxels[1], sep="\t")
    table.loc[[4, 7], "usable"] = 0
    table.to_csv(voxels[1], sep="\t", index=False)
    _, summary = read(ObjectEvidence(**files, voxels_files=voxels, folds="run").run().outputs)
    assert (summary["n_voxels"], summary["n_voxels_dropped"]) == (48, 2)


def test_the_same_input_gives_the_same_bytes_in_a_node(files, work):
    sums = []
    for folder in ("one", "two"):
        node = pe.Node(
            ObjectEvidence(**files, folds="run", n_permutations=10, seed=3),
            name="evidence",
            base_dir=str(work / folder),
        )
        out = node.run().outputs.get()
        paths = [Path(path) for path in out.values() if isinstance(path, str)]
        assert len(paths) == 6
        sums.append([hashlib.sha256(path.read_bytes()).hexdigest() for path in paths])
    assert sums[0] == sums[1]


def refused(files, **options):
    with pytest.raises(InputError) as caught:
        ObjectEvidence(**files, **options).run()
    assert caught.value.interface == "ObjectEvidence"
    return caught.value


def test_rows_on_both_sides_are_refused(files):
    error = refused(files, train="run <= 2", test="run >= 2")
    assert str(error) == (
        "ObjectEvidence: test\n"
        "  expected: test rows that are not training rows\n"
        "  found:    24 rows in both, such as subject 01, task recognition, run 02, trial 0, tr 3\n"
        "  do:       make the queries exclude each other: train 'run <= 2', test 'run >= 2'"
    )


def test_a_label_without_training_samples_is_refused(files):
    error = refused(files, train="run <= 2 and label != 'bed'", test="run > 2")
    assert error.found == "test: no training sample of 'bed'; trained: bench, chair, table"


def test_labels_queries_and_modes_that_do_not_fit_are_refused(files):
    assert "did you mean 'chair'" in refused(files, folds="run", labels=["chiar", "bed"]).hint
    assert refused(files, folds="run", rows="run == 9").subject == "rows"
    assert refused(files).expected == "train and test, or folds"
    assert "from 1 to the 50" in refused(files, folds="run", n_voxels=0).expected


def test_folds_exclude_queries():
    with pytest.raises(OSError, match="mutually exclusive"):
        ObjectEvidence(folds="run", train="half == 1")


def test_features_of_other_masks_are_refused(files, work):
    np.save(work / "b.npy", np.load(work / "b.npy")[:, :-1])
    error = refused(files, folds="run")
    assert error.expected == f"50 voxels, as {work / 'a.npy'} has"
    assert error.file == str(work / "b.npy")


def test_a_sample_table_without_trials_is_refused(files, work):
    pd.read_csv(work / "a.tsv", sep="\t").drop(columns="trial").to_csv(
        work / "a.tsv", sep="\t", index=False
    )
    error = refused(files, folds="run")
    assert error.found == "48 rows, no trial" and error.file == str(work / "a.tsv")


@pytest.mark.realdata
def test_haxby_slice_eight_categories_leave_one_run_out(real_data, work):
    """Block means of one real slice; labels come from events files, one per run."""
    from scipy import signal

    from fmriprod.interfaces.featurize import Featurize

    folder = real_data("haxby_single_slice")
    image = nb.load(folder / "bold.nii.gz")
    mask = str(folder / "mask.nii.gz")
    names = np.loadtxt(folder / "attributes_literal.txt", dtype=str)
    lists = {"features_files": [], "samples_files": [], "voxels_files": []}
    for run in range(12):
        here = names[:, 1].astype(int) == run
        data = image.get_fdata(dtype=np.float32)[..., here]
        data = signal.detrend(data, axis=3) + data.mean(axis=3, keepdims=True)
        series = nb.Nifti1Image(data.astype(np.float32), image.affine)
        series.header.set_zooms((*image.header.get_zooms()[:3], 2.5))
        series.header.set_xyzt_units("mm", "sec")
        series.to_filename(f"run{run}.nii.gz")
        labels = pd.Series(names[here, 0])
        block = labels.ne(labels.shift()).cumsum()
        events = pd.DataFrame({"trial_type": labels.groupby(block).first()})
        sizes = labels.groupby(block).size()
        events["onset"], events["duration"] = (sizes.cumsum() - sizes) * 2.5, sizes * 2.5
        events = events[events["trial_type"] != "rest"][["onset", "duration", "trial_type"]]
        events.to_csv(f"run{run}.tsv", sep="\t", index=False)
        node = pe.Node(
            Featurize(
                in_file=str(work / f"run{run}.nii.gz"), mask_file=mask,
                events_file=str(work / f"run{run}.tsv"), mode="volumes", average=True,
                standardize="run", subject="1", task="objects", run_label=f"{run:02d}",
            ),
            name=f"featurize{run}", base_dir=str(work),
        )  # fmt: skip
        out = node.run().outputs
        for name in lists:
            lists[name].append(getattr(out, name.replace("_files", "_file")))
    out = ObjectEvidence(**lists, folds="run", n_permutations=60).run().outputs
    table, summary = read(out)
    assert len(table) == 96 and len(summary["labels"]) == 8
    assert summary["accuracy"] >= 0.70
    assert summary["permutation"]["p"] == 1 / 61
    assert summary["permutation"]["null_mean"] == pytest.approx(0.125, abs=0.02)


@pytest.mark.realdata
def test_localizer_six_categories_from_one_half_of_the_run_to_the_other(real_data, work):
    """Single volumes of a real run, in voxels that respond to any image in the first half.

    Each category has one block of 16 s in each half, 24 s from the next, so that a high-pass
    of 100 s takes a part of what is decoded away; here only a straight line is removed.
    """
    from nilearn.glm.first_level import compute_regressor
    from scipy import signal

    from fmriprod.interfaces.featurize import Featurize
    from fmriprod.interfaces.roi import RoiMask

    folder = real_data("studyforrest_localizer")
    image = nb.load(folder / "bold.nii.gz")
    data = image.get_fdata(dtype=np.float32)
    mean = data.mean(axis=3)
    brain = mean > np.percentile(mean, 75)
    series = signal.detrend(data[brain], axis=1).astype(np.float32)
    events = pd.read_csv(folder / "events.tsv", sep="\t")
    condition = [events["onset"], events["duration"], np.ones(len(events))]
    regressor = compute_regressor(np.array(condition), "glover", np.arange(156) * 2.0)[0][:78, 0]
    response = np.zeros(brain.shape, dtype=np.float32)
    response[brain] = correlation(series[:, :78], regressor)
    data = np.zeros_like(data)
    data[brain] = series
    header = image.header.copy()
    header.set_data_dtype(np.float32)
    nb.Nifti1Image(data, image.affine, header).to_filename("bold.nii")
    nb.Nifti1Image(response, image.affine).to_filename("response.nii")
    mask = RoiMask(in_file=str(work / "response.nii"), n_voxels=1000).run().outputs.out_mask
    features = Featurize(
        in_file=str(work / "bold.nii"), mask_file=mask, mode="volumes",
        events_file=str(folder / "events.tsv"),
    ).run().outputs  # fmt: skip
    out = ObjectEvidence(
        features_files=[features.features_file], samples_files=[features.samples_file],
        train="half == 1", test="half == 2", n_permutations=300,
    ).run().outputs  # fmt: skip
    _, summary = read(out)
    assert summary["n_test_trials"] == 6 and summary["n_test_samples"] == 48
    assert summary["accuracy"] >= 0.85
    assert summary["permutation"]["null_mean"] == pytest.approx(1 / 6, abs=0.03)
    assert summary["permutation"]["p"] <= 0.02


def correlation(series, regressor):
    series = series - series.mean(axis=1, keepdims=True)
    regressor = regressor - regressor.mean()
    power = (series**2).sum(axis=1) * (regressor @ regressor)
    return series @ regressor / np.sqrt(np.maximum(power, 1e-12))
