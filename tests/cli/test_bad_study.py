"""What a person meets who gives a study file, a level or labels that do not fit."""

import json

import nibabel as nb
import numpy as np
import pytest
from support.images import write_image
from support.production_study import study_text, tiny_dataset, tiny_subjects_dir

from fmriprod.algorithms.checks import InputError
from fmriprod.cli.main import build_parser, main
from fmriprod.cli.options import given_model_options
from fmriprod.interfaces.label_masks import LabelMasks
from fmriprod.interfaces.leave_one_out import LeaveOneOutMasks
from fmriprod.interfaces.study_folder import READY

READY_TEXT = (READY / "fan2020.toml").read_text()
RUN_4 = "sub-01/func/sub-01_task-recognition_run-4_events.tsv"


@pytest.fixture
def ask(work, capsys):
    """Return a function that gives a command about a study, by run or check."""
    tiny_dataset(work / "bids")
    tiny_subjects_dir(work / "fs")
    (work / "study.toml").write_text(READY_TEXT)

    def command(*options, name="run", level="participant", study="study.toml", fs="fs"):
        arguments = [name, "bids", "out"]
        arguments += [level, "--dry-run"] if name == "run" else []
        arguments += ["--study", study] if study else []
        arguments += ["--subjects-dir", fs] if fs else []
        try:
            code = main([*arguments, *map(str, options)])
        except SystemExit as end:
            code = end.code
        printed = capsys.readouterr()
        text = printed.out + printed.err
        assert "Traceback" not in text
        return code, text

    return command


def change(*pairs):
    """Change the study file; each text must be there."""

    def spoil(work):
        text = (work / "study.toml").read_text()
        for old, new in pairs:
            assert old in text
            text = text.replace(old, new)
        (work / "study.toml").write_text(text)

    return spoil


def line_of(text):
    """Line of a text in the ready study file, from 1."""
    return 1 + READY_TEXT[: READY_TEXT.index(text)].count("\n")


def model(**content):
    """Name a Stats Model in the study file, and write it."""

    def spoil(work):
        change(("[glm]\n", '[glm]\nmodels = ["recognition_smdl.json"]\n'))(work)
        (work / "recognition_smdl.json").write_text(json.dumps(content))

    return spoil


def without(*names):
    return lambda work: [path.unlink() for name in names for path in work.glob(name)]


def edit(name, old, new):
    def spoil(work):
        path = work / name
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    return spoil


WHOLE = {
    "misspelled key": (
        change(("window = 23", "windw = 23")),
        [f"line {line_of('window = 23')}: tasks.drawing.samples.windw", "did you mean 'window'?"],
    ),
    "two at once": (
        change(("fwhm = 3.0", "fwhn = 3.0"), ('train = "localizer"', 'train = "localiser"')),
        ["did you mean 'fwhm'?", "did you mean 'localizer'?", "2 errors."],
    ),
    "no TOML": (change(("[objects]", "[objects")), ["TOML", "line 9", "mend the line"]),
    "contrast of nothing": (
        change(('table = "table"', 'table = "tabel"')),
        ["tasks.recognition.contrasts.table", "did you mean 'table'?"],
    ),
    "region of nothing": (
        change(('IT = "inferiortemporal"', 'IT = "inferiortempral"')),
        ["did you mean 'inferiortemporal'?", "IT"],
    ),
    "no model file": (
        change(("[glm]\n", '[glm]\nmodels = ["absent_smdl.json"]\n')),
        ["absent_smdl.json", "glm.models"],
    ),
    "model without nodes": (model(Name="x", BIDSModelVersion="1.0.0"), ["Nodes"]),
    "task of nobody": (
        without("bids/sub-*/func/*drawing*"),
        ["tasks.drawing", "a task of the dataset"],
    ),
    "no participants.tsv": (without("bids/participants.tsv"), ["participants.tsv"]),
}


@pytest.mark.parametrize("case", WHOLE)
def test_what_is_wrong_for_everyone_is_listed_by_run_and_check(case, ask, work):
    spoil, said = WHOLE[case]
    spoil(work)
    for name in ("run", "check"):
        code, text = ask(name=name)
        assert code == 1 and "ERROR" in text and "do:" in text
        assert [part for part in said if part not in text] == [], text
    assert not (work / "out").exists()


