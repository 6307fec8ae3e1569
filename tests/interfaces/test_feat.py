from pathlib import Path

import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from support.fake_fsl import install_feat
from support.images import write_image

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.fsf import missing_settings, named_paths, parse_fsf, render_fsf
from fmriprod.interfaces.feat import RunFeat
from fmriprod.interfaces.fsf import RenderFsf, RenderHigherFsf
from fmriprod.workflows.feat import init_feat_mean_wf, init_feat_wf

N, TR = 40, 1.5
DRAWING = ["item1=bed", "item2=chair", "drawing=0.5*bed+0.5*chair"]


@pytest.fixture
def study(work):
    """Write a run with two conditions, a T1w image and a standard space."""
    write_image(work / "bold.nii.gz", np.ones((4, 5, 6, N), np.float32), tr=TR)
    for name in ("sub-01_T1w", "brain", "MNI", "MNI_brain"):
        write_image(work / f"{name}.nii.gz", np.ones((4, 4, 4), np.float32))
    events = pd.DataFrame({"onset": [30.0, 12.0, 20.5, 40.0], "duration": [1.0, 1, 1, 0.5]})
    events["trial_type"] = ["chair", "chair", "bed", "bed"]
    events.to_csv("events.tsv", sep="\t", index=False)
    return work


def inputs(work, **changes):
    names = {"in_file": "bold.nii.gz", "events_file": "events.tsv", "t1w_file": "sub-01_T1w.nii.gz",
             "brain_file": "brain.nii.gz", "standard_file": "MNI_brain.nii.gz"}  # fmt: skip
    return {field: str(work / name) for field, name in names.items()} | changes


def render(work, **changes):
    return pe.Node(RenderFsf(**inputs(work, **changes)), name="render").run().outputs


def test_settings_of_a_run_are_complete_and_every_path_is_there(study):
    out = render(study, contrasts=DRAWING, z_threshold=3.1, nonlinear=False)
    found = parse_fsf(Path(out.fsf_file).read_text())
    assert missing_settings(found) == []
    paths = named_paths(found)
    assert paths.pop("fmri(outputdir)").endswith("run.feat")
    assert all(Path(path).is_absolute() and Path(path).is_file() for path in paths.values())
    head = str(Path(paths["highres_files(1)"]).with_name("t1w.nii.gz"))
    assert sorted([*paths.values(), head]) == out.input_files
    assert found["fmri(tr)"] == TR and found["fmri(npts)"] == N
    assert found["fmri(totalVoxels)"] == 4 * 5 * 6 * N
    assert [found[f"fmri(evtitle{i})"] for i in (1, 2)] == ["bed", "chair"]
    assert out.contrast_names == ["item1", "item2", "drawing"]
    assert [found[f"fmri(con_real3.{j})"] for j in range(1, 5)] == [0.5, 0, 0.5, 0]
    assert found["fmri(z_thresh)"] == 3.1 and found["fmri(regstandard_nonlinear_yn)"] == 0


def test_events_are_those_of_each_condition_in_order(study):
    out = render(study)
    bed, chair = (np.loadtxt(path) for path in out.event_files)
    np.testing.assert_array_equal(bed, [[20.5, 1, 1], [40, 0.5, 1]])
    np.testing.assert_array_equal(chair, [[12, 1, 1], [30, 1, 1]])
    later = render(study, n_delete=4, conditions=["chair", "bed"])
    np.testing.assert_array_equal(np.loadtxt(later.event_files[0])[:, 0], [6, 24])
    assert later.contrast_names == ["chair", "bed"]


def test_feat_finds_the_head_by_the_name_of_the_brain(study):
    """Boundary-based registration takes NAME for NAME_brain."""
    found = parse_fsf(Path(render(study).fsf_file).read_text())
    brain = Path(found["highres_files(1)"])
    head = brain.with_name(brain.name.replace("_brain", ""))
    assert brain.resolve() == study / "brain.nii.gz"
    assert head != brain and head.resolve() == study / "sub-01_T1w.nii.gz"


def test_every_option_reaches_the_settings(study):
    changes = {"fwhm": 6.0, "high_pass": 60.0, "brain_threshold": 7.0, "p_threshold": 0.01,
               "standard_dof": 6, "highres_search": 180, "warp_resolution": 8.0, "n_delete": 2,
               "motion_regressors": True, "prewhiten": False, "derivative": False}  # fmt: skip
    found = parse_fsf(Path(render(study, **changes).fsf_file).read_text())
    names = {"smooth": 6, "paradigm_hp": 60, "brain_thresh": 7, "prob_thresh": 0.01,
             "regstandard_dof": 6, "reghighres_search": 180, "regstandard_nonlinear_warpres": 8,
             "ndelete": 2, "motionevs": 1, "prewhiten_yn": 0, "deriv_yn1": 0}  # fmt: skip
    assert {name: found[f"fmri({name})"] for name in names} == names


def message(interface):
    with pytest.raises(InputError) as caught:
        interface.run()
    return str(caught.value)


def test_bad_input_is_refused(study):
    text = message(RenderFsf(**inputs(study, conditions=["bed", "chiar"])))
    assert "'chiar'" in text and "did you mean 'chair'" in text
    assert "each once" in message(RenderFsf(**inputs(study, conditions=["bed", "bed"])))
    assert "table" in message(RenderFsf(**inputs(study, contrasts=["table"])))
    (study / "MNI.nii.gz").unlink()
    assert "no other file MNI.nii.gz" in message(RenderFsf(**inputs(study)))
    spaced = study / "a b"
    spaced.mkdir()
    (study / "bold.nii.gz").rename(spaced / "bold.nii.gz")
    text = message(RenderFsf(**inputs(study, in_file=str(spaced / "bold.nii.gz"), nonlinear=False)))
    assert "feat_files(1)" in text and "without spaces" in text


