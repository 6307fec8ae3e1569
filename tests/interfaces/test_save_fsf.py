"""Settings of FEAT go to a folder with all that they name."""

from pathlib import Path

import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from support.images import write_image

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.fsf import named_paths, parse_fsf
from fmriprod.interfaces.fsf import RenderFsf
from fmriprod.interfaces.save_fsf import SaveFsf, SaveHigherFsf

NAMES = ["run_1", "run_2"]


@pytest.fixture
def standard(work):
    return str(write_image(work / "MNI_brain.nii.gz", np.ones((4, 4, 4), np.float32)))


@pytest.fixture
def render(work, standard):
    """Render the settings of a run in a folder of its own."""
    rng = np.random.default_rng(1)
    for name in ("t1w", "brain", "other"):
        write_image(work / f"{name}.nii.gz", rng.random((4, 4, 4)).astype(np.float32))

    def render(name, conditions=("bed", "chair"), brain="brain"):
        write_image(work / f"{name}.nii.gz", np.ones((3, 3, 3, 30), np.float32), tr=1.5)
        rows = [(6.0 * i + len(name), 1.0, c) for i, c in enumerate(conditions * 2)]
        table = pd.DataFrame(rows, columns=["onset", "duration", "trial_type"])
        table.to_csv(work / f"{name}.tsv", sep="\t", index=False)
        step = RenderFsf(
            in_file=str(work / f"{name}.nii.gz"), events_file=str(work / f"{name}.tsv"),
            t1w_file=str(work / "t1w.nii.gz"), brain_file=str(work / f"{brain}.nii.gz"),
            standard_file=standard, nonlinear=False,
        )  # fmt: skip
        node = pe.Node(step, name=f"render_{name}", base_dir=str(work))
        return node.run().outputs.fsf_file

    return render


def save(work, files, names=None):
    step = SaveFsf(fsf_files=files, names=names or NAMES[: len(files)], folder=str(work / "fsl"))
    return pe.Node(step, name="save", base_dir=str(work)).run().outputs.out_files


def test_only_paths_change_and_the_copies_hold_the_same(work, render):
    files = [render("run_1"), render("run_22")]
    for source, target, name in zip(files, save(work, files), NAMES, strict=True):
        before, after = parse_fsf(Path(source).read_text()), parse_fsf(Path(target).read_text())
        moved = {"highres_files(1)", "fmri(outputdir)", "fmri(custom1)", "fmri(custom2)"}
        assert {key for key in before if before[key] != after[key]} == moved
        for number in (1, 2):
            key = f"fmri(custom{number})"
            assert after[key] == str(work / "fsl" / f"{name}_ev{number}.txt")
            assert Path(after[key]).read_text() == Path(before[key]).read_text()
        assert after["fmri(outputdir)"] == str(work / "fsl" / f"{name}.feat")
        paths = named_paths(after)
        del paths["fmri(outputdir)"]
        assert all(Path(path).is_file() for path in paths.values())
    import nibabel as nb

    for saved, given in (("t1w", "t1w"), ("t1w_brain", "brain")):
        a, b = (nb.load(work / p).get_fdata() for p in (f"fsl/{saved}.nii.gz", f"{given}.nii.gz"))
        np.testing.assert_array_equal(a, b)


def test_what_is_lost_is_written_again_and_the_rest_is_left(work, render):
    files = [render("run_1")]
    (target,) = save(work, files)
    events, brain = work / "fsl/run_1_ev1.txt", work / "fsl/t1w_brain.nii.gz"
    stamp = brain.stat().st_mtime_ns
    events.unlink()
    Path(target).write_text("other")
    save(work, files)
    assert events.is_file() and brain.stat().st_mtime_ns == stamp
    assert parse_fsf(Path(target).read_text())["fmri(level)"] == 1


def test_the_mean_names_folders_that_are_not_there_yet(work, render, standard):
    files = save(work, [render("run_1"), render("run_22")])
    step = SaveHigherFsf(
        fsf_files=files, standard_file=standard, name="drawing", folder=str(work / "fsl")
    )
    out = pe.Node(step, name="mean", base_dir=str(work)).run().outputs.out_file
    assert out == str(work / "fsl/drawing.fsf")
    found = parse_fsf(Path(out).read_text())
    assert [found[f"feat_files({i})"] for i in (1, 2)] == [
        str(work / "fsl" / f"{name}.feat") for name in NAMES
    ]
    assert (found["fmri(ncopeinputs)"], found["fmri(mixed_yn)"]) == (2, 3)
    assert found["fmri(outputdir)"] == str(work / "fsl/drawing.gfeat")
    again = [files[0], out]
    text = message(SaveHigherFsf, again, standard_file=standard, name="x", folder=str(work / "fsl"))
    assert "settings of the first level" in text and "level 2" in text


def message(kind, files, **inputs):
    with pytest.raises(InputError) as caught:
        kind(fsf_files=files, **inputs).run()
    return str(caught.value)


def test_bad_input_is_refused(work, render, standard):
    one, other = render("run_1"), render("run_22", brain="other")
    folder = str(work / "fsl")
    text = message(SaveFsf, [one, other], names=NAMES, folder=folder)
    assert "one T1w image" in text and "differ" in text
    text = message(SaveFsf, [one], names=NAMES, folder=folder)
    assert "1 different names" in text and "run_1, run_2" in text
    assert "2 different names" in message(SaveFsf, [one, one], names=["a", "a"], folder=folder)
    few = render("few", conditions=("bed",))
    text = message(SaveHigherFsf, [one, few], standard_file=standard, name="x", folder=folder)
    assert "the same contrasts" in text and "bed, chair; bed" in text
    assert "without spaces" in message(SaveFsf, [one], names=["a"], folder=str(work / "a b"))
    for path in Path(one).parent.glob("t1w.nii*"):
        path.unlink()
    assert "head beside the brain" in message(SaveFsf, [one], names=["a"], folder=folder)
