import nibabel as nb
import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from nipype.interfaces.base import isdefined
from support.drawing import write_regions
from support.production import OBJECTS, PHASES, planted, production_samples

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.scheme_evidence import scheme_evidence
from fmriprod.algorithms.scheme_tables import COURSES, SCORES, evidence_columns
from fmriprod.algorithms.schemes import scheme_splits
from fmriprod.interfaces.region_evidence import RegionEvidence
from fmriprod.workflows.region_evidence import init_region_evidence_wf

PAIR = ["chair", "bed"]
REGIONS = ["V1", "V2", "hipp"]


def study(folder, rng, samples=None):
    """Files of all runs; V1 and V2 have patterns, hipp has none."""
    samples = production_samples(rng) if samples is None else samples
    parts = [
        planted(rng, samples, n_voxels=n, signal=s) for n, s in ((40, 0.8), (30, 0.6), (20, 0))
    ]
    files = {}
    for task in samples["task"].unique():
        here = (samples["task"] == task).to_numpy()
        (folder / task).mkdir()
        table = samples[here].drop(columns="phase").reset_index(drop=True)
        wrote = write_regions(folder / task, [part[None, here] for part in parts], table, REGIONS)
        for key, paths in wrote.items():
            runs = key.startswith(("features", "samples", "voxels"))
            files[key] = files.get(key, []) + paths if runs else paths
    return samples, parts, files


@pytest.fixture
def data(work, rng):
    return study(work, rng)


FOUR = {"scheme": "4way", "train_phase": "localizer", "test_phase": "drawing"}


def evidence(files, **options):
    options = {"phases": PHASES, "trained": PAIR, **options}
    return RegionEvidence(**files, **options).run().outputs


def read(path):
    return pd.read_csv(path, sep="\t", dtype={"subject": str, "run": str}, na_values=["n/a"])


def test_each_region_gets_what_the_algorithm_gives_for_its_voxels(data, work):
    samples, parts, files = data
    node = pe.Node(
        RegionEvidence(**files, **FOUR, phases=PHASES, trained=PAIR), name="e", base_dir=str(work)
    )
    out = node.run().outputs
    table, scores = read(out.evidence_file), read(out.scores_file)
    assert list(table.columns) == evidence_columns(OBJECTS)
    assert list(scores.columns) == SCORES and scores["region"].tolist() == REGIONS
    assert (table[["subject", "phase", "scheme"]] == ["01", "drawing", "4way"]).all(axis=None)
    splits = scheme_splits(samples, "4way", train="localizer", test="drawing")
    for name, part in zip(REGIONS, parts, strict=True):
        found = scheme_evidence(part, samples, splits)
        ours = table[table["region"] == name]
        np.testing.assert_allclose(
            ours[[f"logp_{label}" for label in OBJECTS]], found.log_probability, atol=1e-8
        )
        expected = samples.iloc[found.rows]
        for column in ("task", "run", "label", "trial", "time_point", "tr"):
            assert ours[column].tolist() == expected[column].tolist(), column
    accuracy = scores.set_index("region")["accuracy"]
    assert accuracy["V1"] > 0.8 and accuracy["V2"] > 0.6 and accuracy["hipp"] < 0.5
    courses = read(out.time_courses_file)
    assert list(courses.columns) == COURSES and len(courses) == 3 * (5 + 12 + 4)
    assert out.notes == [] and not isdefined(out.permutations_file)


def test_order_of_the_pair_the_labels_and_the_regions_does_not_matter(data):
    _, _, files = data
    one = evidence(files, **FOUR)
    two = evidence(files, **FOUR | {"trained": PAIR[::-1], "labels": list(OBJECTS[::-1])})
    for name in ("evidence_file", "scores_file", "time_courses_file"):
        pd.testing.assert_frame_equal(read(getattr(one, name)), read(getattr(two, name)))
    some = evidence(files, **FOUR, regions=["hipp", "V1"])
    whole = read(one.scores_file)
    pd.testing.assert_frame_equal(
        read(some.scores_file), whole[whole["region"] != "V2"].reset_index(drop=True)
    )


@pytest.mark.parametrize("scheme", ["3way", "2way", "4way_independent", "2way_within"])
def test_all_schemes_have_the_same_columns(data, scheme):
    _, _, files = data
    train = {} if scheme == "2way_within" else {"train_phase": "localizer"}
    out = evidence(files, scheme=scheme, test_phase="drawing", labels=list(OBJECTS), **train)
    table = read(out.evidence_file)
    assert list(table.columns) == evidence_columns(OBJECTS) and len(table) == 360
    two = scheme.startswith("2way")
    assert table[["logp_bench", "logp_table", "control"]].isna().all(axis=None) == two
    assert table[["logp_bed", "logp_chair", "target", "foil"]].notna().all(axis=None)


