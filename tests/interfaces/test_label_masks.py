"""Masks of regions: a participant of spheres, and a real one."""

from pathlib import Path

import nibabel as nb
import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from scipy.spatial.transform import Rotation
from support.freesurfer import AFFINE, CENTERS, DEPTH, OFFSET, RADIUS, write_subject
from support.images import write_image

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.itk_text import format_transforms
from fmriprod.algorithms.transforms import rigid_matrix
from fmriprod.interfaces.freesurfer import FreeSurferSubject, find_freesurfer
from fmriprod.interfaces.label_masks import LabelMasks, read_label_table
from fmriprod.workflows.regions import init_freesurfer_wf, init_regions_wf

GRID = rigid_matrix([*(OFFSET - 54), 0.0, 0.05, 0.0]) @ np.diag([2.0, 2.0, 2.0, 1.0])
GRID_SHAPE = (56, 54, 52)
REGIONS = [
    "V1 = V1_exvivo", "LOC = lateraloccipital - V1", "hipp = hippocampus",
    "LOCDraw = LOC & task",
]  # fmt: skip


@pytest.fixture
def subject(work):
    folder = write_subject(work / "subjects" / "sub-01")
    write_image(work / "grid.nii.gz", np.zeros(GRID_SHAPE, np.uint8), GRID)
    found = find_freesurfer(work / "subjects", "01", surface_labels=["V1_exvivo"])
    return {
        "label_file": found.label_file,
        "surface_label_files": list(found.surface_label_files),
        "white_files": list(found.white_files),
        "thickness_files": list(found.thickness_files),
        "reference_file": str(work / "grid.nii.gz"),
        "regions": REGIONS,
        "folder": folder,
    }


def run(work, name, **inputs):
    inputs.pop("folder", None)
    (work / name).mkdir()
    out = LabelMasks(**inputs).run(cwd=str(work / name)).outputs
    masks = zip(out.region_names, out.mask_files, strict=True)
    return out, {n: np.asarray(nb.load(path).dataobj) == 1 for n, path in masks}


def radii(transform=None):
    """Distance in mm of the grid's voxels from the middle of each hemisphere, and y there."""
    index = np.indices(GRID_SHAPE).reshape(3, -1)
    to = (np.eye(4) if transform is None else transform) @ GRID
    points = ((to[:3, :3] @ index).T + to[:3, 3]) - OFFSET
    away = {side: points - center for side, center in CENTERS.items()}
    return {s: (np.linalg.norm(a, axis=1).reshape(GRID_SHAPE), a[:, 1].reshape(GRID_SHAPE))
            for s, a in away.items()}  # fmt: skip


def test_the_regions_lie_where_the_spheres_say(subject, work):
    node = pe.Node(LabelMasks(**{k: v for k, v in subject.items() if k != "folder"}),
                   name="masks", base_dir=str(work))  # fmt: skip
    out = node.run().outputs
    assert out.region_names == ["V1", "LOC", "hipp"] and out.pending_names == ["LOCDraw"]
    assert [Path(f).name for f in out.mask_files] == ["V1.nii.gz", "LOC.nii.gz", "hipp.nii.gz"]
    v1, loc, hipp = (nb.load(path) for path in out.mask_files)
    assert v1.get_data_dtype() == np.uint8 and np.allclose(v1.affine, GRID, atol=1e-4)
    v1, loc, hipp = (np.asarray(image.dataobj) == 1 for image in (v1, loc, hipp))
    assert not (v1 & loc).any()
    for radius, y in radii().values():
        half = radius < 26
        assert (radius[v1 & half] > RADIUS - 2).all() and (radius[v1 & half] < 23 + 2).all()
        assert (y[v1 & half] < -0.6 * RADIUS + 3).all()
        deep = (radius > RADIUS + 1) & (radius < RADIUS + DEPTH - 1) & (y / radius < -0.65)
        assert v1[deep].all()  # no holes within the patch
        assert (y[loc & half] < 2.5).all() and (radius[loc & half] > RADIUS - 2.5).all()
        assert hipp[radius < 6].all() and not hipp[(radius > 10) & half].any()
    union = np.asarray(nb.load(out.union_mask).dataobj) == 1
    np.testing.assert_array_equal(union, v1 | loc | hipp)  # LOCDraw is within LOC
    counts = pd.read_csv(out.counts_file, sep="\t").set_index("region")
    assert counts.loc["V1", "n_voxels"] == v1.sum()
    assert counts.loc["V1", "volume_mm3"] == pytest.approx(v1.sum() * 8, rel=1e-5)
    left, right = radii()["lh"][0] < 26, radii()["rh"][0] < 26
    assert counts.loc["hipp", "n_left"] == (hipp & left).sum()
    assert counts.loc["hipp", "n_right"] == (hipp & right).sum()
    labels = np.asarray(nb.load(subject["label_file"]).dataobj)
    expected = f"1011: {(labels == 1011).sum()}, 2011: {(labels == 2011).sum()}"
    assert counts.loc["LOC", "label_voxels"] == expected


