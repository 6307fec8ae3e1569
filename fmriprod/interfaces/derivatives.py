"""Put results into a BIDS derivatives dataset, under names that are checked."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nipype.interfaces.base import (
    Directory,
    File,
    InputMultiObject,
    OutputMultiObject,
    TraitedSpec,
    isdefined,
    traits,
)

from fmriprod.algorithms.bids_names import build_name, check_entity, parse_name
from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.derivative_names import check_derivative, has_sidecar
from fmriprod.interfaces.atomic_files import save_file, save_json
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.bids_index import read_json
from fmriprod.interfaces.dataset_description import bids_uri, find_dataset_root
from fmriprod.interfaces.derivative_table import derivative_folder, derivative_names
from fmriprod.interfaces.provenance_sidecar import (
    linked_datasets,
    provenance_fields,
    says_the_same,
)
from fmriprod.interfaces.saved_names import check_distinct, claim_name

_ENTITY_TRAITS = (
    "hemi", "space", "from_", "to", "mode", "seg", "res", "contrast", "stat", "label", "desc",
)  # fmt: skip


def _entity(example: str) -> Any:
    return InputMultiObject(
        traits.Str,
        desc=f"label of that entity, such as {example}; one for all files or one for each",
    )


class _SaveDerivativeInputSpec(PythonInputSpec):
    in_file = InputMultiObject(
        File(exists=True), mandatory=True, desc="the file to save, or a list of files"
    )
    base_directory = Directory(
        mandatory=True, desc="root of the derivatives dataset; made if it is not there"
    )
    source_file = InputMultiObject(
        File(exists=True, hash_files=False),
        desc="raw BIDS file whose entities are inherited; one for all files or one for each",
    )
    suffix = traits.Str(mandatory=True, desc="what the file holds, such as statmap")
    entities = traits.List(
        traits.Str, desc="further entities as key-label, such as task-draw; they win over inherited"
    )
    dismiss_entities = traits.List(
        traits.Str, desc="keys of entities that are not inherited, such as run"
    )
    hemi = _entity("L")
    space = _entity("T1w")
    from_ = _entity("boldref (written as from)")
    to = _entity("T1w")
    mode = _entity("image")
    seg = _entity("aparcaseg")
    res = _entity("2")
    contrast = _entity("faceVsHouse")
    stat = _entity("z")
    label = _entity("V1")
    desc = _entity("preproc")
    datatype = traits.Str(
        desc="folder: func, anat or figures; by default that of source_file, where it fits"
    )
    metadata = traits.List(
        traits.Str, desc='sidecar fields as key=JSON, such as Units="arbitrary" or Cutoff=128.0'
    )
    metadata_file = File(exists=True, desc="JSON file with sidecar fields; metadata win over it")
    sources = InputMultiObject(
        traits.Str,
        desc="files of the raw or of the derivatives dataset, or BIDS URIs, that the result was "
        "made from (Sources in the sidecar); by default source_file",
    )
    raw_directory = Directory(
        exists=True, desc="root of the raw dataset; by default found above source_file"
    )
    record_directory = Directory(
        nohash=True,
        desc="folder where the savers of one run note what they wrote, so that two different "
        "results under one name are refused; give each run an empty one",
    )


class _SaveDerivativeOutputSpec(TraitedSpec):
    out_file = OutputMultiObject(File(exists=True), desc="the saved file or files")
    out_sidecar = OutputMultiObject(File(exists=True), desc="JSON sidecars, where there are any")


class SaveDerivative(PythonInterface):
    """Copy a result to its BIDS name in a derivatives dataset, with a JSON sidecar.

    The name is made of the entities of ``source_file`` and those that are given, and checked
    with the table of derivatives (``fmriprod/data/derivative_names.json``). Files are written
    to a temporary name and renamed; a file that is already there with the same content is not
    touched. NIfTI files that are not compressed are compressed; the time in the gzip header
    is set to 0, so that the same result is the same bytes.

    The sidecar of a node's result says where it comes from (`provenance_fields`).

    Examples
    --------
    >>> saver = SaveDerivative(suffix="statmap", contrast="faceVsHouse", stat="z")
    >>> saver.inputs.contrast
    ['faceVsHouse']
    """

    input_spec = _SaveDerivativeInputSpec
    output_spec = _SaveDerivativeOutputSpec
    _computes = False
    _always_run = True  # the dataset may have lost the file since

    def _process(self) -> None:
        in_files = [os.path.abspath(file) for file in self.inputs.in_file]
        targets = [self._target(k, file) for k, file in enumerate(in_files)]
        check_distinct(in_files, [target for target, _ in targets])
        fields = self._metadata()
        contents = [
            {**self._sources(k), **self._provenance(k), **fields} for k in range(len(in_files))
        ]
        out_files, sidecars = [], []
        for in_file, (target, sidecar), content in zip(in_files, targets, contents, strict=True):
            if isdefined(self.inputs.record_directory):
                claim_name(
                    self.inputs.record_directory, self.inputs.base_directory, target, in_file
                )
            written = save_file(in_file, target)
            out_files.append(str(target))
            if sidecar and content:
                beside = target.with_name(f"{target.name.partition('.')[0]}.json")
                if written or not says_the_same(content, beside):
                    save_json(content, beside)
                sidecars.append(str(beside))
        self.result("out_file", out_files)
        if sidecars:
            self.result("out_sidecar", sidecars)

    def _target(self, k: int, in_file: str) -> tuple[Path, bool]:
        """Path of the k-th file, and whether it has a sidecar."""
        entities = self._inherited(k)
        for pair in self._list("entities"):
            key, _, label = pair.partition("-")
            check_entity(key, label)
            entities[key] = label
        for trait in _ENTITY_TRAITS:
            label = self._pick(trait, k)
            if label is not None:
                entities[trait.rstrip("_")] = label
        name = build_name(entities, self.inputs.suffix, saved_extension(in_file))
        datatype = self.inputs.datatype if isdefined(self.inputs.datatype) else None
        source = self._pick("source_file", k)
        place = os.path.basename(os.path.dirname(os.path.abspath(source))) if source else None
        datatype = check_derivative(name, datatype, derivative_names(), place)
        folder = derivative_folder(self.inputs.base_directory, name, datatype)
        return folder / str(name), has_sidecar(name, datatype, derivative_names())

    def _inherited(self, k: int) -> dict[str, str]:
        source = self._pick("source_file", k)
        if not source:
            return {}
        dismissed = self._list("dismiss_entities")
        name = parse_name(os.path.basename(source), any_order=True)
        if name.get("sub") is None:
            raise InputError(
                "source_file",
                expected="a file of a BIDS dataset, sub-<label>_..._<suffix>.<extension>",
                found=source,
                hint="give the raw image, or give entities instead of source_file",
            )
        return {key: label for key, label in name.entities if key not in dismissed}

    def _pick(self, trait: str, k: int) -> str | None:
        """Value of a list-like input for the k-th file."""
        values, n_files = self._list(trait), len(self.inputs.in_file)
        if not values:
            return None
        if len(values) not in (1, n_files):
            raise InputError(
                trait,
                expected=f"one value, or {n_files} (one for each in_file)",
                found=f"{len(values)} values",
                hint="give one, or as many as there are files",
            )
        return values[0] if len(values) == 1 else values[k]

    def _list(self, trait: str) -> list[str]:
        value = getattr(self.inputs, trait)
        return list(value) if isdefined(value) else []

    def _metadata(self) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        if isdefined(self.inputs.metadata_file):
            fields.update(read_json(self.inputs.metadata_file))
        fields.update(parse_metadata(self._list("metadata")))
        return fields

    def _raw_root(self, k: int) -> str | None:
        source, raw = self._pick("source_file", k), self.inputs.raw_directory
        return raw if isdefined(raw) else (find_dataset_root(source) if source else None)

    def _provenance(self, k: int) -> dict[str, Any]:
        datasets = linked_datasets(self.inputs.base_directory, self._raw_root(k))
        return provenance_fields(os.path.abspath(self.inputs.in_file[k]), datasets)

    def _sources(self, k: int) -> dict[str, list[str]]:
        source, root = self._pick("source_file", k), self._raw_root(k)
        listed = self._list("sources") or ([source] if source and root else [])
        uris = [bids_uri(file, self.inputs.base_directory, root) for file in listed]
        return {"Sources": uris} if uris else {}


def saved_extension(in_file: str) -> str:
    """Extension that a file is saved with; its stem may hold dots, images are compressed."""
    name = os.path.basename(in_file)
    return ".nii.gz" if name.endswith((".nii.gz", ".nii")) else os.path.splitext(name)[1]


def metadata_items(fields: dict[str, Any]) -> list[str]:
    """Turn a dictionary into the ``metadata`` input of `SaveDerivative`.

    Examples
    --------
    >>> metadata_items({"RepetitionTime": 2.0, "TaskName": "draw"})
    ['RepetitionTime=2.0', 'TaskName="draw"']
    """
    return [f"{k}={json.dumps(fields[k], allow_nan=False)}" for k in sorted(fields)]


def parse_metadata(items: Sequence[str]) -> dict[str, Any]:
    """Read ``key=JSON`` strings; the inverse of `metadata_items`.

    Raises
    ------
    InputError
        For an item without ``=`` or with a value that is no JSON.
    """
    fields: dict[str, Any] = {}
    for item in items:
        key, sign, text = item.partition("=")
        try:
            if not sign or not key:
                raise ValueError("no key=")
            fields[key] = json.loads(text, parse_constant=_refuse_constant)
        except ValueError:
            raise InputError(
                "metadata",
                expected='key=JSON, such as Units="arbitrary" or Cutoff=128.0',
                found=repr(item),
                hint="put text in double quotes (fmriprod.interfaces.derivatives.metadata_items)",
            ) from None
    return fields


def _refuse_constant(name: str) -> None:
    raise ValueError(name)
