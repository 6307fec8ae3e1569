import json
from pathlib import Path

import nibabel as nb
import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from support.images import write_image

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.encode import ridge_encode
from fmriprod.algorithms.permute_samples import sample_orders
from fmriprod.algorithms.sign_flip import fdr
from fmriprod.interfaces.encode import RidgeEncode
from fmriprod.interfaces.layer_file import write_layers
from fmriprod.interfaces.score_figures import ScoreFigures
from fmriprod.interfaces.score_file import read_scores
from fmriprod.interfaces.significance import ScoreSignificance

RUNS = np.repeat(np.arange(1, 6), 16)
QUICK = {"n_permutations": 400, "q": 0.05}
MAPS = ("significant_mask", "log_p_map", "log_q_map")


@pytest.fixture
def study(work, rng):
    """Simulated voxels, a third of which follow the second of two layers; two have no signal."""
    layers = {f"conv{i}": rng.normal(size=(80, 30)).astype(np.float32) for i in (1, 2)}
    mask = rng.random((6, 6, 5)) < 0.6
    values = rng.normal(size=(80, int(mask.sum())))
    follows = np.arange(values.shape[1]) % 3 == 0
    values[:, follows] += layers["conv2"] @ rng.normal(size=(30, follows.sum())) / 2
    values[:, 4], values[3, 9] = 7.0, np.nan
    follows[9] = False
    write_layers(work / "features.h5", layers)
    np.save(work / "responses.npy", values.astype(np.float32))
    pd.DataFrame({"run": RUNS}).to_csv(work / "samples.tsv", sep="\t", index=False)
    write_image(work / "mask.nii.gz", mask.astype(np.uint8), np.diag([-3.0, 3, 3, 1]))
    names = {"features": "h5", "responses": "npy", "samples": "tsv", "mask": "nii.gz"}
    inputs = {f"{name}_file": str(work / f"{name}.{kind}") for name, kind in names.items()}
    inputs["penalties"] = [1.0, 30.0, 1000.0]
    inputs["scores_file"] = encode(inputs)
    return inputs, layers, values, mask, follows


def encode(inputs, **options):
    given = {name: value for name, value in inputs.items() if name != "scores_file"}
    return RidgeEncode(**{**given, **options}).run().outputs.scores_file


def run(inputs, **options):
    out = ScoreSignificance(**{**inputs, **QUICK, **options}).run().outputs
    table = pd.read_csv(out.table_file, sep="\t", na_values="n/a")
    return out, table, json.loads(Path(out.summary_file).read_text())


def test_planted_voxels_are_found_and_others_are_not(study):
    inputs, _, _, mask, follows = study
    out, table, summary = run(inputs)
    scores = read_scores(inputs["scores_file"])
    unusable = [4, 9]
    assert np.flatnonzero(table["usable"] == 0).tolist() == unusable
    assert table.loc[unusable, ["layer", "statistic", "p", "q"]].isna().all(axis=None)
    found = table["significant"] == 1
    assert found[follows].all() and found[~follows].mean() < 0.06
    assert (table["layer"][follows] == "conv2").all()
    usable = scores.usable
    np.testing.assert_allclose(table["statistic"][usable], scores.r2.max(axis=0)[usable], rtol=1e-6)
    null = np.load(out.null_file)
    assert null.shape == (14, 400) and null.dtype == np.float32
    expected = [(1 + (null >= s).sum()) / (1 + null.size) for s in scores.r2.max(axis=0)[usable]]
    np.testing.assert_allclose(table["p"][usable], expected)
    np.testing.assert_allclose(table["q"], fdr(table["p"].to_numpy()))
    np.testing.assert_array_equal(found, table["q"] <= 0.05)
    for name, column in zip(MAPS, ("significant", "p", "q"), strict=True):
        volume = nb.load(getattr(out, name)).get_fdata()
        wanted = found if column == "significant" else -np.log10(table[column])
        np.testing.assert_allclose(volume[mask], wanted, rtol=1e-5)
        assert (volume[~mask] == 0).all()
    assert summary["n_significant"] == found.sum() and summary["n_usable"] == usable.sum()
    assert summary["threshold"] == pytest.approx(table["statistic"][found].min(), rel=1e-6)
    assert summary["n_null"] == 14 * 400 and summary["n_null_not_finite"] == 0
    assert 0 < summary["ks_largest"] < summary["ks_limit"]
    assert len(set(summary["sampled_voxels"]) - set(unusable)) == 14