def test_a_task_mask_makes_the_regions_that_waited_and_changes_no_union(subject, work, rng):
    first, _ = run(work, "first", **subject)
    task = rng.random(GRID_SHAPE) < 0.5
    write_image(work / "task.nii.gz", task.astype(np.uint8), GRID)
    subject |= {"mask_files": [str(work / "task.nii.gz")], "mask_names": ["task"]}
    second, masks = run(work, "second", **subject)
    assert second.region_names == ["V1", "LOC", "hipp", "LOCDraw"] and not second.pending_names
    np.testing.assert_array_equal(masks["LOCDraw"], masks["LOC"] & task)
    one, two = (nb.load(o.union_mask).get_fdata() for o in (first, second))
    np.testing.assert_array_equal(one, two)


def test_a_transform_leads_from_the_grid_to_the_labels(subject, work):
    turn = rigid_matrix([3, -4, 5, 0.1, -0.05, 0.1], OFFSET)
    (work / "turn.txt").write_text(format_transforms(turn))
    (work / "back.txt").write_text(format_transforms(np.linalg.inv(turn)))
    regions = {"regions": ["V1 = V1_exvivo", "hipp = hippocampus"]}
    _, masks = run(work, "a", **subject | regions, transform_files=[str(work / "turn.txt")])
    _, same = run(
        work, "b", **subject | regions, transform_files=[str(work / "back.txt")], invert=[True]
    )
    for radius, y in radii(turn).values():
        assert masks["hipp"][radius < 6].all()
        v1 = masks["V1"] & (radius < 26)
        assert v1.sum() > 100 and (y[v1] < -0.6 * RADIUS + 3).all() and (radius[v1] > 18).all()
    for name in masks:
        np.testing.assert_array_equal(masks[name], same[name])


def test_partial_volume_and_the_way_to_the_pial_surface(subject, work):
    cut = {"regions": ["ribbon = lateraloccipital | fusiform", "V1 = V1_exvivo"]}
    # Reference: how much of each voxel a fine grid of points finds in the spheres.
    _, nearest = run(work, "nearest", **subject | cut)
    _, volume = run(work, "volume", rule="partial_volume", **subject | cut)
    _, strict = run(work, "strict", rule="partial_volume", min_fraction=0.9, **subject | cut)
    assert (strict["ribbon"] <= volume["ribbon"]).all()
    assert strict["ribbon"].sum() < 0.6 * volume["ribbon"].sum()
    n_label = np.isin(np.asarray(nb.load(subject["label_file"]).dataobj),
                      (1011, 2011, 1007, 2007)).sum()  # fmt: skip
    for masks in (nearest, volume):  # 2 mm both: the ribbon keeps its size
        assert masks["ribbon"].sum() == pytest.approx(n_label, rel=0.12)
    np.testing.assert_array_equal(nearest["V1"], volume["V1"])
    pial = [str(subject["folder"] / f"surf/{side}.pial") for side in ("lh", "rh")]
    subject.pop("thickness_files")
    _, straight = run(work, "pial", pial_files=pial, **subject | cut)
    both = (straight["V1"] & nearest["V1"]).sum()
    assert 2 * both / (straight["V1"].sum() + nearest["V1"].sum()) > 0.98


def test_any_label_image_with_its_table(work):
    labels = np.zeros((8, 8, 8), np.float32)
    labels[:4], labels[4:, :4] = 3, 7
    write_image(work / "atlas.nii.gz", labels)
    (work / "atlas.tsv").write_text("index\tname\themisphere\n3\tA\tL\n7\tB\tR\n")
    out, masks = run(
        work, "atlas", label_file=str(work / "atlas.nii.gz"), table_file=str(work / "atlas.tsv"),
        reference_file=str(work / "atlas.nii.gz"), regions=["one = A", "two = A | B", "x = 7"],
    )  # fmt: skip
    np.testing.assert_array_equal(masks["one"], labels == 3)
    np.testing.assert_array_equal(masks["two"], labels > 0)
    counts = pd.read_csv(out.counts_file, sep="\t")
    assert counts["n_left"].tolist() == [256, 256, 0] and counts["n_right"].tolist() == [
        0,
        128,
        128,
    ]


