"""Regions of a participant of a study: which files they come from, and the step that makes them."""

from dataclasses import dataclass
from pathlib import Path

from nipype.pipeline import engine as pe

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.label_expression import Atom, read_regions
from fmriprod.algorithms.label_table import name_labels, name_surface_labels
from fmriprod.interfaces.label_masks import LabelMasks, read_label_table
from fmriprod.workflows.study_model import Study
from fmriprod.workflows.study_words import TASK

_SIDES = ("lh", "rh")


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
    homes = [Path(subjects_dir, name).absolute() for name in (f"sub-{subject}", subject)]
    home = next((home for home in homes if home.is_dir()), homes[0])
    if not home.is_dir():
        raise InputError(
            f"sub-{subject}", expected=f"a FreeSurfer subject in {subjects_dir}",
            found=f"neither {homes[0].name} nor {homes[1].name}",
            hint="run recon-all first, or name the folder sub-<label>", file=str(homes[0]),
        )  # fmt: skip
    label = home / "mri" / "aparc+aseg.mgz"
    names = regions.surface_labels
    surface = [home / "label" / f"{side}.{name}.label" for name in names for side in _SIDES]
    whites = [home / "surf" / f"{side}.white" for side in _SIDES] if names else []
    thick = [home / "surf" / f"{side}.thickness" for side in _SIDES] if names else []
    hint = "recon-all did not finish, or the labels are elsewhere: see surface_labels in [regions]"
    _check_there([label, *surface, *whites, *thick], subject, hint)
    return RegionFiles(
        str(label), None, *(tuple(map(str, paths)) for paths in (surface, whites, thick))
    )


def check_region_names(study: Study, folder: str | Path) -> None:
    """Refuse definitions that cannot be read, or that name what is not in the label table.

    Raises
    ------
    InputError
        With all problems.
    """
    regions = study.regions
    own = Path(folder, regions.table_file) if regions.table_file else None
    surface = [f"{side}.{name}.label" for name in regions.surface_labels for side in _SIDES]
    names = {**name_labels(read_label_table(own)), **name_surface_labels(surface)}
    read_regions(definitions(study), {**names, TASK: (Atom("mask", TASK),)})


def definitions(study: Study) -> list[str]:
    """Write the regions as `LabelMasks` takes them."""
    return [f"{name} = {text}" for name, text in study.regions.definitions.items()]


def build_regions(study: Study, files: RegionFiles, name: str = "regions") -> pe.Node:
    """Build the step that makes the masks of a participant's regions.

    Parameters
    ----------
    study : Study
        With the definitions.
    files : RegionFiles
        What they are made of.
    name : str
        Name of the node.

    Returns
    -------
    Node
        With `LabelMasks`; needs ``reference_file``, and for regions that depend on the task
        mask ``mask_files`` with ``mask_names``.
    """
    masks = LabelMasks(
        regions=definitions(study), rule=study.regions.rule, label_file=files.label_file
    )
    for trait in ("table_file", "surface_label_files", "white_files", "thickness_files"):
        value = getattr(files, trait)
        if value:
            setattr(masks.inputs, trait, list(value) if isinstance(value, tuple) else value)
    if study.grid.voxel_size is not None:
        masks.inputs.voxel_size = study.grid.voxel_size
    return pe.Node(masks, name=name, mem_gb=1)


def _check_there(paths: list[Path], subject: str, hint: str) -> None:
    absent = [str(path) for path in paths if not path.is_file()]
    if absent:
        raise InputError(
            f"sub-{subject}", expected="the files that the regions are made of",
            found=f"absent: {', '.join(absent)}", hint=hint, file=absent[0],
        )  # fmt: skip
