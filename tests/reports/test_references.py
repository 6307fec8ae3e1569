import re

import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.reports import references
from fmriprod.reports.references import bibliography, citations, describe_html


def test_citations_are_found_in_all_forms_and_addresses_are_none():
    text = "A [@n4], [@bet;@fsl ] and @fan2020; mail a.b@example.org. Again @n4."
    assert citations(text) == ["n4", "bet", "fsl", "fan2020"]


def test_bibliography_holds_only_what_is_cited_in_that_order():
    text = bibliography(["mcflirt", "bet"])
    assert re.findall(r"^@\w+\{(\w+),", text, re.MULTILINE) == ["mcflirt", "bet"]
    assert text.count("{") == text.count("}")
    assert bibliography([]) == ""


def test_an_unknown_key_is_refused_with_the_nearest_one():
    with pytest.raises(InputError, match=r"found:    @mcflrt") as caught:
        bibliography(["mcflrt"])
    assert "did you mean 'mcflirt'?" in str(caught.value)
    with pytest.raises(InputError):
        describe_html("See [@nothing_like_it].")


def test_every_entry_has_what_a_reference_needs():
    library = references._library()
    text = references.files("fmriprod.data").joinpath("references.bib").read_text(encoding="utf-8")
    assert len(library) == text.count("\n@") + 1, "an entry was not read"
    for key, (_, fields) in library.items():
        assert {"author", "title", "year"} <= set(fields), key
        assert re.fullmatch(r"(19|20)\d\d", fields["year"]), key
        assert "journal" in fields or "howpublished" in fields, key
        assert re.fullmatch(r"10\.\d{4,}/\S+", fields.get("doi", "10.1234/x")), key
        assert len(library) == len({f["title"] for _, f in library.values()})


def test_html_numbers_works_by_first_mention_and_lists_them():
    html = describe_html("Motion [@mcflirt; @fsl].\n\nThen @bet and [@fsl].")
    assert html.count("<p>") == 2
    first, second = re.findall(r"<p>(.*?)</p>", html)
    assert re.sub("<.*?>", "", first) == "Motion [1, 2]."
    assert re.sub("<.*?>", "", second) == "Then [3] and [2]."
    items = re.findall(r'<li id="ref-(\d)">(.*?)</li>', html)
    assert [i for i, _ in items] == ["1", "2", "3"]
    plain = re.sub("<.*?>", "", items[0][1])
    assert plain == (
        "Jenkinson M., Bannister P., Brady M., Smith S. (2002). Improved optimization for the "
        "robust and accurate linear registration and motion correction of brain images. "
        "NeuroImage 17(2), 825–841. doi:10.1006/nimg.2002.1132"
    )


def test_long_author_lists_are_cut_and_text_is_escaped():
    html = describe_html("a < b & c <script> [@sklearn] [@bids]")
    assert "a &lt; b &amp; c &lt;script&gt;" in html
    assert "Pedregosa F., Varoquaux G., Gramfort A. et al. (2011)" in html
    assert "Gorgolewski K.J., Auer T., Calhoun V.D. et al. (2016)" in html


def test_html_shows_no_markup_of_bibtex():
    html = describe_html(" ".join(f"[@{key}]" for key in references._library()))
    assert "DICOM to NIfTI conversion" in html and "analysis – connecting" in html
    items = re.findall(r"<li.*?</li>", html)
    assert len(items) == len(references._library())
    assert not [item for item in items if re.search(r"[{}\\]|--", item)]
