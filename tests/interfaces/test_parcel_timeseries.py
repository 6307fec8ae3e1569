"""Series of parcels from files of all kinds, told by name."""

import json
import re
from pathlib import Path

import h5py
import nibabel as nb
import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from support.parcels import AFFINE, brain, save_dlabel, save_dtseries, save_ptseries

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.parcel_timeseries import ParcelTimeseries

NAMES = ["L_V1", "L_4", "R_V1", "R_4"]
RIGHT_FIRST = ["R_V1", "R_4", "L_V1", "L_4"]


@pytest.fixture
def values(rng):
    return rng.normal(100, 2, (4, 9)).astype(np.float32)


@pytest.fixture
def array(work, values):
    """An array of four parcels, left first, and the parcels, right first."""
    np.save(work / "bold5.npy", values)
    rows = [[name, f"net{k % 2}", f"{1 + k}"] for k, name in enumerate(NAMES)]
    np.save(work / "regions.npy", np.array(rows))
    wanted = pd.DataFrame({"name": RIGHT_FIRST, "network": ["Visual1", "Motor"] * 2})
    wanted.to_csv(work / "wanted.tsv", sep="\t", index=False)
    return {"in_file": str(work / "bold5.npy"), "regions_file": str(work / "regions.npy")}


def read(**options):
    out = ParcelTimeseries(**options).run().outputs
    return np.load(out.series_file), pd.read_csv(out.parcels_file, sep="\t", dtype=str), out


def refused(text, **options):
    with pytest.raises(InputError, match=re.escape(text)) as caught:
        ParcelTimeseries(**options).run()
    assert caught.value.interface == "ParcelTimeseries" and caught.value.hint
    return str(caught.value)


def test_array_in_a_node_keeps_its_order(array, values, work):
    node = pe.Node(ParcelTimeseries(tr=0.72, **array), name="read", base_dir=str(work))
    out = node.run().outputs
    series = np.load(out.series_file)
    assert series.dtype == np.float32 and out.tr == 0.72
    np.testing.assert_array_equal(series, values)
    parcels = pd.read_csv(out.parcels_file, sep="\t")
    assert list(parcels) == ["name", "hemisphere", "network", "myelin"]
    assert parcels["name"].tolist() == NAMES and (out.n_missing, out.n_constant) == (0, 0)


@pytest.mark.parametrize("order", [NAMES, RIGHT_FIRST, NAMES[::-1]])
def test_rows_are_found_by_name(array, values, order, work):
    pd.DataFrame({"name": [f"{n}_ROI" for n in order]}).to_csv("regions.tsv", sep="\t", index=False)
    np.save("bold5.npy", values[[NAMES.index(n) for n in order]])
    array["regions_file"] = str(work / "regions.tsv")
    series, parcels, _ = read(tr=1, parcels_file=str(work / "wanted.tsv"), **array)
    assert parcels["name"].tolist() == RIGHT_FIRST
    assert parcels["network"].tolist() == ["Visual1", "Motor"] * 2
    np.testing.assert_array_equal(series, values[[2, 3, 0, 1]])


def test_what_the_wanted_table_does_not_say_is_taken_from_the_file(array, work):
    pd.DataFrame({"name": RIGHT_FIRST}).to_csv("wanted.tsv", sep="\t", index=False)
    parcels = read(tr=1, parcels_file=str(work / "wanted.tsv"), **array)[1]
    assert parcels["network"].tolist() == ["net0", "net1"] * 2
    assert parcels["myelin"].tolist() == ["3.0", "4.0", "1.0", "2.0"]


def test_parcels_that_are_lacking_or_unwanted_are_named(array, values, work):
    pd.DataFrame({"name": ["L_V1", "R_V1", "R_V2"]}).to_csv("few.tsv", sep="\t", index=False)
    few = {"parcels_file": str(work / "few.tsv"), "tr": 1.0} | array
    text = refused("lacking: R_V2; others: L_4, R_4", **few)
    assert "did you mean 'R_V1'" in text
    refused("lacking: R_V2", unwanted="leave_out", **few)
    pd.DataFrame({"name": ["R_4", "L_V1"]}).to_csv("few.tsv", sep="\t", index=False)
    refused("0 lacking, 2 others (lacking: none; others: L_4, R_V1)", **few)
    np.testing.assert_array_equal(read(unwanted="leave_out", **few)[0], values[[3, 0]])


