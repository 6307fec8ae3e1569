"""Retinotopy and a contrast from synthesised responses of measured voxels, digits 6 and 9."""

import numpy as np
import pytest
from scipy.io import loadmat
from scipy.stats import zscore

from fmriprod.algorithms.circular import mean_angular_error
from fmriprod.algorithms.contrast_recovery import recovery_curve
from fmriprod.algorithms.response_contrast import two_sample_t
from fmriprod.algorithms.retinotopy import fit_wedges, preferred_angle
from fmriprod.algorithms.wedges import wedge_masks

pytestmark = pytest.mark.realdata


@pytest.fixture
def split(real_data, rng):
    """Give a function for pixels, responses and labels of two random halves of the trials."""
    found = loadmat(real_data("digit69") / "digit69_28x28.mat")
    pixels = found["stimTrn"].reshape(-1, 28, 28).transpose(0, 2, 1).reshape(-1, 784) / 255
    arrays = pixels, found["fmriTrn"], found["labelTrn"].ravel()

    def halves():
        order = rng.permutation(len(pixels))
        return [[values[part] for values in arrays] for part in np.split(order, 2)]

    return halves


def ridge(pixels, responses, penalty=100.0):
    """Fit pixels to responses; give a function from pixels to predictions."""
    mean = pixels.mean(axis=0)
    gram = (pixels - mean) @ (pixels - mean).T + penalty * np.eye(len(pixels))
    weights = (pixels - mean).T @ np.linalg.solve(gram, responses - responses.mean(axis=0))
    return lambda new: (new - mean) @ weights + responses.mean(axis=0)


def test_a_contrast_of_held_out_stimuli_finds_the_measured_voxels(split, rng):
    scores, chance = np.zeros((2, 2)), []
    (pixels, responses, _), (new, measured, label) = split()
    kinds = label == 1, label == 2
    truth = two_sample_t(measured, *kinds)
    for column, pairs in enumerate((np.arange(45), rng.permutation(45))):
        t = two_sample_t(ridge(pixels, responses[pairs])(new), *kinds)
        for row, sign in enumerate((1, -1)):
            curve = recovery_curve(sign * t, sign * truth >= 3)
            scores[row, column] = curve.average_precision
            chance.append(curve.chance)
    true, shuffled = scores.T
    assert (true > 4 * np.mean(chance)).all() and true.mean() > 0.15
    assert shuffled.mean() < 0.5 * true.mean()


def test_two_halves_of_the_trials_agree_on_preferred_angles(split, rng):
    masks, angles = wedge_masks((28, 28))
    wedges = masks.reshape(len(masks), -1)

    def preferred(pixels, responses):
        fit = fit_wedges(ridge(pixels, responses)(wedges), angles)
        return preferred_angle(fit.cosine, fit.sine)[0]

    errors = []
    for _ in range(12):  # one split tells little: neighbouring voxels are not independent
        one, other = split()
        fits = [  # correlation over the stimuli of the other half
            (zscore(ridge(*train[:2])(test[0])) * zscore(test[1])).mean(axis=0)
            for train, test in ((one, other), (other, one))
        ]
        best = np.argsort(-np.min(fits, axis=0))[:200]
        found = [
            preferred(one[0], responses)[best]
            for responses in (one[1], one[1][rng.permutation(45)])
        ]
        errors.append([mean_angular_error(a, preferred(*other[:2])[best]) for a in found])
    error, noise = np.mean(errors, axis=0)
    assert error < 1.1
    assert noise == pytest.approx(np.pi / 2, abs=0.3)  # unrelated angles
