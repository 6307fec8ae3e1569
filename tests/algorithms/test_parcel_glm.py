"""The model of parcels against least squares, Nilearn, planted effects and noise."""

import numpy as np
import pandas as pd
import pytest
from nilearn.glm.contrasts import compute_contrast
from nilearn.glm.first_level import run_glm
from scipy import stats
from support.noise import ar_noise

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.design import design_matrix
from fmriprod.algorithms.parcel_glm import parcel_glm

TR, N = 0.72, 284


def events(*names, first=10.0):
    onset = first + 30.0 * np.arange(2 * len(names))
    return pd.DataFrame({"onset": onset, "duration": 12.0, "trial_type": [*names] * 2})


def designs(*tables):
    return [design_matrix(table, N, TR, hrf="spm") for table in tables]


TABLES = events("lh", "rh", "t"), events("t", "lh", "rh", first=8.0)
NAMES = [["lh", "rh", "t"]] * 2


@pytest.fixture
def planted(rng):
    """Two runs of 40 parcels: 2 of lh and -1 of t in the first ten, noise otherwise."""
    runs = [500 + ar_noise(40, N, [0.4], rng) for _ in TABLES]
    for run, matrix in zip(runs, designs(*TABLES), strict=True):
        run[:10] += 2 * matrix["lh"].to_numpy() - matrix["t"].to_numpy()
    return [run.astype("f4") for run in runs]


def test_white_noise_is_least_squares(planted):
    matrix = designs(TABLES[0])[0]
    found = parcel_glm(planted[:1], [matrix], NAMES[:1], contrasts=["d=lh-rh"], noise="ols")
    x, y = matrix.to_numpy(), planted[0].T.astype(float)
    weights = np.zeros((4, x.shape[1]))
    weights[:3, :3], weights[3, :2] = np.eye(3), (1, -1)
    beta, inverse = np.linalg.lstsq(x, y, rcond=None)[0], np.linalg.inv(x.T @ x)
    dof = N - x.shape[1]
    spread = ((y - x @ beta) ** 2).sum(axis=0) / dof
    variance = np.einsum("cp,pq,cq->c", weights, inverse, weights)[:, None] * spread
    assert found.names == ["lh", "rh", "t", "d"] and found.dof.tolist() == [dof] * 4
    np.testing.assert_allclose(found.effect, weights @ beta, atol=1e-4)
    np.testing.assert_allclose(found.variance, variance, rtol=1e-4)
    np.testing.assert_allclose(found.t, weights @ beta / np.sqrt(variance), atol=1e-3)


def test_autoregressive_noise_as_nilearn(planted):
    matrix = designs(TABLES[0])[0]
    found = parcel_glm(planted[:1], [matrix], NAMES[:1], correct_bias=False)
    labels, results = run_glm(planted[0].T.astype(float), matrix.to_numpy(), noise_model="ar1")
    for i in range(3):
        theirs = compute_contrast(labels, results, np.eye(matrix.shape[1])[i])
        np.testing.assert_allclose(found.effect[i], theirs.effect_size().ravel(), atol=1e-3)
        np.testing.assert_allclose(found.t[i], theirs.stat().ravel(), rtol=0.02, atol=0.02)


def test_runs_are_combined_by_their_precision(planted):
    planted[1] = 500 + 3 * (planted[1] - 500)
    matrices = designs(*TABLES)
    both = parcel_glm(planted, matrices, NAMES, contrasts=["lh-rh"])
    single = [
        parcel_glm([run], [matrix], NAMES[:1], contrasts=["lh-rh"])
        for run, matrix in zip(planted, matrices, strict=True)
    ]
    weight = np.array([1 / one.variance.astype(float) for one in single])
    effect = np.array([one.effect for one in single])
    np.testing.assert_allclose(both.variance, 1 / weight.sum(axis=0), rtol=1e-4)
    np.testing.assert_allclose(
        both.effect, (weight * effect).sum(axis=0) / weight.sum(axis=0), atol=1e-4
    )
    np.testing.assert_allclose(both.t**2 * both.variance, both.effect**2, rtol=1e-3, atol=1e-6)
    assert both.names == ["lh", "rh", "t", "lhMinusRh"]
    assert both.dof.tolist() == [single[0].dof[0] + single[1].dof[0]] * 4
    assert both.n_runs.tolist() == [2] * 4
    assert weight[0].mean() > 5 * weight[1].mean()


def test_the_planted_effects_are_found_within_their_errors(planted):
    found = parcel_glm(planted, designs(*TABLES), NAMES, contrasts=["lh-t"])
    truth = np.zeros((4, 40))
    truth[:, :10] = np.array([2, 0, -1, 3])[:, None]
    z = (found.effect - truth) / np.sqrt(found.variance)
    assert z.std() == pytest.approx(1, abs=0.2) and np.abs(z).max() < 4.5
    assert found.t[3, :10].min() > 4 and np.abs(found.t[:, 10:]).max() < 4.5