def test_numbers_of_parcels_that_differ_are_refused(array, values):
    np.save("bold5.npy", values[:3])
    refused("expected: 3 parcels, as the array has rows\n  found:    4", tr=1.0, **array)


def test_missing_and_constant_parcels_are_counted_and_others_stay(array, values, work):
    values[1, 3], values[2] = np.nan, 7
    np.save("bold5.npy", values)
    series, _, out = read(tr=1.0, parcels_file=str(work / "wanted.tsv"), **array)
    assert (out.n_missing, out.n_constant) == (1, 1)
    assert np.isnan(series[3]).all() and (series[0] == 7).all()
    np.testing.assert_array_equal(series[[1, 2]], values[[3, 0]])


def test_the_repetition_time_must_be_known(array, work, values):
    assert "regions" not in refused("a repetition time: .npy holds none", **array)
    save_ptseries("a.ptseries.nii", values.T, NAMES, tr=0)
    refused("a step of 0 second", in_file=str(work / "a.ptseries.nii"))
    assert read(in_file=str(work / "a.ptseries.nii"), tr=0.8)[2].tr == 0.8
    save_ptseries("a.ptseries.nii", values.T, NAMES, tr=1, unit="HERTZ")
    refused("a step of 1 hertz", in_file=str(work / "a.ptseries.nii"))
    save_ptseries("a.ptseries.nii", values.T, NAMES)
    refused("0.72 s in the file", in_file=str(work / "a.ptseries.nii"), tr=2.0)
    with pytest.raises(Exception, match="tr"):
        ParcelTimeseries(tr=0.0)


@pytest.mark.parametrize("content", [np.zeros((2, 3, 4)), np.array(["a"]), np.zeros((4, 0)), None])
def test_what_is_no_array_of_parcels_is_refused(array, content, work):
    if content is None:
        (work / "bold5.npy").write_text("no array")
    else:
        np.save("bold5.npy", content)
    refused("numbers (n_parcels, n_volumes)", tr=1.0, **array)


def test_ptseries_names_its_parcels(work, values):
    names = ["L_V1_ROI", "L_4_ROI", "R_V1_ROI", "unsided"]
    save_ptseries("a.ptseries.nii", values.T, names)
    series, parcels, out = read(in_file=str(work / "a.ptseries.nii"))
    np.testing.assert_array_equal(series, values)
    assert parcels["name"].tolist() == names and out.tr == pytest.approx(0.72)
    assert parcels["hemisphere"].tolist() == ["L", "L", "R", "R"]
    save_ptseries("a.ptseries.nii", values.T, ["L_V1", "L_V1_ROI", "R_V1", "R_4"])
    refused("L_V1 twice", in_file=str(work / "a.ptseries.nii"))
    save_dtseries("a.ptseries.nii", values.T, brain(left=2, right=2)[:4])
    refused("SeriesAxis x BrainModelAxis", in_file=str(work / "a.ptseries.nii"))


def test_dtseries_is_averaged_by_vertex_and_voxel_not_by_place(work, rng):
    """The labels cover more vertices than the series, and in another order."""
    axis, labelled = brain(), brain(left=18, right=18)
    axis = axis[np.delete(np.arange(len(axis)), [2, 5, 17])]
    labelled = labelled[18:36] + labelled[:18] + labelled[36:]  # right first
    data = rng.normal(50, 3, (11, len(axis)))
    keys = rng.integers(0, 4, len(labelled))
    keys[np.flatnonzero(labelled.vertex == 17)] = 4  # vertices that the series does not have
    keys[-4:] = [3, 3, 1, 0]
    data[2, 3], data[:, 20] = np.nan, 1
    save_dtseries("a.dtseries.nii", data, axis)
    save_dlabel("a.dlabel.nii", keys, labelled, ["L_a", "R_b", "c", "d", "nowhere"])
    files = {"in_file": str(work / "a.dtseries.nii"), "labels_file": str(work / "a.dlabel.nii")}
    series, parcels, out = read(**files)
    assert parcels["name"].tolist() == ["L_a", "R_b", "c", "d"]
    place = {(str(n), int(v), tuple(x)): k for n, v, x, k in zip(
        labelled.name, labelled.vertex, labelled.voxel, keys, strict=True)}  # fmt: skip
    own = [place[str(n), int(v), tuple(x)]
           for n, v, x in zip(axis.name, axis.vertex, axis.voxel, strict=True)]  # fmt: skip
    for row in range(3):
        columns = [k for k, key in enumerate(own) if key == row + 1 and k not in (3, 20)]
        np.testing.assert_allclose(series[row], data[:, columns].mean(axis=1), rtol=1e-5)
        assert int(parcels["n_voxels"][row]) == len(columns)
    assert np.isnan(series[3]).all() and out.n_missing == 1
    small = read(memory_mb=1.0, **files)[0]
    np.testing.assert_array_equal(small, series)


