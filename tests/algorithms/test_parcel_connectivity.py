"""Connectivity of parcels against NumPy, scikit-learn, Nilearn and what was planted."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nilearn.connectome import ConnectivityMeasure
from scipy.linalg import expm, sqrtm
from sklearn.covariance import EmpiricalCovariance, LedoitWolf

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.parcel_connectivity import ledoit_wolf, parcel_connectivity


@pytest.fixture
def runs(rng):
    """Three runs of 12 parcels that share signals, each with other means and amplitudes."""
    mixing = rng.normal(size=(12, 4))
    return [
        (mixing @ rng.normal(size=(4, n)) + rng.normal(size=(12, n)) + 100 * i).astype("f4")
        for i, n in enumerate((60, 80, 50))
    ]


def joined(runs):
    return np.hstack([run - run.mean(axis=1, keepdims=True) for run in runs]).astype(float)


def off_diagonal(matrix):
    return matrix[np.triu_indices(len(matrix), 1)]


def message(*args, **options):
    with pytest.raises(InputError) as caught:
        parcel_connectivity(*args, **options)
    return str(caught.value)


def test_correlation_of_concatenated_runs_is_that_of_numpy(runs):
    found = parcel_connectivity(runs)
    expected = np.corrcoef(joined(runs))
    np.testing.assert_allclose(off_diagonal(found.matrix), off_diagonal(expected), atol=1e-6)
    assert np.isnan(np.diag(found.matrix)).all() and found.matrix.dtype == np.float32
    assert np.array_equal(found.matrix, found.matrix.T, equal_nan=True)
    assert (found.n_volumes, found.shrinkage, found.n_clipped) == (190, [], 0)
    raw = np.corrcoef(np.hstack(runs))
    assert np.abs(off_diagonal(raw) - off_diagonal(expected)).max() > 0.3, "means of runs matter"


def test_runs_averaged_by_fishers_z(runs):
    each = np.array([off_diagonal(np.corrcoef(run.astype(float))) for run in runs])
    found = parcel_connectivity(runs, combine="average").matrix
    expected = np.arctanh(each).mean(axis=0)
    np.testing.assert_allclose(off_diagonal(found), np.tanh(expected), atol=1e-5)
    z = parcel_connectivity(runs, combine="average", fisher=True).matrix
    np.testing.assert_allclose(off_diagonal(z), expected, atol=1e-5)
    assert np.isnan(np.diag(found)).all()


def test_fishers_z_clips_and_counts_parcels_that_are_the_same(runs):
    runs = [np.vstack([run, 2 * run[:1]]) for run in runs]
    found = parcel_connectivity(runs, fisher=True)
    assert found.n_clipped == 1
    assert found.matrix[0, 12] == pytest.approx(np.arctanh(0.999999), rel=1e-5)


@given(st.integers(2, 12), st.integers(3, 60), st.integers(0, 10**6))
def test_ledoit_and_wolf_as_scikit_learn(n_parcels, n_volumes, seed):
    rng = np.random.default_rng(seed)
    series = rng.normal(size=(n_parcels, n_volumes)) * rng.uniform(0.1, 9, (n_parcels, 1))
    series -= series.mean(axis=1, keepdims=True)
    covariance, weight = ledoit_wolf([series[:, :2], series[:, 2:]])
    model = LedoitWolf().fit(series.T)
    assert weight == pytest.approx(model.shrinkage_, abs=1e-9)
    np.testing.assert_allclose(covariance, model.covariance_, atol=1e-9)


def test_covariance_and_partial_correlation_as_nilearn(runs):
    series = joined(runs)
    found = parcel_connectivity(runs, kind="covariance")
    expected = ConnectivityMeasure(kind="covariance").fit_transform([series.T])[0]
    np.testing.assert_allclose(found.matrix, expected, rtol=1e-4, atol=1e-4)
    units = series / series.std(axis=1, keepdims=True)
    measure = ConnectivityMeasure(kind="partial correlation")
    found = parcel_connectivity(runs, kind="partial correlation").matrix
    expected = measure.fit_transform([units.T])[0]
    np.testing.assert_allclose(off_diagonal(found), off_diagonal(expected), atol=1e-5)
    scaled = [run * np.geomspace(0.01, 100, 12, dtype="f4")[:, None] for run in runs]
    again = parcel_connectivity(scaled, kind="partial correlation").matrix
    np.testing.assert_allclose(off_diagonal(again), off_diagonal(found), atol=1e-4)


def test_partial_correlation_tells_a_chain_from_its_ends(rng):
    """a -> b -> c: a and c correlate, but not given b."""
    a, e, f = rng.normal(size=(3, 20_000))
    b = a + e
    series = np.array([a, b, b + f])
    plain = parcel_connectivity([series]).matrix
    partial = parcel_connectivity([series], kind="partial correlation").matrix
    assert plain[0, 2] == pytest.approx(1 / np.sqrt(3), abs=0.02)
    assert partial[0, 2] == pytest.approx(0, abs=0.02)
    assert partial[0, 1] == pytest.approx(1 / 2, abs=0.02)  # precision 2 -1 0, -1 2 -1, 0 -1 1
    assert partial[1, 2] == pytest.approx(1 / np.sqrt(2), abs=0.02)


def test_tangent_as_nilearn_and_back_to_the_covariance(runs):
    people = [joined([run]).T for run in runs]
    measure = ConnectivityMeasure(kind="tangent").fit(people)
    expected = measure.transform(people)
    for run, theirs in zip(runs, expected, strict=True):
        found = parcel_connectivity([run], kind="tangent", reference=measure.mean_).matrix
        np.testing.assert_allclose(found, theirs, atol=1e-4)
        root = sqrtm(measure.mean_).real
        covariance = parcel_connectivity([run], kind="covariance").matrix
        np.testing.assert_allclose(root @ expm(found) @ root, covariance, rtol=0.01, atol=0.01)
    own = parcel_connectivity(runs, kind="covariance").matrix
    same = parcel_connectivity(runs, kind="tangent", reference=own).matrix
    np.testing.assert_allclose(same, 0, atol=1e-4)


@pytest.mark.parametrize("kind", ["correlation", "partial correlation", "covariance"])
def test_parcels_that_are_not_usable_are_nan_and_leave_the_others_alone(runs, kind):
    rest = np.r_[0:3, 4:7, 8:12]
    expected = parcel_connectivity([run[rest] for run in runs], kind=kind).matrix
    runs[1][3], runs[2][7] = np.nan, 5
    found = parcel_connectivity(runs, kind=kind)
    np.testing.assert_array_equal(found.matrix[np.ix_(rest, rest)], expected)
    assert np.isnan(found.matrix[[3, 7]]).all() and np.isnan(found.matrix[:, [3, 7]]).all()
    assert found.excluded == {"nonfinite": 1, "constant": 1}
    assert found.usable.sum() == 10


def test_parcels_that_the_reference_lacks_are_left_out(runs):
    reference = parcel_connectivity(runs, kind="covariance").matrix
    reference[2], reference[:, 2] = np.nan, np.nan
    found = parcel_connectivity(runs, kind="tangent", reference=reference)
    assert np.isnan(found.matrix[2]).all() and np.isfinite(found.matrix[0, 1])
    assert found.usable.sum() == 11
    assert found.excluded == {"nonfinite": 0, "constant": 0, "not_in_reference": 1}
    runs[1][2] = np.nan  # the same where a subject lacks what the reference lacks
    same = [run[np.arange(12) != 2] for run in runs]
    inside = np.delete(np.delete(reference, 2, 0), 2, 1)
    expected = parcel_connectivity(same, kind="tangent", reference=inside).matrix
    found = parcel_connectivity(runs, kind="tangent", reference=reference).matrix
    np.testing.assert_array_equal(np.delete(np.delete(found, 2, 0), 2, 1), expected)
    text = message(runs, kind="tangent", reference=np.full((12, 12), np.nan))
    assert "no number on its diagonal" in text and "diagonal included" in text


def test_tangent_needs_all_parcels_of_the_reference(runs):
    reference = parcel_connectivity(runs, kind="covariance").matrix
    runs[0][5], runs[1][7] = np.nan, 3.0
    text = message(runs, kind="tangent", reference=reference)
    assert "2 that are not usable: row 5, row 7 (counted from 0)" in text
    names = [f"L_{i}" for i in range(12)]
    text = message(runs, kind="tangent", reference=reference, names=names)
    assert "not usable: L_5, L_7\n" in text and "NaN in the reference" in text


def test_noise_gives_no_correlation(rng):
    noise = [rng.normal(size=(40, 300)) for _ in range(2)]
    z = off_diagonal(parcel_connectivity(noise, fisher=True).matrix)
    assert abs(z.mean()) < 0.01 and z.std() == pytest.approx(1 / np.sqrt(597), rel=0.1)
    empirical = EmpiricalCovariance().fit(joined(noise).T).covariance_
    shrunk = parcel_connectivity(noise, kind="covariance").matrix
    assert np.abs(off_diagonal(shrunk)).max() < 0.2 * np.abs(off_diagonal(empirical)).max()


def test_bad_input(runs):
    assert "choose one of these" in message(runs, kind="pearson")
    assert "correlation, partial correlation" in message(runs, kind="covariance", fisher=True)
    text = message(runs, kind="tangent")
    assert "kind 'tangent' without a reference" in text and "training subjects" in text
    assert "kind 'correlation' with a reference" in message(runs, reference=np.eye(12))
    text = message(runs, kind="tangent", reference=np.eye(4))
    assert "shape (4, 4)" in text and "(12, 12)" in text
    assert "not symmetric" in message(runs, kind="tangent", reference=np.triu(np.ones((12, 12))))
    singular = message(runs, kind="tangent", reference=np.ones((12, 12)))
    assert "all eigenvalues above 0" in singular and "copies" in singular
    assert "a run of 2" in message([*runs, runs[0][:, :2]])
    text = message([*runs, runs[0][:5]])
    assert "runs of the same parcels" in text and "(5, 60)" in text
    assert "shapes of no run" in message([])
    dead = [np.zeros((3, 9)), np.full((3, 9), np.nan)]
    assert "none of 3: 3 not finite, 0 constant" in message(dead)
    dead[1] = np.array([[1.0] * 9, [1.0] * 9, np.arange(9)])
    dead[0] = dead[1]
    assert "1 of 3" in message(dead)
