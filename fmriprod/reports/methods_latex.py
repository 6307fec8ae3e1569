"""Methods texts as LaTeX, and references as BibTeX that every style prints right."""

import re
import unicodedata
from collections.abc import Iterable

from fmriprod.reports.references import (
    CITATION,
    CODE,
    bibliography,
    citations,
    paragraphs_of,
)

_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "_": r"\_", "%": r"\%", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\textquotedbl{}",
    "–": "--", "—": "---", "“": "``", "”": "''", "‘": "`", "’": "'", "…": r"\ldots{}",
    "±": r"$\pm$", "×": r"$\times$", "≥": r"$\geq$", "≤": r"$\leq$", "−": "$-$", "°": r"$^\circ$",
    "µ": r"$\mu$", "μ": r"$\mu$", "σ": r"$\sigma$", "α": r"$\alpha$", "χ": r"$\chi$",
    "²": "$^2$", "³": "$^3$", "\N{NO-BREAK SPACE}": "~", "ß": r"{\ss}", "ø": r"{\o}", "Ø": r"{\O}",
    "ł": r"{\l}", "Ł": r"{\L}", "æ": r"{\ae}", "Æ": r"{\AE}", "å": r"{\aa}", "Å": r"{\AA}",
    "œ": r"{\oe}", "ı": r"{\i}",
}  # fmt: skip
_ACCENTS = {
    "\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0304": "=", "\u0306": "u",
    "\u0307": ".", "\u0308": '"', "\u030a": "r", "\u030b": "H", "\u030c": "v", "\u0327": "c",
    "\u0328": "k",
}  # fmt: skip
_TITLE = re.compile(r"^(\s*title = \{)(.*)(\},?)$", re.MULTILINE)
_NAME = re.compile(
    r"(?<![\w{])(?=\w*[A-Z])(?:\w+[A-Z]\w*|[A-Z]\d\w*|Python|Nipype|Human Connectome)"
)
_HEAD = r"""\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{textcomp}
\usepackage[round]{natbib}
\begin{document}
\section*{Methods}
"""
_FOOT = r"""
\bibliographystyle{plainnat}
\bibliography{%s}
\end{document}
"""


def describe_latex(text: str) -> str:
    r"""Turn a methods text into LaTeX, for a document that loads ``natbib``.

    Parameters
    ----------
    text : str
        Plain text with citations as ``[@key]``, ``[@one; @two]`` or ``@key``; paragraphs are
        parted by blank lines; code is in backticks.

    Returns
    -------
    str
        Paragraphs with ``\citep{key}``, ``\citep{one,two}`` and ``\citet{key}``; all else is
        escaped.

    Raises
    ------
    InputError
        If a cited key is unknown.

    Examples
    --------
    >>> print(describe_latex("5 % of a_b [@fsl; @bet], as in @fan2020."), end="")
    5 \% of a\_b \citep{fsl,bet}, as in \citet{fan2020}.
    """
    return "\n\n".join(_paragraph(part) for part in paragraphs_of(text)) + "\n"


def latex_document(text: str, bibliography_name: str) -> str:
    r"""Turn a methods text into a document of its own.

    Parameters
    ----------
    text : str
        As `describe_latex` takes it.
    bibliography_name : str
        Name of the ``.bib`` file without its ending.

    Returns
    -------
    str
        From ``\documentclass`` to ``\end{document}``; needs natbib only.
    """
    foot = _FOOT % bibliography_name
    if not citations(text):
        foot = "\n\\end{document}\n"
    return _HEAD + describe_latex(text) + foot


def bibtex(keys: Iterable[str]) -> str:
    """Return the BibTeX entries of the cited works, for any style and BibTeX program.

    Accents are written as commands, because the classic program cuts UTF-8 letters in two, and
    names in titles are in braces, because styles take capitals away.

    Parameters
    ----------
    keys : iterable of str
        Keys of ``data/references.bib``.

    Returns
    -------
    str
        ASCII, in the order of the keys; empty without keys.

    Raises
    ------
    InputError
        If a key is unknown.
    """
    text = _TITLE.sub(lambda m: m[1] + _NAME.sub(r"{\g<0>}", m[2]) + m[3], bibliography(list(keys)))
    return "".join(letter if letter.isascii() else _letter(letter) for letter in text)


def _paragraph(text: str) -> str:
    parts = re.split(f"({CODE.pattern})", text)
    # re.split gives text, then the match and its one group, in turn.
    return "".join(
        rf"\texttt{{{_escaped(parts[i + 1])}}}" if i % 3 == 1 else _cited(part)
        for i, part in enumerate(parts) if i % 3 != 2
    )  # fmt: skip


def _cited(text: str) -> str:
    out, end = [], 0
    for match in CITATION.finditer(text):
        command = "citet" if match[2] else "citep"
        keys = ",".join(citations(match[0]))
        out += [_escaped(text[end : match.start()]), rf"\{command}{{{keys}}}"]
        end = match.end()
    return "".join([*out, _escaped(text[end:])])


def _escaped(text: str) -> str:
    return "".join(_SPECIAL.get(letter, letter) for letter in text)


def _letter(letter: str) -> str:
    """One letter beyond ASCII as a command; as it is where there is none."""
    if letter in _SPECIAL:
        return _SPECIAL[letter]
    base, *marks = unicodedata.normalize("NFD", letter)
    if len(marks) != 1 or marks[0] not in _ACCENTS:
        return letter
    return f"{{\\{_ACCENTS[marks[0]]}{{{base}}}}}"
