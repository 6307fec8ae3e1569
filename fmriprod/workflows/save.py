"""Nodes that put results into the derivatives dataset."""

import os
from dataclasses import dataclass
from typing import Any

from nipype.interfaces.base import isdefined
from nipype.pipeline import engine as pe

from fmriprod.interfaces.compress import CompressImage
from fmriprod.interfaces.derivatives import SaveDerivative, metadata_items

_IMAGES = ("mask", "statmap", "boldmap")
Source = tuple[pe.Node | pe.Workflow, str]


@dataclass(frozen=True)
class Destination:
    """Where results of one run or participant go.

    ``source_file`` gives the name, and ``sources`` what the results were made from, where
    that is more than ``source_file``. ``record_dir`` is an empty folder for each run of the
    command; the savers note in it what they wrote, so that two results under one name are
    refused. ``links`` are names and roots of other datasets that sources may lie in, as
    ``DatasetLinks`` of the derivatives has them. ``spatial_reference`` is the image on whose grid
    masks and maps lie, where their space is not that of the first run.
    """

    out_dir: str
    bids_dir: str
    source_file: str
    record_dir: str | None = None
    sources: tuple[str, ...] = ()
    dismiss: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    spatial_reference: str | None = None

    def named_sources(self) -> list[str]:
        """List the sources, those in a linked dataset as BIDS URIs."""
        sources = self.sources or ((self.source_file,) if self.links else ())
        return [_linked(file, self.links) for file in sources]

    def image_metadata(self, suffix: str) -> list[str]:
        """List the sidecar fields that the results of a suffix have in common."""
        if self.spatial_reference is None or suffix not in _IMAGES:
            return []
        return metadata_items({"SpatialReference": _linked(self.spatial_reference, self.links)})


def _linked(file: str, links: tuple[tuple[str, str], ...]) -> str:
    """Write a file of a linked dataset as BIDS URI; others stay as they are."""
    for name, root in links:
        if file.startswith(root + os.sep):
            return f"bids:{name}:" + file.removeprefix(root + os.sep).replace(os.sep, "/")
    return file


def save(
    workflow: pe.Workflow,
    source: Source,
    name: str,
    destination: Destination,
    suffix: str,
    *,
    labels: tuple[pe.Node | pe.Workflow, str, str] | None = None,
    compress: bool = False,
    **entities: Any,
) -> pe.Node:
    """Connect a saver to an output.

    Parameters
    ----------
    workflow : Workflow
        Gets the node ``save_<name>``.
    source : (Node or Workflow, str)
        Node and output to save (``outputnode.<field>`` of a workflow).
    name : str
        What is saved.
    destination : Destination
        Where.
    suffix : str
        BIDS suffix.
    labels : (Node or Workflow, str, str), optional
        Node and output that give one label for each of several files, and the entity.
    compress : bool
        The file is a large image: it is compressed in a step of its own, in a worker, because
        savers hold up the process that starts the others.
    **entities
        Further inputs of `SaveDerivative`, such as ``desc="preproc"`` or ``datatype``.

    Returns
    -------
    Node
        The saver.
    """
    saver = SaveDerivative(
        base_directory=destination.out_dir,
        raw_directory=destination.bids_dir,
        source_file=destination.source_file,
        suffix=suffix,
        **entities,
    )
    if destination.record_dir is not None:
        saver.inputs.record_directory = destination.record_dir
    if sources := destination.named_sources():
        saver.inputs.sources = sources
    if destination.dismiss:
        saver.inputs.dismiss_entities = list(destination.dismiss)
    node = pe.Node(saver, name=f"save_{name}", run_without_submitting=True, mem_gb=0.01)
    if compress:
        compressor = pe.Node(CompressImage(), name=f"compress_{name}", mem_gb=0.3)
        workflow.connect(*source, compressor, "in_file")
        source = (compressor, "out_file")
    workflow.connect(*source, node, "in_file")
    if common := destination.image_metadata(suffix):
        given = saver.inputs.metadata
        saver.inputs.metadata = [*common, *(given if isdefined(given) else [])]
    if labels is not None:
        workflow.connect(*labels[:2], node, labels[2])
    return node
