import gzip
import json
import os
from pathlib import Path

import nipype.pipeline.engine as pe
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nipype.interfaces.base import isdefined
from support.bids import study_tree, write_tree
from support.images import write_image

from fmriprod.algorithms.bids_names import parse_name
from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.derivatives import SaveDerivative, metadata_items, parse_metadata
from fmriprod.interfaces.reorient import Reorient


@pytest.fixture
def study(work):
    return write_tree(work / "raw", study_tree(subjects=("01",)))


@pytest.fixture
def bold(study):
    return str(study / "sub-01/func/sub-01_task-view_run-1_bold.nii.gz")


@pytest.fixture
def maps(work, rng):
    """Two statistical maps with the names that a model gives them."""
    return [
        str(write_image(work / f"{name}.v1.nii.gz", rng.normal(size=(3, 3, 3)).astype("f4")))
        for name in ("one", "two")
    ]


def content_of(file):
    """Content of a gzip file, or of a JSON file."""
    if str(file).endswith(".json"):
        return json.loads(Path(file).read_text())
    return gzip.decompress(Path(file).read_bytes())


def saver(work, **inputs):
    return SaveDerivative(base_directory=str(work / "out"), **inputs)


def test_a_map_is_saved_with_the_entities_of_its_run(work, bold, maps):
    step = saver(
        work,
        in_file=maps[0],
        source_file=bold,
        suffix="statmap",
        contrast="faceVsHouse",
        stat="z",
        space="T1w",
        metadata=metadata_items({"Cutoff": 128.0, "Units": "arbitrary"}),
    )
    out = step.run().outputs
    name = "sub-01_task-view_run-1_space-T1w_contrast-faceVsHouse_stat-z_statmap"
    assert out.out_file == str(work / f"out/sub-01/func/{name}.nii.gz")
    assert content_of(out.out_file) == content_of(maps[0])
    assert content_of(out.out_sidecar) == {
        "Cutoff": 128.0,
        "Sources": ["bids:raw:sub-01/func/sub-01_task-view_run-1_bold.nii.gz"],
        "Units": "arbitrary",
    }
    assert out.out_sidecar == str(work / f"out/sub-01/func/{name}.json")


def test_a_cohort_is_put_where_the_specification_has_it(work, maps):
    source = "prep/sub-01/func/sub-01_task-x_space-MNIPediatricAsym_cohort-1_res-2_bold.nii"
    source = write_tree(work, {source: None}) / source
    name = "sub-01_cohort-1_task-x_space-MNIPediatricAsym_res-2_stat-z_statmap.nii.gz"
    step = saver(work, in_file=maps[0], source_file=str(source), suffix="statmap", stat="z")
    assert step.run().outputs.out_file == str(work / "out/sub-01/func" / name)


def test_a_second_run_touches_nothing(work, bold, maps):
    inputs = {
        "in_file": maps[0],
        "source_file": bold,
        "suffix": "mask",
        "desc": "brain",
        "datatype": "func",
    }
    node = pe.Node(saver(work, **inputs), name="save", base_dir=str(work / "work"))
    first = node.run().outputs
    for file in (first.out_file, first.out_sidecar):
        os.utime(file, (1, 1))
    outputs = node.run().outputs
    assert [os.stat(f).st_mtime for f in (outputs.out_file, outputs.out_sidecar)] == [1, 1]
    os.unlink(outputs.out_file)  # the saver always looks, also in an unchanged graph
    assert os.path.isfile(node.run().outputs.out_file)


def test_lists_are_saved_one_by_one(work, bold, maps):
    step = saver(
        work, in_file=maps, source_file=bold, suffix="statmap", contrast=["a", "b"], stat="t"
    )
    out = step.run().outputs
    assert [os.path.basename(f) for f in out.out_file] == [
        "sub-01_task-view_run-1_contrast-a_stat-t_statmap.nii.gz",
        "sub-01_task-view_run-1_contrast-b_stat-t_statmap.nii.gz",
    ]
    assert len(out.out_sidecar) == 2
    saved = [content_of(f) for f in out.out_file]
    assert saved == [content_of(f) for f in maps]


