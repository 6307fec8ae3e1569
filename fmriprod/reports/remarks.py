"""The remarks on the first screen of a page, alike on all pages."""

from collections.abc import Iterable, Mapping
from typing import Any

from fmriprod.reports.page import LEVELS, Notice

FINE = Notice("Nothing stands out in the numbers. Look at the pictures too.", "good")


def gravity(notice: Notice) -> int:
    """Give the place of a remark among others: 0 is the gravest."""
    return LEVELS[::-1].index(notice.level)


def lead_remarks(
    notices: Iterable[Notice], truth: Mapping[str, Mapping[str, Any]], *, judged: bool
) -> list[Notice]:
    """Put remarks in order, with what was planted and not found.

    Parameters
    ----------
    notices : iterable of Notice
        What there is to say.
    truth : mapping
        For simulated data, what was planted: label to ``ok`` and others.
    judged : bool
        Whether there are numbers that a remark could have been about.

    Returns
    -------
    list of Notice
        The gravest first; one that nothing stands out, where numbers give no reason for any.
    """
    remarks = list(notices)
    lost = [label for label, entry in truth.items() if not entry.get("ok")]
    if lost:
        remarks.append(Notice(f"Not as planted: {'; '.join(lost)}.", "problem"))
    if not remarks and judged:
        return [FINE]
    return sorted(remarks, key=gravity)
