"""The engine fsl of a study file: settings, runs, and what is refused."""

import dataclasses
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from support.fake_fsl import install_feat
from support.feat_study import OBJECTS, fan_study, standard_space, write_feat_study

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.fsf import missing_settings, named_paths, parse_fsf
from fmriprod.cli.main import main
from fmriprod.workflows.prepare_production import prepare_production
from fmriprod.workflows.production_feat import init_production_feat_wf
from fmriprod.workflows.production_regions import RegionFiles
from fmriprod.workflows.production_subject import init_production_subject_wf
from fmriprod.workflows.record_names import participant_of
from fmriprod.workflows.study_feat import feat_options, standard_brain
from fmriprod.workflows.study_file import read_study

FSL = ("[glm]\n", '[glm]\nengine = "fsl"\n')
PAIRS = {"01": ("table", "bench")}
RUNS = [("recognition", n) for n in range(1, 7)] + [("drawing", n) for n in range(1, 5)]

# Section by section what the published settings were; numbers as FEAT's settings write them.
BOTH = {
    "level": 1, "analysis": 7, "tr": 1.5, "st": 5, "mc": 1, "bet_yn": 1, "prewhiten_yn": 1,
    "smooth": 3, "paradigm_hp": 100, "temphp_yn": 1, "motionevs": 0, "confoundevs": 0,
    "thresh": 3, "prob_thresh": 0.05, "poststats_yn": 1, "reghighres_yn": 1,
    "reghighres_dof": "BBR", "reghighres_search": 90, "regstandard_yn": 1,
    "regstandard_dof": 12, "brain_thresh": 10, "norm_yn": 0, "regunwarp_yn": 0, "ndelete": 0,
    "stats_yn": 1, "filtering_yn": 1,
}  # fmt: skip
PUBLISHED = {
    "recognition": {"npts": 240, "evs_orig": 4, "evs_real": 8, "ncon_orig": 4, "ncon_real": 4,
                    "z_thresh": 2.3, "regstandard_nonlinear_yn": 1,
                    "regstandard_nonlinear_warpres": 10},
    "drawing": {"npts": 308, "evs_orig": 2, "evs_real": 4, "ncon_orig": 3, "ncon_real": 3,
                "z_thresh": 3.1, "regstandard_nonlinear_yn": 0},
}  # fmt: skip
EVENT = {"shape": 3, "convolve": 3, "tempfilt_yn": 1, "deriv_yn": 1}
MEAN = {"level": 2, "analysis": 2, "npts": 4, "multiple": 4, "evs_orig": 1, "evs_real": 1,
        "ncon_real": 1, "mixed_yn": 3, "poststats_yn": 0, "thresh": 3, "z_thresh": 3.1,
        "prob_thresh": 0.05, "ncopeinputs": 3, "inputtype": 1, "con_real1.1": 1,
        "copeinput.1": 1, "copeinput.2": 1, "copeinput.3": 1,
        **{f"evg{i}.1": 1 for i in range(1, 5)}}  # fmt: skip


def run_graph(folder, study_text, *, run_feat, pairs=PAIRS, **options):
    """Write dataset and study, and run FEAT's graph of the first participant."""
    raw = write_feat_study(folder, pairs)
    (folder / "study.toml").write_text(study_text)
    prepared = prepare_production(raw, folder / "study.toml", only_fsf=True)
    assert not [p for p in prepared.problems if p.severity == "error"], prepared.problems
    workflow = init_production_feat_wf(
        prepared.plans[0], prepared.study, out_dir=str(folder / "out"), bids_dir=str(raw),
        run_feat=run_feat, **options,
    )  # fmt: skip
    standard = standard_space(folder) / "data/standard/MNI152_T1_2mm_brain.nii.gz"
    workflow.inputs.inputnode.standard_file = str(standard)
    workflow.base_dir = str(folder / "work")
    return workflow.run()


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    """Render the files of a participant with the command, and remove where it worked."""
    folder = tmp_path_factory.mktemp("render")
    raw = write_feat_study(folder, PAIRS)
    standard = standard_space(folder) / "data/standard/MNI152_T1_2mm_brain.nii.gz"
    command = ["fsf", raw, folder / "out", "--study", "fan2020", "--standard", standard]
    assert main([*map(str, command), "--n-procs", "2"]) == 0
    shutil.rmtree(folder / "out/.fmriprod")
    return folder / "out/sub-01/fsl"


