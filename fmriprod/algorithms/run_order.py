"""What the series of a scanning session are: a text with a line for each, in their order."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fmriprod.algorithms.bids_names import clean_label, parse_name
from fmriprod.algorithms.checks import InputError, suggest

SKIPS = ("SKIP", "ERROR_RUN")
FOLDERS = {
    "T1w": "anat", "T2w": "anat", "PDw": "anat", "FLAIR": "anat", "T2starw": "anat",
    "inplaneT1": "anat", "inplaneT2": "anat", "bold": "func", "sbref": "func", "epi": "fmap",
}  # fmt: skip
_ANATOMY = re.compile(r"(anat_)?(mprage|t1w?|t2w?)", re.IGNORECASE)
_RUN = re.compile(r"(?P<task>[A-Za-z][A-Za-z0-9_]*?)_run_?0*(?P<run>[1-9][0-9]*)")


@dataclass(frozen=True)
class RunLine:
    """A line of a run order.

    Parameters
    ----------
    number : int
        Which line of the text, from 1.
    text : str
        The line without its comment.
    stem : str or None
        BIDS name without participant and session, such as ``task-draw_run-1_bold``; None for a
        series that is not to be converted.
    n_volumes : int or None
        Volumes that the series must have; None where any number will do.
    """

    number: int
    text: str
    stem: str | None
    n_volumes: int | None


@dataclass(frozen=True)
class FoundSeries:
    """A series that was found: its number on the scanner, description and volumes."""

    number: int | None
    description: str
    n_volumes: int

    def __str__(self) -> str:
        plural = "" if self.n_volumes == 1 else "s"
        return f"series {self.number} {self.description!r} ({self.n_volumes} volume{plural})"


def bids_stem(name: str) -> str:
    """Turn the name of a series into a BIDS name without participant and session.

    A BIDS name stays as it is. Of other names two forms are known: ``anat_mprage``, ``mprage``,
    ``t1`` and ``anat_t1`` (also with ``t2``) are anatomical images, and ``<task>_run_<number>``
    is a run of a task; a task of several words becomes one in camel case.

    Raises
    ------
    InputError
        For any other name.

    Examples
    --------
    >>> bids_stem("anat_mprage"), bids_stem("recognition_run_1"), bids_stem("T1w")
    ('T1w', 'task-recognition_run-1_bold', 'T1w')
    """
    if match := _ANATOMY.fullmatch(name):
        return "T2w" if match[2].lower().startswith("t2") else "T1w"
    if match := _RUN.fullmatch(name):
        task = clean_label(match["task"].replace("_", " "))
        return f"task-{task}_run-{match['run']}_bold"
    if "-" not in name and name not in FOLDERS:
        raise _name_error(name, f"{suggest(name, (*SKIPS, *FOLDERS))}; or add its BIDS name")
    parsed = parse_name(f"{name}.nii.gz")
    if parsed.suffix not in FOLDERS:
        raise _name_error(name, f"suffix {parsed.suffix!r}: {suggest(parsed.suffix, FOLDERS)}")
    if parsed.get("sub") or parsed.get("ses"):
        raise _name_error(name, "leave sub- and ses- out: the same file serves everyone")
    if FOLDERS[parsed.suffix] == "func" and not parsed.get("task"):
        raise _name_error(name, f"name the task, such as task-rest_{name}")
    return name


def parse_run_order(text: str) -> tuple[RunLine, ...]:
    """Read a run order.

    One line a series, in the order of scanning: ``name [expected volumes [BIDS name]]``. The
    number may be ``-`` where a BIDS name follows. ``SKIP`` or ``ERROR_RUN`` (in any case) instead
    of a name is a series that is not converted (a scout, a run that was broken off). ``#`` starts
    a comment anywhere; empty lines do not count.

    Parameters
    ----------
    text : str
        The whole file.

    Returns
    -------
    tuple of RunLine
        In the order of the text.

    Raises
    ------
    InputError
        With everything that is wrong, each with its line: names that are not known, numbers that
        are none, names that come twice, a text without any series.

    Examples
    --------
    >>> [line] = parse_run_order("recognition_run_1 240  # first")
    >>> line.stem, line.n_volumes
    ('task-recognition_run-1_bold', 240)
    """
    lines, problems = [], []
    for number, raw in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        content = raw.partition("#")[0].strip()
        if not content:
            continue
        try:
            lines.append(_parse_line(number, content))
        except InputError as err:
            problems.append(f"line {number} `{content}`: {err.found}; {err.hint}")
    first: dict[str, RunLine] = {}
    for line in lines:
        other = first.setdefault(line.stem, line) if line.stem else line
        if other is not line:
            problems.append(
                f"line {line.number} `{line.text}`: {line.stem} is also line {other.number}; "
                "give them different run- numbers"
            )
    if not lines and not problems:
        problems.append("no line with a series")
    if problems:
        raise _order_error(problems, "a line `name [expected volumes [BIDS name]]` a series")
    return tuple(lines)


def match_run_order(
    lines: Sequence[RunLine], series: Sequence[FoundSeries]
) -> list[tuple[RunLine, int]]:
    """Say which series each line is.

    Parameters
    ----------
    lines : sequence of RunLine
        As `parse_run_order` gives them.
    series : sequence of FoundSeries
        All that were found, in the order of scanning.

    Returns
    -------
    list of (RunLine, int)
        Each line that is to be converted with the index of its series.

    Raises
    ------
    InputError
        If there are more or fewer series than lines, or a series has another number of volumes
        than its line says: all of it at once. Which of them are too many is a guess, the one
        with the fewest differences.
    """
    problems = []
    for line, found in _align(lines, series):
        if found is None and line is not None:
            problems.append(f"line {line.number} `{line.text}`: no such series was found")
        elif line is None or found is None:
            problems.append(f"{found}: no line for it")
        elif not _fits(line, found):
            problems.append(f"line {line.number} `{line.text}`: {found}")
    if len(lines) != len(series):
        problems.insert(0, f"{len(series)} series for {len(lines)} lines")
    if problems:
        raise _order_error(
            problems, "a line for each series, and each with the volumes that its line says"
        )
    return [(line, index) for index, line in enumerate(lines) if line.stem is not None]


def _parse_line(number: int, content: str) -> RunLine:
    name, *more = content.split()
    if len(more) > 2:
        raise _name_error(content, "write blanks nowhere but between the three columns")
    n_volumes = None
    if more and more[0] != "-":
        if not re.fullmatch("0*[1-9][0-9]{0,8}", more[0]):
            raise _name_error(more[0], "the second column is the number of volumes, 1 or more")
        n_volumes = int(more[0])
    if name.upper() in SKIPS:
        if len(more) == 2:
            raise _name_error(more[1], f"{name} is not converted and needs no BIDS name")
        return RunLine(number, content, None, None)
    return RunLine(number, content, bids_stem(more[1] if len(more) == 2 else name), n_volumes)


def _fits(line: RunLine, found: FoundSeries) -> bool:
    return line.n_volumes in (None, found.n_volumes)


def _align(
    lines: Sequence[RunLine], series: Sequence[FoundSeries]
) -> list[tuple[RunLine | None, FoundSeries | None]]:
    """Pair lines and series in order with the fewest differences.

    Needleman and Wunsch's dynamic programme; a wrong number of volumes costs as much as a line
    or a series without a partner; of equals, the last stay without, since sessions are broken
    off at their end. Where the counts agree the pairs are simply those in order.
    """
    if len(lines) == len(series):
        return list(zip(lines, series, strict=True))
    n, m = len(lines), len(series)
    cost = np.add.outer(np.arange(n + 1), np.arange(m + 1)).astype(float)
    for i in range(n):
        for j in range(m):
            paired = cost[i, j] + (not _fits(lines[i], series[j]))
            cost[i + 1, j + 1] = min(paired, cost[i, j + 1] + 1, cost[i + 1, j] + 1)
    pairs: list[tuple[RunLine | None, FoundSeries | None]] = []
    i, j = n, m
    while i or j:
        if i and cost[i, j] == cost[i - 1, j] + 1:
            i -= 1
            pairs.append((lines[i], None))
        elif j and cost[i, j] == cost[i, j - 1] + 1:
            j -= 1
            pairs.append((None, series[j]))
        else:
            i, j = i - 1, j - 1
            pairs.append((lines[i], series[j]))
    return pairs[::-1]


def _name_error(name: str, hint: str) -> InputError:
    return InputError("name", expected="the name of a series", found=repr(name), hint=hint)


def _order_error(problems: Sequence[str], expected: str) -> InputError:
    return InputError(
        "run_order",
        expected=expected,
        found="\n            ".join(problems),
        hint="mend the run order; SKIP or ERROR_RUN is a series that is not to be converted",
    )
