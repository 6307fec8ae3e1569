"""Options reach the steps that they are for, and the right results go from step to step."""

import pytest
from support.images import write_image

from fmriprod.workflows.parts import first_file
from fmriprod.workflows.plan import RunPlan, SubjectPlan
from fmriprod.workflows.plan_evidence import EvidencePlan
from fmriprod.workflows.subject import init_subject_wf


@pytest.fixture
def plan(work, rng):
    def image(name, *shape):
        return str(write_image(work / name, rng.random(shape).astype("float32")))

    def run(key, task, number, sampling, drift):
        events = work / f"{key}_events.tsv"
        events.write_text("onset\tduration\ttrial_type\n0\t1\ta\n4\t1\tb\n")
        bold = image(f"sub-01_task-{task}_run-{number}_bold.nii.gz", 4, 4, 4, 6)
        return RunPlan(key, bold, str(events), task, number, 1.5, ("a", "b"),
                       ("task=(a+b)/2", "a-b"), sampling, drift)  # fmt: skip

    runs = (
        run("task_x_run_1", "x", "1", "events", "cosine"),
        run("task_x_run_2", "x", "2", "events", "linear"),
        run("task_y_run_1", "y", "1", "volumes", "cosine"),
    )
    keys = tuple(r.key for r in runs)
    question = EvidencePlan("evidence", keys, "task == 'x'", "task == 'y'")
    t1w = image("sub-01_T1w.nii.gz", 4, 4, 4)
    return SubjectPlan("01", t1w, runs, (keys[0], keys[1]), (question,))


@pytest.fixture
def build(plan, work):
    def built(**options):
        return init_subject_wf(plan, out_dir=str(work / "out"), bids_dir=str(work), **options)

    return built


def connections(workflow):
    """List what goes from where to where at the top of a workflow."""
    return {
        (source.name, str(output[0] if isinstance(output, tuple) else output), target.name, field)
        for source, target, data in workflow._graph.edges(data=True)
        for output, field in data["connect"]
    }


def test_every_option_of_the_model_reaches_its_step(build):
    workflow = build(
        fwhm=7.0, hrf="glover", high_pass=77.0, noise="ols", n_voxels=33, shift=3.0, window=2,
        past_end="drop", classifier="logistic", n_permutations=11, seed=5, axis_codes="RAS",
    )  # fmt: skip

    def inputs(node):
        return workflow.get_node(node).inputs

    for key in ("task_x_run_1", "task_x_run_2", "task_y_run_1"):
        model = inputs(f"{key}_wf.first_level_wf.model")
        assert (model.hrf, model.high_pass, model.noise, model.tr) == ("glover", 77.0, "ols", 1.5)
        assert model.confounds == ["trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z"]
        assert model.contrasts == ["task=(a+b)/2", "a-b"]
        assert inputs(f"{key}_wf.first_level_wf.smooth").fwhm == 7.0
        reorient = inputs(f"{key}_wf.bold_wf.reorient")
        assert (reorient.axis_codes, reorient.tr) == ("RAS", 1.5)
        drift = inputs(f"features_{key}_wf.filter")
        assert (drift.high_pass, drift.tr) == (77.0, 1.5)
        assert drift.method == ("linear" if key == "task_x_run_2" else "cosine")
        samples = inputs(f"features_{key}_wf.featurize")
        assert (samples.shift, samples.tr, samples.past_end) == (3.0, 1.5, "drop")
        task, number = key.split("_")[1::2]
        assert (samples.subject, samples.task, samples.run_label) == ("01", task, number)
        assert samples.mode == ("volumes" if task == "y" else "events")
        assert samples.window == (1 if task == "y" else 2)
    assert inputs("region_wf.choose").n_voxels == 33
    evidence = inputs("evidence_evidence_wf.evidence")
    assert (evidence.train, evidence.test) == ("task == 'x'", "task == 'y'")
    assert (evidence.classifier, evidence.n_permutations, evidence.seed) == ("logistic", 11, 5)


def test_the_task_of_the_runs_that_train_chooses_the_region_and_all_runs_give_features(build):
    links = connections(build())
    effects = {link for link in links if link[2] == "gather_region_effect_files"}
    assert effects == {
        (f"task_x_run_{i}_wf", "outputnode.effect_files", "gather_region_effect_files", f"in{i}")
        for i in (1, 2)
    }
    assert first_file(["task", "other"]) == first_file("task") == "task"
    for key in ("task_x_run_1", "task_x_run_2", "task_y_run_1"):
        into = {link for link in links if link[2] == f"features_{key}_wf"}
        assert into == {
            (f"{key}_wf", "outputnode.bold_file", f"features_{key}_wf", "inputnode.bold_file"),
            ("boldref_wf", "outputnode.mask_file", f"features_{key}_wf", "inputnode.brain_mask"),
            ("region_wf", "outputnode.mask_file", f"features_{key}_wf", "inputnode.region_file"),
        }
    order = {
        (source, field)
        for source, _, target, field in links
        if target == "gather_evidence_evidence_features_files"
    }
    assert order == {
        ("features_task_x_run_1_wf", "in1"),
        ("features_task_x_run_2_wf", "in2"),
        ("features_task_y_run_1_wf", "in3"),
    }


def test_results_of_several_files_name_them_all(build, plan):
    workflow = build()
    files = [run.bold_file for run in plan.runs]

    def sources(name):
        return list(workflow.get_node(f"save_{name}").inputs.sources)

    assert sources("region_z_file") == files[:2]  # those that choose the region
    assert sources("evidence_evidence") == files
    assert sources("boldref_transform_file") == [files[0], plan.t1w_file]
    assert sources("boldref_reference_file") == [files[0]]
    assert set(sources("report")) == {plan.t1w_file, *files}