def test_noise_is_significant_as_often_as_it_should_be(rng):
    runs = [ar_noise(1500, N, [0.4], rng).astype("f4") for _ in TABLES]
    found = parcel_glm(runs, designs(*TABLES), NAMES)
    p = 2 * stats.t.sf(np.abs(found.t), found.dof[:, None])
    assert (p < 0.05).mean() == pytest.approx(0.05, abs=0.012)
    naive = parcel_glm(runs, designs(*TABLES), NAMES, noise="ols")
    assert (2 * stats.t.sf(np.abs(naive.t), naive.dof[:, None]) < 0.05).mean() > 0.12


def test_a_condition_that_a_run_lacks(planted):
    tables = TABLES[0], TABLES[1].query("trial_type != 't'")
    matrices, names = designs(*tables), [["lh", "rh", "t"], ["lh", "rh"]]
    with pytest.raises(InputError, match="run 2: 't': no event of t in this run"):
        parcel_glm(planted, matrices, names)
    found = parcel_glm(
        planted, matrices, names, contrasts=["t-lh", "lh-rh"], missing_conditions="skip"
    )
    assert found.names == ["lh", "rh", "t", "tMinusLh", "lhMinusRh"]
    assert found.n_runs.tolist() == [2, 2, 1, 1, 2]
    first = parcel_glm(planted[:1], matrices[:1], names[:1], contrasts=["t-lh"])
    np.testing.assert_array_equal(found.effect[2:4], first.effect[2:4])
    assert found.dof[2] == first.dof[2] < found.dof[0]


def test_parcels_that_are_not_usable_are_nan_and_counted(planted):
    expected = parcel_glm(planted, designs(*TABLES), NAMES)
    rest = np.r_[0:3, 4:5, 6:40]
    planted[0][3], planted[1][5] = 0, np.nan
    found = parcel_glm(planted, designs(*TABLES), NAMES)
    for stat in ("effect", "variance", "t"):
        assert np.isnan(getattr(found, stat)[:, [3, 5]]).all()
        np.testing.assert_allclose(
            getattr(found, stat)[:, rest], getattr(expected, stat)[:, rest], rtol=1e-5, atol=1e-6
        )
    assert found.excluded == {"nonfinite": 1, "constant": 1, "without_residual": 0}
    assert np.flatnonzero(~found.usable).tolist() == [3, 5]


def test_a_parcel_that_the_design_explains_wholly_has_no_error(planted):
    matrices = designs(*TABLES)
    planted[0][7] = matrices[0]["lh"]
    found = parcel_glm(planted, matrices, NAMES)
    assert np.isnan(found.t[:, 7]).all() and found.excluded["without_residual"] == 1


def test_names_that_are_no_words(planted):
    tables = [t.replace({"trial_type": {"lh": "0bk_body", "rh": "left hand"}}) for t in TABLES]
    names = [["0bk_body", "left hand", "t"]] * 2
    found = parcel_glm(planted, designs(*tables), names, contrasts=["d=`0bk_body`-`left hand`"])
    assert found.names == ["0bk_body", "left hand", "t", "d"]


def test_bad_input(planted):
    def message(*args, **options):
        with pytest.raises(InputError) as caught:
            parcel_glm(*args, **options)
        return str(caught.value)

    matrices = designs(*TABLES)
    text = message(planted, matrices, NAMES, contrasts=["lh-rhh"])
    assert "no condition 'rhh'" in text and "did you mean 'rh'" in text
    text = message(planted, matrices, NAMES, contrasts=["t=lh-rh"])
    assert "a name of its own" in text
    twin = [matrix.assign(rh=matrix["lh"]) for matrix in matrices]
    assert "run 1: 'lh': columns that are combinations" in message(planted, twin, NAMES)
    skip = {"not_estimable": "skip"}
    assert parcel_glm(planted, [twin[0], matrices[1]], NAMES, **skip).n_runs.tolist() == [1, 1, 2]
    dead = [np.zeros_like(planted[0])] * 2
    assert "none of 40: 0 not finite, 40 constant" in message(dead, matrices, NAMES)
    assert "a finite row for each volume" in message([planted[0][:, :200]], matrices[:1], NAMES[:1])


def test_a_contrast_that_no_run_can_answer_is_refused(planted):
    """Conditions may be skipped without a word, but not what was asked for."""
    matrices = [matrix.assign(sum=matrix["lh"] + matrix["rh"]) for matrix in designs(*TABLES)]
    names = [[*names, "sum"] for names in NAMES]
    with pytest.raises(InputError, match=r"(?s)'sum-t': none of 2 can; the first: .*sums of"):
        parcel_glm(planted, matrices, names, contrasts=["sum-t"], not_estimable="skip")
    assert "t" in parcel_glm(planted, matrices, names, not_estimable="skip").names