@pytest.mark.parametrize(
    ("options", "scheme"),
    [
        ({}, {}),
        ({"scheme": "within", "score": "r"}, {"scheme": "within"}),
        ({"block": 4}, {"block": 4}),
        ({"scheme": "shift"}, {"scheme": "shift"}),
    ],
)
def test_null_is_that_of_fitting_anew(study, options, scheme):
    inputs, layers, values, *_ = study
    out, _, summary = run(inputs, n_permutations=5, n_voxels=3, seed=8, **options)
    null, voxels = np.load(out.null_file), summary["sampled_voxels"]
    orders = sample_orders(RUNS, seed=8, **scheme).orders(0, 5)
    for number, order in enumerate(orders):
        every = [
            ridge_encode(x, values[order][:, voxels], RUNS, inputs["penalties"])
            for x in layers.values()
        ]
        best = np.max([getattr(e, options.get("score", "r2")) for e in every], axis=0)
        np.testing.assert_allclose(null[:, number], best, rtol=1e-4, atol=1e-5)


def test_blocks_stay_in_runs_of_a_session(study, work):
    inputs, layers, values, *_ = study
    sessions = (RUNS + 1) // 2
    table = pd.DataFrame({"session": sessions, "run": np.where(RUNS == 5, 1, 2 - RUNS % 2)})
    table.to_csv(work / "samples.tsv", sep="\t", index=False)
    inputs = {**inputs, "groups": "session"}
    inputs["scores_file"] = encode(inputs)
    out, _, summary = run(inputs, n_permutations=3, n_voxels=2, block=12)
    for number, order in enumerate(sample_orders(sessions, RUNS, block=12).orders(0, 3)):
        voxels = values[order][:, summary["sampled_voxels"]]
        every = [ridge_encode(x, voxels, sessions, inputs["penalties"]) for x in layers.values()]
        best = np.max([e.r2 for e in every], axis=0)
        np.testing.assert_allclose(np.load(out.null_file)[:, number], best, rtol=1e-4, atol=1e-5)


def test_each_voxel_with_its_own_null(study):
    inputs, *_, follows = study
    out, table, summary = run(inputs, per_voxel=True, n_permutations=200)
    usable = table["usable"] == 1
    null = np.load(out.null_file)
    assert null.shape == (usable.sum(), 200) and "ks_largest" not in summary
    expected = (1 + (null >= table["statistic"][usable].to_numpy()[:, None]).sum(axis=1)) / 201
    np.testing.assert_allclose(table["p"][usable], expected)
    assert table["significant"][follows].all() and table["significant"][~follows].mean() < 0.1


def test_penalties_that_the_data_chose(study):
    inputs, *_, follows = study
    repeat = np.load(run(inputs)[0].null_file)
    chosen, table, summary = run(inputs, penalty="chosen")
    assert summary["settings"]["penalty"] == "chosen" and table["significant"][follows].all()
    assert (np.load(chosen.null_file) != repeat).any()
    shared = {"shared_penalty": True}
    scores = encode(inputs, **shared)
    _, _, summary = run({**inputs, "scores_file": scores}, **shared)
    assert summary["settings"]["penalty"] == "chosen"


