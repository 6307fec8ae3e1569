"""A sidecar says what its file was made from, and stays the same as long as that is so."""

import hashlib
import json
import os
import shutil
from copy import deepcopy
from pathlib import Path

import nipype.pipeline.engine as pe
import numpy as np
import pytest
from nipype.interfaces.base import File, InputMultiObject, TraitedSpec, traits
from nipype.interfaces.utility import Merge

from fmriprod.interfaces import program_versions as programs
from fmriprod.interfaces import provenance_sidecar
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.coregister import Coregister
from fmriprod.interfaces.derivatives import SaveDerivative
from fmriprod.interfaces.program_versions import program_versions
from fmriprod.interfaces.provenance import trace_back
from fmriprod.interfaces.provenance_sidecar import (
    linked_datasets,
    provenance_fields,
    source_digests,
    uri_or_name,
)


class _AddInputSpec(PythonInputSpec):
    in_files = InputMultiObject(File(exists=True), mandatory=True, desc="texts")
    amount = traits.Float(0.5, usedefault=True, desc="amount")
    engine = traits.Str(desc="engine")
    names = traits.List(traits.Str, desc="names")
    folder = traits.Str(desc="a folder")


class _AddOutputSpec(TraitedSpec):
    out_file = File(exists=True, desc="text")


class Add(PythonInterface):
    """Put texts together."""

    input_spec = _AddInputSpec
    output_spec = _AddOutputSpec
    _algorithm_version = "7"
    _libraries = ("numpy",)

    def _process(self):
        texts = [Path(file).read_text() for file in self.inputs.in_files]
        self.save_text("out_file", "out.tsv", "".join(texts)[:50])


class AddMore(Add):
    """Another step."""

    _libraries = ("numpy", "scipy")


@pytest.fixture
def raw(work):
    folder = work / "raw" / "sub-01" / "func"
    folder.mkdir(parents=True)
    (work / "raw" / "dataset_description.json").write_text('{"Name": "raw"}')
    for run in (1, 2):
        (folder / f"sub-01_task-x_run-{run}_bold.nii.gz").write_text(f"image {run}\n" * 90)
        (folder / f"sub-01_task-x_run-{run}_events.tsv").write_text(f"events {run}\n")
    (work / "else" / "where").mkdir(parents=True)
    (work / "else" / "where" / "mask.nii").write_text("mask")
    return work / "raw"


def graph(raw, amount=0.5, out="out", work="work", **options):
    """Two runs -> one each -> merged -> both -> saver."""
    func = raw / "sub-01" / "func"
    workflow = pe.Workflow("wf", base_dir=str(raw.parent / work))
    workflow.config["execution"] = {"hash_method": "content", "crashdump_dir": str(raw.parent)}
    merge = pe.Node(Merge(2), name="merge")
    for run in (1, 2):
        files = [str(func / f"sub-01_task-x_run-{run}_{s}") for s in ("bold.nii.gz", "events.tsv")]
        node = pe.Node(Add(in_files=files, names=["b", "a"], folder="/some/where"), name=f"r{run}")
        workflow.connect(node, "out_file", merge, f"in{run}")
    both = pe.Node(AddMore(amount=amount, **options), name="both")
    other = pe.Node(Merge(2), name="other")
    other.inputs.in2 = str(raw.parent / "else" / "where" / "mask.nii")
    saver = pe.Node(
        SaveDerivative(
            base_directory=str(raw.parent / out), raw_directory=str(raw), suffix="timeseries",
            source_file=str(func / "sub-01_task-x_run-1_bold.nii.gz"), desc="x",
        ),
        name="saver",
    )  # fmt: skip
    workflow.connect([
        (merge, other, [("out", "in1")]), (other, both, [("out", "in_files")]),
        (both, saver, [("out_file", "in_file")]),
    ])  # fmt: skip
    workflow.run()
    place = raw.parent / out / "sub-01" / "func"
    return place / "sub-01_task-x_run-1_desc-x_timeseries.json"


def md5(path):
    return hashlib.md5(path.read_bytes()).hexdigest()