OF_ONE = {
    "no T1w": (without("bids/sub-01/anat/*"), ["a T1-weighted image", "none"]),
    "condition absent": (
        edit(f"bids/{RUN_4}", "bench", "bank"),
        ["the conditions bed, bench, chair, table in every run of recognition", "drop-run"],
    ),
    "not in participants.tsv": (
        edit("bids/participants.tsv", "sub-01\tbed\tchair\n", ""),
        ["one row of sub-01"],
    ),
    "unknown object": (
        edit("bids/participants.tsv", "sub-01\tbed", "sub-01\tbet"),
        ["'bet'", "did you mean 'bed'?"],
    ),
    "label file absent": (
        without("fs/sub-01/label/rh.V2_exvivo.label"),
        ["a participant that recon-all has finished", "label/rh.V2_exvivo.label"],
    ),
    "no FreeSurfer subject": (
        lambda work: (work / "fs/sub-01").rename(work / "fs/person1"),
        ["a folder of the participant in", "no '01'"],
    ),
    "run absent": (
        without("bids/sub-01/func/*drawing_run-3*"),
        ["run 3 of task drawing", "runs 1, 2, 4", "drop-run"],
    ),
    "trial past the end": (
        edit("bids/sub-01/func/sub-01_task-drawing_run-1_events.tsv", "39.0\t", "85.0\t"),
        ["windows within the run", "trial 1 ("],
    ),
}


@pytest.mark.parametrize("case", OF_ONE)
def test_what_is_wrong_with_one_leaves_the_other_in_the_study(case, ask, work):
    spoil, said = OF_ONE[case]
    spoil(work)
    for name in ("run", "check"):
        code, text = ask(name=name)
        assert code == 1 and "ERROR" in text
        assert [part for part in said if part not in text] == [], text
        if name == "run":
            assert "Left out because of the errors above: sub-01." in text
            assert any(line.startswith("02 ") for line in text.splitlines())
    code, text = ask("--participant-label", "02")
    assert code == 0 and "ERROR" not in text, text


def test_a_sound_study_is_planned_and_nothing_is_written(ask, work):
    code, text = ask()
    assert code == 0 and "02           bench, table" in text and "ERROR" not in text
    assert ask(name="check")[0] == 0
    assert not (work / "out").exists()


def test_labels_are_asked_for(ask):
    for name in ("run", "check"):
        code, text = ask(name=name, fs=None)
        assert code == 1 and "give --subjects-dir" in text


@pytest.mark.parametrize("name", ["run", "check"])
@pytest.mark.parametrize(
    ("options", "flag"),
    [
        (["--fwhm", "5.5"], "--fwhm"),
        (["--contrast", "bed-chair"], "--contrast"),
        (["--task", "drawing"], "--task"),
        (["--run", "1"], "--run"),
        (["--seed", "3", "--hrf", "spm"], "--hrf, --seed"),
    ],
)
def test_options_whose_place_is_the_file_are_refused(name, options, flag, ask, work):
    code, text = ask(*options, name=name)
    assert code == 1 and text.startswith(f"{flag}\n") and "say it in the study file" in text
    assert not (work / "out").exists()


def test_every_option_of_model_and_evidence_is_known_as_given():
    parse = build_parser().parse_args
    command = ["run", "bids", "out", "participant"]
    assert given_model_options(parse(command)) == []
    assert given_model_options(parse([*command, "--fwhm", "5", "--seed", "0"])) == []
    given = parse([*command, "--past-end", "drop", "--contrast", "a-b", "--n-voxels", "7"])
    assert given_model_options(given) == ["--contrast", "--n-voxels", "--past-end"]
    assert len(given.model_defaults) == 19


def test_levels(ask, capsys):
    code, text = ask(study=None, fs=None, level="group")
    assert code == 1 and "a study file with the level group" in text and "--study FILE" in text
    code, text = ask(study="fan2200")
    assert code == 1 and "did you mean 'fan2020'?" in text
    assert main(["run", "bids", "out", "group", "--study", "fan2020", "--subjects-dir", "fs"]) == 1
    text = capsys.readouterr().out
    assert text.count("results of `fmriprod run ... participant`") == 1
    assert "ERROR   sub-01\n        sub-02\n" in text and "2 errors." in text


