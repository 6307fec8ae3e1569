import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from fmriprod.algorithms.registration import make_template, spreading_step


@given(st.integers(1, 500_000), st.tuples(*[st.integers(4, 130)] * 3), st.integers(100, 40_000))
def test_the_step_meets_every_plane_and_takes_about_as_many_points(n_voxels, shape, max_points):
    step = spreading_step(n_voxels, shape, max_points)
    least = max(1, round(n_voxels / max_points))
    assert least <= step < 2 * least + 130
    if step > 1:
        assert len(np.unique(np.arange(shape[2]) * step % shape[2])) == shape[2]
        assert len(np.unique(np.arange(shape[1]) * step % shape[1])) == shape[1]


@pytest.mark.parametrize("max_points", [1500, 6000])
def test_points_lie_in_all_slices_of_a_slab_that_the_head_fills(rng, max_points):
    """Every 40th voxel of a head in 40 slices would lie in one slice."""
    x, y = np.mgrid[:60, :60]
    disc = (x - 30) ** 2 + (y - 30) ** 2 < 21.85**2
    mask = np.repeat(disc[..., None], 40, axis=2)
    image = gaussian_filter(rng.normal(size=mask.shape), 2) * mask
    template = make_template(image, np.diag([2.0, 2, 2, 1]), mask, 5.0, max_points)
    slices, counts = np.unique(template.points[2].round(6), return_counts=True)
    assert len(slices) == 40 and counts.max() < 2 * counts.min()