def test_what_is_wrong_is_said_with_region_labels_and_grid(subject, work):
    far = rigid_matrix([500, 0, 0, 0, 0, 0])
    (work / "far.txt").write_text(format_transforms(far))
    (work / "two.txt").write_text(format_transforms(np.array([far, far])))
    write_image(work / "half.nii.gz", np.full((4, 4, 4), 0.5, np.float32))
    n_label = (np.asarray(nb.load(subject["label_file"]).dataobj) == 17).sum()
    for change, message in [
        ({"regions": ["hipp = lh.hippocampus"], "transform_files": [str(work / "far.txt")]},
         f"no voxel of hipp = lh.hippocampus (voxels of its labels in label_file: 17: {n_label})"),
        ({"regions": ["hipp = lh.hippocampus"], "transform_files": [str(work / "far.txt")]},
         "grid.nii.gz: 56 x 54 x 52 voxels of 2 x 2 x 2 mm"),
        ({"regions": ["X = insula"]}, "X = insula: 1035 (ctx-lh-insula), 2035 (ctx-rh-insula)"),
        ({"regions": ["X = hipocampus"]}, "did you mean 'hippocampus'?"),
        ({"mask_names": ["task"]}, "a name of its own for each of the 0 mask_files"),
        ({"transform_files": [str(work / "two.txt")]}, "one transform, from the grid"),
        ({"white_files": subject["white_files"][:1]}, "the file rh.white"),
        ({"thickness_files": []}, "the file lh.thickness"),
        ({"label_file": str(work / "half.nii.gz")}, "a label image: whole numbers"),
        ({"label_file": subject["white_files"][0]}, "a readable NIfTI image"),
        ({"white_files": [subject["label_file"], *subject["white_files"]]}, None),
        ({"table_file": subject["surface_label_files"][0]}, "a tab-separated table"),
    ]:  # fmt: skip
        inputs = {k: v for k, v in (subject | change).items() if k != "folder"}
        if message is None:
            assert LabelMasks(**inputs).run().outputs.region_names
            continue
        with pytest.raises(InputError) as error:
            LabelMasks(**inputs).run()
        assert message in str(error.value) and "LabelMasks" in str(error.value)
    kept, masks = run(work, "kept", **subject | {
        "regions": ["X = insula", "hipp = hippocampus"]}, empty="keep")  # fmt: skip
    assert kept.region_names == ["X", "hipp"] and not masks["X"].any() and masks["hipp"].any()


def test_surfaces_of_another_volume_and_broken_ones_are_refused(subject, work):
    inputs = {k: v for k, v in subject.items() if k != "folder"}
    shifted = AFFINE.copy()
    shifted[0, 3] += 5
    labels = np.asarray(nb.load(subject["label_file"]).dataobj)
    nb.MGHImage(labels, shifted).to_filename(work / "other.mgz")
    with pytest.raises(InputError, match="has its middle 5 mm from there") as error:
        LabelMasks(**inputs | {"label_file": str(work / "other.mgz")}).run()
    assert "lh.white" in str(error.value)
    for name, what in [
        ("surf/lh.white", "a surface of"),
        ("label/lh.V1_exvivo.label", "a label of"),
        ("surf/lh.thickness", "2562 vertices as in the white surface"),
    ]:
        path = subject["folder"] / name
        content = path.read_bytes()
        path.write_bytes(b"nothing")
        with pytest.raises(InputError, match=what) as error:
            LabelMasks(**inputs).run()
        assert Path(name).name in str(error.value)
        path.write_bytes(content)


