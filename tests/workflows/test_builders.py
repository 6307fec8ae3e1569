"""Every builder builds, says truly what goes in and out, and its graph expands."""

import dataclasses
import importlib
import inspect
import itertools
import pkgutil
import re
from pathlib import Path

import nipype.pipeline.engine as pe
import pytest
from nipype.pipeline.engine.utils import generate_expanded_graph
from support.images import write_image
from support.production_study import study_text

import fmriprod.workflows
from fmriprod.algorithms.bids_names import parse_name
from fmriprod.interfaces.neuromatch_layout import series_path
from fmriprod.interfaces.preprocessed_run import PreparedRun
from fmriprod.reports.methods_keys import reference_keys
from fmriprod.reports.references import bibliography, citations
from fmriprod.workflows.describe import describe
from fmriprod.workflows.plan import EvidencePlan, RunPlan, SubjectPlan
from fmriprod.workflows.plan_production import ProductionPlan
from fmriprod.workflows.prepare_group import Member
from fmriprod.workflows.production_names import TABLES, ParticipantResults
from fmriprod.workflows.production_regions import RegionFiles
from fmriprod.workflows.save import Destination
from fmriprod.workflows.study_file import read_study

# Arguments that nobody can guess: what is to be done, for whom, and where results go.
REQUIRED = {"plan", "plans", "run", "out_dir", "bids_dir", "destination", "contrasts", "contrast",
            "options", "study", "files", "member", "members", "patterns",
            "dataset_dir"}  # fmt: skip


# Builders without a step that a methods section would tell of, and numbers that are no settings.
PLUMBING = {"init_group_report_wf", "init_parcel_report_wf", "init_prepared_reference_wf"}
CONSTANTS = [
    "95 % percentile", "against 0", "1 - Pearson's r", "ICBM152", "within 1 ms", "N4 bias",
    "1 volume of each", "6 motion parameters", "1 motion parameter",
]  # fmt: skip


def all_builders():
    found = {}
    for module in pkgutil.walk_packages(fmriprod.workflows.__path__, "fmriprod.workflows."):
        loaded = importlib.import_module(module.name)
        for name, member in inspect.getmembers(loaded, inspect.isfunction):
            if re.fullmatch(r"init_\w+_wf", name) and member.__module__ == module.name:
                found[name] = member
    return found


BUILDERS = all_builders()
ENGINES = {
    "skullstrip_engine": ["python", "bet", "ants"],
    "motion_engine": ["python", "mcflirt"],
    "coregister_engine": ["python", "flirt"],
}
GRID = {
    "axis_codes": ["LAS", "RAS"],
    "omp_nthreads": [1, 3],
    "fwhm": [0.0, 5.0],
    "mode": ["events", "volumes"],
    "tr": [None, 2.0],
    "normalize_engine": ["python", "flirt", "fnirt", "ants"],
    **ENGINES,
}


@pytest.fixture
def plan(work, rng):
    def image(name, *shape):
        return str(write_image(work / name, rng.random(shape).astype("float32")))

    def run(key, task, number):
        events = work / f"{key}_events.tsv"
        events.write_text("onset\tduration\ttrial_type\n0\t1\ta\n4\t1\tb\n")
        bold = image(f"sub-01_task-{task}_run-{number}_bold.nii.gz", 4, 4, 4, 6)
        return RunPlan(key, bold, str(events), task, number, 2.0, ("a", "b"),
                       ("task=(a+b)/2", "aMinusB=a-b"), "events")  # fmt: skip

    runs = tuple(run(f"task_{t}_run_{n}", t, n) for t, n in [("x", "1"), ("x", "2"), ("y", "1")])
    keys = tuple(r.key for r in runs)
    x = EvidencePlan("x", keys[:2], folds="run")
    y = EvidencePlan("y", keys[2:], "half == 1", "half == 2")
    return SubjectPlan("01", image("sub-01_T1w.nii.gz", 4, 4, 4), runs, keys[:2], (x, y))


@pytest.fixture
def study(work):
    (work / "study.toml").write_text(study_text())
    study, problems = read_study(work / "study.toml")
    assert not problems
    return study


@pytest.fixture
def empty(work):
    """Make empty files by name: builders need files that are there, and read none."""

    def file(name):
        (work / name).touch()
        return str(work / name)

    return file


@pytest.fixture
def region_files(empty):
    kinds = [f"{area}_exvivo.label" for area in ("V1", "V2", "perirhinal")]
    surface = [f"{side}.{kind}" for kind in (*kinds, "white", "thickness") for side in ("lh", "rh")]
    paths = tuple(map(empty, surface))
    return RegionFiles(empty("aparc+aseg.mgz"), None, paths[:6], paths[6:8], paths[8:])


