"""Words of methods texts that several workflows need."""

from collections.abc import Sequence
from typing import Any

from fmriprod.algorithms.transforms import MOTION_COLUMNS
from fmriprod.workflows.describe_nodes import COMPUTED, Settings, Several, phrase

_RESPONSES = {
    "spm": "the double-gamma haemodynamic response of SPM",
    "glover": "the double-gamma haemodynamic response of Glover [@glover]",
    "gamma": "the gamma haemodynamic response of FSL",
    "gaussian": "the Gaussian haemodynamic response of FSL",
}
_SHOWN_CONFOUNDS = 8


def response_words(hrf: Any) -> str:
    """Model of the haemodynamic response, as ``spm + derivative``."""
    if isinstance(hrf, Several):
        return " or ".join(dict.fromkeys(map(response_words, hrf)))
    if hrf is COMPUTED:
        return f"a haemodynamic response {hrf}"
    kind, *terms = hrf.split(" + ")
    return f"{_RESPONSES[kind]}{' and its ' if terms else ''}{' and '.join(terms)}"


def noise_words(model: Settings) -> str:
    """Model of the noise of a step with inputs ``noise`` and ``correct_bias``."""
    words = {f"ar{n}": f"autoregressive noise of order {n}" for n in range(2, 6)}
    words["ar1"] = "first-order autoregressive noise"
    if model.correct_bias is True:
        more = " (coefficients corrected for the bias of the fit [@worsley2002])"
        words = {order: text + more for order, text in words.items()}
    return phrase({"ols": "white noise", **words}, model.noise)


def drift_words(model: Settings) -> str:
    """Model of slow drifts of a step with inputs ``drift``, ``high_pass``, ``drift_order``."""
    words = {
        "cosine": f"cosine drifts (cut-off {model.high_pass:g} s)",
        "polynomial": f"polynomial drifts up to order {model.drift_order}",
        "none": "a constant",
    }
    return phrase(words, model.drift)


def smoothing_words(fwhm: Any) -> str:
    """Kernel of smoothing."""
    return f"a Gaussian kernel of {fwhm:g} mm FWHM"


def confounds_words(confounds: Sequence[str] | Any) -> str:
    """Regressors of no interest; empty without any."""
    if confounds is COMPUTED:
        return f"confounds {confounds}"
    names = list(confounds or ())
    motion = [name for name in names if name in MOTION_COLUMNS]
    others = [name for name in names if name not in MOTION_COLUMNS]
    words = [f"{_number(motion, 'motion parameter')} [@friston_regressors]"] if motion else []
    if others:
        shown = f" ({', '.join(others)})" if len(others) <= _SHOWN_CONFOUNDS else ""
        words.append(_number(others, "other confound" if motion else "confound") + shown)
    return " and ".join(words)


def _number(names: Sequence[str], what: str) -> str:
    return f"{len(names)} {what}{'' if len(names) == 1 else 's'}"