def test_a_folder_is_searched_and_what_is_missing_listed(work):
    folder = write_subject(work / "subjects" / "sub-02")
    node = pe.Node(FreeSurferSubject(subjects_dir="subjects", subject="sub-02",
                                     surface_labels=["V1_exvivo"]), name="find")  # fmt: skip
    out = node.run().outputs
    assert [Path(f).name for f in out.white_files] == ["lh.white", "rh.white"]
    assert out.label_file == str(folder / "mri" / "aparc+aseg.mgz")
    assert find_freesurfer("subjects", "02").surface_label_files == ()
    (folder / "mri" / "aparc+aseg.mgz").unlink()
    with pytest.raises(InputError) as error:
        find_freesurfer("subjects", "02", surface_labels=["V1_exvivo", "V2_exvivo"])
    text = str(error.value)
    assert "mri/aparc+aseg.mgz, label/lh.V2_exvivo.label, label/rh.V2_exvivo.label" in text
    assert "labels of vertices are V1_exvivo" in text and "recon-all" in text
    with pytest.raises(InputError, match="did you mean 'sub-02'") as error:
        FreeSurferSubject(subjects_dir="subjects", subject="sub-2").run()
    assert "FreeSurferSubject" in str(error.value)
    with pytest.raises(InputError, match="no such folder"):
        find_freesurfer("elsewhere", "02")


def test_the_workflows_lead_from_the_folder_to_masks(subject, work):
    workflow = pe.Workflow(name="regions", base_dir=str(work))
    found = init_freesurfer_wf(surface_labels=["V1_exvivo"])
    masks = init_regions_wf(regions=REGIONS[:3], voxel_size=3.0)
    found.inputs.inputnode.trait_set(subjects_dir=str(work / "subjects"), subject="01")
    masks.inputs.inputnode.reference_file = subject["reference_file"]
    fields = ["label_file", "surface_label_files", "white_files", "thickness_files"]
    workflow.connect([(found, masks, [(f"outputnode.{f}", f"inputnode.{f}") for f in fields])])
    graph = workflow.run()
    result = next(n for n in graph.nodes if n.name == "masks").result.outputs
    assert result.region_names == ["V1", "LOC", "hipp"]
    assert nb.load(result.union_mask).shape == (38, 36, 35)
    plain = init_regions_wf(regions=["hipp = hippocampus"], rule="partial_volume")
    plain.base_dir = str(work)
    plain.inputs.inputnode.trait_set(
        label_file=subject["label_file"], reference_file=subject["reference_file"],
        surface_label_files=[], white_files=[],
    )  # fmt: skip
    plain.run()
    assert "50%" in plain.__desc__


def test_recon_all_is_asked_for_only_where_it_is(work, monkeypatch):
    monkeypatch.setenv("PATH", str(work))
    with pytest.raises(InputError, match="recon-all on the PATH"):
        init_freesurfer_wf(run_recon=True)
    program = work / "recon-all"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    workflow = init_freesurfer_wf(run_recon=True, omp_nthreads=2)
    recon = workflow.get_node("recon")
    assert recon.inputs.directive == "all" and recon.inputs.openmp == 2
    assert {"recon", "find"} <= {node.name for node in workflow._graph.nodes}


def dice(one, two):
    return 2 * (one & two).sum() / (one.sum() + two.sum())


@pytest.fixture(scope="module")
def real(real_data):
    folder = real_data("freesurfer_rois_bcbl")
    names = {path.name[7:-7] for path in (folder / "rois").glob("ctx-lh-*.nii.gz")}
    names = sorted(n for n in names if "_" not in n and n != "ventrolateralPFC")
    assert len(names) == 14
    return folder, folder / "freesurfer/mri/aparc+aseg.mgz", names


@pytest.mark.realdata
@pytest.mark.slow
def test_masks_of_a_real_brain_are_those_that_were_published(real, work):
    folder, labels, names = real
    pars = "{0}.parsopercularis | {0}.parstriangularis | {0}.parsorbitalis"
    regions = [f"{s}.{n} = {s}.{n}" for n in names for s in ("lh", "rh")]
    regions += [f"{s}.ventrolateralPFC = {pars.format(s)}" for s in ("lh", "rh")]
    _, masks = run(work, "a", label_file=str(labels), reference_file=str(labels), regions=regions)
    for name, mask in masks.items():
        given = nb.load(folder / f"rois/ctx-{name[:2]}-{name[3:]}.nii.gz")
        np.testing.assert_array_equal(mask, np.asarray(given.dataobj) == 1, err_msg=name)
    assert len(masks) == 30