@pytest.mark.parametrize("options", [
    {"standardize": "run"}, {"standardize": "train"}, {"C": 0.01}, {"classifier": "logistic"},
    {"probability_floor": 0.09}, {"n_permutations": 5, "seed": 3},
])  # fmt: skip
def test_options_reach_the_algorithm(data, options):
    samples, parts, files = data
    out = evidence(files, **FOUR, regions=["V1"], **options)
    splits = scheme_splits(samples, "4way", train="localizer", test="drawing")
    found = scheme_evidence(parts[0], samples, splits, **options)
    table = read(out.evidence_file)
    ours = table[[f"logp_{label}" for label in OBJECTS]]
    np.testing.assert_allclose(ours, found.log_probability, atol=1e-8)
    if "seed" in options:
        null = read(out.permutations_file)["accuracy"][1:]
        np.testing.assert_allclose(null, found.null_accuracy)
        other = scheme_evidence(parts[0], samples, splits, n_permutations=5)
        assert (other.null_accuracy != found.null_accuracy).any()
    else:
        usual = scheme_evidence(parts[0], samples, splits)
        assert np.abs(usual.log_probability - found.log_probability).max() > 1e-3


def test_voxels_that_a_table_marks_as_unusable_are_left_out(data):
    samples, parts, files = data
    path = files["voxels_files"][5]
    voxels = pd.read_csv(path, sep="\t")
    voxels.loc[(voxels["j"] == 0) & (voxels["i"] < 2), "usable"] = 0
    voxels.to_csv(path, sep="\t", index=False)
    out = evidence(files, **FOUR, regions=["V1"])
    splits = scheme_splits(samples, "4way", train="localizer", test="drawing")
    found = scheme_evidence(parts[0][:, 2:], samples, splits)
    ours = read(out.evidence_file)[[f"logp_{label}" for label in OBJECTS]]
    np.testing.assert_allclose(ours, found.log_probability, atol=1e-8)
    assert out.notes == ["V1: 2 of 40 voxels cannot be used"]


def test_permutations_and_their_p(data):
    _, _, files = data
    out = evidence(files, **FOUR, n_permutations=39, scheme_label="mine", C=0.1)
    scores, null = read(out.scores_file), read(out.permutations_file)
    assert (scores["scheme"] == "mine").all() and (null["scheme"] == "mine").all()
    assert len(null) == 3 * 40 and list(scores.columns) == [*SCORES, "p_permutation"]
    for row in scores.to_dict("records"):
        part = null[null["region"] == row["region"]].set_index("permutation")["accuracy"]
        assert part[0] == pytest.approx(row["accuracy"])
        reached = (part.loc[1:] >= row["accuracy"] - 1e-12).sum()
        assert row["p_permutation"] == pytest.approx((1 + reached) / 40)
    p = scores.set_index("region")["p_permutation"]
    assert p["V1"] == p["V2"] == 1 / 40 and p["hipp"] > 1 / 40


def test_a_phase_without_samples_is_refused_or_skipped(work, rng):
    samples = production_samples(rng)
    samples = samples[samples["task"] != "drawing"].reset_index(drop=True)
    _, _, files = study(work, rng, samples)
    with pytest.raises(InputError) as error:
        evidence(files, **FOUR)
    text = str(error.value)
    assert "RegionEvidence: phases" in text and "none of phase drawing" in text
    assert "task recognition, run 01 02" in text and "missing='skip'" in text
    out = evidence(files, **FOUR, missing="skip", n_permutations=3, labels=list(OBJECTS))
    for name, columns in (
        ("evidence_file", evidence_columns(OBJECTS)),
        ("scores_file", [*SCORES, "p_permutation"]),
        ("time_courses_file", COURSES),
    ):
        table = read(getattr(out, name))
        assert table.empty and list(table.columns) == columns
    assert read(out.permutations_file).empty
    assert out.notes == ["no samples of phase drawing (task drawing, run 1 and 2 and 3 and 4)"]


def test_an_absent_run_is_refused_or_noted(work, rng):
    samples = production_samples(rng)
    gone = (samples["task"] == "drawing") & (samples["run"] == "03")
    _, _, files = study(work, rng, samples[~gone].reset_index(drop=True))
    with pytest.raises(InputError, match="of phase drawing, run 3"):
        evidence(files, **FOUR)
    out = evidence(files, **FOUR, missing="skip")
    assert out.notes == ["no samples of phase drawing, run 3 (task drawing)"]
    assert len(read(out.evidence_file)) == 3 * 90


