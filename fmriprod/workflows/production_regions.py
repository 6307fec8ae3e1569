"""Regions of a participant of a study: which files they come from, and what makes them."""

from dataclasses import dataclass
from pathlib import Path

from nipype.pipeline import engine as pe

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.label_expression import Atom, read_regions
from fmriprod.algorithms.label_table import name_labels, name_surface_labels
from fmriprod.interfaces.freesurfer import HEMISPHERES, find_freesurfer
from fmriprod.interfaces.label_masks import read_label_table
from fmriprod.workflows.regions import init_regions_wf
from fmriprod.workflows.study_model import Study
from fmriprod.workflows.study_words import TASK


@dataclass(frozen=True)
class RegionFiles:
    """Files that the regions of a participant are made of."""

    label_file: str
    table_file: str | None = None
    surface_label_files: tuple[str, ...] = ()
    white_files: tuple[str, ...] = ()
    thickness_files: tuple[str, ...] = ()


def find_region_files(
    study: Study, subject: str, *, folder: str | Path, subjects_dir: str | Path | None = None
) -> RegionFiles:
    """Find the labels of a participant.

    Parameters
    ----------
    study : Study
        With ``[regions]``.
    subject : str
        Label without ``sub-``.
    folder : path
        Of the study file: paths in it are relative to it.
    subjects_dir : path, optional
        FreeSurfer's, for ``source = "freesurfer"``; the participant is ``sub-<label>`` or
        ``<label>`` there.

    Returns
    -------
    RegionFiles
        All are there.

    Raises
    ------
    InputError
        With all files that are absent.
    """
    regions, folder = study.regions, Path(folder).absolute()
    if regions.source == "labels":
        label = Path(folder, str(regions.label_file).replace("{subject}", subject))
        table = Path(folder, str(regions.table_file))
        _check_there([label, table], subject, "check label_file and table_file in [regions]")
        return RegionFiles(str(label), str(table))
    if subjects_dir is None:
        raise InputError(
            "subjects_dir", expected="FreeSurfer's SUBJECTS_DIR, for the regions of the study",
            found="none", hint="give --subjects-dir",
        )  # fmt: skip
    found = find_freesurfer(
        Path(subjects_dir).absolute(), subject, surface_labels=regions.surface_labels
    )
    return RegionFiles(**vars(found))


def check_region_names(study: Study, folder: str | Path) -> None:
    """Refuse definitions that cannot be read, or that name what is not in the label table.

    Raises
    ------
    InputError
        With all problems.
    """
    regions = study.regions
    own = Path(folder, regions.table_file) if regions.table_file else None
    surface = [f"{side}.{name}.label" for name in regions.surface_labels for side in HEMISPHERES]
    names = {**name_labels(read_label_table(own)), **name_surface_labels(surface)}
    read_regions(definitions(study), {**names, TASK: (Atom("mask", TASK),)})


def definitions(study: Study) -> list[str]:
    """Write the regions as `LabelMasks` takes them."""
    return [f"{name} = {text}" for name, text in study.regions.definitions.items()]


def build_regions(
    study: Study, files: RegionFiles, *, empty: str = "error", name: str = "regions_wf"
) -> pe.Workflow:
    """Build the workflow that makes the masks of a participant's regions.

    Parameters
    ----------
    study : Study
        With the definitions.
    files : RegionFiles
        What they are made of.
    empty : {"error", "keep"}
        What to do with a region that has no voxel.
    name : str
        Name of the workflow.

    Returns
    -------
    Workflow
        `init_regions_wf`; needs ``reference_file``, and for regions that depend on the task
        mask ``mask_files`` with ``mask_names``.
    """
    workflow = init_regions_wf(
        regions=definitions(study),
        rule=study.regions.rule,
        voxel_size=study.grid.voxel_size,
        table_file=files.table_file,
        empty=empty,
        name=name,
    )
    inputs = workflow.inputs.inputnode
    inputs.label_file = files.label_file
    for field in ("surface_label_files", "white_files", "thickness_files"):
        if getattr(files, field):
            setattr(inputs, field, list(getattr(files, field)))
    return workflow


def _check_there(paths: list[Path], subject: str, hint: str) -> None:
    absent = [str(path) for path in paths if not path.is_file()]
    if absent:
        raise InputError(
            f"sub-{subject}", expected="the files that the regions are made of",
            found=f"absent: {', '.join(absent)}", hint=hint, file=absent[0],
        )  # fmt: skip
