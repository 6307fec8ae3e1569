"""Simulated tables of a small group, as the participants of a study give them."""

from itertools import combinations

import numpy as np
import pandas as pd

REGIONS = ("V1", "LOC", "hipp")
PHASES = {"pre": "within_phase", "post": "within_phase", "drawing": "4way"}


def scores(n_subjects=6, seed=0):
    """Scores with accuracies of their own for each participant."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(1, n_subjects + 1):
        for place, region in enumerate(REGIONS):
            for phase, scheme in PHASES.items():
                mean = 0.25 + 0.1 * (2 - place) / 2
                values = rng.normal(mean, 0.02, 5)
                odds = rng.normal(mean - 0.25, 0.1, 2)
                rows.append((f"0{number}", region, phase, scheme, 160, *values, *odds, odds[1]))
    columns = ["subject", "region", "phase", "scheme", "n_samples", "accuracy",
               "accuracy_trained", "accuracy_control", "p_target_trained", "p_target_control",
               "log_odds_target_foil", "log_odds_target_control",
               "log_odds_foil_control"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def courses(n_subjects=6, seed=0):
    """Time courses in which the target stands out in V1."""
    rng = np.random.default_rng(seed)
    rows = [
        (f"0{number}", region, "drawing", "4way", by, index, *rng.normal(0.25, 0.02, 3))
        for number in range(1, n_subjects + 1)
        for region in REGIONS
        for by, n in (("time_point", 5), ("repetition", 4), ("run", 2))
        for index in range(1, n + 1)
    ]
    columns = ["subject", "region", "phase", "scheme", "by", "index", "target", "foil", "control"]
    table = pd.DataFrame(rows, columns=columns)
    table.loc[table["region"] == "V1", "target"] += 0.05
    return table


def connectivity(n_subjects=6, n_trials=8, seed=0):
    """Trials whose evidence grows from the first half to the second."""
    rng = np.random.default_rng(seed)
    rows = [
        (f"0{number}", *pair, features, "phase", 1 + k // 2, 1 + (k >= n_trials // 2), "ab"[k % 2],
         k, k // 2, rng.normal(0.3 + 0.5 * (k >= n_trials // 2), 0.4))
        for number in range(1, n_subjects + 1)
        for pair in combinations(REGIONS, 2)
        for features in ("correlation", "stack")
        for k in range(n_trials)
    ]  # fmt: skip
    columns = ["subject", "region_1", "region_2", "features", "scheme", "run", "half", "label",
               "trial", "repetition", "log_odds"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def means(rows, by, chance=0.25):
    """A group's table the slow way: means, and intervals of two standard errors."""
    found = []
    for cell, part in rows.dropna(subset=["value"]).groupby(by, sort=False):
        n, mean = len(part), part["value"].mean()
        half = 2 * part["value"].std() / np.sqrt(n) if n > 1 else np.nan
        p = 0.01 if mean - half > chance else 0.5
        found.append((*cell, n, mean, mean - half, mean + half, p, p, p, p, chance))
    columns = [*by, "n", "mean", "ci_low", "ci_high", "p", "p_fdr", "p_flip", "p_flip_max",
               "chance"]  # fmt: skip
    return pd.DataFrame(found, columns=columns)


def accuracy(table):
    """Accuracy of the group, from scores."""
    return means(table.rename(columns={"accuracy": "value"}), ["region", "phase", "scheme"])


def split(table):
    """Trained and untrained objects of the group, from scores."""
    names = ["accuracy_trained", "accuracy_control", "p_target_trained", "p_target_control"]
    rows = table.melt(["subject", "region", "phase", "scheme"], names, var_name="measure")
    return means(rows, ["region", "phase", "scheme", "measure"])


def write(folder, name, table):
    """Write a table as TSV; give its path."""
    path = folder / f"{name}.tsv"
    table.to_csv(path, sep="\t", index=False, na_rep="n/a")
    return str(path)
