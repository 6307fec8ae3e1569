"""Which row of features belongs to which response."""

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError, suggest

_KEYS = (("run", "volume"), ("stimulus",))


def paired_rows(
    features_samples: pd.DataFrame | None, samples: pd.DataFrame, n_features: int
) -> np.ndarray:
    """Find the row of features for each response.

    Parameters
    ----------
    features_samples : DataFrame or None
        Samples of the features. Where both tables have the columns ``run`` and ``volume``, or
        else ``stimulus``, rows are found by them: a stimulus may be shown several times.
        Otherwise, and without the table, rows are the same samples in the same order.
    samples : DataFrame
        Samples of the responses.
    n_features : int
        Rows of the features.

    Returns
    -------
    ndarray of int, shape (n_responses,)
        Rows of the features.

    Raises
    ------
    InputError
        If numbers differ, features are there twice, or a sample has no features.
    """
    if features_samples is not None:
        if len(features_samples) != n_features:
            raise InputError(
                "features_samples_file",
                expected=f"{n_features} rows, as the features have",
                found=f"{len(features_samples)}",
                hint="give samples_file of the interface that made the features",
            )
        for keys in _KEYS:
            if set(keys) <= set(features_samples.columns) & set(samples.columns):
                return _by_keys(features_samples, samples, list(keys))
    if len(samples) != n_features:
        raise InputError(
            "features_file",
            expected=f"{len(samples)} samples, as the responses have",
            found=f"{n_features}",
            hint="make both of the same stimuli, or give features_samples_file, by which rows "
            "are found",
        )
    return np.arange(n_features)


def _by_keys(features_samples: pd.DataFrame, samples: pd.DataFrame, keys: list[str]) -> np.ndarray:
    known = pd.MultiIndex.from_frame(features_samples[keys])
    if known.has_duplicates:
        twice = known[known.duplicated()][0]
        raise InputError(
            "features_samples_file",
            expected=f"each {' and '.join(keys)} once",
            found=f"{', '.join(map(str, twice))} twice",
            hint="make features of each stimulus once",
        )
    rows = known.get_indexer(pd.MultiIndex.from_frame(samples[keys]))
    if (rows < 0).any():
        first = samples.loc[rows < 0, keys].iloc[0]
        asked = ", ".join(str(v) for v in first)
        names = features_samples[keys[0]].astype(str).unique()[:20]
        raise InputError(
            "features_samples_file",
            expected="features of every sample of the responses",
            found=f"none of {(rows < 0).sum()} samples, the first {' '.join(keys)} {asked}",
            hint=suggest(str(first.iloc[0]), names),
        )
    return rows
