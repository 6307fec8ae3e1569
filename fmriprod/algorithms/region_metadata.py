"""The metadata that the production study keeps beside its features."""

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.connectivity_trials import ordered_runs


def region_metadata(samples: pd.DataFrame, *, shift_volumes: int = 3) -> pd.DataFrame:
    """Describe each sample as the production study does.

    Parameters
    ----------
    samples : DataFrame
        Sample tables of the runs of a phase (`Featurize`), of one person and task.
    shift_volumes : int
        Lag in volumes that the features were made with.

    Returns
    -------
    DataFrame
        ``subj``; ``label`` (object); ``run_num`` (the run's label, as number where it is one);
        ``TR_num``: the volume within the trial from 1 where trials have several volumes, else
        the slot of the onset, which is the sample's volume less the lag; ``trial_num``: from 0
        over the runs, in time order.

    Raises
    ------
    InputError
        If there are several people or tasks, or a slot comes before the run.
    """
    for column in ("subject", "task"):
        values = sorted(samples[column].unique())
        if len(values) != 1:
            raise InputError(
                "samples",
                expected=f"one {column}",
                found=f"{len(values)}: {', '.join(map(repr, values))}",
                hint="give the runs of one phase of one person",
            )
    runs = ordered_runs(samples["run"].unique())
    place = samples["run"].map({run: number for number, run in enumerate(runs)})
    trial = pd.MultiIndex.from_arrays([place, samples["trial"]])
    point = samples["time_point"].to_numpy()
    if (point > 1).any():
        number = point
    else:
        number = samples["tr"].to_numpy() - shift_volumes
        if (number < 0).any():
            raise InputError(
                "shift_volumes",
                expected=f"the lag that the features were made with, at most "
                f"{samples['tr'].min()} volumes",
                found=f"{shift_volumes}",
                hint="give the shift_volumes of Featurize",
            )
    numeric = all(run.isdecimal() for run in runs)
    return pd.DataFrame(
        {
            "subj": samples["subject"].to_numpy(),
            "label": samples["label"].to_numpy(),
            "run_num": samples["run"].astype(int if numeric else str).to_numpy(),
            "TR_num": number,
            "trial_num": np.unique(trial, return_inverse=True)[1],
        }
    )
