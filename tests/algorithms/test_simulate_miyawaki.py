import numpy as np
import pandas as pd
import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.simulate_miyawaki import (
    RADIUS,
    figures,
    make_visual_cortex,
    miyawaki_responses,
    plan_labels,
    receptive_fields,
)

AFFINE = np.array([[3.0, 0, 0, -60], [0, 3, 0, -110], [0, 0, 3, -40], [0, 0, 0, 1]])


def voxels(angle, eccentricity, sigma):
    return pd.DataFrame({"angle": angle, "eccentricity": eccentricity, "sigma": sigma})


@pytest.fixture(scope="module")
def cortex():
    return make_visual_cortex(np.ones((41, 30, 36), bool), AFFINE, 900)


def test_random_runs_have_the_published_length_and_blocks():
    """145 volumes a run: 20 runs without 2 volumes each are the 2860 rows of the example."""
    labels = plan_labels("random", 1)
    assert labels.shape == (145, 100) and 20 * (len(labels) - 2) == 2860
    assert set(np.unique(labels)) == {-1, 0, 1}
    rest = labels[:, 0] == -1
    assert ((labels == -1).all(axis=1) == rest).all()
    assert rest.sum() == 7 + 22 * 3 + 6
    starts = np.flatnonzero(rest[:-1] & ~rest[1:]) + 1
    np.testing.assert_array_equal(starts, 7 + 6 * np.arange(22))
    for start in starts:
        assert (labels[start : start + 3] == labels[start]).all() and rest[start + 3]
    assert 0.4 < labels[~rest].mean() < 0.6
    assert not np.array_equal(labels, plan_labels("random", 2))
    assert not np.array_equal(labels, plan_labels("random", 1, seed=1))
    np.testing.assert_array_equal(labels, plan_labels("random", 1))


def test_figures_are_shown_down_the_columns():
    """Read as Nilearn's example reads them: reshape in order F."""
    labels = plan_labels("figure", 3)
    assert labels.shape == (73, 100)
    shown = np.reshape(labels, (-1, 10, 10), order="F")[7::6][:10]
    known = figures()
    assert sorted(map(bytes, shown.astype(np.int8))) == sorted(map(bytes, known.astype(np.int8)))
    # An E opens to the right, and is no mirror image of itself.
    e = known[6]
    assert e[2:8, :4].sum() > e[2:8, 6:].sum() and not np.array_equal(e, e.T)


def test_areas_see_the_part_of_the_field_that_their_names_say(cortex):
    assert set(cortex["area"]) == {"V1d", "V1v", "V2d", "V2v", "V3", "VP", "V3A", "V4v"}
    up, right = np.sin(cortex["angle"]), np.cos(cortex["angle"])
    assert (up[cortex["area"].isin(["V1v", "V2v", "VP"])] > 0).all()
    assert (up[cortex["area"].isin(["V1d", "V2d", "V3"])] <= 0).all()
    assert ((right > 0) == (cortex["hemisphere"] == "L")).all()
    assert cortex["eccentricity"].min() < 0.5 and 10 < cortex["eccentricity"].max() <= 11


def test_fields_lie_where_they_should():
    """Up, left, down and right of the middle; listed down the columns."""
    table = voxels(np.deg2rad([90.0, 180, 270, 0]), [2.3] * 4, [0.5] * 4)
    maps = np.reshape(receptive_fields(table), (4, 10, 10), order="F")
    rows = (maps * np.arange(10)[:, None]).sum(axis=(1, 2)) / maps.sum(axis=(1, 2))
    columns = (maps * np.arange(10)).sum(axis=(1, 2)) / maps.sum(axis=(1, 2))
    away = 2.3 / (2 * RADIUS / 10)
    np.testing.assert_allclose(rows, [4.5 - away, 4.5, 4.5 + away, 4.5], atol=0.02)
    np.testing.assert_allclose(columns, [4.5, 4.5 - away, 4.5, 4.5 + away], atol=0.02)


def test_energy_within_the_images_falls_from_one_to_nothing():
    table = voxels([0.0] * 4, [0.0, 3.0, RADIUS, 11.0], [0.8] * 4)
    seen = (receptive_fields(table) ** 2).sum(axis=1)
    np.testing.assert_allclose(seen, [1, 1, 0.5, 0], atol=0.01)


