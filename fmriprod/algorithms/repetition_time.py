"""Decide on the repetition time of a series when its sources may disagree."""

from dataclasses import dataclass

from fmriprod.algorithms.checks import InputError

TOLERANCE = 1e-3  # s


@dataclass(frozen=True)
class RepetitionTime:
    """What was read, what is used, and why; times in seconds.

    ``source`` is ``both`` (the sources agree), ``dicom`` or ``given``.
    """

    header: float | None
    converter: float | None
    used: float
    source: str

    @property
    def corrected(self) -> bool:
        """Whether what the converter wrote has to be replaced."""
        return self.source != "both"


def decide_tr(
    header: float | None,
    written: dict[str, float | None],
    *,
    is_3d: bool = False,
    tr: float | None = None,
    tr_from: str = "agreement",
) -> RepetitionTime:
    """Compare the repetition time of the DICOM header with what a converter wrote.

    Converters estimate it from times of acquisition in the headers; where those are wrong, so is
    the estimate. Headers are wrong, too: that of a 3-D acquisition may hold the time from one
    excitation to the next.

    Parameters
    ----------
    header : float or None
        RepetitionTime of the DICOM headers in s.
    written : dict of str to (float or None)
        What the converter wrote in s, by place (``sidecar``, ``image``); the first is the one
        to report.
    is_3d : bool
        Whether slices are encoded by phase.
    tr : float, optional
        What a person says; then no source counts.
    tr_from : {"agreement", "dicom"}
        Refuse what disagrees, or take the header's word; the latter not for `is_3d`.

    Returns
    -------
    RepetitionTime
        With the time to use: of the converter where all agree within 1 ms.

    Raises
    ------
    InputError
        With all values, where they disagree and nobody said which holds.

    Examples
    --------
    >>> decide_tr(2.0, {"sidecar": 1.79355}, tr_from="dicom").used
    2.0
    """
    first = next(iter(written.values()))
    if tr is not None:
        return RepetitionTime(header, first, tr, "given")
    values = list(written.values())
    agree = header and all(v is not None and abs(v - header) <= TOLERANCE for v in values)
    if agree and first is not None:
        return RepetitionTime(header, first, first, "both")
    if tr_from == "dicom" and header and not is_3d:
        return RepetitionTime(header, first, round(header, 5), "dicom")
    shown = ", ".join(f"{_seconds(v)} in the {place}" for place, v in written.items())
    choice = "tr_from='dicom' takes that of the header, tr=<seconds> another"
    if is_3d:
        choice = "the header of a 3-D acquisition may hold the time of one excitation: give tr"
    elif not header:
        choice = "give tr=<seconds>"
    raise InputError(
        "tr",
        expected="the same repetition time in DICOM header and converted files, within 1 ms",
        found=f"{_seconds(header)} in the DICOM header, {shown} by the converter",
        hint=f"look it up in the scanning protocol; {choice}",
    )


def _seconds(value: float | None) -> str:
    return f"{value:.6g} s" if value else "none"
