"""What a person needs of a traceback."""

import textwrap

_WRAPPED = "Exception raised while executing Node "  # Nipype's, with the real one indented below

from fmriprod.interfaces.disk_full import why_full

_HINT = "make room and give the same command again: it continues"


def readable_error(trace: str | list[str]) -> str:
    r"""Take from a traceback what a person needs: the message of its last exception.

    Parameters
    ----------
    trace : str or list of str
        As `traceback.format_exception` gives it; Nipype wraps it in one of its own.

    Returns
    -------
    str
        The message without the name of our own exception type.

    Examples
    --------
    >>> readable_error(["Traceback:\n", '  File "x.py", line 1\n', "ValueError: no\n"])
    'ValueError: no'
    """
    text = "".join(trace)
    if _WRAPPED in text and "\nTraceback:\n\t" in text:
        inner = text.rpartition("\nTraceback:\n")[2].split("\n")
        whole = next((i for i, line in enumerate(inner) if line and line[0] != "\t"), len(inner))
        text = textwrap.dedent("\n".join(inner[:whole]))
    own = "fmriprod.algorithms.checks.InputError: "
    if own in text:
        lines = text.split(own)[-1].splitlines()
        keep = [lines[0]]
        for line in lines[1:]:
            if line and not line.startswith((" ", "\t", "[")):
                break
            keep.append(line)
        return "\n".join(keep).strip()
    lines = [line for line in text.splitlines() if line.strip()]
    if (
        "Traceback:" in lines
    ):  # of Nipype, about an interface: the exception's own is below, by a tab
        inner = lines[len(lines) - lines[::-1].index("Traceback:") :]
        lines = [line.removeprefix("\t") for line in inner] or lines
    last = max((i for i, line in enumerate(lines) if not line.startswith((" ", "\t"))), default=0)
    message = "\n".join(lines[last:]).strip()
    reason = why_full(message)
    if reason is not None:  # told by a program, or while Nipype wrote something of its own
        return f"disk full: {reason}\n  found:    {message}\n  do:       {_HINT}"
    return message
