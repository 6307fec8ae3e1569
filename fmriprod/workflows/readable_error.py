"""What a person needs of a traceback."""

import re

from fmriprod.interfaces.disk_full import why_full

_HINT = "make room and give the same command again: it continues"
_OWN = "fmriprod.algorithms.checks.InputError: "
_THEN = "\nDuring handling of the above exception, another exception occurred:\n"
_NO_RESULT = re.compile(r"^FileNotFoundError: .*/result_[^/]*\.pklz$", re.MULTILINE)
_SAID = 4  # last lines of what a program wrote to its standard error


def readable_error(trace: str | list[str]) -> str:
    r"""Take from a traceback what a person needs: the message of its last exception.

    Parameters
    ----------
    trace : str or list of str
        As `traceback.format_exception` gives it; Nipype wraps it in one of its own.

    Returns
    -------
    str
        The message without the name of our own exception type; with the last lines that a
        program wrote to its standard error, where it is one that failed.

    Examples
    --------
    >>> readable_error(["Traceback:\n", '  File "x.py", line 1\n', "ValueError: no\n"])
    'ValueError: no'
    """
    text = "".join(trace)
    first, found, then = text.rpartition(_THEN)
    if found and _NO_RESULT.search(then):  # Nipype looks for a result after any failure
        text = first
    lines, said = unwrap(text)
    text = "\n".join(lines)
    if _OWN in text:
        keep = text.split(_OWN)[-1].splitlines()
        end = (i for i, line in enumerate(keep) if i and line and line[0] not in " \t[")
        return "\n".join(keep[: next(end, len(keep))]).strip()
    message = "\n".join([_last_message(lines), *(f"  it said:  {line}" for line in said)])
    reason = why_full(message)
    if reason is not None:  # told by a program, or while Nipype wrote something of its own
        return f"disk full: {reason}\n  found:    {message}\n  do:       {_HINT}"
    return message


def unwrap(text: str) -> tuple[list[str], list[str]]:
    """Take what Nipype says of a failed interface apart: it is there indented by a tab.

    Returns
    -------
    lines : list of str
        The interface's own traceback; all of the text where Nipype says nothing of it.
    said : list of str
        Last lines that its program wrote to its standard error.
    """
    before, found, inner = text.rpartition("\nTraceback:\n\t")
    if not found:
        return text.splitlines(), []
    lines = [f"\t{line}" if i == 0 else line for i, line in enumerate(inner.splitlines())]
    end = next((i for i, line in enumerate(lines) if line and line[0] != "\t"), len(lines))
    said = before.rpartition("\nStderr:\n")[2] if "\nStderr:\n" in before else ""
    spoken = [line.strip() for line in said.splitlines() if line.strip()]
    return [line.removeprefix("\t") for line in lines[:end]], spoken[-_SAID:]


def _last_message(lines: list[str]) -> str:
    """Find the last exception, all lines of it: what is not indented below its last place."""
    lines = [line for line in lines if line.strip()]
    places = [i for i, line in enumerate(lines) if re.match(r'  File ".*", line \d+', line)]
    first = places[-1] if places else 0
    heads = [i for i in range(first, len(lines)) if lines[i][0] not in " \t"]
    if not heads:
        return "\n".join(lines).strip()
    return "\n".join(lines[heads[0] if places else heads[-1] :]).strip()
