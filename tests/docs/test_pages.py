"""The documentation is true of the code: complete, its code runs, its messages exist."""

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest

from fmriprod.reports.references import bibliography, citations

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(
    page
    for page in DOCS.rglob("*.md")
    if not {"_build", "api", "design"} & set(page.relative_to(DOCS).parts)
)
PICTURE = re.compile(r"!\[([^\]]*)\]\(([^)]+)\)")


@pytest.fixture(scope="module")
def ext():
    """Give the modules that make the pages."""
    pytest.importorskip("sphinx", reason="pip install '.[docs]'")
    sys.path.insert(0, str(DOCS / "ext"))
    import api_pages
    import graphs
    import made_pages
    import specs

    sys.path.remove(str(DOCS / "ext"))
    return {"api_pages": api_pages, "graphs": graphs, "specs": specs, "made_pages": made_pages}


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text("utf-8"), re.M | re.S)


def defined(folder: str, kind: type, prefix: str) -> set[str]:
    """Find names of public definitions in the source, without importing it."""
    names = set()
    for path in (ROOT / "fmriprod" / folder).rglob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        names |= {n.name for n in tree.body if isinstance(n, kind) and n.name.startswith(prefix)}
    return names


def test_every_interface_and_builder_has_a_page(ext):
    made = set(ext["api_pages"].pages())
    steps = {Path(page).stem for page in made if page.startswith("interfaces/")} - {"index"}
    graphs = {Path(page).stem for page in made if page.startswith("workflows/")} - {"index"}
    assert graphs == defined("workflows", ast.FunctionDef, "init_")
    processed = set()  # classes that do something of their own
    for path in (ROOT / "fmriprod" / "interfaces").rglob("*.py"):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                own = {t.id for a in node.body if isinstance(a, ast.Assign) for t in a.targets
                       if isinstance(t, ast.Name)}  # fmt: skip
                own |= {n.name for n in node.body if isinstance(n, ast.FunctionDef)}
                processed |= (
                    {node.name} if {"input_spec", "output_spec", "_process"} & own else set()
                )
    assert steps == processed - {"PythonInterface", "PageReport"}  # bases, nothing by themselves


def test_a_page_lists_every_input_and_output(ext):
    specs = ext["specs"]
    shared = {*specs.SHARED, "trait_added", "trait_modified"}
    for name, interface in specs.interfaces().items():
        page = ext["api_pages"].interface_page(name, interface)
        told, gives = page.split("Outputs\n-------")
        inputs = set(re.findall(r"^   \* - ``(\w+)``", told, re.M))
        assert inputs == set(interface.input_spec().traits()) - shared, name
        outputs = set(re.findall(r"^   \* - ``(\w+)``", gives, re.M))
        assert outputs == set(interface.output_spec().traits()) - shared, name


def test_a_page_tells_types_defaults_and_what_is_required(ext):
    page = ext["api_pages"].interface_page("Smooth", ext["specs"].interfaces()["Smooth"])
    lines = [line.strip() for line in page.splitlines()]
    start = lines.index("* - ``in_file``")
    assert lines[start + 1 : start + 4] == ["- file", "- **required**", r"- 3\-D or 4\-D image"]
    start = lines.index("* - ``fwhm``")
    assert lines[start + 1 : start + 3] == ["- float", "- ``3.0``"]


