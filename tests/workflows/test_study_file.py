"""The study file: read whole, and every problem at once with its line."""

import re

import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.study_folder import READY
from fmriprod.workflows.study_file import read_study
from fmriprod.workflows.study_lines import key_lines, line_of
from fmriprod.workflows.study_model import Study
from fmriprod.workflows.study_words import fill, mentions_task, placeholders, task_regions

FAN = (READY / "fan2020.toml").read_text()


@pytest.fixture
def problems_of(tmp_path):
    """Read the ready study with some of its text replaced."""

    def read(*changes: tuple[str, str]) -> dict[str, str]:
        text = FAN
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new, 1)
        path = tmp_path / "study.toml"
        path.write_text(text)
        study, problems = read_study(path)
        assert (study is None) == bool(problems)
        return {
            p.file.removeprefix(f"{path}, "): f"{p.expected} | {p.found} | {p.hint}"
            for p in problems
        }

    return read


def _line(text: str) -> int:
    return next(i for i, line in enumerate(FAN.splitlines(), start=1) if line.startswith(text))


def test_ready_study_says_what_the_paper_says():
    study, problems = read_study("fan2020")
    assert not problems
    assert study.objects.labels == ("bed", "bench", "chair", "table")
    assert study.phases["localizer"].runs == ("1", "2")
    assert [study.phases[p].task for p in ("localizer", "pre", "post")] == ["recognition"] * 3
    drawing = study.tasks["drawing"].samples
    assert (drawing.window, drawing.shift_volumes) == (23, 3)
    assert (study.glm.high_pass, study.glm.fwhm, study.glm.hrf) == (100.0, 3.0, "spm + derivative")
    assert (study.task_mask.z_cluster, study.task_mask.z_voxel) == (2.3, 3.0)
    assert len(study.regions.definitions) == 14
    assert [q.scheme for q in study.evidence] == ["4way", "within_phase", "within_phase"]


def test_all_problems_at_once_with_lines_and_suggestions(problems_of):
    found = problems_of(
        ("window = 23", "windw = 23"),
        ("fwhm = 3.0", "fwhm = -3.0"),
        ('train = "localizer"', 'trian = "localizer"'),
        ('test = "pre"', 'test = "prae"'),
        ('regions = ["V1Draw"', 'regions = ["V1Drw"'),
        ("z_cluster = 2.3", 'z_cluster = "much"'),
    )
    assert len(found) == 6
    window = found[f"line {_line('window = 23')}: tasks.drawing.samples.windw"]
    assert "did you mean 'window'?" in window
    assert "greater than or equal to 0 | -3.0" in found[f"line {_line('fwhm')}: glm.fwhm"]
    trian = found[f"line {_line('train =')}: evidence[1].trian"]
    assert "did you mean 'train'?" in trian
    assert "did you mean 'pre'?" in next(v for k, v in found.items() if "evidence[2].test" in k)
    assert "did you mean 'V1Draw'?" in next(v for k, v in found.items() if "connectivity" in k)
    assert "'much'" in next(v for k, v in found.items() if "task_mask.z_cluster" in k)


@pytest.mark.parametrize(
    ("change", "key", "message"),
    [
        (('"{trained_1}", "{tr', '"{trained_3}", "{tr'), "tasks.drawing.labels", "{trained_3}"),
        (('bench = "bench"', 'bench = "bensch"'), "tasks.recognition.contrasts.bench",
         "did you mean 'bench'"),
        (('contrast = "drawing"', 'contrast = "darwing"'), "task_mask.contrast",
         "did you mean 'drawing'"),
        (('{ task = "drawing", runs', '{ task = "drawin", runs'), "phases.drawing",
         "did you mean 'drawing'"),
        (('runs = [3, 4] }\npost', 'runs = [3, 3] }\npost'), "phases.pre", "each run once"),
        (('scheme = "4way"', 'scheme = "5way"'), "evidence[1].scheme", "4way"),
        (('train = "localizer"\n', ""), "evidence[1].scheme", "no key `train`"),
        (('name = "post"', 'name = "pre"'), "evidence[3].name", "a name of its own"),
        (("window = 1", "window = 1\nshift = 4.5"), "tasks.recognition.samples.shift",
         "shift or shift_volumes"),
        (('labels = ["bed", "bench", "chair", "table"]\ntrained', 'labels = ["bed", "bench"]'
          "\ntrained"), "objects.trained", "not trained"),
        (('source = "freesurfer"', 'source = "labels"'), "regions.source", "label_file"),
        (('missing = "error"', 'missing = "ignore"'), "tasks.recognition.missing", "drop-run"),
        (('before = "pre"\nafter = "post"\nreg', 'before = "vor"\nafter = "post"\nreg'),
         "differentiation.before", "a phase of"),
        (('bootstrap = "fast"', 'bootstrp = "fast"'), "statistics.bootstrp", "'bootstrap'"),
        (('hrf = "spm + derivative"', 'hrf = "spam"'), "glm.hrf", "one of spm"),
        (('[study]\n', ""), "name", "key of this table"),
    ],
)  # fmt: skip
def test_one_problem_is_named(problems_of, change, key, message):
    found = problems_of(change)
    place = next((k for k in found if k.endswith(f": {key}")), None)
    assert place is not None, found
    assert message in found[place]
    assert re.match(r"line \d+: ", place)