def settings_of(folder, name):
    found = parse_fsf((folder / f"{name}.fsf").read_text())
    assert missing_settings(found) == []
    return found


def differing(found, expected):
    return {k: found[f"fmri({k})"] for k, v in expected.items() if found[f"fmri({k})"] != v}


def test_there_is_a_file_for_each_run_and_for_the_mean(rendered):
    names = [f"task_{task}_run_{n}.fsf" for task, n in RUNS]
    assert {path.name for path in rendered.glob("*.fsf")} == {*names, "drawing.fsf"}


@pytest.mark.parametrize(("task", "number"), RUNS)
def test_settings_of_each_run_are_the_published_ones(rendered, task, number):
    found = settings_of(rendered, f"task_{task}_run_{number}")
    assert differing(found, BOTH | PUBLISHED[task]) == {}
    titles = OBJECTS if task == "recognition" else ("bench", "table")  # in alphabetical order
    n = len(titles)
    assert [found[f"fmri(evtitle{i + 1})"] for i in range(n)] == list(titles)
    for i in range(1, n + 1):
        assert differing(found, {f"{k}{i}": v for k, v in EVENT.items()}) == {}
        assert [found[f"fmri(ortho{i}.{j})"] for j in range(n + 1)] == [0] * (n + 1)
    weights = np.eye(4) if task == "recognition" else np.array([[1, 0], [0, 1], [0.5, 0.5]])
    names = list(OBJECTS) if task == "recognition" else ["trained1", "trained2", "drawing"]
    k = len(weights)
    assert [found[f"fmri(conname_real.{i + 1})"] for i in range(k)] == names
    real = [[found[f"fmri(con_real{i}.{j})"] for j in range(1, 2 * n + 1)]
            for i in range(1, k + 1)]  # fmt: skip
    np.testing.assert_array_equal(np.array(real)[:, ::2], weights)
    assert not np.array(real)[:, 1::2].any()


@pytest.mark.parametrize(("task", "number"), RUNS)
def test_every_path_in_the_settings_of_a_run_is_there(rendered, task, number):
    name = f"task_{task}_run_{number}"
    paths = named_paths(settings_of(rendered, name))
    assert Path(paths.pop("fmri(outputdir)")) == rendered / f"{name}.feat"
    assert all(os.path.isabs(p) and Path(p).is_file() for p in paths.values())
    series = f"sub-01_task-{task}_run-{number}_bold.nii.gz"
    assert Path(paths["feat_files(1)"]) == rendered.parents[2] / "bids/sub-01/func" / series
    assert Path(paths["highres_files(1)"]) == rendered / "t1w_brain.nii.gz"
    assert (rendered / "t1w.nii.gz").is_file()  # the head that registration looks for
    assert Path(paths["fmri(regstandard)"]).name == "MNI152_T1_2mm_brain.nii.gz"


def test_events_in_the_files_are_those_of_the_run(rendered):
    raw = rendered.parents[2] / "bids/sub-01/func"
    for task, number in RUNS:
        found = settings_of(rendered, f"task_{task}_run_{number}")
        rows = (raw / f"sub-01_task-{task}_run-{number}_events.tsv").read_text().splitlines()[1:]
        n = int(found["fmri(evs_orig)"])
        for i in range(1, n + 1):
            title = found[f"fmri(evtitle{i})"]
            own = [[float(t) for t in row.split("\t")[:2]] for row in rows if row.endswith(title)]
            read = np.loadtxt(found[f"fmri(custom{i})"])
            np.testing.assert_allclose(read[:, :2], own)
            assert (read[:, 2] == 1).all() and len(own) == (20 if task == "recognition" else 5)