def test_labels_of_another_surface_or_grid_are_refused(work, rng):
    axis = brain()
    save_dtseries("a.dtseries.nii", rng.normal(size=(5, len(axis))), axis)
    files = {"in_file": str(work / "a.dtseries.nii"), "labels_file": str(work / "a.dlabel.nii")}
    save_dlabel("a.dlabel.nii", np.ones(len(axis)), brain(n_vertices=30), ["L_a"])
    refused("a surface of 20 vertices, as the series", **files)
    moved = brain()
    moved.affine = AFFINE + np.eye(4)
    save_dlabel("a.dlabel.nii", np.ones(len(axis)), moved, ["L_a"])
    refused("voxels of the series' grid (4, 4, 4)", **files)
    refused("LabelAxis x BrainModelAxis", in_file=files["in_file"], labels_file=files["in_file"])


def test_table_names_its_parcels_in_the_header(work, values):
    table = pd.DataFrame(values.T.astype(float), columns=NAMES)
    table["R_4"] = np.nan
    table.to_csv("a_timeseries.tsv", sep="\t", index=False, na_rep="n/a")
    given = {"in_file": str(work / "a_timeseries.tsv"), "tr": 0.72}
    series, parcels, out = read(**given)
    np.testing.assert_allclose(series[:3], values[:3], rtol=1e-6)
    assert parcels["name"].tolist() == NAMES and out.n_missing == 1
    assert parcels["hemisphere"].tolist() == list("LLRR")
    refused(".tsv holds none", in_file=given["in_file"])
    assert "found:    no such file" in refused("is in a_timeseries.json beside it", **{
        "in_file": given["in_file"]})  # fmt: skip
    table.iloc[3] = np.nan
    table.to_csv("a_timeseries.tsv", sep="\t", index=False, na_rep="n/a")
    refused("1 of 9 volumes without any", **given)


@pytest.fixture
def table(work, values):
    pd.DataFrame(values.T, columns=NAMES).to_csv("a_timeseries.tsv", sep="\t", index=False)
    return {"in_file": str(work / "a_timeseries.tsv")}


def say(**content):
    Path("a_timeseries.json").write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("content", "tr"),
    [
        ({"RepetitionTime": 0.8}, 0.8),
        ({"SamplingFrequency": 1.25}, 0.8),
        ({"RepetitionTime": 2, "SamplingFrequency": "TR"}, 2.0),
        ({"RepetitionTime": 0.72, "SamplingFrequency": 1.3889}, 0.72),
    ],
)
def test_the_file_beside_a_table_says_the_repetition_time(table, content, tr):
    say(**content)
    assert read(**table)[2].tr == tr
    assert read(tr=tr, **table)[2].tr == tr


def test_the_file_beside_an_array_counts_too(array):
    Path("bold5.json").write_text('{"RepetitionTime": 0.72}')
    assert read(**array)[2].tr == 0.72
    refused("2 s (tr), 0.72 s (RepetitionTime)", tr=2.0, **array)


