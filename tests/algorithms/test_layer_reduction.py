import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from fmriprod.algorithms.layer_reduction import (
    reduce_layer,
    signed_log,
    smoothing_matrix,
    subsampling_step,
)

OVERFEAT = [
    (96, 113, 113), (256, 31, 31), (512, 15, 15), (512, 15, 15), (1024, 15, 15), (1024, 15, 15),
    (4096, 1, 1), (4096, 1, 1), (1000, 1, 1),
]  # fmt: skip


def test_overfeat_s_layers_have_the_published_steps():
    assert [subsampling_step(shape) for shape in OVERFEAT] == [8, 4, 3, 3, 4, 4, 1, 1, 1]


@given(
    shape=st.tuples(st.integers(1, 2000), st.integers(2, 300), st.integers(2, 300)),
    most=st.integers(1, 50_000),
)
def test_the_step_is_the_smallest_that_leaves_few_enough(shape, most):
    step, size = subsampling_step(shape, most), math.prod(shape)
    assert size <= most * step**2
    assert step == 1 or size > most * (step - 1) ** 2


def test_layers_without_space_are_kept_whole(rng):
    for shape in ((30_000,), (30_000, 1, 1), (197, 768)):
        assert subsampling_step(shape) == 1
    tokens = rng.random((2, 5, 7), dtype=np.float32)
    np.testing.assert_array_equal(reduce_layer(tokens, 3), tokens.reshape(2, 35))


@pytest.mark.parametrize(
    ("shape", "most"),
    [((6, 113, 113), 1600), ((4, 31, 17), 200), ((3, 5, 40), 30), ((2, 8, 8), 10**6)],
)
def test_the_reduction_is_scipy_s_gaussian_and_every_dth_place(rng, shape, most):
    layer = rng.normal(size=(3, *shape)).astype(np.float32)
    step = subsampling_step(shape, most)
    expected = []
    for sample in layer.astype(np.float64):
        for channel in sample:
            smooth = gaussian_filter(channel, 0.35 * step) if step > 1 else channel
            expected.append(smooth[::step, ::step].ravel())
    found = reduce_layer(layer, most)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.ravel(), np.concatenate(expected), atol=2e-6)


def test_smoothing_keeps_a_uniform_layer():
    for places, step in ((113, 8), (3, 5), (1, 2)):
        matrix = smoothing_matrix(places, step)
        assert matrix.shape == (math.ceil(places / step), places)
        np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-6)


def test_the_logarithm_is_log1p_and_odd(rng):
    values = rng.normal(scale=5, size=1000).astype(np.float32)
    found = signed_log(values)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[values >= 0], np.log(1 + values[values >= 0]), rtol=1e-5)
    np.testing.assert_array_equal(signed_log(-values), -found)
    assert (np.diff(found[np.argsort(values)]) >= 0).all()