def test_the_brain_is_the_stripped_head(rendered):
    import nibabel as nb

    head = nb.load(rendered / "t1w.nii.gz")
    brain = nb.load(rendered / "t1w_brain.nii.gz")
    a, b = head.get_fdata(), brain.get_fdata()
    assert nb.aff2axcodes(head.affine) == ("L", "A", "S") and a.shape == b.shape
    inside = b != 0
    assert 0.05 < inside.mean() < 0.9 * (a != 0).mean()
    np.testing.assert_allclose(b[inside], a[inside])


def test_the_mean_takes_the_folders_that_the_runs_will_make(rendered):
    found = settings_of(rendered, "drawing")
    assert differing(found, MEAN) == {}
    runs = [settings_of(rendered, f"task_drawing_run_{n}") for n in range(1, 5)]
    assert [found[f"feat_files({i})"] for i in range(1, 5)] == [
        run["fmri(outputdir)"] for run in runs
    ]
    assert found["fmri(outputdir)"] == str(rendered / "drawing.gfeat")
    assert found["fmri(regstandard)"] == runs[0]["fmri(regstandard)"]


def test_what_the_study_says_reaches_the_settings(work):
    changes = [FSL, ('"spm + derivative"', '"spm"'), ("high_pass = 100.0", "high_pass = 64.0"),
               ("fwhm = 3.0", "fwhm = 6.0"), ('noise = "ar1"', 'noise = "ols"')]  # fmt: skip
    (work / "study.toml").write_text(fan_study(*changes))
    study, problems = read_study(work / "study.toml")
    assert not problems
    assert feat_options(study) == {"fwhm": 6.0, "high_pass": 64.0, "derivative": False,
                                   "prewhiten": False, "motion_regressors": False}  # fmt: skip
    text = fan_study(("confounds = []  ", "#"))  # by default the six of motion
    (work / "study.toml").write_text(text)
    assert feat_options(read_study(work / "study.toml")[0])["motion_regressors"] is True


def test_what_feat_cannot_do_is_told_all_at_once(work):
    changes = [('"spm + derivative"', '"glover"'), ('noise = "ar1"', 'noise = "ar3"'),
               ("confounds = []", 'confounds = ["trans_x"]')]  # fmt: skip
    (work / "study.toml").write_text(fan_study(*changes))
    study, _ = read_study(work / "study.toml")
    with pytest.raises(ExceptionGroup) as caught:
        feat_options(study)
    assert [err.subject for err in caught.value.exceptions] == [
        "glm.hrf", "glm.noise", "glm.confounds"
    ]  # fmt: skip
    raw = write_feat_study(work, PAIRS)
    problems = prepare_production(raw, work / "study.toml", only_fsf=True).problems
    assert [p.file.rpartition(": ")[2] for p in problems] == ["glm.hrf", "glm.noise",
                                                             "glm.confounds"]  # fmt: skip


def errors(prepared):
    return [p for p in prepared.problems if p.severity == "error"]


def test_without_fsl_the_message_comes_before_anything_is_computed(work, monkeypatch):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.delenv("FSLDIR", raising=False)
    raw = write_feat_study(work, PAIRS)
    (work / "study.toml").write_text(fan_study(FSL, maps_only=True))
    prepared = prepare_production(raw, work / "study.toml")
    assert prepared.plans == ()
    feat, standard = errors(prepared)
    assert feat.file.endswith("study.toml: glm.engine") and feat.found == "feat not found"
    assert "`fmriprod fsf BIDS_DIR OUT_DIR --study FILE`" in feat.hint
    assert "FSLDIR" in standard.found
    assert len(prepare_production(raw, work / "study.toml", only_fsf=True).plans) == 1


