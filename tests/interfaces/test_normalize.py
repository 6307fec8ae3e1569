import stat
import sys
from pathlib import Path

import nibabel as nb
import nipype.pipeline.engine as pe
import numpy as np
import pytest
from nipype.interfaces.base import isdefined
from support.fake_fsl import install
from support.images import write_image

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.itk_text import format_transforms
from fmriprod.algorithms.resample import resample
from fmriprod.algorithms.transforms import displacement, fsl_to_ras, mask_points, rigid_matrix
from fmriprod.interfaces.normalize import Normalize
from fmriprod.interfaces.transforms import ApplyTransform, read_transforms

SHAPE, GRID = (50, 60, 50), np.diag([-4.0, 4.0, 4.0, 1.0])
GRID[:3, 3] = 100, -120, -100
OWN_SHAPE, OWN = (56, 48, 52), np.diag([4.2, 4.2, 4.2, 1.0])
OWN[:3, 3] = -115, -100, -105
WHERE = rigid_matrix([5, -8, 6, 0.1, -0.05, 0.08]) @ np.diag([1.06, 0.95, 1.03, 1])


@pytest.fixture(scope="module")
def heads():
    """Simulated: an ellipsoid full of blobs, as a template and as somebody's brain."""
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(3)
    points = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), axis=-1)
    world = points @ GRID[:3, :3].T + GRID[:3, 3]
    mask = ((world / (68, 85, 62)) ** 2).sum(axis=-1) < 1
    texture = gaussian_filter(rng.normal(size=SHAPE), 2.0)
    template = np.where(mask, 1 + 0.35 * texture / texture.std(), 0).clip(0.02 * mask)
    own = resample(template, GRID, OWN_SHAPE, OWN, np.linalg.inv(WHERE))
    return template.astype(np.float32), mask, np.where(own > 0.1, 700 * own, 0)


@pytest.fixture
def files(heads, work):
    template, mask, own = heads
    rng = np.random.default_rng(0)
    skull = np.where(own > 0, own, 400 * rng.random(OWN_SHAPE))
    images = {
        "in_file": (skull.astype(np.float32), OWN),
        "in_mask": ((own > 0).astype(np.uint8), OWN),
        "template_file": (template, GRID),
        "template_mask": (mask.astype(np.uint8), GRID),
    }
    return {
        name: str(write_image(work / f"{name}.nii.gz", data, affine))
        for name, (data, affine) in images.items()
    }


def error(path, heads):
    (found,) = read_transforms(path)
    return displacement(found, WHERE, mask_points(heads[1], GRID)[::50]).max()


def test_the_affine_is_found_and_all_files_say_so(files, heads, work):
    out = pe.Node(Normalize(**files), name="normalize", base_dir=str(work)).run().outputs
    assert error(out.transform_file, heads) < 1
    (there,), (back,) = read_transforms(out.transform_file), read_transforms(out.inverse_file)
    np.testing.assert_allclose(there @ back, np.eye(4), atol=1e-9)
    placed = nb.load(out.out_file)
    np.testing.assert_allclose(placed.affine, GRID)
    assert np.corrcoef(placed.get_fdata().ravel(), heads[0].ravel())[0, 1] > 0.95
    assert out.correlation > 0.9 and out.overlap > 0.95
    assert Path(out.out_figure).read_bytes()[:4] == b"\x89PNG"
    assert not isdefined(out.warp_file)
    # The transform brings the image there by the step that is there for it.
    again = ApplyTransform(
        in_file=files["in_file"], reference_file=out.template_file, interpolation="linear",
        transform_files=[out.transform_file],
    ).run().outputs  # fmt: skip
    inside = placed.get_fdata() > 300
    ours = nb.load(again.out_file).get_fdata()[inside]
    assert np.corrcoef(ours, placed.get_fdata()[inside])[0, 1] > 0.95


def test_with_nilearns_template_by_default(files, heads, work):
    path = work / "known.txt"
    path.write_text(format_transforms(np.eye(4)))
    del files["template_file"], files["template_mask"]
    out = Normalize(transform_files=[str(path)], **files).run().outputs
    space = nb.load(out.template_file)
    assert space.shape == (99, 117, 95) and space.affine[0, 0] == 2
    outside = nb.load(out.template_mask).get_fdata() == 0
    assert not space.get_fdata()[outside].any()


def test_transforms_that_exist_are_taken_as_they_are(files, heads, work):
    one, two = rigid_matrix([9, 1, 2, 0.2, 0, 0]), np.diag([1.1, 1, 0.9, 1])
    paths = []
    for number, matrix in enumerate((one, two)):
        paths.append(work / f"{number}.txt")
        paths[-1].write_text(format_transforms(matrix))
    out = Normalize(transform_files=[str(p) for p in paths], **files).run().outputs
    np.testing.assert_allclose(read_transforms(out.transform_file)[0], two @ one, atol=1e-12)
    assert out.correlation < 0.5  # it is said that they are no good, and not hidden
    paths[0].write_text(format_transforms(np.stack([one, two])))
    with pytest.raises(InputError, match="2 transforms"):
        Normalize(transform_files=[str(p) for p in paths], **files).run()


