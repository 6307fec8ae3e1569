"""A run that was preprocessed elsewhere, and the derivatives that it comes from."""

from dataclasses import dataclass, field

from fmriprod.algorithms.transforms import MOTION_COLUMNS
from fmriprod.algorithms.volume_time import VolumeTime
from fmriprod.interfaces.bids_index import Run
from fmriprod.interfaces.fmriprep_index import DerivativesIndex

DEFAULT_STRATEGY = "motion6+non_steady_state"
MEASURED = (*MOTION_COLUMNS, "framewise_displacement")


@dataclass(frozen=True)
class PreparedRun(Run):
    """A run whose series was preprocessed elsewhere; ``bold_file`` is that series.

    Parameters
    ----------
    raw_file : str
        The series as it came from the scanner.
    space : str
        ``native``, ``T1w``, ``MNI152NLin2009cAsym:res-2`` ...
    mask_file, boldref_file : str
        Brain mask and reference on the grid of the series.
    confounds_file : str
        Table of confounds.
    confounds_json : str or None
        What its columns are.
    strategy : str
        Confounds that enter the model, as `choose_confounds` takes it.
    confounds : tuple of str
        Columns that it gives.
    volume_time : VolumeTime
        Moment in s within each volume that its values represent.
    notes : tuple of str
        What was chosen, in words.
    """

    raw_file: str = ""
    space: str = ""
    mask_file: str = ""
    boldref_file: str = ""
    confounds_file: str = ""
    confounds_json: str | None = None
    strategy: str = DEFAULT_STRATEGY
    confounds: tuple[str, ...] = ()
    volume_time: VolumeTime = field(default_factory=lambda: VolumeTime(0.0, ""))
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Preprocessed:
    """Derivatives to start from, and how they are read.

    Parameters
    ----------
    index : DerivativesIndex
        What there is.
    space : str, optional
        Space of the series; without it there must be only one.
    confounds : str
        Strategy, as `choose_confounds` takes it.
    slice_time_ref : float, optional
        As `volume_time` takes it as ``reference``.
    """

    index: DerivativesIndex
    space: str | None = None
    confounds: str = DEFAULT_STRATEGY
    slice_time_ref: float | None = None
