"""The main job from preprocessed series: what reaches which step, and planted truth is found."""

import gzip
import json
from pathlib import Path

import nibabel as nb
import numpy as np
import pandas as pd
import pytest
from support.bids import study_tree, write_tree
from support.fmriprep import confounds, confounds_metadata, write_confounds, write_derivatives
from support.simulated import simulate, validate

from fmriprod.algorithms.bids_names import parse_name
from fmriprod.algorithms.hrf import regressors
from fmriprod.cli.main import build_parser, main
from fmriprod.cli.options import derivatives_options
from fmriprod.interfaces.preprocessed_run import DEFAULT_STRATEGY
from fmriprod.interfaces.resample_to_grid import ResampleToGrid
from fmriprod.workflows.prepare import prepare_study
from fmriprod.workflows.subject import init_subject_wf

N, TR, SHAPE = 120, 2.0, (6, 7, 8)
ABOUT = {"Name": "simulated", "DatasetType": "derivative",
         "GeneratedBy": [{"Name": "fMRIPrep", "Version": "23.2.1"}]}  # fmt: skip
ONSETS = np.arange(6.0, 216.0, 11.3)
EVENTS = "onset\tduration\ttrial_type\n" + "".join(
    f"{onset:g}\t1\t{'face' if i % 2 else 'house'}\n" for i, onset in enumerate(ONSETS)
)


def image(data, tr=TR):
    made = nb.Nifti1Image(np.asarray(data), np.diag([3.0, 3, 3, 1]))
    made.header.set_xyzt_units("mm", "sec")
    if made.ndim == 4:
        made.header.set_zooms((3, 3, 3, tr))
    return gzip.compress(made.to_bytes(), compresslevel=1)


def planted(start_time, rng, jumps=()):
    """Series of 1000 whose half responds by 2 % to all events, as seen at ``start_time``."""
    frames = np.arange(N) * TR + start_time
    response = next(iter(regressors(ONSETS, np.ones(len(ONSETS)), frames, "spm").values()))
    series = 1000 + rng.normal(0, 0.3, (*SHAPE, N))
    series[:3] += 20 * response
    series[..., list(jumps)] += 200
    return series.astype(np.float32)


def study(work, rng, *, start_time=1.0, sidecar=None, jumps=(), n_runs=2):
    """Write a raw study and derivatives of it, with planted effects, moments and jumps."""
    tree = study_tree(subjects=("01",), n_runs=n_runs, n_volumes=N, tr=TR)
    made = {"dataset_description.json": ABOUT}
    for run in range(1, n_runs + 1):
        stem = f"sub-01/func/sub-01_task-view_run-{run}"
        tree[f"{stem}_events.tsv"] = EVENTS
        made[f"{stem}_space-T1w_desc-preproc_bold.nii.gz"] = image(planted(start_time, rng, jumps))
        made[f"{stem}_space-T1w_desc-preproc_bold.json"] = {
            "RepetitionTime": TR,
            **(sidecar or {"SliceTimingCorrected": True, "StartTime": start_time}),
        }
        made[f"{stem}_space-T1w_desc-brain_mask.nii.gz"] = image(np.ones(SHAPE, np.uint8))
        made[f"{stem}_space-T1w_boldref.nii.gz"] = image(np.full(SHAPE, 1000, np.float32))
    write_tree(work / "raw", tree)
    write_tree(work / "fprep", made)
    for run in range(1, n_runs + 1):
        table = confounds(N, seed=run)
        table.loc[list(jumps), "framewise_displacement"] = 3.0
        write_confounds(work / "fprep/sub-01/func", f"sub-01_task-view_run-{run}", table,
                        confounds_metadata())  # fmt: skip
    return work / "raw"


def prepare(work, **options):
    given = {"folder": work / "fprep", "confounds": DEFAULT_STRATEGY, **options}
    return prepare_study(work / "raw", choice={}, plan={}, derivatives=given)