@pytest.fixture
def production_plan(plan, study):
    """Two runs of each phase, that share their (unread) images."""
    trained, controls = ("bed", "chair"), ("bench", "table")
    runs, phases = [], {name: [] for name in study.phases}
    like = plan.runs[0]
    for name, phase in study.phases.items():
        for number in phase.runs:
            key = f"task_{phase.task}_run_{number}"
            objects = trained if phase.task == "drawing" else study.objects.labels
            contrasts = tuple(f"{label}={label}" for label in objects)
            if phase.task == "drawing":
                contrasts += ("drawing=(bed+chair)/2",)
            runs.append(RunPlan(key, like.bold_file, like.events_file, phase.task, number, 1.5,
                                tuple(objects), contrasts, "events"))  # fmt: skip
            phases[name].append(key)
    phases = {name: tuple(keys) for name, keys in phases.items()}
    samples = {name: task.samples for name, task in study.tasks.items()}
    return ProductionPlan("01", plan.t1w_file, tuple(runs), phases, trained, controls, samples)


@pytest.fixture
def members(production_plan, region_files, empty):
    def member(subject):
        plan = dataclasses.replace(production_plan, subject=subject)
        features = tuple(tuple(empty(f"{subject}_{run.key}{end}") for end in (".npy", ".tsv", "v"))
                         for run in plan.runs)  # fmt: skip
        results = ParticipantResults(
            subject, plan.t1w_file, empty(f"{subject}_xfm.txt"), features,
            {field: empty(f"{subject}_{field}.tsv") for field in TABLES},
            {kind: empty(f"{subject}_{kind}.nii.gz") for kind in ("effect", "variance")},
            empty(f"{subject}_differentiation.tsv"),
        )  # fmt: skip
        return Member(plan, region_files, results)

    return [member("01"), member("02")]


def pattern_table(folder):
    """Table of two participants' effect maps, which builders look for and do not read."""
    (folder / "map.nii.gz").touch()
    rows = [f"{s}\t{run}\t{c}\tmap.nii.gz" for s in "12" for run in "12" for c in "abc"]
    text = "\n".join(["subject\trun\tcondition\tfile", *rows])
    (folder / "patterns.tsv").write_text(text + "\n")
    return folder / "patterns.tsv"


def rest_runs(folder):
    """Runs at rest of two subjects in the HCP's layout, which builders look for only."""
    for subject in "01":
        for run in range(1, 5):
            path = series_path(folder, subject, run)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    return folder


@pytest.fixture
def required(plan, study, region_files, production_plan, members, work):
    """Arguments that have no default, by name; ``plan`` of a study where there is a study."""
    destination = Destination(str(work / "out"), str(work), plan.runs[0].bold_file)
    return {
        "plan": plan,
        "production_plan": production_plan,
        "study": study,
        "files": region_files,
        "member": members[0],
        "members": members,
        "plans": [plan],
        "run": plan.runs[0],
        "destination": destination,
        "out_dir": str(work / "out"),
        "bids_dir": str(work),
        "contrasts": ["a-b"],
        "contrast": "a-b",
        "patterns": pattern_table(work),
        "dataset_dir": rest_runs(work),
    }


def preprocessed(run):
    """Let a run start from derivatives (the builder reads the header of its series only)."""
    notes = ("preprocessed by fMRIPrep, simulated",)
    name = parse_name(Path(run.bold_file).name)
    prepared = PreparedRun(name, run.bold_file, space="T1w", confounds_file=run.events_file,
                           confounds=("trans_x",), notes=notes)  # fmt: skip
    return dataclasses.replace(run, prepared=prepared)


def arguments(builder, required):
    parameters = inspect.signature(builder).parameters.values()
    needed = {
        p.name: required[p.name]
        for p in parameters
        if p.default is p.empty and p.kind != p.VAR_KEYWORD
    }
    if builder.__name__ == "init_prepared_run_wf":
        needed["run"] = preprocessed(required["run"])
    if builder.__name__ == "init_study_wf":
        needed |= {"out_dir": required["out_dir"], "bids_dir": required["bids_dir"]}
    if {"plan", "study"} <= set(needed):
        needed["plan"] = required["production_plan"]
    return needed


@pytest.fixture(params=sorted(BUILDERS))
def builder(request):
    return BUILDERS[request.param]


def combinations(names, *, large=False):
    """All combinations of engines (of a large graph none), and each other option by itself."""
    engines = [name for name in names if name in ENGINES and not large]
    for values in itertools.product(*(ENGINES[name] for name in engines)):
        yield dict(zip(engines, values, strict=True))
    for name in set(names) - set(engines):
        yield from ({name: value} for value in GRID[name])


