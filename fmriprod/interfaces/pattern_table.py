"""The table of the effect maps of a study: whose, of which run and condition, in which file."""

from pathlib import Path

import pandas as pd

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.events import read_table

_COLUMNS = ["subject", "condition", "file"]


def read_patterns(path: str | Path) -> pd.DataFrame:
    """Read which effect maps there are, as `SimulateRepresentations` lists them.

    Parameters
    ----------
    path : str or Path
        TSV, a row a map: ``subject condition file`` and maybe ``run``; files are relative to it.

    Returns
    -------
    DataFrame
        The same columns as text, in the order of the file; ``file`` as absolute paths.

    Raises
    ------
    InputError
        If it is no such table, a file is not there, or a participant lacks a condition that
        another has.
    """
    path = Path(path).absolute()
    table = read_table(path, "patterns")  # for its messages; numbers are wanted as written
    lacking = [name for name in _COLUMNS if name not in table]
    if lacking or table.empty:
        raise InputError(
            "patterns", expected=f"rows with the columns {', '.join(_COLUMNS)}",
            found=f"no column {lacking[0]}" if lacking else "no rows",
            hint="write a row for each effect map", file=str(path),
        )  # fmt: skip
    table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False, encoding="utf-8-sig")
    table["file"] = [str(path.parent / file) for file in table["file"]]
    lost = [file for file in table["file"] if not Path(file).is_file()]
    if lost:
        raise InputError(
            "patterns", expected="maps beside the table", found=f"{len(lost)} not there: {lost[0]}",
            hint="give files relative to the table's folder", file=str(path),
        )  # fmt: skip
    everything = set(table["condition"])
    for subject, own in table.groupby("subject", sort=False):
        if gone := sorted(everything - set(own["condition"])):
            raise InputError(
                "patterns", expected="every condition of each participant",
                found=f"participant {subject} without {gone[0]}",
                hint="leave the participant, or the condition, out of the table", file=str(path),
            )  # fmt: skip
    return table