def test_a_response_comes_two_volumes_later(rng):
    """A single image in a run without noise: a blurred pulse, in the middle two volumes late."""
    labels = np.full((30, 100), -1)
    labels[10] = 1
    field = np.full((1, 100), 0.1, np.float32)
    quiet = np.full((30, 100), -1)
    settings = {"snr": 4.0, "drift": 0.0}
    with_image = miyawaki_responses(labels, field, rng=np.random.default_rng(1), **settings)
    without = miyawaki_responses(quiet, field, rng=np.random.default_rng(1), **settings)
    pulse = (with_image - without)[:, 0]
    expected = np.zeros(30)
    expected[11:14] = 2 * 2 * 10 * np.array([0.25, 0.5, 0.25])
    np.testing.assert_allclose(pulse, expected, atol=1e-4)


@pytest.mark.parametrize("snr", [0.3, 2.0])
def test_random_images_evoke_the_variance_that_was_asked_for(snr, rng):
    field = receptive_fields(voxels([0.5] * 200, [2.0] * 200, [0.9] * 200))
    labels = rng.integers(0, 2, (4000, 100))
    drive = 2 * np.sqrt(snr) * labels @ field[0]
    assert drive.var() == pytest.approx(snr, rel=0.1)
    series = miyawaki_responses(np.full((400, 100), -1), field, drift=0, rng=rng)
    assert series.mean() == pytest.approx(100, abs=0.05)
    assert series.std() == pytest.approx(1, rel=0.02)
    step = np.corrcoef(series[1:].ravel(), series[:-1].ravel())[0, 1]
    assert step == pytest.approx(0.3, abs=0.02)
    slow = miyawaki_responses(np.full((400, 100), -1), field, drift=3, rng=rng)
    assert slow.std() == pytest.approx(np.sqrt(1 + 9), rel=0.1)


def test_receptive_fields_are_found_by_scikit_learn(cortex, rng):
    """Detrend, shift by two volumes, LassoLarsCV: the peak is the planted one, or next to it."""
    from scipy.signal import detrend
    from sklearn.linear_model import LassoLarsCV, RidgeCV
    from sklearn.preprocessing import StandardScaler

    fields = receptive_fields(cortex)
    good = np.flatnonzero((fields**2).sum(axis=1) > 0.9)
    good = good[:: len(good) // 24]
    x, y, noise = [], [], []
    for run in range(8):
        labels = plan_labels("random", run)
        series = miyawaki_responses(labels, fields[good], snr=1.0, rng=rng)
        silent = miyawaki_responses(labels, fields[good], snr=0.0, rng=rng)
        x.append(labels[:-2])
        y.append(detrend(series, axis=0)[2:])
        noise.append(detrend(silent, axis=0)[2:])
    x, y, noise = (np.concatenate(part) for part in (x, y, noise))
    x = StandardScaler().fit_transform(x)
    miss = []
    for voxel, series in zip(good, y.T, strict=True):
        found = LassoLarsCV(max_iter=10).fit(x, series).coef_.argmax()
        there = fields[voxel].argmax()
        miss.append(np.hypot(found // 10 - there // 10, found % 10 - there % 10))
    assert np.mean(np.array(miss) <= 1.5) > 0.9

    def r(responses):
        half = len(x) // 2
        seen = RidgeCV(np.logspace(1, 5, 9)).fit(x[:half], responses[:half]).predict(x[half:])
        pairs = zip(seen.T, responses[half:].T, strict=True)
        return np.mean([np.corrcoef(p, q)[0, 1] for p, q in pairs])

    assert r(y) > 0.4 and abs(r(noise)) < 0.06


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: plan_labels("letters", 1), "'letters'"),
        (lambda: plan_labels("random", 1, n_blocks=0), "at least one image"),
        (
            lambda: miyawaki_responses(
                np.zeros((9, 100)), np.zeros((2, 100)), snr=-1, rng=np.random.default_rng(0)
            ),
            "-1",
        ),
        (
            lambda: miyawaki_responses(
                np.zeros((9, 100)), np.zeros((2, 100)), lag=0, rng=np.random.default_rng(0)
            ),
            "at least one volume",
        ),
    ],
)
def test_what_cannot_be_simulated_is_refused(call, text):
    with pytest.raises(InputError, match=text):
        call()
