"""Read the published design of the production study: onsets, and who was trained on what."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.recognition_log import recognition_events, trained_objects
from fmriprod.algorithms.schedule import OBJECTS
from fmriprod.interfaces.recognition_log import read_recognition_log
from fmriprod.interfaces.three_column import read_three_column

_REGRESSORS = "metadata/regressors"
_LOGS = "metadata/neurosketch_archival_metadata/recog/metadata_augmented"
_SUFFIX = "_neurosketch"
_SHOWN = 10


@dataclass(frozen=True)
class PersonDesign:
    """What a person of the study saw.

    Attributes
    ----------
    trained : (str, str)
        The objects that were drawn, in alphabetical order.
    runs : tuple of DataFrame
        ``onset`` and ``duration`` (s) and ``trial_type`` of each recognition run.
    """

    trained: tuple[str, str]
    runs: tuple[pd.DataFrame, ...]


def design_labels(folder: str | Path) -> list[str]:
    """List the people of the published design.

    Parameters
    ----------
    folder : path
        With ``metadata/regressors/<label>_neurosketch/run_<n>/<object>.txt`` and
        ``metadata/neurosketch_archival_metadata/recog/metadata_augmented/<label>_neurosketch.csv``.

    Returns
    -------
    list of str
        Labels, sorted.

    Raises
    ------
    InputError
        If there is nobody.
    """
    found = sorted(p.name for p in Path(folder).glob(f"{_REGRESSORS}/*{_SUFFIX}"))
    if not found:
        raise InputError(
            "design_dir",
            expected=f"a folder with {_REGRESSORS}/<label>{_SUFFIX}",
            found="no such folder" if not Path(folder).is_dir() else "none in it",
            hint="give the folder of the study's repository, or leave it out for made-up onsets",
            file=str(folder),
        )
    return [name.removesuffix(_SUFFIX) for name in found]


def read_production_design(
    folder: str | Path, labels: list[str], n_runs: int
) -> dict[str, PersonDesign]:
    """Read the onsets of recognition runs and the trained objects of some people.

    Parameters
    ----------
    folder : path
        As `design_labels` has it.
    labels : list of str
        Whose design.
    n_runs : int
        How many runs each, from the first on.

    Returns
    -------
    dict of str to PersonDesign
        By label.

    Raises
    ------
    InputError
        With all that is wrong in any file of these people.
    """
    design, problems = {}, []
    for label in labels:
        try:
            design[label] = _person(Path(folder), label, n_runs)
        except InputError as err:
            problems.append(f"sub-{label}: {err.file or err.subject}: {err.found}")
    if problems:
        more = f"\n    and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise InputError(
            "design_dir",
            expected=f"{n_runs} runs of four objects and a log of everybody",
            found="\n    ".join([f"{len(problems)} without", *problems[:_SHOWN]]) + more,
            hint="complete the folder, or choose others by `labels`",
            file=str(folder),
        )
    return design


def _person(folder: Path, label: str, n_runs: int) -> PersonDesign:
    runs = []
    for number in range(1, n_runs + 1):
        place = folder / _REGRESSORS / f"{label}{_SUFFIX}" / f"run_{number}"
        events = read_three_column(place)[["onset", "duration", "trial_type"]]
        shown = sorted(events["trial_type"].unique())
        if shown != list(OBJECTS):
            raise InputError(
                "design_dir",
                expected=", ".join(OBJECTS),
                found=", ".join(shown),
                hint="give all four files",
                file=str(place),
            )
        runs.append(events)
    log_file = folder / _LOGS / f"{label}{_SUFFIX}.csv"
    trained, _ = trained_objects(recognition_events(read_recognition_log(log_file), 1.5))
    return PersonDesign(tuple(trained), tuple(runs))
