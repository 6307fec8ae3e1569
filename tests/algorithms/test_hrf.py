import hypothesis.strategies as st
import numpy as np
import pytest
import scipy.io
from hypothesis import given
from nilearn.glm.first_level import compute_regressor
from scipy.integrate import quad

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.hrf import HRFS, MODELS, Gamma, Hrf, regressors
from fmriprod.algorithms.temporal_filter import filter_matrix

FRAMES = np.arange(120) * 2.0 + 1
SPM = "fsl_spm_design_reference/spm_nipy"


def correlation(a, b):
    return np.corrcoef(a, b)[0, 1]


@pytest.mark.parametrize("name", HRFS)
def test_the_integral_is_that_of_the_density_and_the_slope_its_derivative(name):
    hrf = HRFS[name]
    for t in (0.7, 3.0, 6.5, 14.0, 40.0):
        area = quad(lambda s: float(hrf.density(np.array(s))), 0, t, limit=200)[0]
        assert hrf.integral(np.array(t)) == pytest.approx(area, abs=1e-7)
        change = (hrf.density(np.array(t + 1e-4)) - hrf.density(np.array(t - 1e-4))) / 2e-4
        assert hrf.slope(np.array(t)) == pytest.approx(float(change), abs=1e-6)
    assert hrf.integral(np.array(500.0)) == pytest.approx(1)
    assert hrf.density(np.array(-1.0)) == 0 == hrf.integral(np.array(-1.0))


@given(
    onset=st.floats(0, 150),
    duration=st.floats(0.1, 40),
    model=st.sampled_from(["spm", "glover", "gamma", "gaussian"]),
)
def test_a_response_is_the_convolution_of_a_boxcar(onset, duration, model):
    """Oracle: midpoint sums over a fine grid."""
    exact = regressors(np.array([onset]), np.array([duration]), FRAMES, model)[""]
    step = duration / 400
    moments = onset + (np.arange(400) + 0.5) * step
    summed = HRFS[model].density(FRAMES[:, None] - moments).sum(axis=1) * step
    np.testing.assert_allclose(exact, summed, atol=1e-4 + 0.05 * step)


@pytest.mark.parametrize("model", MODELS)
def test_an_impulse_is_the_limit_of_short_events(model):
    impulse = regressors(np.array([20.3]), np.array([0.0]), FRAMES, model)
    short = regressors(np.array([20.3]), np.array([1e-4]), FRAMES, model)
    for name, column in impulse.items():
        scale = np.abs(column).max()
        np.testing.assert_allclose(short[name] / 1e-4, column, atol=2e-3 * scale)


@pytest.mark.parametrize("model", ["spm", "glover"])
def test_nilearn_gives_the_same_regressors_up_to_its_grid(model, rng):
    """Nilearn rounds onsets to a grid; with 400 steps a volume it comes to our integrals.

    It makes the derivative and the dispersion orthogonal to the columns before; ours are
    made so here.
    """
    onset, duration = np.sort(rng.uniform(0, 200, 12)), rng.choice([0.9, 3.0, 16.0], 12)
    full = f"{model} + derivative + dispersion"
    ours = list(regressors(onset, duration, FRAMES, full).values())
    theirs, _ = compute_regressor((onset, duration, np.ones(12)), full, FRAMES, oversampling=400)
    assert correlation(ours[0], theirs[:, 0]) > 0.99999
    for i in (1, 2):
        before = np.column_stack(ours[:i])
        rest = ours[i] - before @ np.linalg.lstsq(before, ours[i], rcond=None)[0]
        assert correlation(rest, theirs[:, i]) > 0.998


def test_events_add_up_and_late_ones_do_nothing():
    one = regressors(np.array([10.0]), np.array([2.0]), FRAMES, "spm")[""]
    two = regressors(np.array([50.0]), np.array([4.0]), FRAMES, "spm")[""]
    both = regressors(np.array([10.0, 50.0]), np.array([2.0, 4.0]), FRAMES, "spm")[""]
    np.testing.assert_allclose(one + two, both)
    assert not regressors(np.array([500.0]), np.array([4.0]), FRAMES, "spm")[""].any()


