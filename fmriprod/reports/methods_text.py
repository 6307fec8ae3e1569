"""Methods texts as Markdown, LaTeX or HTML."""

import re

from markupsafe import escape

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.reports.methods_latex import bibtex, describe_latex, latex_document
from fmriprod.reports.references import citations, describe_html

FORMATS = ("md", "tex", "html")
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:42em;margin:2em auto;padding:0 1em;"
    "color:#1a1a1a;background:#fff}@media(prefers-color-scheme:dark){body{color:#e6e6e6;"
    "background:#16181c}a{color:#8ab4f8}}li{margin:.3em 0;overflow-wrap:anywhere}"
)


def format_methods(
    text: str, form: str = "md", *, standalone: bool = False, bibliography_name: str = "references"
) -> str:
    """Print a methods text.

    Parameters
    ----------
    text : str
        As `fmriprod.workflows.describe.describe` gives it.
    form : {"md", "tex", "html"}
        Markdown with citations as ``[@key]`` (as Pandoc, Quarto and R Markdown read them),
        LaTeX with those of natbib, HTML with a numbered list of references.
    standalone : bool
        A whole document, and not a part of one: LaTeX with a preamble, HTML with a head,
        Markdown with a header that names the ``.bib`` file.
    bibliography_name : str
        Name of the ``.bib`` file without its ending.

    Returns
    -------
    str

    Raises
    ------
    InputError
        If the format is unknown, or a cited key.
    """
    if form not in FORMATS:
        raise InputError(
            "format", expected=f"one of {', '.join(FORMATS)}", found=repr(form),
            hint=suggest(str(form), FORMATS),
        )  # fmt: skip
    bibtex(citations(text))  # an unknown key is refused, whatever the format
    if form == "md":
        head = f"---\nbibliography: {bibliography_name}.bib\n---\n\n# Methods\n\n"
        return (head if standalone else "") + _markdown(text) + "\n"
    if form == "tex":
        return latex_document(text, bibliography_name) if standalone else describe_latex(text)
    body = str(describe_html(text))
    if not standalone:
        return f"{body}\n"
    body = body.replace("<h3>References</h3>", "<h2>References</h2>")  # below the page's own <h1>
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Methods</title>\n<style>{escape(_STYLE)}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>Methods</h1>\n{body}\n</main>\n</body>\n</html>\n"
    )


def parse_markdown(document: str) -> str:
    """Give the methods text that a Markdown document was made of; `format_methods` undone.

    Parameters
    ----------
    document : str
        Standalone Markdown.

    Returns
    -------
    str

    Raises
    ------
    InputError
        If it does not begin as `format_methods` begins it.
    """
    head = re.match(r"---\nbibliography: [^\n]*\.bib\n---\n\n# Methods\n\n", document)
    if head is None:
        raise InputError(
            "methods", expected="a methods text that a run wrote (Markdown)",
            found=f"it begins with {document[:40]!r}", hint="let the run write it again",
        )  # fmt: skip
    parts = document[head.end() : -1].split("`")
    if len(parts) % 2 == 0:
        return re.sub(r"\\([\\*<$`])", r"\1", "`".join(parts))
    return "`".join(
        part if i % 2 else re.sub(r"\\([\\*<$])", r"\1", part) for i, part in enumerate(parts)
    )


def _markdown(text: str) -> str:
    """Escape what Markdown would take for markup; code and citations stay."""
    parts = text.split("`")
    if len(parts) % 2 == 0:  # a backtick without its partner is none of code
        return _plain(text).replace("`", "\\`")
    return "`".join(part if i % 2 else _plain(part) for i, part in enumerate(parts))


def _plain(text: str) -> str:
    return text.replace("\\", "\\\\").replace("*", "\\*").replace("<", "\\<").replace("$", "\\$")