def test_figures_and_reports_have_places_of_their_own(work, bold):
    (work / "carpet.png").write_bytes(b"png")
    (work / "index.html").write_text("<html></html>")
    (work / "t.tsv").write_text("a\n")
    figure = saver(work, in_file="carpet.png", source_file=bold, suffix="bold", desc="carpet",
                   datatype="figures").run().outputs  # fmt: skip
    name = "sub-01_task-view_run-1_desc-carpet_bold.png"
    assert figure.out_file == str(work / "out/sub-01/figures" / name)
    assert not isdefined(figure.out_sidecar)
    report = saver(work, in_file="index.html", entities=["sub-01"], suffix="report").run().outputs
    assert report.out_file == str(work / "out/sub-01_report.html")
    group = saver(work, in_file="t.tsv", entities=["task-view"], suffix="evidence").run().outputs
    assert group.out_file == str(work / "out/group/func/task-view_evidence.tsv")
    assert not isdefined(group.out_sidecar)


def test_inherited_entities_can_be_dismissed_and_replaced(work, bold, maps):
    out = saver(
        work,
        in_file=maps[0],
        source_file=bold,
        suffix="mask",
        entities=["task-all"],
        dismiss_entities=["run"],
        label="V1",
    ).run()
    expected = work / "out/sub-01/func/sub-01_task-all_label-V1_mask.nii.gz"
    assert out.outputs.out_file == str(expected)


def test_transforms_use_the_trait_that_python_allows(work, bold):
    (work / "x.txt").write_text("#Insight Transform File V1.0\n")
    out = saver(
        work, in_file="x.txt", source_file=bold, suffix="xfm", datatype="func",
        from_="boldref", to="T1w", mode="image",
    ).run()  # fmt: skip
    name = "sub-01_task-view_run-1_from-boldref_to-T1w_mode-image_xfm.txt"
    assert os.path.basename(out.outputs.out_file) == name


def test_sessions_are_folders(work, maps):
    source = write_tree(work / "raw", {"sub-1/ses-a/func/sub-1_ses-a_task-x_bold.nii.gz": None})
    source = source / "sub-1/ses-a/func/sub-1_ses-a_task-x_bold.nii.gz"
    out = saver(work, in_file=maps[0], source_file=str(source), suffix="boldref").run().outputs
    expected = work / "out/sub-1/ses-a/func/sub-1_ses-a_task-x_boldref.nii.gz"
    assert out.out_file == str(expected)
    sidecar = content_of(out.out_sidecar)
    assert sidecar == {"Sources": ["bids:raw:sub-1/ses-a/func/sub-1_ses-a_task-x_bold.nii.gz"]}


def test_two_results_under_one_name_are_refused(work, bold, maps):
    inputs = {"source_file": bold, "suffix": "statmap", "contrast": "a", "stat": "z"}
    with pytest.raises(InputError) as err:
        saver(work, in_file=maps, **inputs).run()
    assert "one result for each name" in str(err.value) and maps[1] in str(err.value)
    assert not (work / "out").exists()
    record = str(work / "record")
    for _ in range(2):
        saver(work, in_file=maps[0], record_directory=record, **inputs).run()
    with pytest.raises(InputError) as err:
        saver(work, in_file=maps[1], record_directory=record, **inputs).run()
    assert maps[0] in str(err.value) and "tell them apart by an entity" in str(err.value)
    # another run may replace the result
    saver(work, in_file=maps[1], record_directory=str(work / "next"), **inputs).run()


@pytest.mark.parametrize(
    ("inputs", "text"),
    [
        ({"contrast": "face-house"}, "write contrast-faceHouse"),
        ({"contrast": ["a", "b", "c"]}, "one value, or 1"),
        ({"entities": ["taks-x"]}, "did you mean 'task'?"),
        ({"stat": "Z"}, "for statmap files one of"),
        ({"suffix": "statmpa"}, "did you mean 'statmap'?"),
        ({"metadata": ["Units=arbitrary"]}, "put text in double quotes"),
        ({"metadata": ["NaN"]}, "key=JSON"),
        ({"metadata": ["a=NaN"]}, "key=JSON"),
        ({"sources": ["elsewhere.nii.gz"]}, "name the saved file"),
    ],
)
def test_bad_inputs_say_what_to_do_and_write_nothing(work, bold, maps, inputs, text):
    given = {"suffix": "statmap", "stat": "z", "contrast": "a"} | inputs
    with pytest.raises(InputError) as err:
        saver(work, in_file=maps[0], source_file=bold, **given).run()
    assert text in str(err.value)
    assert str(err.value).startswith("SaveDerivative")
    assert not (work / "out").exists()


