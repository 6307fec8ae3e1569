"""Nested leave-one-group-out ridge as a slow, obvious loop over scikit-learn's models."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fmriprod.algorithms.array_backend import get_backend
from fmriprod.algorithms.encode import sorted_columns
from fmriprod.algorithms.nested_ridge import nested_ridge


def simulate(rng, sizes, n_features, n_voxels, *, noise=1.0):
    """Features with an offset and a scale each, responses that depend on them, groups, mixed."""
    n = sum(sizes)
    groups = np.repeat([f"s{i}" for i in range(len(sizes))], sizes)[rng.permutation(n)]
    features = rng.normal(size=(n, n_features)) * rng.uniform(0.5, 2, n_features)
    features += rng.normal(0, 3, n_features)
    weights = rng.normal(size=(n_features, n_voxels)) / np.sqrt(n_features)
    strength = np.linspace(0.1, 2, n_voxels) if n_voxels > 1 else np.ones(1)
    responses = features @ weights * strength + noise * rng.normal(size=(n, n_voxels))
    return features, responses + rng.normal(0, 5, n_voxels), groups


def correlation(measured, predicted):
    """Pearson's r of each column; 0 where the prediction is constant."""
    a, b = (values - values.mean(axis=0) for values in (measured, predicted))
    size = np.sqrt((a**2).sum(axis=0) * (b**2).sum(axis=0))
    return np.divide((a * b).sum(axis=0), size, out=np.zeros(len(size)), where=size > 1e-12)


def share_of_variance(measured, predicted):
    return r2_score(measured, predicted, multioutput="raw_values")


@dataclass
class Found:
    """Arrays have the shapes of `Encoding`, all in float64.

    ``chosen`` are indices of penalties, ``new`` predictions for other features by the mean of
    the folds' models, and ``margin`` says by how much the chosen penalties were better than
    the next: where it is small, rounding may choose.
    """

    r2: np.ndarray
    r: np.ndarray
    chosen: np.ndarray
    predictions: np.ndarray
    new: np.ndarray
    margin: float


class NestedLoop:
    """One model at a time, each fitted by scikit-learn to its own training samples."""

    def __init__(self, features, responses, groups, penalties, *, standardize=False):
        self.features, self.responses = features, responses
        self.groups, self.penalties = np.asarray(groups), list(penalties)
        self.standardize = standardize
        self.names = list(dict.fromkeys(groups))
        self._models = {}

    def model(self, left_out, penalty):
        key = frozenset(left_out), penalty
        if key not in self._models:
            train = ~np.isin(self.groups, list(left_out))
            steps = [StandardScaler()] if self.standardize else []
            model = make_pipeline(*steps, Ridge(penalty, solver="svd"))
            self._models[key] = model.fit(self.features[train], self.responses[train])
        return self._models[key]

    def predict(self, left_out, penalty, features):
        guess = self.model(left_out, penalty).predict(features)
        return guess.reshape(len(features), self.responses.shape[1])

    def inner(self, outer, penalty, criterion):
        scores = []
        for inner in (name for name in self.names if name != outer):
            test = self.groups == inner
            guess = self.predict((outer, inner), penalty, self.features[test])
            if criterion == "mse":
                scores.append(-((self.responses[test] - guess) ** 2).mean(axis=0))
            else:
                scores.append(share_of_variance(self.responses[test], guess))
        return np.mean(scores, axis=0)

    def run(self, *, shared=False, criterion="r2", new=None):
        n_voxels, margin = self.responses.shape[1], np.inf
        new = self.features if new is None else new
        predictions = np.zeros(self.responses.shape)
        r2, r, chosen, other = [], [], [], []
        for outer in self.names:
            index = np.zeros(n_voxels, int)
            if len(self.penalties) > 1:
                inner = np.array([self.inner(outer, p, criterion) for p in self.penalties])
                if shared:
                    inner = np.repeat(inner.mean(axis=1, keepdims=True), n_voxels, axis=1)
                index, ranked = inner.argmax(axis=0), np.sort(inner, axis=0)
                margin = min(margin, (ranked[-1] - ranked[-2]).min())
            test = self.groups == outer

            def own(features, outer=outer, index=index):
                every = [self.predict((outer,), p, features) for p in self.penalties]
                return np.stack(every)[index, :, np.arange(n_voxels)].T

            predictions[test] = own(self.features[test])
            r2.append(share_of_variance(self.responses[test], predictions[test]))
            r.append(correlation(self.responses[test], predictions[test]))
            chosen.append(index)
            other.append(own(new))
        found = (np.array(values) for values in (r2, r, chosen))
        return Found(*found, predictions, np.mean(other, axis=0), float(margin))


@dataclass
class Exact:
    """What `NestedRidge` gives in float64, before it is rounded to float32 for the results."""

    features: np.ndarray
    responses: np.ndarray
    groups: np.ndarray
    penalties: list
    options: dict

    @cached_property
    def ridge(self):
        options = {"backend": get_backend(dtype="float64", n_threads=1), **self.options}
        return nested_ridge(self.features, self.groups, self.penalties, **options)

    def run(self, *, shared=False, criterion="r2"):
        ridge, n_voxels = self.ridge, self.responses.shape[1]
        columns, mean = sorted_columns(self.responses, np.ones(n_voxels, bool), ridge)
        chosen = ridge.choose(columns, n_voxels, shared=shared, criterion=criterion)
        predicted = np.empty((n_voxels, len(self.responses)))
        r2, r = ridge.outer(columns, chosen, predictions=predicted)
        predictions = np.empty_like(predicted)
        predictions[:, ridge.folds.order] = predicted
        return Found(r2, r, chosen, (predictions + mean[:, None]).T, np.empty(0), np.nan)
