"""Say in plain words which numbers of a participant deserve a look."""

from collections.abc import Mapping
from typing import Any

from fmriprod.reports.page import Notice

# Limits beyond which a reader is told; they exclude nothing.
MEAN_DISPLACEMENT = 0.5  # mm
LARGE_JUMP = 3.0  # mm between two volumes
MOVED_SHARE = 0.2  # of the volumes
OUTLIER_SHARE = 0.1  # of the volumes
EXCLUDED_SHARE = 0.05  # of the voxels
LOW_TSNR = 20.0
DRIFT_PERCENT = 5.0
INFLATION = 10.0
ALPHA = 0.05
FEW_TRIALS = 20  # below, draws of trials with replacement vary too little

Numbers = Mapping[str, Any]


def number(value: Any, digits: int = 2, unit: str = "") -> str:
    """Print a number, or a dash where none was measured.

    Examples
    --------
    >>> number(0.1234), number(-3, 0, "mm"), number(None)
    ('0.12', '−3 mm', '–')
    """
    if value is None or isinstance(value, str) or value != value:
        return "–"
    text = f"{value:.{digits}f}".replace("-", "−")
    return f"{text} {unit}".rstrip()


def probability(value: Any) -> str:
    """Print a p value.

    Examples
    --------
    >>> probability(0.0004), probability(0.034), probability(None)
    ('< 0.001', '0.034', '–')
    """
    if value is not None and value < 0.001:
        return "< 0.001"
    return number(value, 3)


def quality_notices(numbers: Numbers) -> list[Notice]:
    """Judge the numbers that `RunQuality` writes; missing ones are passed over.

    Parameters
    ----------
    numbers : mapping
        Content of the JSON file.

    Returns
    -------
    list of Notice
        Empty where nothing stands out.
    """
    notices = []

    def note(level: str, text: str) -> None:
        notices.append(Notice(text, level))

    mean, largest = numbers.get("fd_mean"), numbers.get("fd_max")
    if _over(mean, MEAN_DISPLACEMENT):
        note("problem", f"much motion: mean framewise displacement {number(mean)} mm")
    if _over(largest, LARGE_JUMP):
        note("warning", f"a jump of the head of {number(largest, 1)} mm between two volumes")
    moved = _share(numbers, "n_fd_over_threshold", "n_volumes")
    if _over(moved, MOVED_SHARE):
        limit = number(numbers.get("fd_threshold"), 1)
        note("warning", f"{moved:.0%} of the volumes moved by more than {limit} mm")
    outliers = _share(numbers, "n_outlier_volumes", "n_volumes")
    if _over(outliers, OUTLIER_SHARE):
        note("warning", f"{outliers:.0%} of the volumes have many outlying voxels")
    kept = _share(numbers, "n_analysed", "n_voxels")
    if kept is not None and 1 - kept > EXCLUDED_SHARE:
        note("warning", f"{1 - kept:.0%} of the voxels of the mask are constant or not finite")
    tsnr = numbers.get("tsnr_median")
    if tsnr is not None and tsnr < LOW_TSNR:
        note("warning", f"low temporal signal-to-noise: median {number(tsnr, 0)}")
    drift = numbers.get("linear_drift_percent")
    if drift is not None and abs(drift) > DRIFT_PERCENT:
        note("warning", f"the mean signal drifts by {number(drift, 1)} % over the run")
    return notices


def design_notices(audit: Numbers) -> list[Notice]:
    """Judge the audit of a design that `FirstLevelModel` writes.

    Parameters
    ----------
    audit : mapping
        Content of the JSON file.

    Returns
    -------
    list of Notice
        Missing conditions, contrasts left out, inflated variances, voxels without a model.
    """
    notices = []
    missing = list(audit.get("missing_conditions") or ())
    if missing:
        notices.append(Notice(f"no event of condition: {', '.join(missing)}", "problem"))
    for contrast in audit.get("contrasts_left_out") or ():
        reason = f": {contrast['reason']}" if contrast.get("reason") else ""
        notices.append(Notice(f"contrast {contrast['name']} is left out{reason}", "problem"))
    aliased = list(audit.get("aliased_columns") or ())
    if aliased:
        text = f"regressors that are combinations of others: {', '.join(aliased)}"
        notices.append(Notice(text, "warning"))
    inflated = [name for name, value in inflation(audit) if value is None or value > INFLATION]
    inflated = [name for name in inflated if name not in aliased]
    if inflated:
        text = "effects hard to tell from other regressors (variance inflation above "
        notices.append(Notice(f"{text}{INFLATION:g}): {', '.join(inflated)}", "warning"))
    voxels = audit.get("voxels") or {}
    kept = _share(voxels, "analysed", "mask")
    if kept is not None and 1 - kept > EXCLUDED_SHARE:
        notices.append(Notice(f"{1 - kept:.0%} of the voxels have no model", "warning"))
    return notices


def evidence_notices(summary: Numbers) -> list[Notice]:
    """Judge the summary that `ObjectEvidence` writes.

    Parameters
    ----------
    summary : mapping
        Content of the JSON file.

    Returns
    -------
    list of Notice
        Empty where the accuracy is above chance, most voxels took part and trials are many.
    """
    notices = []
    p = (summary.get("permutation") or {}).get("p")
    low = (summary.get("accuracy_interval") or {}).get("low")
    chance = summary.get("chance")
    if p is not None and p > ALPHA:
        notices.append(Notice(f"not above chance (permutation p = {probability(p)})", "warning"))
    elif p is None and low is not None and chance is not None and low <= chance:
        notices.append(Notice("the interval of the accuracy includes chance", "warning"))
    trials = summary.get("n_test_trials")
    if trials is not None and trials < FEW_TRIALS:
        text = f"the interval rests on {trials} test trials and is too narrow with so few; trust p"
        notices.append(Notice(text, "info"))
    used, dropped = summary.get("n_voxels"), summary.get("n_voxels_dropped")
    if used is not None and dropped and dropped / (used + dropped) > EXCLUDED_SHARE:
        text = f"{dropped / (used + dropped):.0%} of the region's voxels could not be used"
        notices.append(Notice(text, "warning"))
    return notices


def inflation(audit: Numbers) -> list[tuple[str, float | None]]:
    """Variance inflation by regressor; None stands for infinite (JSON has no infinity)."""
    found = audit.get("variance_inflation") or {}
    return [(name, None if value is None else float(value)) for name, value in found.items()]


def _over(value: float | None, limit: float) -> bool:
    return value is not None and value > limit


def _share(numbers: Numbers, part: str, whole: str) -> float | None:
    if numbers.get(part) is None or not numbers.get(whole):
        return None
    return numbers[part] / numbers[whole]