def documented(builder, heading):
    """Names of the fields under a heading of a numpydoc docstring."""
    text = inspect.getdoc(builder)  # without the indentation, that Python 3.13 takes away
    match = re.search(rf"\n{heading}\n-+\n(.*?)(?=\n\w+\n-+\n|\Z)", text, re.S)
    return re.findall(r"^(\w+)$", match.group(1), re.M) if match else []


def test_there_are_builders():
    assert {"init_anat_wf", "init_bold_wf", "init_first_level_wf", "init_features_wf",
            "init_evidence_wf", "init_subject_wf", "init_production_subject_wf",
            "init_production_group_wf", "init_member_wf", "init_patterns_wf", "init_regions_wf",
            "init_normalize_wf", "init_task_mask_wf", "init_convert_wf", "init_feat_wf",
            "init_group_statistics_wf", "init_region_evidence_wf",
            "init_connectivity_wf"} <= set(BUILDERS)  # fmt: skip


def test_docstring_names_exactly_the_fields(builder, required):
    workflow = builder(**arguments(builder, required))
    for node, heading in (("inputnode", "Inputs"), ("outputnode", "Outputs")):
        found = workflow.get_node(node)
        fields = found.interface._fields if found else []
        assert sorted(documented(builder, heading)) == sorted(fields), heading


def test_options_are_documented_with_defaults(builder):
    parameters = inspect.signature(builder).parameters.values()
    section = inspect.getdoc(builder).split("Parameters\n")[1].split("\n\nInputs\n")[0]
    for parameter in parameters:
        assert re.search(rf"\b{parameter.name}\b", section), f"{parameter.name} is not described"
        if parameter.name not in REQUIRED:
            assert parameter.default is not parameter.empty, f"{parameter.name} has no default"


def test_every_combination_of_options_builds_and_expands(builder, required):
    names = [name for name in GRID if name in inspect.signature(builder).parameters]
    for options in combinations(names, large="study" in inspect.signature(builder).parameters):
        workflow = builder(**arguments(builder, required), **options)
        assert isinstance(workflow, pe.Workflow)
        graph = generate_expanded_graph(workflow._create_flat_graph())
        assert len(graph.nodes)
        threads = options.get("omp_nthreads")
        if threads is not None:
            assert {node.n_procs for node in graph.nodes} <= {1, threads}


def test_text_cites_only_works_that_we_list(builder, required):
    text = describe(builder(**arguments(builder, required)))
    assert bibliography(citations(text)) or not citations(text)
    assert "{" not in text and "None" not in text


def test_every_builder_describes_itself_and_cites_what_its_steps_are_made_of(builder, required):
    workflow = builder(**arguments(builder, required))
    text = describe(workflow)
    own = describe(workflow, software=False)
    assert bool(own) == (builder.__name__ not in PLUMBING)
    assert not own or re.fullmatch(r"[A-Z].{40,}\.", own, re.S)
    assert not re.search(r"  |\.\.| ,| \.|\(\)|undefined|\bnan\b", text)
    for node in generate_expanded_graph(workflow._create_flat_graph()).nodes:
        name = type(node.interface).__name__
        if not name.startswith("Template"):
            missing = set(reference_keys(name, node.inputs.get())) - set(citations(text))
            assert not missing, f"{node.fullname} is by {missing}"


def numbers_of(value):
    """All numbers in the value of an input, as text may print them."""
    if isinstance(value, (list, tuple)):
        return {number for part in value for number in numbers_of(part)} | {f"{len(value)}"}
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return {f"{value:g}", f"{100 * value:.4g}", f"{value:,}", f"{value}"}
    return set(re.findall(r"\d+", value)) if isinstance(value, str) else set()


def test_every_number_in_a_text_is_one_of_its_steps(builder, required):
    workflow = builder(**arguments(builder, required))
    text = re.sub(r"\[@.*?\]|`.*?`", " ", describe(workflow, software=False))
    for constant in CONSTANTS:
        text = text.replace(constant, " ")
    text = re.sub(
        r"Each of \d+ runs|This was done (?:\d+ times|for each of \d+)|motion\d+|[A-Z]+\d+\w*",
        " ",
        text,
    )
    known = set()
    for node in generate_expanded_graph(workflow._create_flat_graph()).nodes:
        for value in node.inputs.get().values():
            known |= numbers_of(value)
    found = set(re.findall(r"\d[\d,]*(?:\.\d+)?(?<!,)", text))
    assert found <= known, f"{found - known} in {text}"


def test_a_builder_fits_into_a_graph_of_ones_own(required):
    mine = pe.Workflow(name="mine")
    first = BUILDERS["init_first_level_wf"](contrasts=["a-b"])
    mine.add_nodes([first])
    mine.inputs.first_level_wf.inputnode.bold_file = required["plan"].runs[0].bold_file
    assert "mine.first_level_wf.model" in [n.fullname for n in mine._create_flat_graph().nodes]
