"""Parcels on the cortex: labels are matched by name, whatever their order and file."""

from pathlib import Path

import nibabel as nb
import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from nilearn.datasets import load_fsaverage

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.parcel_surface import ParcelSurface
from fmriprod.interfaces.parcel_vertices import (
    N_VERTICES,
    atlas_vertices,
    nearest_vertices,
    paint_vertices,
    read_vertices,
)

# Right before left in the table; labels are in another order in each file.
PARCELS = pd.DataFrame({
    "name": ["R_A", "R_B", "R_C", "L_A", "L_B", "L_C"], "hemisphere": list("RRRLLL"),
    "x": [50.0, 30, 10, -50, -30, -10], "y": [0.0, -80, 50] * 2, "z": [20.0, 10, 30] * 2,
})  # fmt: skip
ORDERS = {"L": ["L_C_ROI", "L_A_ROI", "L_B_ROI"], "R": ["R_B_ROI", "R_C_ROI", "R_A_ROI"]}
SIDES = {"L": "left", "R": "right"}


def truth(side, n=N_VERTICES):
    """Names of vertices: each of the three by a random draw, the first hundred of none."""
    rng = np.random.default_rng(ord(side))
    names = rng.choice(ORDERS[side], n)
    names[:100] = "???"
    return names


def annot(folder, side, n=N_VERTICES, names=None):
    known = names or ["???", *ORDERS[side]]
    codes = np.array([known.index(name) if name in known else 0 for name in truth(side, n)])
    table = np.column_stack([np.arange(len(known)) * 7 + 1] * 3 + [np.zeros(len(known))])
    path = folder / f"{side}h.annot"
    nb.freesurfer.write_annot(path, codes, table.astype(int), known, fill_ctab=True)
    return str(path)


def gifti(folder, side, n=N_VERTICES):
    table = nb.gifti.GiftiLabelTable()
    keys = {"???": 0} | {name: 10 + 5 * k for k, name in enumerate(ORDERS[side])}
    for name, key in keys.items():
        label = nb.gifti.GiftiLabel(key)
        label.label = name
        table.labels.append(label)
    data = np.array([keys[name] for name in truth(side, n)], dtype=np.int32)
    array = nb.gifti.GiftiDataArray(data, intent="NIFTI_INTENT_LABEL")
    path = folder / f"{side}.label.gii"
    nb.save(nb.gifti.GiftiImage(labeltable=table, darrays=[array]), path)
    return str(path)


def named(rows):
    return np.array([*PARCELS["name"] + "_ROI", "???"])[rows]


class TestLabels:
    @pytest.mark.parametrize("make", [annot, gifti])
    def test_each_vertex_has_its_parcel_by_name(self, work, make):
        found = read_vertices([make(work, "R"), make(work, "L")], PARCELS)
        for side, long in SIDES.items():
            assert (named(found[long]) == truth(side)).all()

    def test_of_finer_meshes_the_first_vertices_are_taken(self, work):
        found = read_vertices([annot(work, "L", 163842), annot(work, "R", 40962)], PARCELS)
        assert (named(found["left"]) == truth("L", 163842)[:N_VERTICES]).all()
        assert (named(found["right"]) == truth("R", 40962)[:N_VERTICES]).all()

    def test_fsaverage6_begins_with_the_vertices_of_fsaverage5(self):
        # What the test above relies on holds for icosahedra: here for 5 within itself.
        points = load_fsaverage("fsaverage5")["sphere"].parts["left"].coordinates
        coarse = points[:2562]
        near = np.linalg.norm(coarse[:, None] - coarse[None, :400], axis=2)
        near[near == 0] = np.inf
        spacing = near.min(axis=0)
        assert spacing.min() > 0.5 * spacing.max()  # evenly over the sphere

    def test_labels_of_no_parcel_stay_grey(self, work):
        path = annot(work, "L", names=["???", *ORDERS["L"], "L_Other"])
        assert set(read_vertices([path], PARCELS)["left"]) == {-1, 3, 4, 5}

    def test_atlas_goes_by_the_names_of_its_regions(self, work):
        order = ["L_B", "R_A", "L_A", "R_C", "L_C", "R_B"]
        rows = [[name, "Net", "1.5"] for name in order]
        np.save(work / "regions.npy", np.array(rows))
        rng = np.random.default_rng(0)
        left = rng.choice([0, 2, 4, -1], N_VERTICES)
        right = rng.choice([1, 3, 5], N_VERTICES)
        np.savez(work / "atlas.npz", labels_L=left, labels_R=right, coords=np.zeros((6, 3)))
        found = atlas_vertices(str(work / "atlas.npz"), str(work / "regions.npy"), PARCELS)
        wanted = np.array([*order, "???"])
        assert (np.array([*PARCELS["name"], "???"])[found["left"]] == wanted[left]).all()
        assert (np.array([*PARCELS["name"], "???"])[found["right"]] == wanted[right]).all()

    def test_nearest_centre_against_a_loop(self):
        found = nearest_vertices(PARCELS)
        mesh = load_fsaverage("fsaverage5")["pial"].parts
        for letter, side in SIDES.items():
            own = PARCELS[PARCELS["hemisphere"] == letter]
            places, rows = own[["x", "y", "z"]].to_numpy(), found[side]
            for vertex in range(0, N_VERTICES, 500):
                far = np.linalg.norm(places - mesh[side].coordinates[vertex], axis=1)
                assert rows[vertex] in (-1, own.index[far.argmin()])
            # Without cortex is what touches the middle, and not much.
            assert 0.03 < (rows == -1).mean() < 0.1
            assert np.abs(mesh[side].coordinates[rows == -1, 0]).mean() < 10

    def test_painted(self, work):
        rows = read_vertices([annot(work, "L")], PARCELS)
        values = np.array([1.0, 2, 3, np.nan, 5, 6])
        found = paint_vertices(rows, values)
        by_name = dict(zip(PARCELS["name"] + "_ROI", values, strict=True)) | {"???": np.nan}
        wanted = [by_name[name] for name in truth("L")]
        np.testing.assert_array_equal(found["left"].maps[0], np.float32(wanted))
        assert np.isnan(found["right"].maps).all()