def test_task_region_needs_a_task_mask(problems_of):
    start = FAN.index("[task_mask]")
    found = problems_of((FAN[start : FAN.index("# -- questions")], ""))
    assert "[task_mask]" in next(v for k, v in found.items() if "regions.definitions.V1Draw" in k)


def test_broken_toml_names_the_line(problems_of):
    (message,) = problems_of(("high_pass = 100.0", "high_pass = = 100")).values()
    assert f"line {_line('high_pass')}" in message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = " + "[" * 5000 + "]" * 5000, "within each other"),
        ("a = " + "[" * 51 + "]" * 51, "more than 50 tables or brackets"),
        ("a" + ".a" * 3000 + " = 1", "within each other"),
        ("a = 1" + "0" * 6000, "64 bits"),
        ("a = 0x1" + "0" * 6000, "64 bits"),
        ("a = [[{b = 9223372036854775808}]]", "64 bits"),
    ],
    ids=range(6),
)
def test_what_is_too_deep_or_too_large_is_one_problem(tmp_path, text, said):
    (tmp_path / "study.toml").write_text(FAN + "[more]\n" + text)
    study, (problem,) = read_study(tmp_path / "study.toml")
    assert study is None and said in f"{problem.expected} {problem.found}" and problem.hint


def test_pairs_are_checked(problems_of):
    found = problems_of(
        ('trained = ["trained_1", "trained_2"]       # columns of participants.tsv',
         'pairs = { "01" = ["bed", "chiar"], "02" = ["bed"], "03" = ["bed", "bed"] }'),
    )  # fmt: skip
    text = " ".join(found.values())
    assert "did you mean 'chair'" in text
    assert "1 and 2" in text
    assert "name each once" in text


def test_no_such_file_says_what_there_is(tmp_path):
    with pytest.raises(InputError, match="did you mean 'fan2020'"):
        read_study("fan2021")
    with pytest.raises(InputError, match="the folder"):
        read_study(tmp_path)


def test_lines_of_nested_tables():
    text = '[a]\n"b c" = 1\n[a.d]\ne.f = 2\n[[g]]\nh = 1\n[[g]]\nh = 2 # i = 3\n'
    lines = key_lines(text)
    assert lines[("a", "b c")] == 2
    assert lines[("a", "d", "e", "f")] == 4
    assert (lines[("g", 0, "h")], lines[("g", 1, "h")]) == (6, 8)
    assert line_of(lines, ("g", 1, "x", "y")) == 7
    assert line_of(lines, ("nowhere",)) is None


def test_placeholders_stand_for_objects():
    study, _ = read_study("fan2020")
    assert placeholders(study) == ["trained_1", "trained_2", "control_1", "control_2"]
    assert fill("({a} + {b})/2", {"a": "x", "b": "y"}) == "(x + y)/2"


@pytest.mark.parametrize(
    ("text", "uses"),
    [("V1 & task", True), ("task", True), ("(a|task)", True), ("multitask", False),
     ("lh.task", False), ("a - task", True), ("b & -", False)],
)  # fmt: skip
def test_task_is_found_as_a_word(text, uses):
    assert mentions_task(text) is uses


def test_regions_that_depend_on_the_task_mask_are_followed():
    study, _ = read_study("fan2020")
    assert task_regions(study)[0] == "V1Draw"
    assert len(task_regions(study)) == 5
    more = {**study.regions.definitions, "Both": "V1Draw | V2", "V1Drawn": "V1"}
    regions = study.regions.model_copy(update={"definitions": more})
    assert task_regions(study.model_copy(update={"regions": regions}))[5:] == ["Both"]


def test_every_key_is_described_in_the_ready_study_or_has_a_default():
    required = [n for n, f in Study.model_fields.items() if f.is_required()]
    assert all(f"[{name}" in FAN for name in required)