def test_no_signal_no_voxel(study, work, rng):
    inputs, *_, mask, _ = study
    np.save(work / "noise.npy", rng.normal(size=(80, int(mask.sum()))))
    inputs = {**inputs, "responses_file": str(work / "noise.npy")}
    _, table, summary = run({**inputs, "scores_file": encode(inputs)}, q=0.01)
    assert summary["n_significant"] == 0 and summary["threshold"] is None
    assert 0.005 < (table["p"] < 0.05).mean() < 0.13


def test_without_a_mask_there_are_no_maps_and_figures_take_the_null(study):
    inputs, *_ = study
    without = {name: value for name, value in inputs.items() if name != "mask_file"}
    out, table, _ = run(without, simulated=True)
    assert all(not isinstance(getattr(out, name), str) for name in MAPS)
    assert list(table) == ["voxel", "usable", "layer", "statistic", "p", "q", "significant"]
    figures = ScoreFigures(
        scores_file=inputs["scores_file"], mask_file=inputs["mask_file"], null_file=out.null_file
    ).run().outputs  # fmt: skip
    assert "scores" in figures.figure_names


def test_the_same_input_gives_the_same_bytes_in_a_node_and_seeds_others(study, work):
    found = []
    for folder, options in (("one", {}), ("two", {}), ("three", {"seed": 1})):
        step = ScoreSignificance(**{**study[0], **QUICK, **options})
        out = pe.Node(step, name="significance", base_dir=work / folder).run().outputs
        names = ("null_file", "table_file", "summary_file", "significant_mask", "figure")
        found.append([Path(getattr(out, name)).read_bytes() for name in names])
    assert found[0] == found[1]
    assert found[0][0] != found[2][0]


def test_scores_of_other_inputs_are_refused(study, work):
    inputs, layers, values, *_ = study

    def refused(message, **options):
        with pytest.raises(InputError, match=message) as caught:
            run(inputs, **options)
        assert caught.value.file and caught.value.interface == "ScoreSignificance"

    refused("layers conv1(.|\n)*found:    conv1, conv2", layers=["conv1"])
    np.save(work / "less.npy", values[:, :-2])
    mask_less = {name: v for name, v in inputs.items() if name != "mask_file"}
    mask_less["responses_file"] = str(work / "less.npy")
    with pytest.raises(InputError, match=r"voxels \d+, as the inputs have"):
        run(mask_less)
    table = pd.DataFrame({"run": RUNS, "half": (RUNS > 2) + 1, "third": RUNS % 3})
    table.to_csv(work / "samples.tsv", sep="\t", index=False)
    refused("folds 1, 2, 0, as the inputs have(.|\n)*found:    1, 2, 3, 4, 5", groups="third")
    refused("penalties among 1, 30, 500", penalties=[1.0, 30.0, 500.0])
    refused("r2 of checked folds differ", standardize=True)
    refused("shared_penalty says", shared_penalty=True)
    write_layers(work / "features.h5", {n: x[::-1] for n, x in layers.items()})
    refused("the scores that these features and responses give")
    inputs["scores_file"] = inputs["features_file"]
    refused("an HDF5 file of scores")


def test_numbers_that_do_not_work(study):
    inputs, *_ = study
    with pytest.raises(
        InputError, match=r"at most 17,857 with 14 voxels(.|\n)*memory_mb=1(.|\n)*100,000"
    ):
        run(inputs, n_permutations=100_000, memory_mb=1.0)
    with pytest.raises(InputError, match=r"n_permutations(.|\n)*at least 1(.|\n)*found:    0"):
        run(inputs, n_permutations=0)
    with pytest.raises(InputError, match="one order only, with blocks of 16"):
        run(inputs, scheme="within", block=16)
    with pytest.raises(InputError, match="1 where runs are shifted"):
        run(inputs, scheme="shift", block=2)
    assert ScoreSignificance(**inputs)._n_permutations(14) == 100_000
    assert ScoreSignificance(**inputs, per_voxel=True)._n_permutations(14) == 1_000
