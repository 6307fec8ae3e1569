"""What Eickenberg et al. (2017) publish on areas and layers, beside profiles that were found."""

import numpy as np
import pandas as pd

# The layer, of nine, that predicts a region best; None where scores rise to the last.
PUBLISHED = {"V1": (1,), "V2": (2,), "V3": (2,), "V4": (4, 5), "V3A": None, "V3B": None,
             "LOC": None}  # fmt: skip


def published_table(profiles: pd.DataFrame) -> dict[str, bool]:
    """Compare profiles over nine layers with what was published: statement to whether it holds."""
    lines = {}
    for roi, part in profiles.groupby("roi", sort=False):
        value = part["value"].to_numpy()
        if PUBLISHED[roi] is None:
            rises = np.corrcoef(np.arange(9), value)[0, 1] >= 0.5 and value.argmax() >= 6
            lines[f"{roi} rises to last layers"] = bool(rises)
            continue
        at = " or ".join(map(str, PUBLISHED[roi]))
        lines[f"{roi} peaks at layer {at}"] = value.argmax() + 1 in PUBLISHED[roi]
        if roi == "V4":
            lines["V4 always above 70 % of its maximum"] = bool(value.min() > 0.7)
    return lines
