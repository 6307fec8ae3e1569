import json
from pathlib import Path

import nibabel as nb
import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from support.images import write_image

from fmriprod.algorithms import noise_ceiling as numbers
from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.noise_ceiling import NoiseCeiling
from fmriprod.interfaces.run_responses import RunResponses

STIMULI = [f"s{i}" for i in np.tile(np.arange(30), 4)]


@pytest.fixture
def study(work, rng):
    """Responses to 30 simulated stimuli, four times each; half of the voxels see nothing."""
    mask = rng.random((6, 5, 4)) < 0.7
    n = int(mask.sum())
    share = np.where(np.arange(n) % 2, 0.6, 0.0)
    signal = np.tile(rng.normal(size=(30, n)), (4, 1))
    values = np.sqrt(share) * signal + np.sqrt(1 - share) * rng.normal(size=(120, n))
    values[:, 5], values[7, 9] = 4.0, np.nan
    np.save(work / "responses.npy", values.astype(np.float32))
    table = pd.DataFrame({"run": np.repeat(np.arange(1, 5), 30), "stimulus": STIMULI})
    table.to_csv(work / "samples.tsv", sep="\t", index=False)
    write_image(work / "mask.nii.gz", mask.astype(np.uint8), np.diag([-3.0, 3, 3, 1]))
    names = {"responses_file": "responses.npy", "samples_file": "samples.tsv"}
    files = {name: str(work / file) for name, file in names.items()}
    return {**files, "mask_file": str(work / "mask.nii.gz")}, values, mask, share


def test_maps_and_table_say_where_there_is_something_to_explain(study):
    inputs, values, mask, share = study
    out = NoiseCeiling(**inputs, n_bootstrap=300).run().outputs
    table = pd.read_csv(out.table_file, sep="\t", na_values="n/a")
    found = numbers.noise_ceiling(values.astype(np.float32), np.array(STIMULI), n_bootstrap=300)
    for name in ("signal", "noise", "share", "low", "high", "share_of_mean"):
        np.testing.assert_allclose(table[name], getattr(found, name), rtol=1e-5)
    np.testing.assert_allclose(table["r_ceiling"] ** 2, table["share"].abs(), rtol=1e-5)
    assert (np.sign(table["r_ceiling"]) == np.sign(table["share"]))[table["usable"] == 1].all()
    assert np.flatnonzero(table["usable"] == 0).tolist() == [5, 9]
    image = nb.load(out.share_file)
    np.testing.assert_allclose(image.get_fdata()[mask], table["share"], rtol=1e-5)
    assert (image.get_fdata()[~mask] == 0).all()
    np.testing.assert_allclose(
        nb.load(out.interval_file).get_fdata()[mask], table[["low", "high"]], rtol=1e-5
    )
    of_mean = nb.load(out.share_of_mean_file).get_fdata()[mask]
    np.testing.assert_allclose(of_mean, table["share_of_mean"], rtol=1e-5)
    summary = json.loads(Path(out.summary_file).read_text())
    assert summary["n_stimuli"] == 30 and summary["n_repeats"] == {"least": 4, "most": 4}
    assert summary["n_unusable"] == 2 and not summary["volumes_averaged"]
    seen = (table["low"] > 0) & table["usable"].astype(bool)
    assert seen[share > 0].mean() > 0.9 and seen[share == 0].mean() < 0.1


def results(**inputs):
    out = NoiseCeiling(**inputs).run().outputs
    table = pd.read_csv(out.table_file, sep="\t", na_values="n/a")
    return table, json.loads(Path(out.summary_file).read_text())


