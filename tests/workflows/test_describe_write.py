import re

import pytest
from nipype.pipeline import engine as pe

from fmriprod.algorithms.checks import InputError
from fmriprod.workflows.describe import citations, describe
from fmriprod.workflows.describe_write import write_methods
from fmriprod.workflows.glm import init_first_level_wf


@pytest.mark.parametrize("form", ["md", "tex", "html"])
def test_text_and_references_lie_side_by_side(work, form):
    workflow = init_first_level_wf(contrasts=["a-b"], fwhm=7.0)
    written = write_methods(workflow, work / "new" / f"my_methods.{form}")
    text = written[0].read_text()
    assert "7 mm FWHM" in text
    if form == "html":
        assert [path.name for path in written] == ["my_methods.html"]
        return
    assert [path.name for path in written] == [f"my_methods.{form}", "my_methods.bib"]
    keys = re.findall(r"^@\w+\{([\w-]+),", written[1].read_text(), re.MULTILINE)
    assert set(keys) == set(citations(describe(workflow))) and "fsl" not in keys
    assert "my_methods" in text


def test_without_citations_there_is_no_list_of_references(work):
    assert [p.name for p in write_methods("We looked.", work / "m.tex")] == ["m.tex"]
    assert "bibliography" not in (work / "m.tex").read_text()
    write_methods(pe.Workflow(name="empty"), work / "empty.md")


def test_another_ending_and_unknown_works_leave_nothing_behind(work):
    with pytest.raises(InputError, match=r"ends in \.md, \.tex, \.html") as caught:
        write_methods("Said.", work / "methods.docx")
    assert "methods.docx" in str(caught.value) and "ending says" in str(caught.value)
    with pytest.raises(InputError, match="@mcflrit"):
        write_methods("Said [@mcflrit].", work / "methods.tex")
    assert not list(work.iterdir())
