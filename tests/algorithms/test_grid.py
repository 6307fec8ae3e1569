import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.grid import isotropic_grid, resample_series
from fmriprod.algorithms.transforms import rigid_matrix


@given(
    st.tuples(*[st.integers(1, 300)] * 3), st.tuples(*[st.floats(0.5, 4)] * 3), st.floats(0.5, 5),
    st.lists(st.floats(-1, 1), min_size=6, max_size=6),
)  # fmt: skip
def test_the_grid_begins_where_the_reference_does_and_leaves_nothing_out(shape, sizes, edge, pose):
    affine = rigid_matrix(pose) @ np.diag([*sizes, 1.0])
    new_shape, new = isotropic_grid(shape, affine, edge)
    np.testing.assert_allclose(np.linalg.norm(new[:3, :3], axis=0), edge)
    np.testing.assert_allclose(new[:, 3], affine[:, 3])
    for axis in range(3):
        extent, step = shape[axis] * sizes[axis], new[:3, axis] / edge
        np.testing.assert_allclose(step, affine[:3, axis] / sizes[axis], atol=1e-9)
        assert new_shape[axis] * edge >= extent - 0.002 * edge
        assert new_shape[axis] == 1 or (new_shape[axis] - 1) * edge <= extent


def test_sizes_in_single_precision_make_no_further_voxel():
    affine = np.diag([*np.float32([0.1, 0.7, 1.2]).astype(float), 1.0])
    assert isotropic_grid((20 * 50, 20 * 11, 5 * 17), affine, 0.1)[0] == (1000, 1540, 1020)


@pytest.mark.parametrize("edge", [0.0, -1.0, np.nan, np.inf, 1e-5])
def test_a_size_that_makes_no_sense_is_refused(edge):
    with pytest.raises(InputError, match="a size above 0 mm"):
        isotropic_grid((10, 10, 10), np.eye(4), edge)


def test_volumes_are_read_in_order_and_few_at_a_time(rng):
    series, reads = rng.random((6, 6, 6, 20)), []

    def read(number):
        reads.append(number)
        return series[..., number]

    args = (read, 20, np.eye(4), np.eye(4), (6, 6, 6), np.eye(4))
    covered, volumes = resample_series(*args, num_threads=3)
    reads.clear()
    for t, volume in enumerate(volumes):
        assert max(reads) < t + 3  # at most three in memory
        np.testing.assert_allclose(volume, series[..., t], atol=1e-5)
    assert reads == list(range(20)) and covered.all()
    _, volumes = resample_series(*args, num_threads=3, memory_gb=1e-6)
    reads.clear()
    next(volumes)
    assert reads == [0]
