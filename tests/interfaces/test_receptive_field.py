import json
import warnings
from pathlib import Path

import nibabel as nb
import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LassoLarsCV
from sklearn.model_selection import LeaveOneGroupOut
from sklearn.preprocessing import StandardScaler
from support.images import write_image

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.layer_file import write_layers
from fmriprod.interfaces.receptive_field import ReceptiveField

SHAPE = (4, 3, 3)


@pytest.fixture
def given(work, rng):
    """Simulated: 4 x 5 pixels, 120 images in 4 runs, voxels that see one pixel each; two bad."""
    images = rng.integers(0, 2, (120, 20)).astype("f4")
    mask = np.zeros(SHAPE, np.uint8)
    mask[1:3] = 1
    responses = images[:, np.arange(18)] + rng.normal(0, 0.7, (120, 18)) + 100
    responses[:, 4], responses[3, 9] = 7, np.nan
    np.save("responses.npy", responses.astype("f4"))
    write_layers("features.h5", {"pixels": images})
    runs = np.repeat([f"0{n}" for n in range(4)], 30)
    samples = pd.DataFrame({"run": runs, "volume": np.tile(np.arange(30), 4)})
    samples.to_csv("samples.tsv", sep="\t", index=False)
    write_image(work / "mask.nii.gz", mask)
    files = {"features_file": "features.h5", "responses_file": "responses.npy",
             "samples_file": "samples.tsv"}  # fmt: skip
    files = {name: str(work / path) for name, path in files.items()}
    return files, images, responses.astype("f4").astype(float), samples, mask > 0


def one_by_one(images, response, cv=None):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = LassoLarsCV(max_iter=10, cv=cv)
        return model.fit(StandardScaler().fit_transform(images), response)


def test_fields_maps_and_tables_in_a_node(given, work):
    files, images, responses, samples, mask = given
    step = ReceptiveField(
        **files, mask_file=str(work / "mask.nii.gz"), groups="run", stimulus_shape=[4, 5],
        stimulus_order="F", simulated=True,
    )  # fmt: skip
    out = pe.Node(step, name="fields", base_dir=str(work)).run().outputs
    fields, table = np.load(out.fields_file), pd.read_csv(out.voxels_file, sep="\t")
    assert fields.shape == (18, 20) and fields.dtype == np.float32
    good = np.setdiff1d(np.arange(18), [4, 9])
    assert table.index[table["usable"] == 1].tolist() == good.tolist()
    assert np.isnan(fields[[4, 9]]).all() and table.loc[[4, 9], "penalty"].isna().all()
    folds = list(LeaveOneGroupOut().split(images, groups=samples["run"]))
    for voxel in good[:6]:
        model = one_by_one(images, responses[:, voxel], folds)
        np.testing.assert_allclose(fields[voxel], model.coef_, atol=1e-6)
        assert table["penalty"][voxel] == pytest.approx(model.alpha_, abs=1e-6)
        assert table["intercept"][voxel] == pytest.approx(model.intercept_)
        assert table["size"][voxel] == np.sum(np.abs(model.coef_) > 1e-12)
        assert np.abs(fields[voxel]).argmax() == voxel  # the pixel that drives it
    np.testing.assert_array_equal(table[["i", "j", "k"]], np.argwhere(mask))
    for name in ("r2", "penalty", "size"):
        volume = nb.load(getattr(out, f"{name}_map")).get_fdata()
        assert (volume[~mask] == 0).all() and np.isnan(volume[mask][[4, 9]]).all()
        np.testing.assert_allclose(volume[mask][good], table[name][good], rtol=1e-5)
    planted = 0.25 / (0.25 + 0.49)  # variance of a pixel, of the noise
    assert planted - 0.12 < table["r2"].mean() < planted and table["r2"].min() > 0.1
    summary = json.loads(Path(out.summary_file).read_text())
    assert (summary["n_voxels"], summary["n_usable"], summary["n_excluded"]) == (18, 16, 2)
    assert summary["folds"] == ["00", "01", "02", "03"] and summary["n_samples"] == 120
    assert Path(out.figure).stat().st_size > 10_000


def test_predictions_follow_from_what_is_written(given):
    files, images, responses, *_ = given
    for option in ("all", "none"):
        out = ReceptiveField(**files, standardize=option).run().outputs
        scaling = pd.read_csv(out.scaling_file, sep="\t")
        fields, table = np.load(out.fields_file), pd.read_csv(out.voxels_file, sep="\t")
        scaled = (images - scaling["mean"].to_numpy()) / scaling["scale"].to_numpy()
        predicted = scaled @ fields[0] + table["intercept"][0]
        assert np.corrcoef(predicted, responses[:, 0])[0, 1] > 0.5
        assert np.mean(predicted - responses[:, 0]) == pytest.approx(0, abs=1e-4)
        assert 0.3 < np.polyfit(predicted, responses[:, 0], 1)[0] < 1.6
        assert scaling["varying"].eq(1).all() and (scaling["scale"] == 1).all() == (
            option == "none"
        )