@pytest.mark.realdata
@pytest.mark.slow
@pytest.mark.parametrize(("rule", "least"), [("nearest", 0.93), ("partial_volume", 0.965)])
def test_in_the_native_image_a_real_brain_overlaps_the_published_masks(real, work, rule, least):
    """Those were interpolated linearly; half of a voxel is the place where they end."""
    folder, labels, names = real
    native = str(folder / "T1_brain_native_bet0.41.nii.gz")
    regions = [f"{s}.{n} = {s}.{n}" for n in names[:5] for s in ("lh", "rh")]
    _, masks = run(
        work, rule, label_file=str(labels), reference_file=native, regions=regions, rule=rule
    )
    found = []
    for name, mask in masks.items():
        given = nb.load(folder / f"rois/ctx-{name[:2]}-{name[3:]}_fsl.nii.gz")
        found.append(dice(mask, np.asarray(given.dataobj) >= 0.5))
    assert np.mean(found) > least and min(found) > least - 0.05


@pytest.mark.realdata
@pytest.mark.slow
def test_in_epi_space_masks_of_a_real_brain_are_within_the_published_ones(real, work):
    """Those were grown, and the registration is not known: told here by the regions' centres."""
    folder, labels, names = real
    image = nb.load(labels)
    names = [n for n in names if (folder / f"rois/ctx-lh-{n}_BOLD.nii.gz").exists()]
    regions = [f"{s}.{n}" for n in names for s in ("lh", "rh")]
    given = {n: nb.load(folder / f"rois/ctx-{n[:2]}-{n[3:]}_BOLD.nii.gz") for n in regions}
    data = np.asarray(image.dataobj)
    codes = read_label_table().set_index("name")["index"]
    there, here = [], []
    for name in regions:
        voxels = np.argwhere(np.asarray(given[name].dataobj) > 0)
        there.append((given[name].affine @ [*voxels.mean(axis=0), 1])[:3])
        voxels = np.argwhere(data == codes[f"ctx-{name[:2]}-{name[3:]}"])
        here.append((image.affine @ [*voxels.mean(axis=0), 1])[:3])
    there, here = np.array(there), np.array(here)
    turn, _ = Rotation.align_vectors(here - here.mean(axis=0), there - there.mean(axis=0))
    matrix = np.eye(4)
    matrix[:3, :3] = turn.as_matrix()
    matrix[:3, 3] = here.mean(axis=0) - turn.apply(there.mean(axis=0))
    moved = there @ matrix[:3, :3].T + matrix[:3, 3]
    assert np.sqrt(((moved - here) ** 2).sum(axis=1).mean()) < 1.5  # mm
    (work / "epi.txt").write_text(format_transforms(matrix))
    _, masks = run(
        work, "epi", label_file=str(labels), regions=[f"{n} = {n}" for n in regions],
        reference_file=str(folder / "rois/combine_BOLD.nii.gz"),
        transform_files=[str(work / "epi.txt")],
    )  # fmt: skip
    within = [masks[n][np.asarray(given[n].dataobj) > 0].sum() / masks[n].sum() for n in regions]
    assert len(within) == 22 and np.mean(within) > 0.97
    assert min(within) > 0.85


@pytest.mark.realdata
def test_the_table_is_that_of_the_real_segmentation(real):
    folder, labels, _ = real
    table = read_label_table()
    names = dict(zip(table["index"], table["name"], strict=True))
    codes, counts = np.unique(np.asarray(nb.load(labels).dataobj), return_counts=True)
    counts = dict(zip(codes.tolist(), counts.tolist(), strict=True))
    lines = (folder / "freesurfer/stats/aseg.stats").read_text().splitlines()
    rows = [line.split() for line in lines if line[:1] != "#"]
    assert len(rows) == 45
    for _, code, n_voxels, _, name, *_ in rows:
        same = set(table["name"][table["index"] == int(code)])
        assert name in same, (code, name)
        assert counts.get(int(code), 0) == int(n_voxels)
    for side, start in (("lh", 1000), ("rh", 2000)):
        text = (folder / f"freesurfer/stats/{side}.aparc.stats").read_text().splitlines()
        rows = [line.split() for line in text if line[:1] != "#"]
        assert len(rows) == 34
        codes = {name: code for code, name in names.items()}
        volumes = [(float(row[3]), counts[codes[f"ctx-{side}-{row[0]}"]]) for row in rows]
        grey, voxels = np.array(volumes).T
        # A label's voxels fill about the volume that its surfaces enclose: no two are swapped.
        assert np.abs(np.log(voxels / grey)).max() < 0.35
        assert [codes[f"ctx-{side}-{row[0]}"] - start for row in rows] == [
            n for n in range(1, 36) if n != 4
        ]
    assert set(counts) - {0} <= set(names)