def test_participants_that_are_not_there(ask):
    code, text = ask("--participant-label", "03")
    assert code == 1 and "--participant-label" in text and "known: 01, 02" in text


def test_a_chosen_one_without_the_drawing_task_goes_on(ask, work):
    without("bids/sub-01/func/*drawing*")(work)
    for options in ([], ["--participant-label", "01"]):
        code, text = ask(*options)
        assert code == 0 and "01  note: there is no run of task drawing" in text, text


def test_a_contrast_that_a_run_lacks_is_a_decision_that_is_listed(ask, work):
    edit(f"bids/{RUN_4}", "bench", "bank")(work)
    change(('missing = "error"', 'missing = "drop-run"'))(work)
    code, text = ask()
    assert code == 0 and "it has no bench" in text and "phase pre is without run 4" in text


def test_labels_of_a_study_may_be_images_beside_its_file(ask, work):
    change(('source = "freesurfer"', 'source = "labels"\nlabel_file = "labels/{subject}.nii.gz"'
            '\ntable_file = "labels.tsv"'))(work)  # fmt: skip
    a = READY_TEXT.index("[regions.definitions]")
    names = ["V1_exvivo", "V2_exvivo", "perirhinal_exvivo", "lateraloccipital", "inferiortemporal",
             "fusiform", "parahippocampal", "entorhinal", "hippocampus", "inferiorparietal",
             "superiorparietal", "precentral"]  # fmt: skip
    assert all(name in READY_TEXT[a:] for name in names)
    rows = [f"{number}\t{name}" for number, name in enumerate(names, start=1)]
    (work / "labels.tsv").write_text("\n".join(["index\tname", *rows, ""]))
    (work / "labels").mkdir()
    (work / "labels/02.nii.gz").touch()
    code, text = ask(fs=None)
    assert code == 1 and str(work / "labels/01.nii.gz") in text and "02.nii.gz" not in text


def test_the_small_study_of_the_tests_is_sound(ask, work):
    (work / "study.toml").write_text(study_text())
    code, text = ask()
    assert code == 0 and "localizer" in text, text


def test_regions_without_a_voxel_are_named_with_their_counts(work):
    labels = np.zeros((10, 10, 10), np.int16)
    labels[:3, :3, :3], labels[8, 8, 8] = 17, 1016
    image = write_image(work / "aparc.nii.gz", labels)
    nb.save(nb.Nifti1Image(np.ones((4, 4, 4), "f4"), nb.load(image).affine), work / "grid.nii.gz")
    masks = LabelMasks(regions=["hipp = lh.hippocampus", "para = lh.parahippocampal"],
                       label_file=str(image), reference_file=str(work / "grid.nii.gz"))  # fmt: skip
    with pytest.raises(InputError) as caught:
        masks.run(cwd=str(work))
    text = str(caught.value)
    assert "para = lh.parahippocampal" in text and "hipp = " not in text
    assert "1016: 1" in text and "4 x 4 x 4 voxels of 2 x 2 x 2 mm" in text


def test_maps_on_two_grids_are_told_apart_by_name(work, rng):
    files = {}
    for kind in ("effect", "variance"):
        shapes = [(5, 5, 5), (5, 5, 5), (5, 5, 6)]
        files[f"{kind}_files"] = [
            str(write_image(work / f"sub-0{k}_{kind}.nii.gz", rng.random(shape).astype("f4")))
            for k, shape in enumerate(shapes, start=1)
        ]
    masks = LeaveOneOutMasks(map_subjects=["01", "02", "03"], subjects=["01", "02", "03"], **files)
    with pytest.raises(InputError) as caught:
        masks.run(cwd=str(work))
    text = str(caught.value)
    assert "that of 01: shape (5, 5, 5)" in text and "02: " not in text
    for path in ("sub-03_effect.nii.gz", "sub-03_variance.nii.gz"):
        assert f"{work / path}: shape (5, 5, 6)" in text