def test_tables_that_feat_does_not_feed_are_refused_never_done_by_python(work, monkeypatch):
    install_feat(work, monkeypatch)
    monkeypatch.setenv("FSLDIR", str(standard_space(work)))
    raw = write_feat_study(work, PAIRS)
    text = fan_study(FSL)
    naming = next(line for line in text.splitlines() if line.startswith("naming = "))
    (work / "study.toml").write_text(text.replace(naming, 'naming = "bids"'))
    prepared = prepare_production(raw, work / "study.toml", subjects_dir=work)
    (problem,) = errors(prepared)
    for table in ("[task_mask]", "[[evidence]]", "[connectivity]", "[differentiation]",
                  "[features]"):  # fmt: skip
        assert table in problem.expected
    assert "do not feed these" in problem.found and prepared.plans == ()
    plan = prepare_production(raw, work / "study.toml", only_fsf=True).plans[0]
    with pytest.raises(InputError, match='engine = "python" for this analysis'):
        init_production_subject_wf(plan, prepared.study, None, out_dir="out", bids_dir=str(raw))


def test_the_python_engine_is_not_asked_for_feat(work, monkeypatch):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    raw = write_feat_study(work, PAIRS)
    (work / "study.toml").write_text(fan_study())
    found = " ".join(p.file + p.found + p.hint for p in
                     prepare_production(raw, work / "study.toml").problems)  # fmt: skip
    assert "feat" not in found and "give --subjects-dir" in found


def marked(fake):
    """Make the fake FEAT write into each map which one it is."""
    old = '(kind, i if first else 1))).write_text("made")'
    text = fake.read_text()
    assert old in text
    fake.write_text(text.replace(old, old.replace('"made"', '"-" * 12 + kind + str(i)')))


def test_feat_runs_and_each_map_is_saved_under_its_own_contrast(work, monkeypatch):
    install_feat(work, monkeypatch)
    marked(work / "bin/feat")
    nodes = run_graph(work, fan_study(FSL, maps_only=True), run_feat=True).nodes()
    func, fsl = work / "out/sub-01/func", work / "out/sub-01/fsl"
    drawing = ("trained1", "trained2", "drawing")
    groups = {f"task-{task}_run-{n}": OBJECTS if task == "recognition" else drawing
              for task, n in RUNS} | {"task-drawing_space-MNI152NLin6Asym": drawing}  # fmt: skip
    expected = {
        f"sub-01_{group}_contrast-{name}_stat-{stat}_desc-feat_statmap.nii.gz": f"-{kind}{i}"
        for group, names in groups.items()
        for i, name in enumerate(names, 1)
        for stat, kind in (("effect", "cope"), ("variance", "varcope"), ("z", "zstat"))
    }
    found = {path.name: path.read_bytes() for path in func.glob("*.nii.gz")}
    assert found.keys() == expected.keys()
    wrong = [name for name, end in expected.items() if not found[name].endswith(end.encode())]
    assert wrong == []
    assert len(list(fsl.glob("*.fsf"))) == 11
    (mean,) = [n for n in nodes if n.fullname.endswith("drawing_mean_wf.run")]
    used = parse_fsf(Path(mean.result.outputs.fsf_file).read_text())
    saved = parse_fsf((fsl / "drawing.fsf").read_text())
    paths = {f"feat_files({i})" for i in range(1, 5)} | {"fmri(outputdir)"}
    assert {name for name in saved if saved[name] != used[name]} == paths
    series = [used[f"feat_files({i})"] for i in range(1, 5)]
    runs = [parse_fsf(Path(folder).with_name("design.fsf").read_text()) for folder in series]
    assert [Path(run["feat_files(1)"]).name for run in runs] == [
        f"sub-01_task-drawing_run-{n}_bold.nii.gz" for n in range(1, 5)
    ]


