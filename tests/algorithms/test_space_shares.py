import numpy as np
import pytest

from fmriprod.algorithms.array_backend import get_backend
from fmriprod.algorithms.banded_ridge import banded_encode
from fmriprod.algorithms.space_shares import space_shares


@pytest.fixture
def encoding(rng):
    spaces = {"edges": rng.normal(size=(40, 5)), "words": rng.normal(size=(40, 9))}
    responses = rng.normal(size=(40, 30))
    responses[:, :20] += spaces["edges"] @ rng.normal(size=(5, 20))
    responses[:, 20:] += spaces["words"] @ rng.normal(size=(9, 10))
    responses[:, 7] = 0
    groups = np.repeat(range(4), 10)
    return banded_encode(
        spaces, responses, groups, n_candidates=4, unique=True, backend=get_backend(n_threads=1)
    )


def test_a_region_is_the_mean_of_its_best_voxels(encoding):
    regions = {"V1": np.arange(30) < 20, "LOC": np.arange(30) >= 20}
    table = space_shares(encoding, regions, best_share=0.3)
    assert list(table["roi"]) == ["V1", "V1", "LOC", "LOC"]
    assert list(table["space"]) == ["edges", "words"] * 2
    for roi, n_voxels, n_best in (("V1", 19, 6), ("LOC", 10, 3)):
        part = table[table["roi"] == roi].set_index("space")
        assert (part["n_voxels"] == n_voxels).all() and (part["n_best"] == n_best).all()
        usable = [v for v in np.flatnonzero(regions[roi]) if v != 7]
        best = sorted(usable, key=lambda v: -encoding.r2[v])[:n_best]
        for number, space in enumerate(("edges", "words")):
            row = part.loc[space]
            assert row["split"] == pytest.approx(encoding.split[number, best].mean(), rel=1e-5)
            assert row["weight"] == pytest.approx(encoding.gamma[number][:, best].mean(), rel=1e-5)
            assert row["unique"] == pytest.approx(encoding.unique[number, best].mean(), rel=1e-5)
            folds = encoding.fold_split[number][:, best].mean(axis=1)
            assert row["fold_low"] == pytest.approx(folds.min(), rel=1e-5)
            assert row["fold_high"] == pytest.approx(folds.max(), rel=1e-5)
            most = encoding.split[:, best].argmax(axis=0) == number
            assert row["n_most"] == most.sum()
            assert row["r2"] == pytest.approx(encoding.r2[best].mean(), rel=1e-5)
    by_space = table.pivot(index="roi", columns="space", values="split")
    assert by_space.loc["V1", "edges"] > 0.3 > 0.1 > by_space.loc["V1", "words"]
    assert by_space.loc["LOC", "words"] > 0.3 > 0.1 > by_space.loc["LOC", "edges"]


def test_a_region_without_a_usable_voxel_has_no_numbers(encoding):
    table = space_shares(encoding, {"none": np.arange(30) == 7})
    assert table[["split", "fold_low", "fold_high", "weight", "unique", "r2"]].isna().all(axis=None)
    assert (table[["n_most", "n_best", "n_voxels"]] == 0).all(axis=None)