def test_a_sidecar_says_all_that_is_behind_its_file(raw):
    content = json.loads(graph(raw).read_text())
    func = raw / "sub-01" / "func"
    expected = {f"bids:raw:sub-01/func/{path.name}": md5(path) for path in sorted(func.iterdir())}
    assert content["SourcesMD5"] == {
        **expected,
        "where/mask.nii": md5(raw.parent / "else/where/mask.nii"),
    }
    assert content["Steps"] == [
        {"Name": "Add", "Version": "7", "Parameters": {"amount": 0.5, "names": ["b", "a"]}},
        {"Name": "AddMore", "Version": "7", "Parameters": {"amount": 0.5}},
    ]
    from importlib.metadata import version

    assert content["Libraries"] == {name: version(name) for name in ("numpy", "scipy")}
    assert [entry["Name"] for entry in content["GeneratedBy"]] == ["fmriprod", "Python"]
    assert content["Sources"] == ["bids:raw:sub-01/func/sub-01_task-x_run-1_bold.nii.gz"]
    assert str(raw.parent) not in json.dumps(content)


def test_the_same_on_another_machine(raw):
    """That is, in other folders."""
    one = graph(raw).read_bytes()
    shutil.copytree(raw, raw.parent / "copies" / "raw")
    shutil.copytree(raw.parent / "else", raw.parent / "copies" / "else")
    assert graph(raw.parent / "copies" / "raw", work="w2").read_bytes() == one


def test_nothing_is_written_when_nothing_changed(raw, monkeypatch):
    sidecar = graph(raw)
    before = (sidecar.stat().st_mtime_ns, sidecar.stat().st_ino)
    monkeypatch.setattr(provenance_sidecar, "__version__", "99.9")
    assert graph(raw) == sidecar
    assert (sidecar.stat().st_mtime_ns, sidecar.stat().st_ino) == before
    assert "99.9" not in sidecar.read_text()  # it was not made by that version


def test_a_parameter_is_told_even_if_the_result_is_the_same(raw):
    assert graph(raw, amount=0.5) == (sidecar := graph(raw, amount=0.75))
    assert json.loads(sidecar.read_text())["Steps"][-1]["Parameters"] == {"amount": 0.75}


def test_new_versions_are_told_with_a_new_result(raw, monkeypatch):
    graph(raw)
    monkeypatch.setattr(provenance_sidecar, "__version__", "99.9")
    source = raw / "sub-01" / "func" / "sub-01_task-x_run-1_bold.nii.gz"
    source.write_text("another image")
    content = json.loads(graph(raw).read_text())
    assert content["GeneratedBy"][0] == {"Name": "fmriprod", "Version": "99.9"}
    assert content["SourcesMD5"][f"bids:raw:sub-01/func/{source.name}"] == md5(source)


def test_a_damaged_sidecar_is_written_again(raw):
    whole = graph(raw).read_bytes()
    for damage in (b"", b"{", b"[]", b"{}", whole[:-20]):
        graph(raw).write_bytes(damage)
        assert graph(raw).read_bytes() == whole


def test_a_file_that_is_no_result_has_no_provenance(work):
    (work / "a.tsv").write_text("a")
    assert provenance_fields("a.tsv", {}) == {}
    assert trace_back("a.tsv").files == {}


def test_a_damaged_note_takes_nothing_else_away(raw):
    graph(raw)
    (note,) = (raw.parent / "work" / "wf" / "r1").glob("_0x*.json")
    note.write_text("{")
    chain = trace_back(raw.parent / "work" / "wf" / "both" / "out.tsv")
    assert [step["Name"] for step in chain.steps] == ["Add", "AddMore"]
    assert sum("run-2" in path for path in chain.files) == 2


def test_long_chains_do_not_recurse(work):
    previous = work / "in.txt"
    previous.write_text("x")
    for i in range(1500):
        folder = work / "w" / f"n{i}"
        folder.mkdir(parents=True)
        (folder / "_node.pklz").write_bytes(b"")
        note = [
            ["algorithm_version", f"Step=1;l{i}=1"],
            ["i", i],
            ["in_file", [str(previous), "0" * 32]],
        ]
        (folder / f"_0x{i:032x}.json").write_text(json.dumps(note))
        previous = folder / "out.txt"
    chain = trace_back(previous)
    assert [step["Parameters"]["i"] for step in chain.steps] == list(range(1500))
    assert chain.files == {str(work / "in.txt"): "0" * 32}


def test_datasets_that_are_linked_have_uris(work):
    (work / "out").mkdir()
    links = {"raw": "../bids", "fmriprep": "../prep", "far": "file:///data/far", "web": "https://x"}
    (work / "out" / "dataset_description.json").write_text(json.dumps({"DatasetLinks": links}))
    datasets = linked_datasets(work / "out", work / "bids")
    assert uri_or_name(str(work / "prep/sub-01/a.nii"), datasets) == "bids:fmriprep:sub-01/a.nii"
    assert uri_or_name("/data/far/a.nii", datasets) == "bids:far:a.nii"
    assert uri_or_name(str(work / "out/sub-01/a.nii"), datasets) == "bids::sub-01/a.nii"
    assert uri_or_name("/data/subjects/01/orig.mgz", datasets) == "01/orig.mgz"
    assert "bids:web:" not in datasets
    (work / "out" / "dataset_description.json").write_text("[1")
    assert linked_datasets(work / "out", None) == {"bids::": work / "out"}