def test_repetition_times_that_differ_or_are_none_are_refused(table):
    say(RepetitionTime=0.8)
    text = refused("0.72 s (tr), 0.8 s (RepetitionTime)", tr=0.72, **table)
    assert "a_timeseries.json" in text and "find out which is right" in text
    assert read(tr=0.8004, **table)[2].tr == 0.8004, "rounded somewhere"
    say(RepetitionTime=0.8, SamplingFrequency=0.8)
    refused("0.8 s (RepetitionTime), 1.25 s (SamplingFrequency)", **table)
    say(SamplingFrequency="TR", Units="arbitrary")
    refused("a_timeseries.json without either", **table)
    for wrong in (0, -1, "0.8", True, None, [0.8]):
        say(RepetitionTime=wrong)
        refused(f"RepetitionTime above 0 s\n  found:    {wrong!r}", tr=0.8, **table)
    say(SamplingFrequency=0)
    refused("SamplingFrequency above 0 Hz", **table)
    Path("a_timeseries.json").write_text("{broken")
    assert "a_timeseries.json" in refused("JSON", **table)


def test_a_changed_file_beside_the_series_is_seen_by_the_cache(table, work):
    say(RepetitionTime=0.8)
    node = pe.Node(ParcelTimeseries(**table), name="read", base_dir=str(work))
    assert node.run().outputs.tr == 0.8 and node.is_cached()[0]
    say(RepetitionTime=1.6)
    node = pe.Node(ParcelTimeseries(**table), name="read", base_dir=str(work))
    assert node.run().outputs.tr == 1.6


@pytest.mark.parametrize(
    ("columns", "index", "text"),
    [
        (NAMES, True, "leave out the row numbers"),
        (["L_V1", "L_V1", "R_V1", "R_4"], False, "twice"),
        ([f"p{k}" for k in range(4)], "text", "text in p2"),
    ],
)
def test_tables_of_another_kind_are_refused(work, values, columns, index, text):
    table = pd.DataFrame(values.T, columns=columns)
    if index == "text":
        table = table.astype({"p2": object})
        table.loc[2, "p2"] = "high"
    table.to_csv("a.tsv", sep="\t", index=index is True)
    refused(text, in_file=str(work / "a.tsv"), tr=1.0)


@pytest.mark.parametrize("form", [{}, {"fmt": "%.4f"}, {"fmt": "%d"}])
def test_a_table_without_names_does_not_lose_its_first_volume(work, values, form):
    np.savetxt("a.tsv", values.T - 110, delimiter="\t", **form)
    refused("names of parcels in the first line", in_file=str(work / "a.tsv"), tr=1.0)
    table = pd.DataFrame(values.T, columns=["1", "2", "4", "3"])
    table.to_csv("a.tsv", sep="\t", index=False)
    assert read(in_file=str(work / "a.tsv"), tr=1.0)[1]["name"].tolist() == ["1", "2", "4", "3"]


def test_empty_values_are_told_from_text(work, values):
    table = pd.DataFrame(values.T, columns=NAMES)
    table.loc[2, "R_V1"] = np.nan
    table.to_csv("a.tsv", sep="\t", index=False)
    assert "na_rep" in refused("empty values in R_V1", in_file=str(work / "a.tsv"), tr=1.0)
    table[["R_V1"]].to_csv("a.tsv", sep="\t", index=False)
    refused("empty values in R_V1", in_file=str(work / "a.tsv"), tr=1.0)


@pytest.fixture
def image(work, rng):
    data = rng.normal(500, 9, (5, 4, 3, 8)).astype(np.float32)
    data[0, 0, 0, 2], data[1, 1, 1] = np.nan, 0
    labels = rng.integers(0, 4, (5, 4, 3)).astype(np.int16)
    labels[0, 0, 0] = labels[1, 1, 1] = 3
    picture = nb.Nifti1Image(data, AFFINE)
    picture.header.set_zooms((2, 2, 2, 1.5))
    picture.to_filename("bold.nii.gz")
    nb.Nifti1Image(labels, AFFINE).to_filename("labels.nii.gz")
    table = pd.DataFrame({"index": [0, 3, 1, 2, 9], "name": ["none", "lh c", "a", "b_R", "absent"]})
    table.to_csv("labels.tsv", sep="\t", index=False)
    return data, labels, {"in_file": str(work / "bold.nii.gz"),
                          "labels_file": str(work / "labels.nii.gz"),
                          "label_table_file": str(work / "labels.tsv")}  # fmt: skip