def build(work, prepared, **options):
    (plan,) = prepared.plans
    out = {"out_dir": str(work / "out"), "bids_dir": str(work / "raw")}
    return init_subject_wf(plan, **out, **options)


def test_what_reaches_which_step(work, rng):
    study(work, rng, start_time=0.6)
    prepared = prepare(work, confounds="motion12+cosine+acompcor:2")
    workflow = build(work, prepared, fwhm=7.0, hrf="glover", noise="ols", shift=4.0)
    func = work / "fprep/sub-01/func"
    names = workflow.list_node_names()
    assert not [n for n in names if n.endswith((".motion", ".reorient", ".skullstrip"))]
    for run in (1, 2):
        key, stem = f"task_view_run_{run}_wf", f"{func}/sub-01_task-view_run-{run}"
        series = f"{stem}_space-T1w_desc-preproc_bold.nii.gz"
        chosen = workflow.get_node(f"{key}.confounds").inputs
        assert chosen.confounds_file == f"{stem}_desc-confounds_timeseries.tsv"
        assert chosen.confounds_json == f"{stem}_desc-confounds_timeseries.json"
        assert (chosen.strategy, chosen.n_volumes) == ("motion12+cosine+acompcor:2", N)
        model = workflow.get_node(f"{key}.first_level_wf.model").inputs
        assert (model.start_time, model.drift, model.hrf, model.noise) == (
            0.6, "none", "glover", "ols")  # fmt: skip
        assert len(model.confounds) == 12 + 3 + 2
        assert workflow.get_node(f"{key}.first_level_wf.smooth").inputs.fwhm == 7.0
        assert workflow.get_node(f"{key}.quality").inputs.in_file == series
        assert workflow.get_node(f"{key}.outputnode").inputs.bold_file == series
        samples = workflow.get_node(f"features_task_view_run_{run}_wf.featurize").inputs
        assert samples.shift == pytest.approx(4.0 + (TR / 2 - 0.6))
    masks = workflow.get_node("boldref_wf.inputnode").inputs.mask_files
    assert masks == [f"{func}/sub-01_task-view_run-{i}_space-T1w_desc-brain_mask.nii.gz"
                     for i in (1, 2)]  # fmt: skip
    saver = workflow.get_node("save_region_z_file").inputs
    assert saver.sources[0].startswith("bids:preprocessed:sub-01/func/sub-01_task-view_run-1_space")
    assert saver.metadata == [
        'SpatialReference="bids:preprocessed:sub-01/func/'
        'sub-01_task-view_run-1_space-T1w_boldref.nii.gz"'
    ]


def test_the_models_own_drifts_unless_the_confounds_have_them(work, rng):
    study(work, rng, n_runs=1)
    for strategy, drift in (("motion6", "cosine"), ("motion6+cosine", "none")):
        workflow = build(work, prepare(work, confounds=strategy))
        model = workflow.get_node("task_view_run_1_wf.first_level_wf.model").inputs
        assert model.drift == drift
    assert "drifts" not in workflow.get_node("task_view_run_1_wf.first_level_wf").__desc__


def test_problems_leave_the_participant_out_and_say_why(work, rng):
    study(work, rng)
    (work / "fprep/sub-01/func/sub-01_task-view_run-2_desc-confounds_timeseries.tsv").unlink()
    prepared = prepare(work)
    assert prepared.plans == () and prepared.left_out == ("01",)
    errors = [p for p in prepared.problems if p.severity == "error"]
    assert len(errors) == 1 and "desc-confounds_timeseries.tsv" in errors[0].expected
    prepared = prepare(work, folder=work / "raw")
    (error,) = [p for p in prepared.problems if p.severity == "error"]
    assert "not the raw dataset" in error.hint and prepared.plans == ()