def test_programs_tell_their_versions(work, monkeypatch):
    (work / "fsl" / "etc").mkdir(parents=True)
    (work / "fsl" / "etc" / "fslversion").write_text("6.0.7.7:abc\n")
    monkeypatch.setenv("FSLDIR", str(work / "fsl"))
    assert program_versions({"mcflirt", "python"}) == {"FSL": "6.0.7.7"}
    monkeypatch.setenv("FSLDIR", str(work))
    assert program_versions({"bet"}) == {"FSL": "unknown"}
    assert program_versions({"python"}) == {}


@pytest.mark.parametrize("given", ["at_once", "later", "in_a_copy", "to_a_map_node"])
def test_a_new_version_of_a_program_is_another_step(work, monkeypatch, given):
    (work / "etc").mkdir()
    monkeypatch.setenv("FSLDIR", str(work))

    def key(version, engine):
        (work / "etc" / "fslversion").write_text(version)
        if given == "at_once":
            return Coregister(engine=engine).inputs.get_hashval()
        node = pe.Node(Coregister(), name="step")
        if given == "in_a_copy":
            node = deepcopy(node)
        if given == "to_a_map_node":
            node = pe.MapNode(Coregister(), ["in_file"], name="step")
        node.inputs.engine = engine
        return node.interface.inputs.get_hashval()

    flirt = key("6.0.7", "flirt")
    assert ["algorithm_version", f"{Coregister.algorithm_version()};FSL=6.0.7"] in [
        list(part) for part in flirt[0]
    ]
    assert key("6.0.7", "flirt") == flirt != key("6.0.8", "flirt")
    assert key("6.0.7", "python") == key("6.0.8", "python")


def test_a_step_that_goes_back_to_python_names_no_program():
    step = Coregister(engine="flirt")
    step.inputs.engine = "python"
    assert step.inputs.algorithm_version == Coregister.algorithm_version()


def test_ants_tells_its_version(work, monkeypatch):
    program = work / "antsRegistration"
    program.write_text("#!/bin/sh\necho ANTs Version: 2.5.1\necho Compiled\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{work}{os.pathsep}{os.environ['PATH']}")
    programs._ants_version.cache_clear()
    assert program_versions({"ants"}) == {"ANTs": "2.5.1"}
    monkeypatch.setenv("PATH", str(work / "nowhere"))
    assert program_versions({"ants"}) == {"ANTs": "unknown"}


def test_an_engine_that_is_a_program_is_named(raw, monkeypatch):
    monkeypatch.setenv("FSLDIR", "/nowhere")
    content = json.loads(graph(raw, engine="mcflirt").read_text())
    assert {"Name": "FSL", "Version": "unknown"} in content["GeneratedBy"]


def test_numbers_are_written_as_numbers(raw):
    graph(raw, amount=np.pi)
    chain = trace_back(raw.parent / "work" / "wf" / "both" / "out.tsv")
    assert chain.steps[-1]["Parameters"]["amount"] == pytest.approx(np.pi, abs=1e-10)


def test_files_of_the_same_folder_and_name_are_all_named():
    paths = ["/fs/sub-01/mri/T1.mgz", "/fs/fsaverage/mri/T1.mgz", "/fs/fsaverage/mri/brain.mgz",
             "/a/x/y/T1.mgz", "/b/x/y/T1.mgz", "/raw/sub-01/T1.nii"]  # fmt: skip
    files = {path: str(number) for number, path in enumerate(paths)}
    assert source_digests(files, {"bids:raw:": "/raw"}) == {
        "sub-01/mri/T1.mgz": "0", "fsaverage/mri/T1.mgz": "1", "mri/brain.mgz": "2",
        "a/x/y/T1.mgz": "3", "b/x/y/T1.mgz": "4", "bids:raw:sub-01/T1.nii": "5",
    }  # fmt: skip
    same = {"/fs/mri/T1.mgz": "0", "fs/mri/T1.mgz": "1"}
    assert set(source_digests(same, {}).values()) == {"0", "1"}
