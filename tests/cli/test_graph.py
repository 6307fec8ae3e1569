"""`fmriprod graph`: figures of workflows and studies, without data."""

import re

import pytest

from fmriprod.cli.main import main
from fmriprod.interfaces.study_folder import READY
from fmriprod.workflows.draw_diagram import diagram_of
from fmriprod.workflows.draw_flat import flatten
from fmriprod.workflows.draw_targets import builders, open_target, required


def texts(file):
    return re.findall(r"<text[^>]*>([^<]*)</text>", file.read_text())


def test_a_workflow_is_drawn_by_its_name(tmp_path, capsys):
    file = tmp_path / "f.svg"
    assert main(["graph", "searchlight_rsa", "-o", str(file), "--width", "85"]) == 0
    assert re.search(r"Figure: .*f\.svg \(85 x \d+ mm\)", capsys.readouterr().out)
    assert {"searchlight RSA", "radius 9 mm", "1,000 permutations"} <= set(texts(file))


def test_arguments_go_to_the_builder(tmp_path):
    file = tmp_path / "f.svg"
    argv = ["graph", "searchlight_rsa", "-o", str(file), "--set", "radius=6.0",
            "--set", "assign_layers=true", "--set", "distance=crossnobis"]  # fmt: skip
    assert main(argv) == 0
    assert {"radius 6 mm", "Assign", "distance crossnobis"} <= set(texts(file))


def test_a_study_is_drawn_with_placeholders(tmp_path):
    file = tmp_path / "f.svg"
    assert main(["graph", "fan2020", "-o", str(file), "--participants", "2"]) == 0
    found = texts(file)
    assert {"Participant × 2", "Run", "× 10", "Patterns", "× 10 runs", "Effects", "× 4 runs",
            "Evidence", "T1w image", "FWHM 3 mm", "high pass 100 s", "Group", "Task mask",
            "× 2", "Group statistics", "9 results saved"} <= set(found)  # fmt: skip
    assert not any("TR" in text for text in found)  # placeholders know no repetition time


@pytest.mark.parametrize("participants", [1, 2, 4])
def test_the_group_of_a_study_takes_what_its_participants_give(participants):
    with open_target("fan2020", participants=participants) as workflow:
        diagram = diagram_of(workflow, level=1, direct=True)
        flat = flatten(workflow)
    boxes = {box.key: box for box in diagram.boxes}
    ends = [(boxes[a.source], boxes[a.target]) for a in diagram.arrows]
    member = "Participant" if participants > 1 else "Participant 01"
    assert {(a.title, b.title) for a, b in ends if a.group and a.group != b.group} == {
        ("Anatomy", "Task mask"), ("Normalize", "Task mask"), ("Effect in template", "Task mask"),
        ("Variance in template", "Task mask"), ("Anatomy", member), ("Patterns", member),
        ("Evidence", "Group statistics"), ("Evidence", "Group report"),
        ("Differentiation", "Group statistics"),
    }  # fmt: skip
    assert next(b.count for b in diagram.boxes if (b.group, b.title) == ("group_wf", member)) == (
        f"× {participants}" if participants > 1 else ""
    )
    everyone = {f"sub_{n:02d}_wf" for n in range(1, participants + 1)}
    of_group = [path for path in flat.nodes if path[0] == "group_wf"]
    for path in of_group:  # nobody gets results of somebody else
        if path[1] in everyone:
            givers = {source[0] for source in flat.sources(path) if isinstance(source[0], str)}
            assert givers <= {path[1], "group_wf"}, path
    for path, field in ((("group_statistics_wf", "differentiation"), "differentiation_files"),
                        (("task_mask_wf", "leave_one_out"), "effect_files")):  # fmt: skip
        assert {s[0] for s in flat.sources(("group_wf", *path), field)} == everyone
    assert not [path for path in flat.nodes if "other" in "".join(path)]


def test_a_study_without_questions_has_no_group(tmp_path):
    text = re.sub(r"\[\[evidence\]\].*?\n\n", "", (READY / "fan2020.toml").read_text(), flags=re.S)
    (tmp_path / "study.toml").write_text(text)
    with open_target(str(tmp_path / "study.toml")) as workflow:
        assert workflow.list_node_names() and workflow.get_node("group_wf") is None


def test_a_study_file_with_fsl_is_drawn_too(tmp_path):
    study = tmp_path / "study.toml"
    text = (READY / "fan2020.toml").read_text()
    study.write_text(text.replace("[glm]\n", '[glm]\nengine = "fsl"\n'))
    assert main(["graph", str(study), "-o", str(tmp_path / "f.svg")]) == 0
    assert any("FEAT" in text or "fsf" in text for text in texts(tmp_path / "f.svg"))


def test_the_main_job_is_drawn(tmp_path):
    file = tmp_path / "f.svg"
    assert main(["graph", "main", "-o", str(file)]) == 0
    assert {"Participant 01", "Features", "Evidence production", "Report"} <= set(texts(file))