def test_a_positive_weight_of_the_derivative_is_an_earlier_response():
    early = regressors(np.array([29.5]), np.array([8.0]), FRAMES, "spm")[""]
    parts = regressors(np.array([30.0]), np.array([8.0]), FRAMES, "spm + derivative")
    design = np.column_stack(list(parts.values()))
    weights = np.linalg.lstsq(design, early, rcond=None)[0]
    np.testing.assert_allclose(weights, [1, 0.5], atol=0.05)


def test_an_unknown_model_is_refused():
    with pytest.raises(InputError, match=r"did you mean 'glover \+ derivative'"):
        regressors(np.zeros(1), np.ones(1), FRAMES, "glover + derivatives")


@pytest.mark.realdata
def test_canonical_functions_are_those_of_spm(real_data):
    folder = real_data("fsl_spm_design_reference") / "spm_nipy"
    bases = scipy.io.loadmat(folder / "spm_bases.mat", squeeze_me=True)
    t = np.arange(len(bases["hrf"])) * bases["dt"]
    spm = HRFS["spm"]
    assert correlation(spm.density(t), bases["hrf"]) > 0.999999
    # SPM's derivative is a difference over 1 s, its dispersion one over 0.01.
    assert correlation(spm.density(t) - spm.density(t - 1), bases["dhrf"]) > 0.999999
    wider = (spm.density(t) - spm.wider(0.01).density(t)) / 0.01
    assert correlation(wider, bases["ddhrf"]) > 0.999999
    many = scipy.io.loadmat(folder / "spm_hrfs.mat", squeeze_me=True)
    assert len(many["hrfs"]) == 54
    for (dt, peak, under, width, under_width, ratio), theirs in zip(
        many["params"], many["hrfs"], strict=True
    ):
        ours = Hrf(((1, Gamma(peak, width)), (-1 / ratio, Gamma(under, under_width))))
        assert correlation(ours.density(np.arange(len(theirs)) * dt), theirs) > 0.999999


@pytest.mark.realdata
@pytest.mark.parametrize(("array", "duration"), [("arr_0", 0.0), ("arr_1", 10.0)])
def test_regressors_are_those_of_an_spm_design(real_data, array, duration):
    """Nine events a run; the design was sampled at the start of each 1 s volume."""
    theirs = np.load(real_data("fsl_spm_design_reference") / "spm_nipy" / "spm_dmtx.npz")[array]
    onsets = np.array([[30, 50, 70], [10, 30, 80], [30, 40, 60]], float)
    for onset, column in zip(onsets, theirs.T[:3], strict=True):
        ours = regressors(onset, np.full(3, duration), np.arange(100.0), "spm")[""]
        assert correlation(ours, column) > 0.9995


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("folder", "model"), [("fsl_con_f", "gamma"), ("fsl_gaussian", "gaussian")]
)
def test_regressors_are_those_of_feat(real_data, folder, model):
    """FEAT samples in the middle of a volume and high-pass filters (here at 60 s)."""
    source = real_data("fsl_spm_design_reference") / folder
    theirs = np.loadtxt(source / "design.mat", skiprows=5)
    high_pass = filter_matrix(104, 2.0, 60.0, "running_line")
    for i, column in enumerate(theirs.T):
        onset, duration, _ = np.loadtxt(source / "custom_timing_files" / f"ev{i + 1}.txt").T
        ours = regressors(onset, duration, np.arange(104) * 2.0 + 1, model)[""]
        ours = high_pass @ (ours - ours.mean())
        assert correlation(ours, column) > 0.9999
        slope = (ours @ column) / (column @ column)
        assert slope == pytest.approx(1, abs=0.01), "the scale is FSL's too"
