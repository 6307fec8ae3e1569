import nibabel as nb
import numpy as np
import pandas as pd
import pytest
from support.drawing import drawing_samples, drawing_series, write_regions

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.region_samples import read_region_features


@pytest.fixture
def regions(work, rng):
    samples = drawing_samples(n_trials=2, n_points=4)
    series = drawing_series(rng, samples, (5, 3, 4))
    return series, samples, write_regions(work, series, samples, ["V1", "V2", "LOC"])


def change(path, data=None, affine=None):
    image = nb.load(path)
    data = image.get_fdata() if data is None else data
    nb.Nifti1Image(data.astype(np.uint8), image.affine if affine is None else affine).to_filename(
        path
    )


def test_each_region_gets_its_columns_of_all_runs(regions):
    series, samples, files = regions
    found = read_region_features(**files)
    assert list(found.columns) == ["V1", "V2", "LOC"]
    assert found.features.shape == (32, 12) and len(found.samples) == 32
    for name, part in zip(found.columns, series, strict=True):
        assert np.array_equal(found.region(name), part.reshape(32, -1))
    assert found.samples["run"].tolist() == samples["run"].tolist()


def test_unusable_voxels_are_left_out_on_demand(regions):
    _, _, files = regions
    table = pd.read_csv(files["voxels_files"][2], sep="\t")
    table.loc[table[["i", "j", "k"]].eq([1, 1, 0]).all(axis=1), "usable"] = 0
    table.to_csv(files["voxels_files"][2], sep="\t", index=False)
    found = read_region_features(**files)
    assert found.region("V2").shape[1] == 3
    kept = found.region("V2", usable_only=True)
    assert np.array_equal(kept, found.region("V2")[:, [0, 2]])


def test_masks_on_other_grids_or_beyond_the_features_are_named_together(regions):
    _, _, files = regions
    image = nb.load(files["mask_files"][0])
    moved = image.affine.copy()
    moved[0, 3] += 2
    change(files["mask_files"][0], affine=moved)
    data = nb.load(files["mask_files"][2]).get_fdata()
    data[:2, 0, 1] = 1
    change(files["mask_files"][2], data)
    with pytest.raises(InputError) as error:
        read_region_features(**files)
    text = str(error.value)
    assert "V1: an affine that puts their voxels up to 2 mm elsewhere" in text
    assert "LOC: none for 2 of them" in text and "V2" not in text
    with pytest.raises(InputError, match="none for 2 of them") as error:
        read_region_features(**{**files, "mask_files": files["mask_files"][1:],
                                "region_names": ["V2", "LOC"]})  # fmt: skip
    assert error.value.file == files["mask_files"][2]
    cut = read_region_features(
        **{**files, "mask_files": files["mask_files"][2:], "region_names": ["LOC"]},
        missing="drop",
    )
    assert cut.region("LOC").shape[1] == 4 and cut.n_missing == {"LOC": 2}


def test_names_and_masks_pair_up(regions):
    _, _, files = regions
    for names, found in (
        (["V1", "V2"], "2 names for 3 masks"),
        (["V1", "V2", "V1"], "twice or empty: 'V1'"),
        (["V1", " ", "V2"], "twice or empty: ' '"),
    ):
        with pytest.raises(InputError, match=found):
            read_region_features(**{**files, "region_names": names})
