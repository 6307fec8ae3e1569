"""A light index of fMRIPrep's derivatives: what there is for each run and participant."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.interfaces.bids_index import Run, read_json
from fmriprod.interfaces.fmriprep_files import (
    AnatFiles,
    RunFiles,
    SpaceFiles,
    anat_of,
    participant_files,
    run_entities,
    runs_of,
)


@dataclass(frozen=True)
class DerivativesIndex:
    """What `index_derivatives` found.

    Parameters
    ----------
    root : str
        Absolute path of the derivatives.
    generator : str
        Name and version of the program, such as ``fMRIPrep 23.2.1``.
    runs : dict
        `RunFiles` by participant, and entities of the run (`run_entities`).
    anat : dict of str to AnatFiles
        By participant.
    subjects_dir : str or None
        Folder of FreeSurfer's subjects.
    broken_links : tuple of str
        Files whose content is not on this machine.
    """

    root: str
    generator: str
    runs: dict[str, dict[tuple, RunFiles]]
    anat: dict[str, AnatFiles]
    subjects_dir: str | None = None
    broken_links: tuple[str, ...] = ()

    def files_of(self, run: Run) -> RunFiles:
        """Give the files of a raw run.

        Raises
        ------
        InputError
            If there are none, with the runs that there are.
        """
        if run.subject not in self.runs:
            known = suggest(run.subject, sorted(self.runs))
            raise self._error(f"sub-{run.subject}", "no folder", f"preprocess it; {known}")
        own = self.runs[run.subject]
        key = run_entities(run.name)
        if key not in own:
            there = "; ".join(sorted("_".join(f"{k}-{v}" for k, v in other) for other in own))
            name = "_".join(f"{k}-{v}" for k, v in key)
            raise self._error(
                f"a preprocessed series of sub-{run.subject}, {name}", there or "no run",
                "preprocess it, or leave the run out with --task and --run",
            )  # fmt: skip
        return own[key]

    def space_of(self, run: Run, space: str | None = None) -> tuple[str, SpaceFiles]:
        """Choose the space of a run; without a name there must be only one.

        Parameters
        ----------
        run : Run
            Raw run.
        space : str, optional
            ``native``, ``T1w``, ``MNI152NLin2009cAsym``, or, where there are several
            resolutions, ``MNI152NLin2009cAsym:res-2``.

        Returns
        -------
        str
            Full name of the space.
        SpaceFiles
            Its files.

        Raises
        ------
        InputError
            If there is none of that name, or several, with those that there are.
        """
        spaces = self.files_of(run).spaces
        name = choose_space(list(spaces), space, os.path.basename(run.bold_file), self.root)
        return name, spaces[name]

    def _error(self, expected: str, found: str, hint: str) -> InputError:
        return InputError("derivatives", expected=expected, found=found, hint=hint, file=self.root)


def choose_space(spaces: Sequence[str], space: str | None, what: str, root: str) -> str:
    """Choose a space by its name, with or without its cohort and resolution.

    Parameters
    ----------
    spaces : sequence of str
        Full names of those that there are.
    space : str, optional
        What is asked for; without it there must be only one.
    what : str
        What has these spaces, for messages.
    root : str
        The dataset, for messages.

    Returns
    -------
    str
        Full name.

    Raises
    ------
    InputError
        If there is none of that name, or several, with those that there are.
    """
    matching = [n for n in spaces if space is None or f"{n}:".startswith(f"{space}:")]
    matching = [str(space)] if space in spaces else matching
    if not matching:
        expected = "a preprocessed series" + (f" in space {space}" if space else "")
        hint = suggest(space or "", spaces) if spaces else "run fMRIPrep with --output-spaces"
        raise _space_error(root, f"{expected} of {what}", ", ".join(spaces) or "none", hint)
    if len(matching) > 1:
        expected = f"one space of {what}" + (f" that matches {space}" if space else "")
        hint = f"name one: --space {matching[-1]}"
        raise _space_error(root, expected, ", ".join(matching), hint)
    return matching[0]


def index_derivatives(folder: str | Path) -> DerivativesIndex:
    """List fMRIPrep's derivatives of all participants; no image is opened.

    Names of all versions since 20 are understood: confounds as ``timeseries`` and
    ``regressors``, transforms from ``scanner`` and from ``boldref``, images with and without
    ``res`` and ``cohort``, entities in any order. Surfaces, CIFTI, reports and single echoes are
    passed over.

    Parameters
    ----------
    folder : path
        Root of the derivatives, which has a ``dataset_description.json``.

    Returns
    -------
    DerivativesIndex
        Sorted, so that the same folder gives the same index.

    Raises
    ------
    InputError
        If the folder is not there, is no derivatives dataset, or has no participant.
    """
    root = os.path.abspath(folder)
    generator = _generator(root)
    subjects = sorted(
        entry.name.removeprefix("sub-")
        for entry in os.scandir(root)
        if entry.name.startswith("sub-") and entry.is_dir()
    )
    if not subjects:
        raise _root_error(root, "no sub-* folder", "give the folder that holds the sub-* folders")
    broken: list[str] = []
    runs, anat = {}, {}
    for subject in subjects:
        files = list(participant_files(os.path.join(root, f"sub-{subject}"), subject, broken))
        runs[subject] = runs_of(files)
        anat[subject] = anat_of(files)
    surfer = os.path.join(root, "sourcedata", "freesurfer")
    subjects_dir = surfer if os.path.isdir(surfer) else None
    return DerivativesIndex(root, generator, runs, anat, subjects_dir, tuple(sorted(broken)))


def _generator(root: str) -> str:
    """Name and version of the program that made a derivatives dataset."""
    if not os.path.isdir(root):
        raise _root_error(root, "no such folder", "check the path")
    file = os.path.join(root, "dataset_description.json")
    if not os.path.isfile(file):
        found = "no dataset_description.json"
        raise _root_error(root, found, "give fMRIPrep's output folder itself")
    content = read_json(file)
    kind = content.get("DatasetType", "raw")
    makers = content.get("GeneratedBy") or content.get("PipelineDescription") or []
    maker = (makers[0] if makers else {}) if isinstance(makers, list) else makers
    maker = maker if isinstance(maker, dict) else {}
    if kind != "derivative" and not maker:  # before 20.2 there was no DatasetType
        hint = "give fMRIPrep's output folder, not the raw dataset"
        raise _root_error(root, f"a dataset of DatasetType {kind!r}", hint)
    return f"{maker.get('Name', 'unnamed program')} {maker.get('Version', '')}".strip()


def _space_error(root: str, expected: str, found: str, hint: str) -> InputError:
    return InputError("space", expected=expected, found=found, hint=hint, file=root)


def _root_error(root: str, found: str, hint: str) -> InputError:
    return InputError(
        "derivatives",
        expected="a folder of fMRIPrep's derivatives (dataset_description.json and sub-* folders)",
        found=found,
        hint=hint,
        file=root,
    )
