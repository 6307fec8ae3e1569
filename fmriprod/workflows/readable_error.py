"""What a person needs of a traceback."""


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
    last = max((i for i, line in enumerate(lines) if not line.startswith((" ", "\t"))), default=0)
    return "\n".join(lines[last:]).strip()