def test_steps_are_those_of_the_graph_in_its_order(ext):
    with ext["graphs"].build("init_first_level_wf") as workflow:
        assert [kind for _, kind in ext["graphs"].steps(workflow)] == ["Smooth", "FirstLevelModel"]
        assert ext["graphs"].connections(workflow) == "2 steps: smooth, model"
    with ext["graphs"].build("init_no_such_wf") as workflow:
        assert workflow is None


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_pictures_are_there_and_say_what_they_show(page):
    for alt, target in PICTURE.findall(page.read_text("utf-8")):
        assert len(alt) > 20, f"{page.name}: {target} has no alternative text"
        assert (page.parent / target.lstrip("/")).is_file(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_links_between_pages_land(page):
    for target in re.findall(r"\]\(([^)#:\s]+\.(?:md|rst))\)", page.read_text("utf-8")):
        if not target.startswith(("api/", "../api/")):  # made when the site is built
            assert (page.parent / target).is_file(), f"{page.name}: {target}"


def test_what_pages_cite_is_in_the_bibliography():
    keys = {
        key.strip()
        for page in PAGES
        for cited in re.findall(r"\{cite\}`([^`]+)`", page.read_text("utf-8"))
        for key in cited.split(",")
    }
    assert len(keys) > 20
    assert bibliography(sorted(keys)) and citations("[@bet]") == ["bet"]


def test_every_step_says_what_why_and_when_not():
    steps = sorted(page for page in (DOCS / "steps").glob("*.md") if page.stem != "index")
    index = (DOCS / "steps" / "index.md").read_text("utf-8").split()
    for page in steps:
        text = page.read_text("utf-8")
        for word in ("**What.**", "**Why.**", "**When not.**", "```{interface} "):
            assert word in text, f"{page.name} lacks {word}"
        assert page.stem in index, f"{page.name} is in no list"


MESSAGES = [
    one
    for group in tomllib.loads((DOCS / "messages.toml").read_text("utf-8"))["group"]
    for one in group["message"]
]


def test_there_are_twenty_messages_and_each_is_another():
    assert len({one["title"] for one in MESSAGES}) == len(MESSAGES) >= 20


@pytest.mark.parametrize("one", MESSAGES, ids=lambda one: one["title"][:40])
def test_a_message_stands_in_the_code_as_it_is_shown(one):
    tree = ast.parse((ROOT / "fmriprod" / one["module"]).read_text("utf-8"))
    texts = [
        n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)
    ]
    shown = " ".join(one["shown"].split())
    for fragment in one["fragments"]:
        assert any(fragment in text for text in texts), f"{one['module']} does not say {fragment!r}"
        assert " ".join(fragment.split()) in shown, f"the page does not show {fragment!r}"
    assert "expected:" in shown and "found:" in shown and one["answer"].strip()


def entries(name: str) -> list[dict]:
    """Read what a page is made from: figures of sources, or examples."""
    content = tomllib.loads((DOCS / name).read_text("utf-8"))
    if name == "gallery.toml":
        return [picture for one in content["example"] for picture in one["pictures"]]
    return [figure for source in content["source"] for figure in source["figure"]]


def test_every_figure_of_the_sources_has_a_thumbnail_and_a_function_that_is_there(ext):
    figures = entries("figures.toml")
    assert len(figures) >= 35 and len({one["image"] for one in figures}) == len(figures)
    for one in figures:
        assert len(one["alt"]) > 20 and one["what"]
        picture = DOCS / "images" / "figures" / one["image"]
        assert picture.is_file() and picture.stat().st_size < 60_000, picture
        makers = re.findall(r"`~?(?:fmriprod\.)?([\w.]+)", one["made_by"])
        assert makers, one["made_by"]
        for maker in makers:
            if "." in maker:
                module, _, name = maker.rpartition(".")
                path = ROOT / "fmriprod" / (module.replace(".", "/") + ".py")
                assert re.search(rf"^(def|class) {name}\b", path.read_text("utf-8"), re.M), maker


def test_every_example_is_in_the_gallery(ext):
    listed = tomllib.loads((DOCS / "gallery.toml").read_text("utf-8"))["example"]
    made = ext["made_pages"]
    shown = [*listed, *made.others(listed, ROOT / "examples")]
    scripts = [one["script"] for one in shown]
    assert sorted(scripts) == sorted(p.name for p in (ROOT / "examples").glob("*.py"))
    assert made.others(listed[1:], ROOT / "examples")[0]["about"].endswith(".")
    text = "\n".join(made.gallery(shown))
    for picture in entries("gallery.toml"):
        assert (DOCS / "images" / picture["file"]).is_file() and len(picture["alt"]) > 20
        assert f"{picture['caption']} The data are simulated." in text


def test_numbers_of_validation_come_from_tests_that_are_there():
    import json

    content = json.loads((DOCS / "validation" / "agreement.json").read_text("utf-8"))
    listed = tomllib.loads((DOCS / "validation" / "agreement.toml").read_text("utf-8"))["subject"]
    named = {f"tests/{room}/{test}" for subject in listed for room, tests in subject["test"].items()
             for test, _, _ in tests}  # fmt: skip
    assert {one["test"] for one in content["records"]} | set(content["left_out"]) == named
    assert len(content["records"]) > 50
    for test in named:
        path, _, name = test.partition("::")
        assert f"def {name}(" in (ROOT / path).read_text("utf-8"), test
