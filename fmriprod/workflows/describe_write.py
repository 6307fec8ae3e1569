"""Write the methods text of a workflow, with the references that it cites."""

from pathlib import Path

from nipype.pipeline.engine import Workflow

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.atomic_files import save_text
from fmriprod.reports.methods_text import FORMATS, format_methods
from fmriprod.reports.references import citations
from fmriprod.workflows.describe import describe


def write_methods(
    workflow: Workflow | str, path: str | Path, *, standalone: bool = True
) -> list[Path]:
    """Write the methods text of a workflow, and beside it a ``.bib`` of exactly what it cites.

    Parameters
    ----------
    workflow : nipype.pipeline.engine.Workflow or str
        Any workflow, or a text that `describe` made.
    path : path
        ``.md``, ``.tex`` or ``.html``; what is there is replaced.
    standalone : bool
        A whole document, or a part to include in one.

    Returns
    -------
    list of pathlib.Path
        The text, and unless nothing is cited or it is HTML (which lists references itself) the
        ``.bib``.

    Raises
    ------
    InputError
        If the ending is another one, or a text cites a work that is not in the package's list.
    """
    from fmriprod.reports.methods_latex import bibtex

    path = Path(path)
    form = path.suffix.removeprefix(".")
    if form not in FORMATS:
        raise InputError(
            "path", expected=f"a file that ends in {', '.join('.' + f for f in FORMATS)}",
            found=str(path), hint="the ending says which format is written",
        )  # fmt: skip
    text = workflow if isinstance(workflow, str) else describe(workflow)
    name = path.stem
    content = format_methods(text, form, standalone=standalone, bibliography_name=name)
    references = bibtex(citations(text))
    save_text(content, path)
    if form == "html" or not references:
        return [path]
    save_text(references, path.with_suffix(".bib"))
    return [path, path.with_suffix(".bib")]
