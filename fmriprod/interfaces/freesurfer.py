"""Find the files of a participant in a FreeSurfer folder."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nipype.interfaces.base import Directory, File, TraitedSpec, traits

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface

HEMISPHERES = ("lh", "rh")


@dataclass(frozen=True)
class FreeSurferFiles:
    """Files of a participant; those of surfaces left first, and none where none are needed."""

    label_file: str
    surface_label_files: tuple[str, ...] = ()
    white_files: tuple[str, ...] = ()
    thickness_files: tuple[str, ...] = ()


def find_freesurfer(
    subjects_dir: str | Path,
    subject: str,
    *,
    parcellation: str = "aparc+aseg",
    surface_labels: Sequence[str] = (),
) -> FreeSurferFiles:
    """Find the files of a participant that masks of regions are made from.

    Parameters
    ----------
    subjects_dir : path
        FreeSurfer's ``SUBJECTS_DIR``.
    subject : str
        Folder of the participant in it; ``01`` finds ``sub-01`` too.
    parcellation : str
        Label image: ``mri/<parcellation>.mgz``.
    surface_labels : sequence of str
        Labels of vertices without side, as ``V1_exvivo``: ``label/lh.V1_exvivo.label``. Both
        hemispheres are needed, with their white surfaces and thickness.

    Returns
    -------
    FreeSurferFiles

    Raises
    ------
    InputError
        With all files that are missing.

    Notes
    -----
    ``recon-all`` writes ``V1_exvivo``, ``V2_exvivo``, ``entorhinal_exvivo``,
    ``perirhinal_exvivo``, ``MT_exvivo`` and ``BA..._exvivo`` from version 6 on.
    """
    root = Path(subjects_dir)
    folder = _subject_folder(root, subject)
    label_file = folder / "mri" / f"{parcellation}.mgz"
    labels, whites, thicknesses = (
        [folder / pattern.format(side=side) for pattern in patterns for side in HEMISPHERES]
        for patterns in (
            [f"label/{{side}}.{name}.label" for name in surface_labels],
            ["surf/{side}.white"] if surface_labels else [],
            ["surf/{side}.thickness"] if surface_labels else [],
        )
    )
    wanted = [label_file, *labels, *whites, *thicknesses]
    missing = [str(path.relative_to(folder)) for path in wanted if not path.is_file()]
    if missing:
        raise InputError(
            "subjects_dir",
            expected=f"a participant that recon-all has finished, with {', '.join(missing)}",
            found=f"{'no such file' if len(missing) == 1 else 'no such files'}"
            + _there(folder, missing),
            hint="look at the end of scripts/recon-all.log; run `recon-all -all` again, or leave "
            "out the regions that need them",
            file=str(folder),
        )
    as_text = ([str(path) for path in paths] for paths in (labels, whites, thicknesses))
    return FreeSurferFiles(str(label_file), *map(tuple, as_text))


def _subject_folder(root: Path, subject: str) -> Path:
    if not root.is_dir():
        raise InputError(
            "subjects_dir", expected="FreeSurfer's SUBJECTS_DIR, a folder with one for each "
            "participant", found="no such folder", hint="check the path", file=str(root),
        )  # fmt: skip
    for name in (subject, f"sub-{subject}"):
        if subject and (root / name).is_dir():
            return root / name
    known = sorted(path.name for path in root.iterdir() if (path / "mri").is_dir())
    raise InputError(
        "subject",
        expected=f"a folder of the participant in {root}",
        found=f"no {subject!r}",
        hint=suggest(subject, known),
    )


def _there(folder: Path, missing: list[str]) -> str:
    """List labels that are there, when a label of vertices is missing."""
    if not any(path.startswith("label/") for path in missing):
        return ""
    names = sorted(path.name[3:-6] for path in folder.glob("label/lh.*.label"))
    return f"; labels of vertices are {', '.join(names) or 'not there at all'}"


class _FreeSurferSubjectInputSpec(PythonInputSpec):
    subjects_dir = Directory(resolve=True, mandatory=True, desc="FreeSurfer's SUBJECTS_DIR")
    subject = traits.Str(mandatory=True, desc="folder of the participant; 01 finds sub-01 too")
    parcellation = traits.Str(
        "aparc+aseg", usedefault=True, desc="label image: mri/<parcellation>.mgz"
    )
    surface_labels = traits.List(
        traits.Str, desc="labels of vertices to find, without side: V1_exvivo"
    )


class _FreeSurferSubjectOutputSpec(TraitedSpec):
    label_file = File(exists=True, desc="label image of the volume, conformed")
    surface_label_files = traits.List(
        File(exists=True), desc="labels of vertices, left and right of each"
    )
    white_files = traits.List(File(exists=True), desc="lh.white, rh.white; none without labels")
    thickness_files = traits.List(
        File(exists=True), desc="lh.thickness, rh.thickness (mm); none without labels"
    )


class FreeSurferSubject(PythonInterface):
    """Find the files of a participant in a FreeSurfer folder that is at hand.

    Examples
    --------
    >>> FreeSurferSubject(subject="01").inputs.parcellation
    'aparc+aseg'
    """

    input_spec = _FreeSurferSubjectInputSpec
    output_spec = _FreeSurferSubjectOutputSpec
    _always_run = True  # Nipype does not hash what is in the folder

    def _process(self) -> None:
        values = self.inputs
        found = find_freesurfer(
            values.subjects_dir, values.subject,
            parcellation=values.parcellation, surface_labels=values.surface_labels or [],
        )  # fmt: skip
        self.result("label_file", found.label_file)
        for field in ("surface_label_files", "white_files", "thickness_files"):
            self.result(field, list(getattr(found, field)))