def test_image_is_averaged_by_label(image):
    data, labels, files = image
    series, parcels, out = read(**files)
    assert parcels["name"].tolist() == ["lh c", "a", "b_R", "absent"] and out.tr == 1.5
    assert parcels["hemisphere"].isna().tolist() == [True, True, False, True]
    usable = np.ones(labels.shape, bool)
    usable[0, 0, 0] = usable[1, 1, 1] = False
    for row, label in enumerate((3, 1, 2)):
        own = (labels == label) & usable
        np.testing.assert_allclose(series[row], data[own].mean(axis=0), rtol=1e-5)
        assert int(parcels["n_voxels"][row]) == own.sum()
    assert np.isnan(series[3]).all() and out.n_missing == 1


def test_labels_and_image_that_disagree_are_refused(image, work):
    _, labels, files = image
    refused("the repetition time that was given, 2 s", tr=2.0, **files)
    named = pd.DataFrame({"index": [1, 2], "name": ["a", "b"]})
    named.to_csv("labels.tsv", sep="\t", index=False)
    refused("1 others: 3", **files)
    assert read(unwanted="leave_out", **files)[0].shape == (2, 8)
    named.assign(index=[7, 8]).to_csv("labels.tsv", sep="\t", index=False)
    refused("voxels with labels of the table", unwanted="leave_out", **files)
    named.assign(name=["a", None]).to_csv("labels.tsv", sep="\t", index=False, na_rep="n/a")
    refused("a name for each parcel", **files)
    named.assign(hemisphere=["L", "x"]).to_csv("labels.tsv", sep="\t", index=False)
    refused("L, R or n/a", **files)
    named.assign(index=[1, 1]).to_csv("labels.tsv", sep="\t", index=False)
    refused("1 twice", **files)
    named.rename(columns={"index": "value"}).to_csv("labels.tsv", sep="\t", index=False)
    refused("columns index (whole numbers) and name", **files)
    named.to_csv("labels.tsv", sep="\t", index=False)
    nb.Nifti1Image(labels + np.float32(0.5), AFFINE).to_filename("labels.nii.gz")
    refused("whole numbers", **files)
    nb.Nifti1Image(labels[:4], AFFINE).to_filename("labels.nii.gz")
    refused("resample it to that grid", **files)


def test_each_kind_of_file_needs_its_own(array, work, values):
    refused("for bold5.npy: regions_file", tr=1.0, in_file=array["in_file"])
    refused("leave it out", labels_file=array["in_file"], tr=1.0, **array)
    (work / "a.mat").write_text("")
    refused("one of .ptseries.nii", in_file=str(work / "a.mat"))


@pytest.mark.realdata
def test_measured_series_left_first_match_the_seminars_names_right_first(real_data, work):
    folder = real_data("hcp_glasser360")
    reference = folder.parent.parent / "reference" / "hcp_regions_from_seed.csv"
    if not reference.is_file():
        pytest.skip(f"no {reference.name}: the seminar's names are not here")
    with h5py.File(folder / "HCP_example_restrun1_subj100206_data.h5") as file:
        stored = file["restdata"][()]
    np.save("rest.npy", stored)
    pd.read_csv(folder / "parcels.csv").rename(columns={"label": "name"}).to_csv(
        "given.tsv", sep="\t", index=False
    )
    seminar = pd.read_csv(reference)
    seminar[["name", "network", "myelin"]].to_csv("wanted.tsv", sep="\t", index=False)
    series, parcels, out = read(
        in_file=str(work / "rest.npy"), regions_file=str(work / "given.tsv"), tr=0.72,
        parcels_file=str(work / "wanted.tsv"),
    )  # fmt: skip
    assert parcels["name"].tolist() == seminar["name"].tolist() and len(parcels) == 360
    assert parcels["hemisphere"].value_counts().to_dict() == {"R": 180, "L": 180}
    np.testing.assert_array_equal(series, np.roll(stored, 180, axis=0).astype(np.float32))
    assert (out.n_missing, out.n_constant) == (0, 0)
    homotopic = np.corrcoef(series)[np.arange(180), np.arange(180) + 180]
    assert homotopic.mean() > 0.35