def test_volumes_of_one_presentation_are_averaged_first(study, work):
    """Three volumes with one noise are one response, not three repeats; a fourth is rest."""
    inputs, values, _, share = study
    rows = np.repeat(np.arange(120), 4)
    rest = np.arange(480) % 4 == 3
    blocks = np.where(rest[:, None], 1e3, values[rows])
    table = pd.DataFrame({"run": rows // 30, "volume": np.tile(np.arange(120), 4)})
    table["stimulus"] = np.where(rest, "n/a", np.array(STIMULI)[rows])
    table.to_csv(work / "volumes.tsv", sep="\t", index=False)
    np.save(work / "blocks.npy", blocks.astype(np.float32))
    names = {"responses_file": "blocks.npy", "samples_file": "volumes.tsv"}
    files = {**inputs, **{name: str(work / file) for name, file in names.items()}}
    averaged, summary = results(**files, n_bootstrap=0)
    plain, plain_summary = results(**inputs, n_bootstrap=0)
    assert summary["volumes_averaged"] and not plain_summary["volumes_averaged"]
    columns = ["share", "signal", "noise"]
    np.testing.assert_allclose(averaged[columns], plain[columns], rtol=1e-4, atol=1e-6)
    separate, _ = results(**files, n_bootstrap=0, average_volumes=False)
    # the noise of a block, taken for signal
    assert separate["share"][share == 0].mean() > 0.1 > abs(averaged["share"][share == 0].mean())


def test_columns_and_tables_that_there_are_not(study, work):
    inputs, *_ = study
    with pytest.raises(InputError, match="did you mean 'stimulus'"):
        NoiseCeiling(**inputs, column="stimuli").run()
    table = pd.read_csv(inputs["samples_file"], sep="\t")
    table.iloc[:-1].to_csv(work / "short.tsv", sep="\t", index=False)
    with pytest.raises(InputError, match=r"120 rows.*\n.*119"):
        NoiseCeiling(**{**inputs, "samples_file": str(work / "short.tsv")}).run()
    table.assign(volume=table.index, stimulus="n/a").to_csv(
        work / "rest.tsv", sep="\t", index=False
    )
    with pytest.raises(InputError, match="only n/a in 'stimulus'") as caught:
        NoiseCeiling(**{**inputs, "samples_file": str(work / "rest.tsv")}).run()
    assert caught.value.file == str(work / "rest.tsv")
    table.assign(stimulus=table.index).to_csv(work / "once.tsv", sep="\t", index=False)
    with pytest.raises(InputError, match="0 of 120 stimuli"):
        NoiseCeiling(**{**inputs, "samples_file": str(work / "once.tsv")}).run()
    write_image(work / "other.nii.gz", np.ones((6, 5, 4), np.uint8))
    with pytest.raises(InputError, match="as many as there are responses to a sample"):
        NoiseCeiling(**{**inputs, "mask_file": str(work / "other.nii.gz")}).run()


def test_the_same_input_gives_the_same_bytes_in_a_node(study, work):
    found = []
    for folder, memory in (("one", 0.5), ("two", 1e-4)):
        step = NoiseCeiling(**study[0], n_bootstrap=50, memory_gb=memory)
        out = pe.Node(step, name="ceiling", base_dir=work / folder).run().outputs
        paths = (out.share_file, out.interval_file, out.table_file, out.summary_file)
        found.append([Path(path).read_bytes() for path in paths])
    assert found[0] == found[1]


@pytest.mark.realdata
def test_categories_explain_a_part_of_haxby_s_slice(real_data, work, rng):
    """Eight categories in twelve runs; with the categories of the blocks shuffled, nothing."""
    folder = real_data("haxby_single_slice")
    bold = folder / "openfmri" / "sub001" / "BOLD"
    files = [str(bold / f"task001_run{n:03d}" / "bold_1slice.nii.gz") for n in range(1, 13)]
    mask = np.asarray(nb.load(folder / "mask.nii.gz").dataobj)
    affine = nb.load(files[0]).affine
    mask_file = str(write_image(work / "mask.nii.gz", mask.astype(np.uint8), affine))
    step = RunResponses(in_files=files, mask_file=mask_file, shift=2, standardize="zscore")
    out = pe.Node(step, name="responses", base_dir=work).run().outputs
    samples = pd.read_csv(out.samples_file, sep="\t")
    labels = np.loadtxt(folder / "attributes_literal.txt", dtype=str)[:, 0].reshape(12, 121)
    samples["stimulus"] = labels[samples["run"] - 1, samples["volume"]]
    samples.loc[samples["stimulus"] == "rest", "stimulus"] = None
    numbered = numbers.presentations(samples)
    shown = samples.groupby(numbered)["stimulus"].first()[lambda s: s.index >= 0]
    shuffled = pd.Series(rng.permutation(shown.to_numpy()), shown.index)
    found = {}
    for name, stimulus in (
        ("true", samples["stimulus"]),
        ("null", pd.Series(numbered).map(shuffled)),
    ):
        path = work / f"{name}.tsv"
        samples.assign(stimulus=stimulus).to_csv(path, sep="\t", index=False, na_rep="n/a")
        found[name], summary = results(
            responses_file=out.responses_file, samples_file=str(path), mask_file=mask_file,
            n_bootstrap=200,
        )  # fmt: skip
        assert summary["n_stimuli"] == 8
    share, null = found["true"]["share"], found["null"]["share"]
    assert share.quantile(0.95) > 0.4 and abs(null.mean()) < 0.03
    assert (found["true"]["low"] > 0).sum() > 60 > 6 * (found["null"]["low"] > 0).sum()
    assert (share > null.max()).sum() > 60
