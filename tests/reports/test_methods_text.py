"""Formats of methods texts: what is cited, what is escaped, and what programs make of it."""

import re
import shutil
import subprocess
import unicodedata
from html.parser import HTMLParser

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fmriprod.algorithms.checks import InputError
from fmriprod.reports import references
from fmriprod.reports.methods_latex import bibtex, describe_latex, latex_document
from fmriprod.reports.methods_text import format_methods, parse_markdown
from fmriprod.reports.references import citations

EVERYTHING = list(references._library())
NASTY = "5 % of a_b & c#1, {x} ~ y^2 <tag> $3 | \\n (`half == 1_a`) [@fsl; @bet], as @fan2020 did."


def test_latex_of_every_kind_of_citation_and_letter():
    assert describe_latex(NASTY) == (
        r"5 \% of a\_b \& c\#1, \{x\} \textasciitilde{} y\textasciicircum{}2 \textless{}tag"
        r"\textgreater{} \$3 \textbar{} \textbackslash{}n (\texttt{half == 1\_a}) \citep{fsl,bet}, "
        "as \\citet{fan2020} did.\n"
    )
    assert describe_latex("One.\n\n \nTwo × µ.") == "One.\n\nTwo $\\times$ $\\mu$.\n"


def test_code_is_code_and_cites_nothing():
    text = "Samples with `who == '@fsl' < 3` [@bet]."
    assert citations(text) == ["bet"]
    assert r"\texttt{who == '@fsl' \textless{} 3}" in describe_latex(text)
    html = format_methods(text, "html")
    assert "<code>who == &#39;@fsl&#39; &lt; 3</code>" in html and 'href="#ref-1"' in html
    assert html.count("<li") == 1
    assert "`who == '@fsl' < 3`" in format_methods(text, "md")


@given(st.text("ab`\\*<$\n|_ [@bet]", max_size=40))
def test_markdown_gives_the_text_back(text):
    assume(not set(citations(text)) - set(EVERYTHING))
    assert parse_markdown(format_methods(text, "md", standalone=True)) == text


def test_markdown_of_another_kind_is_refused():
    with pytest.raises(InputError, match="a methods text that a run wrote"):
        parse_markdown("# Methods\n\nText.\n")


def read_latex(text):
    """Undo the escapes, in another way than by the table: a tiny TeX reader."""
    names = {"textbackslash": "\\", "textasciitilde": "~", "textasciicircum": "^",
             "textless": "<", "textgreater": ">", "textbar": "|", "textquotedbl": '"'}  # fmt: skip
    out, i = [], 0
    while i < len(text):
        if text[i] != "\\":
            assert text[i] not in "%#&$_{}~^", f"{text[i]} is not escaped: {text!r}"
            out.append(text[i])
            i += 1
        elif name := re.match(r"\\([a-z]+)\{\}", text[i:]):
            out.append(names[name[1]])
            i += name.end()
        else:
            out.append(text[i + 1])
            i += 2
    return "".join(out)


@settings(deadline=None, max_examples=200)
@given(st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="@`")))
def test_latex_says_again_what_was_said(text):
    assert read_latex(describe_latex(f"x{text}x").rstrip("\n")) == f"x{text}x"


def entries(text):
    return re.findall(r"^@\w+\{([\w-]+),", text, re.MULTILINE)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.sampled_from(EVERYTHING), max_size=8))
def test_the_bib_holds_exactly_what_each_format_cites(keys):
    text = "Said. " + " ".join(f"Then [@{key}]." for key in keys)
    unique = list(dict.fromkeys(keys))
    assert entries(bibtex(citations(text))) == unique
    tex = format_methods(text, "tex")
    assert dict.fromkeys(re.findall(r"\\citep\{([\w,-]+)\}", tex)).keys() == set(unique)
    assert format_methods(text, "html").count("<li id=") == len(unique)


def test_bibtex_is_ascii_balanced_and_keeps_names_in_capitals():
    text = bibtex(EVERYTHING)
    assert text.isascii() and entries(text) == EVERYTHING
    for entry in text.split("\n\n"):
        assert entry.count("{") == entry.count("}")
    assert r"Varoquaux, Ga{\"{e}}l" in text and r"Repov{\v{s}}" in text
    assert r"M{\"{a}}chler" in text and "{N4ITK}: improved {N3} bias" in text
    assert "in {Python}" in text and "title = {{FSL}}" in text and "{{{" not in text


def test_an_independent_reader_of_bibtex_finds_the_same_works():
    database = pytest.importorskip("pybtex.database")
    latexcodec = pytest.importorskip("latexcodec")
    assert latexcodec
    parsed = database.parse_string(bibtex(EVERYTHING), "bibtex")
    library = references._library()
    assert list(parsed.entries) == list(library)
    for key, entry in parsed.entries.items():
        fields = library[key][1]
        assert entry.fields["year"] == fields["year"] and "title" in entry.fields
        people = [p for p in fields["author"].split(" and ") if p != "others"]
        found = [p for p in entry.persons["author"] if str(p) != "others"]
        assert len(found) == len(people), key
        plain = [str(p).encode().decode("latex").translate({123: None, 125: None}) for p in found]
        assert [unicodedata.normalize("NFC", p) for p in plain] == people, key


def test_markdown_escapes_what_would_be_markup():
    assert format_methods("a*b*c <i> $x$ [@fsl] `k*l`", "md") == (
        "a\\*b\\*c \\<i> \\$x\\$ [@fsl] `k*l`\n"
    )
    whole = format_methods("Said [@fsl].", "md", standalone=True, bibliography_name="mine")
    assert whole.startswith("---\nbibliography: mine.bib\n---\n") and "# Methods" in whole
    assert format_methods("one ` alone", "md") == "one \\` alone\n"


class _Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.targets, self.links = [], set(), set()

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.open += [] if tag in ("meta",) else [tag]
        self.targets |= {attrs["id"]} if "id" in attrs else set()
        self.links |= {attrs["href"]} if "href" in attrs else set()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_html_is_a_page_whose_citations_lead_to_references():
    page = _Page()
    page.feed(format_methods(NASTY, "html", standalone=True))
    assert not page.open
    inside = {link[1:] for link in page.links if link.startswith("#")}
    assert inside == page.targets == {"ref-1", "ref-2", "ref-3"}


def test_unknown_formats_and_keys_are_refused():
    with pytest.raises(InputError, match="one of md, tex, html") as caught:
        format_methods("Said.", "htm")
    assert "did you mean 'html'" in str(caught.value)
    for form in ("md", "tex", "html"):
        with pytest.raises(InputError, match="@nothing_like_it"):
            format_methods("Said [@nothing_like_it].", form)


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="no LaTeX")
def test_latex_compiles(work):
    keys = "; ".join(f"@{key}" for key in EVERYTHING)
    (work / "methods.tex").write_text(latex_document(f"{NASTY} [{keys}]", "methods"))
    (work / "methods.bib").write_text(bibtex(EVERYTHING))
    latex = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "methods"]
    for command in (latex, ["bibtex", "methods"], latex, latex):
        done = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-2000:]
    assert "undefined" not in (work / "methods.log").read_text(errors="replace")
