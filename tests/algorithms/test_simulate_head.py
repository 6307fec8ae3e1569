import numpy as np
import pytest

from fmriprod.algorithms.phantom_anatomy import LABEL
from fmriprod.algorithms.simulate_head import (
    REGIONS,
    Region,
    epi_signal,
    grey_matter,
    region_masks,
    response_maps,
)


def mni_grid(step=4.0):
    axes = np.meshgrid(*[np.arange(-100.0, 100, step)] * 3, indexing="ij")
    return np.stack(axes)


def test_regions_are_the_grey_matter_near_their_centres(rng):
    mni = mni_grid(8.0)
    grey = rng.random(mni.shape[1:]) > 0.5
    region = Region("r", ((20, 30, 40), (-20, 30, 40)), 25, "test")
    mask = region_masks(mni, grey, [region])["r"]
    for index in np.ndindex(mask.shape):
        point = mni[(slice(None), *index)]
        near = min(np.linalg.norm(point - c) for c in region.centres) < 25
        assert mask[index] == (near and grey[index])


def test_planted_regions_do_not_overlap():
    masks = region_masks(mni_grid(2.0), np.ones((100, 100, 100), bool))
    assert list(masks) == [r.name for r in REGIONS] == ["visual", "motor", "control"]
    assert sum(m.astype(int) for m in masks.values()).max() == 1


def test_epi_contrast_is_that_of_t2_star():
    mni = np.zeros((3, 4, 1, 1)) + 60.0  # away from the dropout
    labels = np.array([LABEL[n] for n in ("csf", "grey", "white", "air")], np.uint8)
    csf, grey, white, air = epi_signal(labels.reshape(4, 1, 1), mni).ravel()
    assert csf > grey > white > air == 0
    assert grey == pytest.approx(800, rel=0.01)


def test_signal_drops_out_above_the_sinus():
    mni = np.reshape([(0, 36, -22), (0, 36, 60)], (2, 3)).T.reshape(3, 2, 1, 1).astype(float)
    labels = np.full((2, 1, 1), LABEL["grey"], np.uint8)
    near, far = epi_signal(labels, mni).ravel()
    assert near < 0.3 * far


def test_responses_are_as_large_as_asked_and_nowhere_else(rng):
    masks = region_masks(mni_grid(2.0), np.ones((100, 100, 100), bool))
    maps = response_maps(masks, (2,) * 3, rng=rng, n_objects=4, amplitude=0.02, pattern=0.01)
    inside = maps["objects"][:, masks["visual"]]
    np.testing.assert_allclose(inside.mean(axis=0), 0.02, rtol=1e-4)
    assert (inside - 0.02).std() == pytest.approx(0.01, rel=1e-3)
    # What is an object's own is as large as any other's, and unlike it (-1/3 for four that sum
    # to nothing).
    likeness = np.corrcoef(inside)[np.triu_indices(4, 1)]
    np.testing.assert_allclose(likeness, -1 / 3, atol=0.2)
    assert not maps["objects"][:, ~masks["visual"]].any()
    assert maps["drawing"][masks["motor"]].mean() == pytest.approx(0.02, rel=0.2)
    assert not maps["drawing"][~masks["motor"]].any()
    assert not (maps["drawing"] * masks["control"]).any()


def test_grey_matter_is_its_label():
    labels = np.arange(14, dtype=np.uint8).reshape(14, 1, 1)
    assert np.flatnonzero(grey_matter(labels)) == LABEL["grey"]