def test_without_groups_folds_are_those_of_scikit_learn(given):
    files, images, responses, *_ = given
    out = ReceptiveField(**files).run().outputs
    model = one_by_one(images, responses[:, 7])
    np.testing.assert_allclose(np.load(out.fields_file)[7], model.coef_, atol=1e-6)
    for name in ("r2_map", "figure"):
        assert not isinstance(getattr(out, name), str)  # needs a mask, the shape of images


def test_features_are_found_by_run_and_volume(given, work, rng):
    files, images, _, samples, _ = given
    known = np.load(ReceptiveField(**files).run().outputs.fields_file)
    order = rng.permutation(120)
    write_layers("shuffled.h5", {"pixels": images[order]})
    samples.iloc[order].to_csv("shown.tsv", sep="\t", index=False)
    files["features_file"] = str(work / "shuffled.h5")
    out = ReceptiveField(**files, features_samples_file=str(work / "shown.tsv")).run().outputs
    np.testing.assert_array_equal(np.load(out.fields_file), known)


def drawn(monkeypatch, files, **options):
    """Run and give what is handed to the figure."""
    import fmriprod.reports.receptive_fields as reports

    seen = {}
    real = reports.receptive_field_figure

    def spy(fields, labels, **others):
        seen.update(fields=fields, labels=labels, **others)
        return real(fields, labels, **others)

    monkeypatch.setattr(reports, "receptive_field_figure", spy)
    out = ReceptiveField(**files, stimulus_shape=[4, 5], **options).run().outputs
    return seen, np.load(out.fields_file), pd.read_csv(out.voxels_file, sep="\t")


@pytest.mark.parametrize("order", ["C", "F"])
def test_the_figure_shows_the_voxels_that_are_asked_for(given, monkeypatch, order):
    seen, fields, _ = drawn(
        monkeypatch, given[0], voxels=[7, 4, 2], stimulus_order=order, marked_pixel=[3, 1]
    )
    for field, voxel in zip(seen["fields"], (7, 4, 2), strict=True):
        np.testing.assert_allclose(field, fields[voxel].reshape((4, 5), order=order), rtol=1e-6)
    assert seen["labels"][0].startswith("voxel 7\nr² 0.") and seen["marked_pixel"] == (3, 1)
    assert seen["labels"][1] == "voxel 4\nnot usable" and seen["limits"] == (0.1, 0.75)


def test_the_figure_shows_the_best_voxels(given, monkeypatch):
    seen, fields, table = drawn(monkeypatch, given[0], n_drawn=3, relative_limits=True)
    best = table["r2"].nlargest(3).index
    np.testing.assert_allclose(seen["fields"].reshape(3, -1), fields[best], rtol=1e-6)
    largest = fields[best].max()
    assert seen["limits"] == pytest.approx((0.1 * largest, 0.75 * largest))


def refused(files, **options):
    with pytest.raises(InputError) as caught:
        ReceptiveField(**{**files, **options}).run()
    return str(caught.value)


def test_bad_input_is_refused(given, work):
    files, images, *_ = given
    text = refused(files, stimulus_shape=[5, 5])
    assert "expected: rows and columns of 20 features\n  found:    5 x 5" in text
    size = {"stimulus_shape": [4, 5]}
    assert "expected: voxels from 0 to 17\n  found:    18" in refused(files, voxels=[18], **size)
    assert "two limits, 0 or more and rising\n  found:    0.5, 0.1" in refused(
        files, limits=(0.5, 0.1), **size
    )
    assert "a pixel of 4 rows and 5 columns, from 0\n  found:    4, 0" in refused(
        files, marked_pixel=[4, 0], **size
    )
    assert "did you mean 'run'?" in refused(files, groups="runs")
    assert "did you mean 'pixels'?" in refused(files, layer="pixel")
    write_layers("two.h5", {"pixels": images, "gabor": images})
    assert "found:    none\n  do:       known: pixels, gabor" in refused(
        files, features_file=str(work / "two.h5")
    )
    write_layers("short.h5", {"pixels": images[:-1]})
    assert "expected: 120 samples, as the responses have\n  found:    119" in refused(
        files, features_file=str(work / "short.h5")
    )
    pd.DataFrame({"run": [1, 2]}).to_csv("few.tsv", sep="\t", index=False)
    assert "expected: 120 rows, as the responses have\n  found:    2" in refused(
        files, samples_file=str(work / "few.tsv")
    )
    write_image(work / "other.nii.gz", np.ones(SHAPE, np.uint8))
    assert "ReceptiveField: " in refused(files, mask_file=str(work / "other.nii.gz"))
    holes = images.copy()
    holes[2, 7] = np.nan
    write_layers("holes.h5", {"pixels": holes})
    text = refused(files, features_file=str(work / "holes.h5"))
    assert "holes.h5" in text and "NaN or infinity in 1 features, the first in column 7" in text
    np.save("flat.npy", np.ones((120, 3), "f4"))
    text = refused(files, responses_file=str(work / "flat.npy"))
    assert "flat.npy" in text and "found:    none among 3" in text