def test_code_of_others_is_drawn(tmp_path):
    (tmp_path / "mine.py").write_text(
        "import nipype.pipeline.engine as pe\nfrom nipype.interfaces import fsl\n"
        "def make(frac=0.5):\n    wf = pe.Workflow('mine')\n"
        "    wf.add_nodes([pe.Node(fsl.BET(frac=frac), 'brain')])\n    return wf\n"
        "built = make()\nnothing = 3\n"
    )
    file, code = tmp_path / "f.svg", tmp_path / "mine.py"
    argv = ["graph", f"{code}:make", "-o", str(file), "--set", "frac=0.3"]
    assert main(argv) == 0
    assert {"Brain", "FSL BET", "frac 0.3"} <= set(texts(file))
    assert main(["graph", f"{code}:built", "-o", str(file)]) == 0
    assert main(["graph", "fmriprod.workflows.encoding:init_encoding_wf", "-o", str(file)]) == 0


@pytest.mark.parametrize(("argv", "message"), [
    (["encodin"], r"the name of a workflow.*'encodin'.*did you mean 'encoding'"),
    (["no.such.module:x"], r"can be imported: no.such.module.*ModuleNotFoundError"),
    (["{0}/mine.py:mkae"], r"a workflow or function in .*mine.py.*no 'mkae'.*did you mean 'make'"),
    (["{0}/mine.py:nothing"], r"a Nipype workflow, or a function that gives one.*a int"),
    (["{0}/broken.py:x"], r"can be imported.*ZeroDivisionError"),
    (["{0}/none.toml"], r"a study file \(TOML\).*no file"),
    (["{0}/bad.toml"], r"this key.*none.*problems"),
    (["encoding", "--set", "stimul=1"], r"arguments of encoding: stimuli.*'stimul'"),
    (["encoding", "--set", "stimuli"], r"NAME=VALUE.*'stimuli'"),
    (["{0}/mine.py:built", "--set", "a=1"], r"a function to give arguments to.*a Workflow"),
])  # fmt: skip
def test_what_is_not_known_is_said(argv, message, tmp_path, capsys):
    (tmp_path / "mine.py").write_text(
        "import nipype.pipeline.engine as pe\nmake = lambda: pe.Workflow('a')\n"
        "built = pe.Workflow('b')\nnothing = 3\n"
    )
    (tmp_path / "broken.py").write_text("1 / 0\n")
    (tmp_path / "bad.toml").write_text("[study]\n")
    argv = [word.format(tmp_path) for word in argv]
    assert main(["graph", *argv, "-o", str(tmp_path / "f.svg")]) == 1
    error = capsys.readouterr().err
    assert re.search(f"(?s){message}", error), error
    assert not (tmp_path / "f.svg").exists()


def test_another_format_is_refused(tmp_path, capsys):
    assert main(["graph", "encoding", "-o", str(tmp_path / "f.jpg")]) == 1
    assert ".svg, .pdf, .png" in capsys.readouterr().err


def test_without_a_figure_to_write_the_command_is_wrong(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["graph", "encoding"])
    assert stop.value.code == 2
    assert "-o FILE" in capsys.readouterr().err


def test_a_figure_that_needs_more_width_says_so(tmp_path, capsys):
    code = tmp_path / "wide.py"
    code.write_text(
        "import nipype.pipeline.engine as pe\nfrom nipype.interfaces.utility import Function\n"
        "from itertools import combinations\n"
        "wf = pe.Workflow('w')\n"
        "names = [f'{a}{b}' for a in 'abcdef' for b in 'abcde']\n"
        "nodes = [pe.Node(Function(input_names=[f'x{i}' for i in range(30)],\n"
        "                          output_names=['out']), n) for n in names]\n"
        "for i, j in combinations(range(30), 2):\n"
        "    if j > i + 3 or j == i + 1: wf.connect(nodes[i], 'out', nodes[j], f'x{i}')\n"
        "last = pe.Workflow('v'); last.add_nodes([wf])\n"
    )
    from fmriprod.workflows.draw import draw_workflow

    with open_target(f"{code}:wf") as workflow:
        figure = draw_workflow(workflow, width_mm=60, direct=True)
    assert figure.get_figwidth() * 25.4 > 61


def test_names_are_listed(capsys):
    assert main(["graph", "--list"]) == 0
    names = capsys.readouterr().out.split()
    assert {"main", "encoding", "searchlight_rsa", "run", "parcel_group"} <= set(names)


@pytest.mark.parametrize("name", sorted(builders()))
def test_every_builder_of_the_list_can_be_drawn(name):
    with open_target(name) as workflow:
        diagram = diagram_of(workflow, level=2)
    assert [b for b in diagram.boxes if b.kind not in ("input", "output")]
    assert all(box.title and "_" not in box.title for box in diagram.boxes)


def test_builders_with_arguments_that_nobody_can_guess_are_not_listed():
    assert "production_group" not in builders()
    assert all("members" not in required(builder) for builder in builders().values())