def test_voxels_without_signal_are_left_out_and_regions_of_them_refused_or_noted(data):
    samples, parts, files = data
    path = files["features_files"][0]
    features = np.load(path)
    clean = read(evidence(files, **FOUR).evidence_file)
    voxels = pd.read_csv(files["voxels_files"][0], sep="\t")
    hipp = (voxels["j"] == 2).to_numpy()  # regions lie beside each other along j
    features[:, hipp] = 7.0
    features[3, 0] = np.nan
    np.save(path, features)
    with pytest.raises(InputError, match=r"hipp \(none of 20\)"):
        evidence(files, **FOUR)
    out = evidence(files, **FOUR, missing="skip")
    assert read(out.scores_file)["region"].tolist() == ["V1", "V2"]
    assert out.notes == ["V1: 1 of 40 voxels cannot be used",
                         "hipp: 20 of 20 voxels cannot be used"]  # fmt: skip
    table = read(out.evidence_file)
    same, other = (t[t["region"] == "V2"].reset_index(drop=True) for t in (table, clean))
    pd.testing.assert_frame_equal(same, other)
    splits = scheme_splits(samples, "4way", train="localizer", test="drawing")
    found = scheme_evidence(np.delete(parts[0], 0, axis=1), samples, splits)
    ours = table.loc[table["region"] == "V1", [f"logp_{label}" for label in OBJECTS]]
    np.testing.assert_allclose(ours, found.log_probability, atol=1e-8)


def test_an_empty_mask_is_refused_or_noted(data):
    _, _, files = data
    image = nb.load(files["mask_files"][1])
    nb.Nifti1Image(np.zeros(image.shape, np.uint8), image.affine).to_filename(
        files["mask_files"][1]
    )
    with pytest.raises(InputError, match="no voxel"):
        evidence(files, **FOUR)
    out = evidence(files, **FOUR, missing="skip")
    assert out.notes == ["no voxel: region V2"]
    assert read(out.scores_file)["region"].tolist() == ["V1", "hipp"]


def test_bad_input_is_told(data):
    _, _, files = data
    for options, text in (
        ({"regions": ["V1", "hip"]}, "did you mean 'hipp'"),
        ({"phases": ["localizer"]}, "name=task:run,run"),
        ({"phases": PHASES[:3]}, "none of 'drawing'"),
        ({"trained": ["bed"]}, "two trained objects"),
        ({"trained": ["bed", "sofa"]}, "'sofa'"),
        ({"labels": ["bed", "sofa", "chair"]}, "no training sample of 'sofa'"),
        ({"test_phase": "localizer"}, "'localizer' for both"),
        ({"mask_files": files["mask_files"][:2]}, "3 names for 2 masks"),
    ):
        with pytest.raises(InputError) as error:
            RegionEvidence(**files | {"phases": PHASES, "trained": PAIR} | FOUR | options).run()
        assert text in str(error.value) and "RegionEvidence" in str(error.value)


def test_two_participants_are_refused(data):
    _, _, files = data
    table = pd.read_csv(files["samples_files"][0], sep="\t", dtype=str)
    table.assign(subject="02").to_csv(files["samples_files"][0], sep="\t", index=False)
    with pytest.raises(InputError, match="2: 02, 01"):
        evidence(files, **FOUR)


def test_the_workflow_merges_what_all_schemes_found(data, work):
    _, _, files = data
    schemes = [
        FOUR,
        {"scheme": "within_phase", "test_phase": "pre", "regions": ["V1"]},
        FOUR | {"scheme": "2way", "name": "pair", "standardize": "run"},
        FOUR | {"scheme_label": "softmax", "classifier": "logistic", "name": "softmax"},
    ]
    workflow = init_region_evidence_wf(
        schemes=schemes, phases=PHASES, trained=PAIR, labels=OBJECTS, n_permutations=2
    )
    workflow.base_dir = str(work)
    for field, value in files.items():
        setattr(workflow.inputs.inputnode, field, value)
    graph = {node.name: node for node in workflow.run().nodes}
    evidence_file = graph["merge_evidence"].result.outputs.out_file
    table = read(evidence_file)
    counts = table.groupby("scheme").size()
    assert counts.to_dict() == {"4way": 360, "2way": 360, "softmax": 360, "within_phase": 48}
    scores = read(graph["merge_scores"].result.outputs.out_file)
    assert len(scores) == 3 * 3 + 1 and (scores["subject"] == "01").all()
    assert "multinomial" in workflow.__desc__ and "leaving out one run" in workflow.__desc__
    alone = read(graph["evidence_4way_drawing"].result.outputs.scores_file)
    both = scores[scores["scheme"] == "4way"].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, both)
