"""Noise ceilings: rsatoolbox, planted truth."""

import numpy as np
import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.rdm_ceiling import rdm_ceiling
from fmriprod.algorithms.rdm_compare import METHODS, compare_rdms


def participants(rng, n, noise, levels=None):
    rdms = rng.random(45) + noise * rng.random((n, 45))
    rdms *= rng.uniform(0.5, 2, (n, 1))
    return np.floor(rdms * levels) if levels else rdms


@pytest.mark.parametrize("levels", [None, 4])
@pytest.mark.parametrize(
    ("method", "theirs"),
    [("spearman", "spearman"), ("pearson", "corr"), ("cosine", "cosine"), ("kendall", "tau-a")],
)
@pytest.mark.filterwarnings("ignore:Noise ceiling for tau")
def test_ceilings_are_those_of_rsatoolbox(rng, method, theirs, levels):
    rsatoolbox = pytest.importorskip("rsatoolbox")
    rdms = participants(rng, 6, 1.0, levels)
    expected = rsatoolbox.inference.boot_noise_ceiling(rsatoolbox.rdm.RDMs(rdms), method=theirs)
    found = rdm_ceiling(rdms, method)
    np.testing.assert_allclose((found.lower, found.upper), expected, atol=5e-7)


@pytest.mark.parametrize(
    ("method", "theirs"), [("whitened correlation", "corr_cov"), ("whitened cosine", "cosine_cov")]
)
def test_whitened_ceilings_are_those_of_the_best_mean(rng, method, theirs):
    """rsatoolbox's own ceiling scales RDMs as if unwhitened, and is no bound; its pooling is."""
    pooling = pytest.importorskip("rsatoolbox.util.pooling")
    from rsatoolbox.inference import boot_noise_ceiling
    from rsatoolbox.rdm import RDMs, compare

    rdms = participants(rng, 6, 1.0)
    found = rdm_ceiling(rdms, method)
    best = pooling.pool_rdm(RDMs(rdms), method=theirs)
    assert found.upper == pytest.approx(compare(best, RDMs(rdms), theirs).mean(), abs=1e-5)
    lower, upper = boot_noise_ceiling(RDMs(rdms), method=theirs)
    assert upper < found.upper < upper + 2e-3 and abs(found.lower - lower) < 2e-3


@pytest.mark.parametrize("method", METHODS)
def test_the_true_rdm_lies_between(rng, method):
    true = rng.random(120)
    lower, upper, at = [], [], []
    for _ in range(20):
        rdms = true + rng.normal(0, 0.2, (8, 120))
        found = rdm_ceiling(rdms, method)
        lower.append(found.lower)
        upper.append(found.upper)
        at.append(compare_rdms(rdms, true[None], method).mean())
    assert np.mean(lower) < np.mean(at) < np.mean(upper)


def test_participants_without_rdm_are_left_out_and_counted(rng):
    rdms = participants(rng, 6, 1.0)
    expected = rdm_ceiling(rdms[[0, 2, 3, 5]])
    rdms[1], rdms[4, 3] = 1, np.nan
    found = rdm_ceiling(rdms)
    assert (found.lower, found.upper) == (expected.lower, expected.upper)
    assert found.n_left_out == 2 and np.isnan(found.of_others[[1, 4]]).all()
    rdms[[0, 2, 3]] = np.nan
    assert np.isnan(rdm_ceiling(rdms).lower) and rdm_ceiling(rdms).n_left_out == 5


def test_noise_has_a_lower_ceiling_about_0(rng):
    found = [rdm_ceiling(rng.random((10, 45))) for _ in range(50)]
    assert abs(np.mean([c.lower for c in found])) < 0.02
    assert np.mean([c.upper for c in found]) > 0.25


def test_one_participant_has_no_ceiling(rng):
    with pytest.raises(InputError, match=r"(?s)2 participants or more.*\(1, 45\)"):
        rdm_ceiling(rng.random((1, 45)))