def test_a_source_that_is_no_bids_file_is_refused(work, maps):
    (work / "bold.nii.gz").write_bytes(b"x")
    with pytest.raises(InputError, match="a file of a BIDS dataset"):
        saver(work, in_file=maps[0], source_file="bold.nii.gz", suffix="boldref").run()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)  # fmt: skip


@given(st.dictionaries(st.text(min_size=1, max_size=6).filter(lambda k: "=" not in k), json_values))
def test_metadata_survive_the_way_through_strings(fields):
    assert parse_metadata(metadata_items(fields)) == fields


@given(
    st.dictionaries(st.sampled_from(["space", "desc", "contrast", "label", "seg"]), st.text()),
    st.sampled_from(["statmap", "mask", "features"]) | st.text(max_size=8),
)
def test_any_labels_give_a_legal_name_or_an_input_error(tmp_path_factory, labels, suffix):
    folder = tmp_path_factory.mktemp("fuzz")
    file = folder / "a.nii.gz"
    file.write_bytes(gzip.compress(b"x", mtime=0))
    step = saver(folder, in_file=str(file), suffix=suffix, stat="z", entities=["sub-01"], **labels)
    try:
        saved = Path(step.run().outputs.out_file)
    except InputError:
        assert not (folder / "out").exists()
    else:
        assert saved.parent == folder / "out/sub-01" / saved.parent.name
        assert dict(parse_name(saved.name).entities) == {"sub": "01", "stat": "z", **labels}


def test_savers_take_lists_and_run_in_map_nodes(work, bold, maps):
    rename = pe.MapNode(Reorient(axis_codes="LAS"), iterfield=["in_file"], name="make")
    rename.inputs.in_file = maps
    one = pe.Node(saver(work, source_file=bold, suffix="statmap", stat="z"), name="one")
    one.inputs.contrast = ["a", "b"]
    each = pe.MapNode(
        saver(work, source_file=bold, suffix="statmap", stat="t"),
        iterfield=["in_file", "contrast"],
        name="each",
    )
    each.inputs.contrast = ["a", "b"]
    workflow = pe.Workflow(name="wf", base_dir=str(work / "work"))
    workflow.connect([(rename, one, [("out_file", "in_file")])])
    workflow.connect([(rename, each, [("out_file", "in_file")])])
    workflow.run()
    names = sorted(p.name for p in (work / "out/sub-01/func").glob("*.nii.gz"))
    stem = "sub-01_task-view_run-1_contrast"
    expected = [f"{stem}-{c}_stat-{s}_statmap.nii.gz" for c in "ab" for s in "tz"]
    assert names == expected


def test_many_savers_at_once_leave_whole_files(work, bold):
    """Eight processes save the same result to one name."""
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    data = np.random.default_rng(0).normal(size=(40, 40, 40)).astype("f4")
    inputs = {
        "in_file": str(write_image(work / "a.nii.gz", data)),
        "source_file": bold,
        "suffix": "boldref",
        "base_directory": str(work / "out"),
        "record_directory": str(work / "record"),
    }
    with ProcessPoolExecutor(4, mp_context=get_context("fork")) as pool:
        saved = set(pool.map(_save, [inputs] * 8))
    assert len(saved) == 1
    folder = os.path.dirname(saved.pop())
    assert sorted(os.listdir(folder)) == [
        "sub-01_task-view_run-1_boldref.json",
        "sub-01_task-view_run-1_boldref.nii.gz",
    ]


def _save(inputs):
    return SaveDerivative(**inputs).run().outputs.out_file
