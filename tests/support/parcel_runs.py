"""Two simulated runs of a subject's motor task, as files."""

import numpy as np
import pandas as pd

from fmriprod.algorithms.hrf import regressors

TR, N, NAMES = 0.72, 200, ["R_4", "L_4", "R_V1", "L_V1", "L_24"]


def write_task(folder, rng):
    """Write run0.npy, events0.tsv ... and parcels.tsv into a folder; give the series.

    Left hand raises R_4 by 3, right hand L_4; L_24 is constant in the second run.
    """
    frames = np.arange(N) * TR + TR / 2
    runs = []
    for i, order in enumerate((["lh", "rh"] * 2, ["rh", "lh"] * 2)):
        onset = 8.0 + 32 * np.arange(4)
        table = pd.DataFrame({"onset": onset, "duration": 12.0, "trial_type": order})
        table.to_csv(folder / f"events{i}.tsv", sep="\t", index=False)
        run = 100 + rng.normal(size=(5, N))
        for row, name in enumerate(("lh", "rh")):
            rows = onset[table.trial_type == name]
            run[row] += 3 * regressors(rows, np.full(2, 12.0), frames, "spm")[""]
        runs.append(run.astype("f4"))
    runs[1][4] = 7
    for i, run in enumerate(runs):
        np.save(folder / f"run{i}.npy", run)
    (folder / "parcels.tsv").write_text("name\n" + "\n".join(NAMES) + "\n")
    return runs


def task_inputs(folder, **changes):
    """Give the inputs of an interface of tasks for these files."""
    return {
        "series_files": [str(folder / f"run{i}.npy") for i in range(2)],
        "events_files": [str(folder / f"events{i}.tsv") for i in range(2)],
        "parcels_file": str(folder / "parcels.tsv"),
        "tr": TR,
    } | changes