def planted_fsl(own_shape=OWN_SHAPE):
    """Give a FLIRT matrix that stands for WHERE, by trying what the reader makes of it."""
    grids = ((own_shape, OWN), (SHAPE, GRID))
    # fsl_to_ras(M) = inv(B M A): with M = 1 it tells B A, and B and A are known to be scalings.
    flip = np.diag([4.2, 4.2, 4.2, 1.0])
    flip[0, 0], flip[0, 3] = -4.2, (own_shape[0] - 1) * 4.2
    moving = flip @ np.linalg.inv(OWN)
    reference = np.diag([4.0, 4.0, 4.0, 1.0]) @ np.linalg.inv(GRID)
    matrix = reference @ np.linalg.inv(WHERE) @ np.linalg.inv(moving)
    np.testing.assert_allclose(fsl_to_ras(matrix, *grids), WHERE, atol=1e-9)
    return matrix


def test_flirt_has_twelve_parameters_and_its_matrix_is_turned_round(
    files, heads, work, monkeypatch
):
    log = install(work, "flirt", planted_fsl()[None], monkeypatch)
    out = Normalize(engine="flirt", **files).run().outputs
    assert error(out.transform_file, heads) < 1e-4
    assert "-dof 12" in log.read_text() and "in_template.nii.gz" in log.read_text()
    assert out.correlation > 0.9
    assert not (work / "brain.nii.gz").exists()


def fake(work, name, code):
    program = work / "bin" / name
    program.write_text(f"#!{sys.executable}\nimport sys\n{code}")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


def test_fnirt_goes_on_from_flirt_and_its_warp_is_passed_on(files, heads, work, monkeypatch):
    install(work, "flirt", planted_fsl()[None], monkeypatch)
    with pytest.raises(InputError, match="fnirt of FSL"):
        Normalize(engine="fnirt", **files).run()
    fake(work, "fnirt", """
options = dict(part[2:].split("=", 1) for part in sys.argv[1:])
open("fnirt.txt", "w").write(" ".join(sorted(options)) + options["aff"] + options["warpres"])
for name in ("cout", "iout"):
    open(options[name], "w").write("warp")
""")  # fmt: skip
    out = Normalize(engine="fnirt", **files).run().outputs
    assert error(out.transform_file, heads) < 1e-4
    assert Path(out.warp_file).read_text() == "warp"
    said = (work / "fnirt.txt").read_text()
    assert "flirt.mat" in said and "10,10,10" in said


def test_ants_affine_is_read_and_its_fields_are_passed_on(files, heads, work, monkeypatch):
    (work / "bin").mkdir()
    from fmriprod.algorithms.transforms import flip_ras_lps

    lps = flip_ras_lps(WHERE)
    fake(work, "antsRegistrationSyNQuick.sh", f"""
import SimpleITK as sitk
import numpy as np
args = sys.argv[1:]
fixed, moving, prefix = (args[args.index(flag) + 1] for flag in ("-f", "-m", "-o"))
assert "in_template" in fixed and "brain" in moving and args[args.index("-t") + 1] == "s"
center = np.array([10.0, 20.0, -5.0])
lps = np.array({lps.tolist()})
affine = sitk.AffineTransform(3)
affine.SetCenter(center.tolist())
affine.SetMatrix(lps[:3, :3].ravel().tolist())
affine.SetTranslation((lps[:3, 3] - center + lps[:3, :3] @ center).tolist())
sitk.WriteTransform(affine, prefix + "0GenericAffine.mat")
for name in ("1Warp", "1InverseWarp", "Warped", "InverseWarped"):
    open(prefix + name + ".nii.gz", "w").write(name)
""")  # fmt: skip
    with monkeypatch.context() as patched:
        patched.setenv("PATH", str(work))
        with pytest.raises(InputError, match=r"antsRegistrationSyNQuick\.sh of ANTs"):
            Normalize(engine="ants", **files).run()
    monkeypatch.setenv("PATH", f"{work / 'bin'}:/usr/bin:/bin")
    out = Normalize(engine="ants", **files).run().outputs
    assert error(out.transform_file, heads) < 1e-4
    assert Path(out.warp_file).read_text() == "1Warp"
    assert Path(out.inverse_warp_file).read_text() == "1InverseWarp"


def test_a_head_with_its_skull_is_refused_with_the_file(files):
    del files["in_mask"]
    with pytest.raises(InputError, match="litres") as refusal:
        Normalize(**files).run()
    assert "in_file.nii.gz" in str(refusal.value) and "Normalize" in str(refusal.value)
    assert "strip the skull first (SkullStrip), or give the brain mask" in str(refusal.value)
