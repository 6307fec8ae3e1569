"""Decode images from responses: sparse decoders at several scales, and their scores."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError, usable_voxels
from fmriprod.algorithms.class_scores import best_voxels, class_scores
from fmriprod.algorithms.matching_pursuit import matching_pursuit
from fmriprod.algorithms.multiscale import combine_scales, multiscale_targets


@dataclass(frozen=True)
class SparseDecoders:
    """One linear decoder for each target, of a few voxels.

    Attributes
    ----------
    voxels : ndarray of int, shape (n_targets, n_nonzero)
        Columns of the responses, in the order in which they were taken; -1: none.
    weights : ndarray of float64, shape (n_targets, n_nonzero)
        Weights of the responses in their own units.
    intercept : ndarray of float64, shape (n_targets,)
        Prediction where all responses are 0.
    usable : ndarray of bool, shape (n_voxels,)
        Voxels that could be taken.
    n_constant : int
        Targets with one value in all training samples, which is what they predict.
    """

    voxels: np.ndarray
    weights: np.ndarray
    intercept: np.ndarray
    usable: np.ndarray
    n_constant: int

    def predict(self, responses: np.ndarray) -> np.ndarray:
        """Predict targets, shape (n_samples, n_targets), from responses (n_samples, n_voxels)."""
        predicted = np.tile(self.intercept, (len(responses), 1))
        for voxel, weight in zip(self.voxels.T, self.weights.T, strict=True):
            there = voxel >= 0
            predicted[:, there] += responses[:, voxel[there]] * weight[there]
        return predicted


def fit_decoders(
    responses: np.ndarray,
    targets: np.ndarray,
    *,
    n_voxels: int = 500,
    n_nonzero: int = 10,
    usable: np.ndarray | None = None,
    memory_gb: float = 1.0,
) -> SparseDecoders:
    """Fit a sparse decoder to each target.

    For each target: the ``n_voxels`` voxels with the highest F over the target's values,
    standardised, then orthogonal matching pursuit with ``n_nonzero`` of them. The numbers are
    those of scikit-learn's SelectKBest(f_classif), StandardScaler and
    OrthogonalMatchingPursuit in a pipeline a target, in double precision.

    Parameters
    ----------
    responses : ndarray, shape (n_samples, n_voxels)
        Responses; voxels that are constant or not finite are never taken.
    targets : ndarray, shape (n_samples, n_targets)
        Few distinct values in each column.
    n_voxels, n_nonzero : int
        Voxels chosen by F, and taken by the decoder.
    usable : ndarray of bool, shape (n_voxels,), optional
        Further voxels that may not be taken are False.
    memory_gb : float
        Memory in GB (10^9 bytes) for targets that are fitted together, beside the responses in
        double precision; does not change the result beyond rounding.

    Returns
    -------
    SparseDecoders

    Raises
    ------
    InputError
        If rows differ, there are fewer than 3 samples, a target is not finite, fewer voxels
        are usable than ``n_voxels``, or ``n_nonzero`` is larger than ``n_voxels``.
    """
    here = usable_voxels(np.asarray(responses).T)
    if usable is not None:
        here &= usable
    _check(responses, targets, int(here.sum()), n_voxels, n_nonzero)
    places = np.flatnonzero(here)
    features = responses[:, here].T.astype(np.float64, order="C")
    n_targets = targets.shape[1]
    mean = features.mean(axis=1)
    features -= mean[:, None]
    deviation = np.sqrt((features**2).mean(axis=1))
    features /= deviation[:, None]
    voxels, weights = np.full((n_targets, n_nonzero), -1), np.zeros((n_targets, n_nonzero))
    varies = np.flatnonzero((targets != targets[0]).any(axis=0))
    block = max(1, int(memory_gb * 1e9 / (8 * len(places) * (n_nonzero + 8))))
    for start in range(0, len(varies), block):
        part = varies[start : start + block]
        scores = class_scores(features, targets[:, part])
        chosen = best_voxels(scores.f, n_voxels)
        products = np.take_along_axis(scores.products, chosen, axis=1)
        del scores
        voxels[part], weights[part] = matching_pursuit(features, products, chosen, n_nonzero)
    there = voxels >= 0
    weights = np.where(there, weights / deviation[voxels], 0)
    intercept = targets.mean(axis=0) - (weights * mean[voxels]).sum(axis=1)
    voxels = np.where(there, places[voxels], -1)
    return SparseDecoders(voxels, weights, intercept, here, n_targets - len(varies))


def reconstruct(
    train: np.ndarray, images: np.ndarray, test: np.ndarray, **options: Any
) -> tuple[np.ndarray, SparseDecoders]:
    """Reconstruct the images behind responses, from decoders of local means at four scales.

    Parameters
    ----------
    train, test : ndarray, shape (n_train, n_voxels) and (n_test, n_voxels)
        Responses.
    images : ndarray, shape (n_train, height, width)
        What was shown in training, 0 or 1.
    **options
        As `fit_decoders` takes them.

    Returns
    -------
    reconstruction : ndarray of float64, shape (n_test, height, width)
        Around 0 to 1, not clipped.
    decoders : SparseDecoders

    Raises
    ------
    InputError
        As `fit_decoders`; if the test has other voxels.

    References
    ----------
    Miyawaki et al. (2008), Neuron 60, 915-929; in the form of Nilearn's example (weights of
    the scales are equal, not fitted).
    """
    if train.shape[1] != test.shape[1]:
        raise InputError(
            "test",
            expected=f"{train.shape[1]} voxels, as in training",
            found=f"{test.shape[1]}",
            hint="take both with the same mask",
        )
    finite = np.isfinite(test.sum(axis=0, dtype=np.float64))
    decoders = fit_decoders(train, multiscale_targets(images), usable=finite, **options)
    return combine_scales(decoders.predict(test), images.shape[1:]), decoders


def pixel_scores(images: np.ndarray, reconstruction: np.ndarray, threshold: float) -> pd.DataFrame:
    """Compare images with reconstructions above a threshold, pixel by pixel.

    Parameters
    ----------
    images, reconstruction : ndarray, shape (n_samples, height, width)
        What was shown, 0 or 1, and what was reconstructed.
    threshold : float
        A pixel is on above it.

    Returns
    -------
    DataFrame, height * width rows
        ``row``, ``column`` of the pixel from 0; ``accuracy``; ``precision``, ``recall`` and ``f1``
        of being on, 0 where they would be 0/0; ``share_on`` of the images.
    """
    shown = np.asarray(images).reshape(len(images), -1) > 0.5
    found = np.asarray(reconstruction).reshape(len(images), -1) > threshold
    hits = (shown & found).sum(axis=0)
    of_found, of_shown = found.sum(axis=0), shown.sum(axis=0)
    rows, columns = np.divmod(np.arange(shown.shape[1]), images.shape[2])
    return pd.DataFrame(
        {
            "row": rows,
            "column": columns,
            "accuracy": (shown == found).mean(axis=0),
            "precision": hits / np.maximum(of_found, 1),
            "recall": hits / np.maximum(of_shown, 1),
            "f1": 2 * hits / np.maximum(of_found + of_shown, 1),
            "share_on": shown.mean(axis=0),
        }
    )


def _check(
    responses: np.ndarray, targets: np.ndarray, n_usable: int, n_voxels: int, n_nonzero: int
) -> None:
    def refuse(subject: str, expected: str, found: str, hint: str) -> InputError:
        return InputError(subject, expected=expected, found=found, hint=hint)

    if len(responses) != len(targets) or len(targets) < 3:
        raise refuse(
            "train",
            "as many responses as images, 3 or more",
            f"{len(responses)} responses, {len(targets)} images",
            "take both with the same runs and shift",
        )
    if not np.isfinite(targets).all():
        raise refuse("images", "finite values", "NaN or infinite values", "leave those rows out")
    if not 1 <= n_voxels <= n_usable:
        raise refuse(
            "n_voxels",
            f"1 to {n_usable}, the voxels that are finite and not constant",
            f"{n_voxels}",
            "choose fewer voxels, or take a larger mask",
        )
    if not 1 <= n_nonzero <= n_voxels:
        raise refuse(
            "n_nonzero",
            f"1 to n_voxels, {n_voxels}",
            f"{n_nonzero}",
            "a decoder takes its voxels from those that were chosen",
        )
