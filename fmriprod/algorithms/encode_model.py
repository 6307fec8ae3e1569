"""Fitted encoding models: linear in the features, held as weights or in dual form."""

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

    Model m has the weights ``(features / scale[m]**2).T @ dual[m]``; the mean over m is
    the model. Where there are more features than samples this is smaller than weights.

    Attributes
    ----------
    features : ndarray of float32, shape (n_train, n_features)
        Training samples (or an array that reads columns from disk).
    dual : ndarray of float32, shape (n_models, n_train, n_voxels)
        Zero for samples that a model was not trained on.
    scale : ndarray of float32, shape (n_models, n_features)
        What each feature was divided by.
    intercept : ndarray of float32, shape (n_voxels,)
        Response where all features are 0.
    """

    features: np.ndarray
    dual: np.ndarray
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
        for start in range(0, self.n_features, _BLOCK):
            block = slice(start, start + _BLOCK)
            train = np.asarray(self.features[:, block], dtype=np.float32)
            for kernel, scale in zip(kernels, self.scale, strict=True):
                kernel += (features[:, block] / scale[block] ** 2) @ train.T
        total = sum(kernel @ dual for kernel, dual in zip(kernels, self.dual, strict=True))
        return total / n_models + self.intercept

    def linear(self) -> LinearModel:
        """Turn into weights: ``n_features * n_voxels`` numbers."""
        weights = np.zeros((self.n_features, self.dual.shape[2]), dtype=np.float32)
        for start in range(0, self.n_features, _BLOCK):
            block = slice(start, start + _BLOCK)
            train = np.asarray(self.features[:, block], dtype=np.float32)
            for dual, scale in zip(self.dual, self.scale, strict=True):
                weights[block] += (train.T @ dual) / scale[block, None] ** 2
        return LinearModel(weights / np.float32(len(self.dual)), self.intercept)