def run_feat(fsf_file, **changes):
    return pe.Node(RunFeat(fsf_file=fsf_file, **changes), name="run").run().outputs


def test_feat_is_run_and_its_maps_are_listed(study, monkeypatch):
    install_feat(study, monkeypatch)
    rendered = render(study, contrasts=DRAWING)
    out = run_feat(rendered.fsf_file, input_files=rendered.input_files)
    assert out.feat_dir.endswith("/run/run.feat")  # in the step's own folder
    assert [Path(p).name for p in out.cope_files] == [f"cope{i}.nii.gz" for i in (1, 2, 3)]
    assert [Path(p).name for p in out.z_files] == [f"zstat{i}.nii.gz" for i in (1, 2, 3)]
    assert Path(out.filtered_file).is_file() and out.first_cope == out.cope_files[0]
    other = run_feat(rendered.fsf_file, output_dir=str(study / "mine.feat"))
    assert other.feat_dir == str(study / "mine.feat")


def test_content_of_what_the_settings_name_decides_the_cache(study):
    rendered = render(study)
    step = RunFeat(fsf_file=rendered.fsf_file, input_files=rendered.input_files)
    before = step.inputs.get_hashval(hash_method="content")[1]
    write_image(study / "bold.nii.gz", np.zeros((4, 5, 6, N), np.float32), tr=TR)
    again = RunFeat(fsf_file=rendered.fsf_file, input_files=rendered.input_files)
    assert again.inputs.get_hashval(hash_method="content")[1] != before


def test_a_feat_that_fails_silently_is_noticed(study, monkeypatch):
    install_feat(study, monkeypatch, broken=True)
    rendered = render(study)
    with pytest.raises(RuntimeError, match="filtered_func_data") as caught:
        RunFeat(fsf_file=rendered.fsf_file).run()
    assert "flirt could not be run" in str(caught.value)
    (study / "bin" / "feat").write_text("#!/bin/sh\n")
    with pytest.raises(RuntimeError, match="no log"):
        RunFeat(fsf_file=rendered.fsf_file, output_dir=str(study / "other.feat")).run()


def test_what_cannot_be_run_is_refused_before_feat(study, monkeypatch):
    rendered = render(study)
    monkeypatch.setenv("PATH", str(study))
    assert "the program feat of FSL" in message(RunFeat(fsf_file=rendered.fsf_file))
    (study / "there.feat").mkdir()
    text = message(RunFeat(fsf_file=rendered.fsf_file, output_dir=str(study / "there.feat")))
    assert "a folder that is not there yet" in text
    settings = parse_fsf(Path(rendered.fsf_file).read_text())
    del settings["fmri(mc)"]
    settings["fmri(custom2)"] = "/not/there.txt"
    (study / "bad.fsf").write_text(render_fsf(settings))
    text = message(RunFeat(fsf_file=str(study / "bad.fsf")))
    assert "no fmri(mc)" in text and "fmri(custom2): no /not/there.txt" in text
    (study / "bad.fsf").write_text("# é\n" + render_fsf(settings), encoding="latin-1")
    text = message(RunFeat(fsf_file=str(study / "bad.fsf")))
    assert "settings of FEAT, in UTF-8" in text and "bad.fsf" in text


def test_two_runs_and_their_mean_as_workflows(study, monkeypatch):
    install_feat(study, monkeypatch)
    copes = []
    for number in (1, 2):
        workflow = init_feat_wf(contrasts=DRAWING, name=f"run{number}", z_threshold=3.1)
        workflow.base_dir = str(study)
        fields = inputs(study)
        fields["bold_file"] = fields.pop("in_file")
        workflow.inputs.inputnode.trait_set(**fields)
        done = {node.name: node.result.outputs for node in workflow.run().nodes()}
        copes.append(done["run"].first_cope)
    mean = init_feat_mean_wf(n_copes=3)
    mean.base_dir = str(study)
    mean.inputs.inputnode.trait_set(cope_files=copes, standard_file=str(study / "MNI_brain.nii.gz"))
    done = {node.name: node.result.outputs for node in mean.run().nodes()}
    found = parse_fsf(Path(done["settings"].fsf_file).read_text())
    assert found["feat_files(2)"] == str(Path(copes[1]).parents[1])
    assert set(copes) < set(done["settings"].input_files)
    assert found["fmri(mixed_yn)"] == 3 and found["fmri(ncopeinputs)"] == 3
    assert [Path(p).parents[1].name for p in done["run"].cope_files] == [
        "cope1.feat", "cope2.feat", "cope3.feat",
    ]  # fmt: skip
    group = RenderHigherFsf(
        cope_files=done["run"].cope_files[:2], standard_file=str(study / "MNI_brain.nii.gz")
    )
    found = parse_fsf(Path(group.run().outputs.fsf_file).read_text())
    assert found["feat_files(1)"].endswith("mean.gfeat/cope1.feat")


def test_lower_levels_must_be_feat_folders_and_others_each(study):
    (study / "one.feat" / "stats").mkdir(parents=True)
    cope = study / "one.feat" / "stats" / "cope1.nii.gz"
    cope.write_text("x")
    standard = str(study / "MNI_brain.nii.gz")
    text = message(RenderHigherFsf(cope_files=[str(cope)] * 2, standard_file=standard))
    assert "a folder twice" in text
    text = message(RenderHigherFsf(cope_files=[str(cope), standard], standard_file=standard))
    assert "NAME.feat/stats/cope1.nii.gz" in text