def test_the_command_builds_feat_and_no_python_model(work, monkeypatch):
    install_feat(work, monkeypatch)
    monkeypatch.setenv("FSLDIR", str(standard_space(work)))
    raw = write_feat_study(work, PAIRS)
    (work / "study.toml").write_text(fan_study(FSL, maps_only=True))
    built = []

    def keep(args, prepared, console, build):
        built.append(build(str(work / "names"), str(work / "out")))
        return 0

    monkeypatch.setattr("fmriprod.cli.production.execute_study", keep)
    command = ["run", str(raw), str(work / "out"), "participant", "--study",
               str(work / "study.toml")]  # fmt: skip
    assert main(command) == 0
    names = [node.fullname for node in built[0]._create_flat_graph().nodes]
    assert sum(name.endswith("_feat_wf.run") for name in names) == 10
    assert not any("model" in name or "bold_wf" in name for name in names)
    command[3] = "group"
    assert main(command) == 1


def test_options_go_before_what_was_published(work):
    raw = write_feat_study(work, PAIRS)
    prepared = prepare_production(raw, "fan2020", only_fsf=True)
    workflow = init_production_feat_wf(
        prepared.plans[0], prepared.study, out_dir=str(work / "out"), bids_dir=str(raw),
        run_feat=False, slice_timing="none", z_threshold=2.6,
        task_z_thresholds={"recognition": 2.9}, linear_tasks=("recognition",), mean_tasks=(),
    )  # fmt: skip
    for task, z, nonlinear in (("drawing", 2.6, True), ("recognition", 2.9, False)):
        found = workflow.get_node(f"task_{task}_run_1_feat_wf.settings").inputs
        assert (found.z_threshold, found.nonlinear, found.slice_timing) == (z, nonlinear, "none")
    assert not [name for name in workflow.list_node_names() if "mean" in name]


def test_runs_that_are_averaged_have_the_same_contrasts(work):
    raw = write_feat_study(work, PAIRS)
    prepared = prepare_production(raw, "fan2020", only_fsf=True)
    plan = prepared.plans[0]
    runs = [dataclasses.replace(run, contrasts=run.contrasts[:2]) if run.run_label == "2" else run
            for run in plan.runs]  # fmt: skip
    other = dataclasses.replace(plan, runs=tuple(runs))
    with pytest.raises(InputError, match="trained1, trained2, drawing; trained1, trained2"):
        init_production_feat_wf(other, prepared.study, out_dir="out", bids_dir=str(raw))


def test_standard_space_is_found_or_asked_for(work, monkeypatch):
    monkeypatch.setenv("FSLDIR", str(standard_space(work)))
    assert standard_brain().endswith("data/standard/MNI152_T1_2mm_brain.nii.gz")
    monkeypatch.setenv("FSLDIR", str(work))
    with pytest.raises(InputError, match="no file"):
        standard_brain()
    folder = work / "fsldir/data/standard"
    with pytest.raises(InputError, match="head NAME"):
        standard_brain(folder / "MNI152_T1_2mm.nii.gz")
    (folder / "MNI152_T1_2mm.nii.gz").unlink()
    with pytest.raises(InputError, match="no other file"):
        standard_brain(folder / "MNI152_T1_2mm_brain.nii.gz")


def test_the_command_without_a_standard_space_says_what_to_give(work, monkeypatch, capsys):
    monkeypatch.delenv("FSLDIR", raising=False)
    raw = write_feat_study(work, PAIRS)
    assert main(["fsf", str(raw), str(work / "out"), "--study", "fan2020"]) == 1
    said = capsys.readouterr().err
    assert "--standard" in said and "no FSLDIR" in said
    assert not (work / "out").exists()


def test_a_label_with_a_plus_is_in_the_names_of_both_graphs(work):
    raw = write_feat_study(work, {"a+b": PAIRS["01"]})
    (work / "study.toml").write_text(fan_study(maps_only=True))
    prepared = prepare_production(raw, work / "study.toml", only_fsf=True)
    places = {"out_dir": str(work / "out"), "bids_dir": str(raw)}
    plan, study = prepared.plans[0], prepared.study
    feat = init_production_feat_wf(plan, study, run_feat=False, **places)
    python = init_production_subject_wf(plan, study, RegionFiles("labels.nii"), **places)
    for workflow in (feat, python):
        names = [f"f.{workflow.name}.{name}" for name in workflow.list_node_names()]
        assert {participant_of(name) for name in names} == {"a+b"}