class TestBadLabels:
    def refuse(self, match, files, parcels=PARCELS):
        with pytest.raises(InputError, match=match) as info:
            read_vertices(files, parcels)
        assert info.value.file == files[-1]

    def test_no_such_format(self, work):
        (work / "lh.annot").write_text("words")
        self.refuse("cannot be read", [str(work / "lh.annot")])
        (work / "l.label.gii").write_text("words")
        self.refuse("cannot be read", [str(work / "l.label.gii")])

    def test_another_surface(self, work):
        self.refuse(r"10242, 40962.*\s+found:\s+shape \(32492,\)", [gifti(work, "L", 32492)])

    def test_a_hemisphere_twice(self, work):
        self.refuse("those of left again", [annot(work, "L"), gifti(work, "L")])

    def test_other_parcels(self, work):
        self.refuse(r"found:\s+none", [annot(work, "L")], PARCELS.iloc[:3])

    def test_both_hemispheres_in_a_file(self, work):
        swapped = PARCELS.assign(hemisphere=list("RRRLRL"))
        self.refuse(r"found:\s+both", [annot(work, "L")], swapped)

    def test_a_parcel_is_lacking(self, work):
        path = annot(work, "L", names=["???", "L_A_ROI", "L_B_ROI"])
        self.refuse("1 lacking.*L_C", [path])

    def test_an_atlas_of_another_mesh(self, work):
        np.save(work / "regions.npy", np.array([[n, "Net", "1"] for n in PARCELS["name"]]))
        np.savez(work / "atlas.npz", labels_L=np.zeros(5, int), labels_R=np.zeros(5, int),
                 coords=np.zeros((6, 3)))  # fmt: skip
        with pytest.raises(InputError, match="10242 vertices of fsaverage5"):
            atlas_vertices(str(work / "atlas.npz"), str(work / "regions.npy"), PARCELS)


class TestInterface:
    @pytest.fixture
    def files(self, work):
        table = pd.DataFrame({"parcel": PARCELS["name"][::-1], "value": [1.0, 2, -3, 4, 5, np.nan]})
        table.to_csv(work / "c.tsv", sep="\t", index=False, na_rep="n/a")
        PARCELS.to_csv(work / "parcels.tsv", sep="\t", index=False)
        return {"contrast_file": str(work / "c.tsv"), "parcels_file": str(work / "parcels.tsv")}

    def test_in_a_node(self, files, work):
        labels = [annot(work, "L"), gifti(work, "R")]
        node = pe.Node(ParcelSurface(**files, label_files=labels), "s", base_dir=str(work))
        assert Path(node.run().outputs.out_figure).stat().st_size > 50_000

    def test_nearest_centres_have_to_be_asked_for(self, files, work):
        with pytest.raises(InputError, match=r"one of label_files, atlas_file.*\s+found:\s+none"):
            ParcelSurface(**files).run()
        made = ParcelSurface(**files, nearest_centres=True).run(cwd=str(work))
        assert Path(made.outputs.out_figure).is_file()

    def test_two_sources(self, files, work):
        with pytest.raises(InputError, match="label_files, nearest_centres\n"):
            ParcelSurface(**files, label_files=[annot(work, "L")], nearest_centres=True).run()

    def test_no_such_column(self, files):
        with pytest.raises(InputError, match="columns parcel t"):
            ParcelSurface(**files, column="t", nearest_centres=True).run()