def effects(work, prepared):
    """Run the model of the first run; mean effect where it is planted and where nothing is."""
    workflow = build(work, prepared, hrf="spm", fwhm=0.0, noise="ols")
    wanted = ("boldref_wf.common", "task_view_run_1_wf.confounds",
              "task_view_run_1_wf.first_level_wf.smooth",
              "task_view_run_1_wf.first_level_wf.model")  # fmt: skip
    kept = [workflow.get_node(name) for name in wanted]
    others = [n for n in workflow._get_all_nodes() if n not in kept]
    workflow.base_dir = str(work / "work")
    for name in workflow.list_node_names():
        node = workflow.get_node(name)
        if node in others and not name.endswith("putnode"):
            parent = workflow
            *path, _ = name.split(".")
            for part in path:
                parent = parent.get_node(part)
            parent.remove_nodes([node])
    graph = workflow.run()
    (model,) = [node for node in graph.nodes if node.name == "model"]
    data = nb.load(model.result.outputs.effect_files[0]).get_fdata()
    return data[:3].mean(), data[3:].mean()


@pytest.mark.parametrize("start_time", [0.0, 2.0])
def test_the_planted_effect_is_found_with_the_moment_of_the_sidecar_only(work, rng, start_time):
    study(work, rng, start_time=start_time, n_runs=1)
    planted_effect, none = effects(work, prepare(work))
    assert planted_effect == pytest.approx(2.0, abs=0.03) and abs(none) < 0.03
    study(work, rng, start_time=start_time, n_runs=1, sidecar={"SliceTimingCorrected": True})
    assert prepare(work).plans == ()  # not known, and it matters
    wrong, _ = effects(work, prepare(work, slice_time_ref=1 - start_time / 2))
    assert wrong < 1.8


def test_scrubbed_jumps_leave_the_effect_alone(work, rng):
    study(work, rng, n_runs=1, jumps=(31, 77, 78))
    without, _ = effects(work, prepare(work, confounds="motion6"))
    with_scrub, none = effects(work, prepare(work, confounds="motion6+scrub"))
    assert with_scrub == pytest.approx(2.0, abs=0.03) and abs(none) < 0.03
    assert abs(without - 2.0) > 0.1


@pytest.mark.parametrize(
    ("given", "parts"),
    [
        (["--space", "T1w"], ["--space", "--derivatives DIR"]),
        (["--slice-time-ref", "0.5"], ["--slice-time-ref", "--derivatives DIR"]),
        (["--confounds", "motion24"], ["--confounds", "--derivatives DIR"]),
        (["--derivatives", "nowhere"], ["no such folder"]),
        (["--derivatives", "fprep", "--confounds", "motion23"], ["did you mean 'motion24'?"]),
        (["--derivatives", "fprep", "--space", "MNI"], ["in space MNI", "T1w"]),
        (["--derivatives", "fprep", "--slice-time-ref", "1.5"], ["a fraction from 0"]),
        (["--derivatives", "fprep", "--study", "fan2020"], ["--derivatives", "--study"]),
    ],
)
def test_options_are_refused_by_name(work, rng, capsys, given, parts):
    study(work, rng, n_runs=1)
    assert main(["check", "raw", *given]) == 1
    said = " ".join(capsys.readouterr())
    for part in parts:
        assert part in " ".join(said.split())


def test_the_commands_default_strategy_is_that_of_the_workflows():
    args = build_parser().parse_args(["run", "raw", "out", "participant"])
    assert args.confounds == DEFAULT_STRATEGY
    assert derivatives_options(args) is None


