import hashlib
import stat
from pathlib import Path

import nibabel as nb
import nipype.pipeline.engine as pe
import numpy as np
import pytest
from matplotlib.image import imread
from support.heads import dice, simulated_epi, simulated_head
from support.images import write_image

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.skullstrip import SkullStrip


@pytest.fixture(scope="module")
def epi(tmp_path_factory):
    head, affine = simulated_head(3, 2)
    data = simulated_epi(head, (3, 3, 3), np.random.default_rng(1)).astype(np.int16)
    path = tmp_path_factory.mktemp("head") / "epi.nii.gz"
    return write_image(path, data, affine), head.brain_mask


def checked(outputs, in_file):
    """Read brain and mask after checking that they fit together and to the input."""
    source, brain, mask = (nb.load(f) for f in (in_file, outputs.out_file, outputs.out_mask))
    for image in (brain, mask):
        assert image.shape == source.shape
        np.testing.assert_allclose(image.affine, source.affine, atol=1e-4)
    assert mask.get_data_dtype() == np.uint8
    inside = np.asarray(mask.dataobj)
    assert set(np.unique(inside)) == {0, 1}
    expected = np.where(inside, source.get_fdata(), 0)
    np.testing.assert_allclose(brain.get_fdata(), expected, rtol=1e-6)
    return inside == 1


def test_a_mean_epi_in_a_node_twice_gives_the_same_bytes(epi, work):
    in_file, truth = epi
    sums = set()
    for threads in (1, 2):
        node = pe.Node(
            SkullStrip(in_file=str(in_file), modality="EPI", num_threads=threads),
            name=f"strip{threads}",
            base_dir=str(work),
        )
        outputs = node.run().outputs
        files = (outputs.out_file, outputs.out_mask, outputs.out_figure)
        sums.add(tuple(hashlib.sha256(Path(f).read_bytes()).hexdigest() for f in files))
    assert len(sums) == 1
    mask = checked(outputs, in_file)
    assert dice(mask, truth) > 0.93
    picture = imread(outputs.out_figure)
    assert picture.shape[0] > 300 and picture.shape[1] > 900
    assert np.ptp(picture[..., :3], axis=2).max() > 0.5  # the coloured outline is there


@pytest.mark.slow
def test_a_t1w_image_is_stripped(work):
    head, affine = simulated_head()
    in_file = write_image(work / "T1w.nii.gz", head.t1w, affine)
    outputs = SkullStrip(in_file=str(in_file)).run().outputs
    assert dice(checked(outputs, in_file), head.brain_mask) > 0.97
    assert Path(outputs.out_mask).name == "T1w_brain_mask.nii.gz"


def test_a_mask_that_exists_is_taken_as_it_is(epi, work):
    in_file, truth = epi
    odd = truth ^ (np.random.default_rng(0).random(truth.shape) > 0.99)
    mask_file = write_image(work / "mask.nii.gz", odd.astype(np.float32), nb.load(in_file).affine)
    strip = SkullStrip(in_file=str(in_file), mask_file=str(mask_file), engine="bet")
    np.testing.assert_array_equal(checked(strip.run().outputs, in_file), odd)


def test_a_mask_on_another_grid_is_refused_with_both_affines(epi, work):
    in_file, truth = epi
    affine = nb.load(in_file).affine.copy()
    affine[0, 3] += 9
    mask_file = write_image(work / "mask.nii.gz", truth.astype(np.uint8), affine)
    with pytest.raises(InputError, match="differs by up to 9 mm") as caught:
        SkullStrip(in_file=str(in_file), mask_file=str(mask_file)).run()
    assert caught.value.interface == "SkullStrip"
    assert caught.value.file.endswith("mask.nii.gz")


def test_scaled_storage_keeps_the_values_of_the_brain(work):
    stored = np.arange(27 * 1000).reshape(30, 30, 30).astype(np.int16)
    image = nb.Nifti1Image(stored, np.diag([4.0, 4.0, 4.0, 1.0]))
    mask = np.zeros(stored.shape, np.uint8)
    mask[8:20, 8:20, 8:20] = 1
    mask_file = write_image(work / "mask.nii.gz", mask, image.affine)
    for slope, intercept in ((0.5, 0), (2.0, 100)):
        image.header.set_slope_inter(slope, intercept)
        image.to_filename("head.nii.gz")
        outputs = SkullStrip(in_file="head.nii.gz", mask_file=str(mask_file)).run().outputs
        checked(outputs, "head.nii.gz")


def test_bad_voxels_name_the_file(epi, work):
    data = nb.load(epi[0]).get_fdata(dtype=np.float32)
    data[3, 3, 3] = np.nan
    in_file = write_image(work / "holes.nii.gz", data, nb.load(epi[0]).affine)
    for modality in ("T1w", "EPI"):
        with pytest.raises(InputError, match="1 voxels that are NaN") as caught:
            SkullStrip(in_file=str(in_file), modality=modality).run()
        assert str(caught.value).startswith(f"SkullStrip: {in_file}")


FAKE_BET = """#!/bin/sh
# bet INPUT OUTPUT -f FRACTION -m : copies a mask that lies beside it
echo "$@" > {folder}/arguments
cp {folder}/mask.nii.gz "${{2%.nii.gz}}_mask.nii.gz"
cp {folder}/mask.nii.gz "$2"
"""
FAKE_ANTS = """#!/bin/sh
echo "$@" > {folder}/arguments
cp {folder}/mask.nii.gz ants_BrainExtractionMask.nii.gz
cp {folder}/mask.nii.gz ants_BrainExtractionBrain.nii.gz
"""


def install(folder, name, text, monkeypatch):
    program = folder / name
    program.write_text(text.format(folder=folder))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("FSLOUTPUTTYPE", "NIFTI_GZ")


def test_engine_bet_runs_bet(epi, work, monkeypatch):
    in_file, truth = epi
    write_image(work / "mask.nii.gz", truth.astype(np.uint8), nb.load(in_file).affine)
    install(work, "bet", FAKE_BET, monkeypatch)
    strip = SkullStrip(in_file=str(in_file), engine="bet", bet_frac=0.35)
    np.testing.assert_array_equal(checked(strip.run().outputs, in_file), truth)
    arguments = (work / "arguments").read_text().split()
    assert (work / arguments[0]).resolve() == in_file.resolve()
    assert {"-m", "-f"} < set(arguments) and "0.35" in " ".join(arguments)


def test_engine_ants_runs_its_script_and_needs_a_template(epi, work, monkeypatch):
    in_file, truth = epi
    write_image(work / "mask.nii.gz", truth.astype(np.uint8), nb.load(in_file).affine)
    install(work, "antsBrainExtraction.sh", FAKE_ANTS, monkeypatch)
    monkeypatch.setenv("ANTSPATH", str(work))
    strip = SkullStrip(in_file=str(in_file), engine="ants")
    with pytest.raises(InputError, match="template_prob_file"):
        strip.run()
    strip.inputs.template_file = strip.inputs.template_prob_file = str(in_file)
    np.testing.assert_array_equal(checked(strip.run().outputs, in_file), truth)
    assert f"-a {in_file}" in (work / "arguments").read_text()


@pytest.mark.parametrize(
    ("engine", "program"), [("bet", "bet"), ("ants", "antsBrainExtraction.sh")]
)
def test_an_engine_that_is_not_installed_is_named(epi, work, monkeypatch, engine, program):
    monkeypatch.setenv("PATH", str(work))
    with pytest.raises(InputError, match=f"the program {program} on the PATH"):
        SkullStrip(in_file=str(epi[0]), engine=engine).run()
