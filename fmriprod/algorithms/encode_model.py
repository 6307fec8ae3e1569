"""Fitted encoding models: linear in the features, held as weights or in dual form."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

_BLOCK = 4096  # columns of features at a time: bounds the copies that scaling makes


@dataclass(frozen=True)
class LinearModel:
    """Responses as weighted sums of features.

    Attributes
    ----------
    weights : ndarray of float32, shape (n_features, n_voxels)
        One column a voxel.
    intercept : ndarray of float32, shape (n_voxels,)
        Response where all features are 0.
    """

    weights: np.ndarray
    intercept: np.ndarray

    @property
    def n_features(self) -> int:
        """Number of features that the model knows."""
        return int(self.weights.shape[0])

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Predict responses.

        Parameters
        ----------
        features : ndarray of float32, shape (n_samples, n_features)
            Features of the stimuli.

        Returns
        -------
        ndarray of float32, shape (n_samples, n_voxels)
            Predicted responses.
        """
        return np.asarray(features, dtype=np.float32) @ self.weights + self.intercept


@dataclass(frozen=True)
class DualModel:
    """The mean of linear models, each a weighted sum of the training samples.

    Model m predicts ``((x - mean[m]) / scale[m]**2) @ features.T @ dual[m]``; the mean over
    models and the intercept make the response. Where there are more features than samples
    this is smaller than weights.

    Attributes
    ----------
    features : ndarray of float32, shape (n_train, n_features)
        Training samples about the mean of all (or an array that reads columns from disk).
    dual : ndarray of float32, shape (n_models, n_train, n_voxels)
        Zero for samples that a model was not trained on.
    mean, scale : ndarray of float32, shape (n_models, n_features)
        What is taken from each feature, and what it is divided by.
    intercept : ndarray of float32, shape (n_voxels,)
        Mean response of the models where all features are at their means.
    """

    features: np.ndarray
    dual: np.ndarray
    mean: np.ndarray
    scale: np.ndarray
    intercept: np.ndarray

    @property
    def n_features(self) -> int:
        """Number of features that the model knows."""
        return int(self.features.shape[1])

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Predict responses; see `LinearModel.predict`."""
        features = np.asarray(features, dtype=np.float32)
        n_models, n_train, _ = self.dual.shape
        kernels = np.zeros((n_models, len(features), n_train), dtype=np.float32)
        for block, train in self._blocks():
            for kernel, mean, scale in zip(kernels, self.mean, self.scale, strict=True):
                kernel += ((features[:, block] - mean[block]) / scale[block] ** 2) @ train.T
        total = sum(kernel @ dual for kernel, dual in zip(kernels, self.dual, strict=True))
        return total / np.float32(n_models) + self.intercept

    def linear(self) -> LinearModel:
        """Turn into weights: ``n_features * n_voxels`` numbers."""
        n_models = len(self.dual)
        weights = np.zeros((self.n_features, self.dual.shape[2]), dtype=np.float32)
        offset = np.zeros(len(self.intercept))
        for block, train in self._blocks():
            for dual, mean, scale in zip(self.dual, self.mean, self.scale, strict=True):
                own = (train.T @ dual) / scale[block, None] ** 2 / np.float32(n_models)
                weights[block] += own
                offset += mean[block].astype(np.float64) @ own
        return LinearModel(weights, (self.intercept - offset).astype(np.float32))

    def _blocks(self) -> Iterator[tuple[slice, np.ndarray]]:
        for start in range(0, self.n_features, _BLOCK):
            block = slice(start, start + _BLOCK)
            yield block, np.asarray(self.features[:, block], dtype=np.float32)
