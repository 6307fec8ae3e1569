"""Repetition time of a series that cannot hold one itself, from the JSON file beside it."""

from pathlib import Path
from typing import Any

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.repetition_time import TOLERANCE
from fmriprod.interfaces.bids_index import read_json
from fmriprod.interfaces.header_tr import is_time, plausible


def sidecar_of(path: str | Path) -> Path | None:
    """Find the JSON file of the same name as a series; None where there is none."""
    sidecar = Path(path).with_suffix(".json")
    return sidecar if sidecar.is_file() else None


def series_tr(path: str | Path, given: float | None = None) -> float:
    """Tell the repetition time of a series in a table or array.

    Parameters
    ----------
    path : str or Path
        The series; ``RepetitionTime`` (s) or ``SamplingFrequency`` (Hz) are looked for in the
        JSON file beside it that BIDS asks for. A frequency of ``TR``, once a volume, says nothing.
    given : float, optional
        What a person says, in s; must agree within 1 ms.

    Returns
    -------
    float
        In s.

    Raises
    ------
    InputError
        If nothing says it, what does is no number above 0 or above 100 s, or two of the three
        differ.
    """
    sidecar = sidecar_of(path)
    said = _said(sidecar) if sidecar else {}
    if given is None and not said:
        found = "no such file" if sidecar is None else f"{sidecar.name} without either"
        name = Path(path).with_suffix(".json").name
        raise InputError(
            "tr", expected=f"a repetition time: {Path(path).suffix} holds none, and neither "
            f"RepetitionTime nor SamplingFrequency is in {name} beside it", found=found,
            hint="give tr in seconds (0.72 for the HCP), or write RepetitionTime to that file",
            file=str(path),
        )  # fmt: skip
    every = ({} if given is None else {"tr": given}) | said
    if max(every.values()) - min(every.values()) > TOLERANCE:
        raise InputError(
            "tr", expected=f"one repetition time for {Path(path).name}",
            found=", ".join(f"{value:g} s ({source})" for source, value in every.items()),
            hint="find out which is right; mend the file, or leave tr out",
            file=str(sidecar),
        )  # fmt: skip
    source, seconds = next(iter(every.items()))
    return plausible(seconds, f"({source})", None if source == "tr" else str(sidecar))


def _said(sidecar: Path) -> dict[str, float]:
    """Seconds by the field of the file that says them."""
    content, said = read_json(sidecar), {}
    if "RepetitionTime" in content:
        said["RepetitionTime"] = _positive(content, "RepetitionTime", "s", sidecar)
    if content.get("SamplingFrequency", "TR") != "TR":
        said["SamplingFrequency"] = 1 / _positive(content, "SamplingFrequency", "Hz", sidecar)
    return said


def _positive(content: dict[str, Any], field: str, unit: str, sidecar: Path) -> float:
    value = content[field]
    if not is_time(value):
        raise InputError(
            "tr", expected=f"{field} above 0 {unit}", found=repr(value)[:80],
            hint="mend that file; tr is in seconds", file=str(sidecar),
        )  # fmt: skip
    return float(value)