def test_check_says_that_all_is_well(work, rng, capsys):
    study(work, rng)
    assert main(["check", "raw", "--derivatives", "fprep", "--confounds", "motion24+scrub"]) == 0
    assert "ERROR" not in capsys.readouterr().out


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Run the main job on a simulated study, and on derivatives made of its own preparation."""
    folder = tmp_path_factory.mktemp("both")
    bids = simulate(folder / "study")
    command = ["participant", "--n-procs", "2", "--fwhm", "6", "--n-permutations", "100"]
    assert main(["run", str(bids), str(folder / "own"), *command]) == 0
    write_derivatives(folder / "own", folder / "fprep")
    command += ["--derivatives", str(folder / "fprep"), "--space", "T1w"]
    assert main(["run", str(bids), str(folder / "out"), *command]) == 0
    return folder


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_same_maps_and_evidence_as_from_our_own_preparation(both):
    """The series are the same voxels in other places: maps agree but for rounding."""
    func, found = both / "own/sub-01/func", both / "out/sub-01/func"
    compared = 0
    for file in found.glob("*_statmap.nii.gz"):
        ours = func / file.name.replace("_space-T1w", "")
        here, there = nb.load(file).get_fdata(), nb.load(ours).get_fdata()
        scale = np.abs(there).max()
        np.testing.assert_allclose(here, there, atol=5e-3 * scale)
        compared += 1
    assert compared == 2 * 4 + 1
    name = "label-task_desc-recognition_decoding.json"
    ours = json.loads((func / f"sub-01_{name}").read_text())
    here = json.loads((found / f"sub-01_space-T1w_{name}").read_text())
    assert here["accuracy"] == pytest.approx(ours["accuracy"], abs=0.04)
    assert here["accuracy"] > 0.6 > here["chance"] == 0.25


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_region_is_where_it_was_planted(both):
    truth = (
        both / "study/bids/derivatives/truth/sub-01/anat/sub-01_space-T1w_label-visual_mask.nii.gz"
    )
    z_file = (
        both / "out/sub-01/func/sub-01_space-T1w_contrast-task_stat-z_desc-fixed_statmap.nii.gz"
    )
    moved = ResampleToGrid(in_files=[str(truth)], reference_file=str(z_file),
                           interpolation="nearest").run(cwd=str(both))  # fmt: skip
    planted_mask = nb.load(moved.outputs.out_files[0]).get_fdata() > 0
    z = nb.load(z_file).get_fdata()
    top = z >= np.sort(z.ravel())[-100]
    assert planted_mask[top].mean() > 10 * planted_mask[z != 0].mean()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_what_is_written_is_bids_and_says_where_it_comes_from(both):
    errors = [i for i in validate(both / "out")["issues"]["issues"] if i.get("severity") == "error"]
    assert not errors
    about = json.loads((both / "out/dataset_description.json").read_text())
    assert about["DatasetLinks"]["preprocessed"] == "../fprep"
    for file in (both / "out/sub-01/func").glob("*.json"):
        name, content = parse_name(file.name), json.loads(file.read_text())
        assert name.get("space") == "T1w"
        for uri in content.get("Sources", []):
            assert (both / "fprep" / uri.removeprefix("bids:preprocessed:")).is_file()
    page = (both / "out/sub-01_space-T1w_report.html").read_text(encoding="utf-8")
    for part in ("preprocessed by fMRIPrep 23.2.1, space T1w", "6 confounds", "volumes represent"):
        assert part in page
    table = pd.read_csv(
        next((both / "out/sub-01/func").glob("*desc-confounds_timeseries.tsv")), sep="\t"
    )
    assert list(table)[:3] == ["trans_x", "trans_y", "trans_z"]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_another_strategy_in_the_template_runs_through(both):
    out = both / "other"
    command = ["run", str(both / "study/bids"), str(out), "participant", "--n-procs", "2",
               "--derivatives", str(both / "fprep"), "--space", "MNI152NLin2009cAsym",
               "--confounds", "motion24+wm_csf+cosine+acompcor:3+scrub:0.4",
               "--n-permutations", "20"]  # fmt: skip
    assert main(command) == 0
    audits = sorted((out / "sub-01/func").glob("*space-MNI152NLin2009cAsym_desc-audit_design.json"))
    assert len(audits) == 2 and Path(out / "sub-01_space-MNI152NLin2009cAsym_report.html").is_file()
