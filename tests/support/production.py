"""Simulated samples of the production study's design: recognition in phases, and drawing."""

import numpy as np
import pandas as pd

OBJECTS = ("bed", "bench", "chair", "table")
PHASES = ["localizer=recognition:1,2", "pre=recognition:3,4", "post=recognition:5,6",
          "drawing=drawing:1,2,3,4"]  # fmt: skip


def recognition_rows(onset_slots, run, *, subject="01"):
    """Rows of a recognition run: ``onset_slots`` has pairs of volume and label, in order."""
    return [
        (subject, "recognition", f"{run:02d}", str(label), trial, int(slot) + 3, 1)
        for trial, (slot, label) in enumerate(onset_slots)
    ]


def drawing_rows(run, pair, *, subject="01", n_trials=10, n_points=23):
    """Rows of a drawing run: the pair in turn, 45 s a trial at 1.5 s, from 12 s on."""
    return [
        (subject, "drawing", f"{run:02d}", pair[trial % 2], trial, 11 + 30 * trial + point,
         point + 1)
        for trial in range(n_trials)
        for point in range(n_points)
    ]  # fmt: skip


def sample_table(rows):
    """Make a sample table of rows, with the phase of each."""
    names = ["subject", "task", "run", "label", "trial", "tr", "time_point"]
    table = pd.DataFrame(rows, columns=names)
    table["onset"], table["half"], table["n_volumes"] = table["tr"] * 1.5 - 4.5, 1, 1
    number = table["run"].astype(int)
    phase = np.array(["localizer", "pre", "post"])[np.minimum((number - 1) // 2, 2)]
    return table.assign(phase=np.where(table["task"] == "drawing", "drawing", phase))


def production_samples(rng, *, pair=("bed", "chair"), n_each=6, n_points=5, n_trials=6):
    """Make a small study: six recognition runs and four drawing runs."""
    rows = []
    for run in range(1, 7):
        order = rng.permutation(np.repeat(OBJECTS, n_each))
        rows += recognition_rows([(8 + 3 * t, label) for t, label in enumerate(order)], run)
    for run in range(1, 5):
        rows += drawing_rows(run, pair, n_trials=n_trials, n_points=n_points)
    return sample_table(rows)


def planted(rng, samples, *, n_voxels=60, signal=0.7, foil=0.0, drawing=1.0, pair=("bed", "chair")):
    """Features with a pattern for each object, float32, shape (n_samples, n_voxels).

    Drawing rows carry ``drawing`` times the pattern of what is drawn and ``foil`` times that
    of the other trained object.
    """
    patterns = dict(zip(OBJECTS, signal * rng.normal(size=(4, n_voxels)), strict=True))
    other = dict(zip(pair, reversed(pair), strict=True))
    features = rng.normal(size=(len(samples), n_voxels))
    draws = (samples["task"] == "drawing").to_numpy()
    for row, label in enumerate(samples["label"]):
        if draws[row]:
            features[row] += drawing * patterns[label] + foil * patterns[other[label]]
        else:
            features[row] += patterns[label]
    return (100 + 5 * features).astype(np.float32)
