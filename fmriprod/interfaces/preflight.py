"""Check a dataset and what is asked of it before anything is computed."""

import os
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.affines import voxel_sizes

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.bids_index import BidsIndex, Participant, Run, index_dataset, read_json
from fmriprod.interfaces.dataset_description import check_derivatives_folder
from fmriprod.interfaces.disk_space import existing
from fmriprod.interfaces.fmriprep_echoes import first_echoes
from fmriprod.interfaces.images import check_same_grid
from fmriprod.interfaces.preflight_design import (
    check_contrasts,
    check_design,
    check_run_events,
)
from fmriprod.interfaces.preflight_images import RunImage, check_image, check_run_image
from fmriprod.interfaces.problems import Problem

_OPTIONS = {
    "participants": "--participant-label",
    "sessions": "--session-label",
    "tasks": "--task",
    "runs": "--run",
}


def check_dataset(
    folder: str | Path,
    *,
    participants: Sequence[str] | None = None,
    sessions: Sequence[str] | None = None,
    tasks: Sequence[str] | None = None,
    runs: Sequence[str | int] | None = None,
    contrasts: Sequence[str] = (),
    hrf: str = "spm + derivative",
    high_pass: float = 100.0,
    out_dir: str | Path | None = None,
    work_dir: str | Path | None = None,
    full: bool = False,
    num_threads: int = 1,
    preprocessed: bool = False,
) -> list[Problem]:
    """Find everything that can be known to be wrong before computing, all at once.

    Parameters
    ----------
    folder : path
        Root of the raw BIDS dataset.
    participants, sessions, tasks, runs : sequence, optional
        What is analysed, as `BidsIndex.select` takes it.
    contrasts : sequence of str
        Contrasts over the conditions of the events.
    hrf, high_pass
        Of the first-level model, as `FirstLevelModel` takes them.
    out_dir, work_dir : path, optional
        Where results and intermediate files go (below ``out_dir`` by default); checked for
        permission. Whether they have room is told by `workflows.disk` from the plan.
    full : bool
        Decompress every image, which also finds damage in the middle of a file (about a
        second for 100 MB; without it only headers and the ends of files are read).
    num_threads : int
        Images that are checked at a time.
    preprocessed : bool
        Runs are analysed from derivatives, which have made one series of several echoes.

    Returns
    -------
    list of Problem
        Errors first, in the order of the dataset; empty if all is well.
    """
    choice = {"participants": participants, "sessions": sessions, "tasks": tasks, "runs": runs}
    try:
        index = index_dataset(folder)
    except InputError as err:
        return [Problem.of(err)]
    if problems := _check_choice(index, choice):
        return problems
    index = index.select(**choice)
    index = first_echoes(index) if preprocessed else index
    problems = _check_files(index)
    images, found = _check_images(index, full, num_threads)
    problems += found
    events = {}
    for run in index.runs:
        found, table = check_run_events(run, images.get(run))
        problems += found
        if table is not None:
            events[run] = table
            if run in images:
                model = {"hrf": hrf, "high_pass": high_pass}
                problems += check_design(run, images[run], table, contrasts, **model)
    problems += check_contrasts(contrasts, index.participants, events)
    if out_dir is not None:
        problems += check_output(out_dir, index.root)
    if work_dir is not None:
        problems += check_work_folder(work_dir, index.root)
    elif out_dir is not None:
        problems += _check_pattern(out_dir)
    unique = dict.fromkeys(problems)  # a file at the root is found wrong for every run
    return sorted(unique, key=lambda problem: problem.severity != "error")


def check_output(out_dir: str | Path, raw_directory: str) -> list[Problem]:
    """Check that results may be written to a folder."""
    try:
        check_derivatives_folder(out_dir, raw_directory)
    except InputError as err:
        return [Problem.of(err)]
    return _check_writable(out_dir, "a folder for the results")


def check_work_folder(work_dir: str | Path, raw_directory: str) -> list[Problem]:
    """Check that intermediate files may be written to a folder, and spoil no raw data."""
    expected = "a folder for intermediate files, outside the raw dataset"
    folder, raw = Path(work_dir).resolve(), Path(raw_directory).resolve()
    inside = folder.relative_to(raw).parts if folder.is_relative_to(raw) else ("derivatives",)
    if inside[:1] != ("derivatives",):
        found = f"a folder inside it ({'/'.join(inside) or 'the dataset itself'})"
        return [Problem("error", str(work_dir), expected, found, "give a folder outside")]
    return _check_writable(work_dir, expected) + _check_pattern(work_dir)


def _check_pattern(folder: str | Path) -> list[Problem]:
    """Refuse a place of intermediate files that Nipype would take for a pattern of names."""
    place = os.path.abspath(folder)
    signs = "".join(sign for sign in "*?[" if sign in place)
    if not signs:
        return []
    expected = "a folder for intermediate files whose path has none of * ? ["
    hint = "give a --work-dir without them: Nipype takes them for patterns, and finds no results"
    return [Problem("error", place, expected, f"{' '.join(signs)} in it", hint)]


def _check_writable(folder: str | Path, expected: str) -> list[Problem]:
    parent = existing(folder)
    if parent.is_dir() and os.access(parent, os.W_OK | os.X_OK):
        return []
    found = f"{parent} is no folder" if not parent.is_dir() else f"{parent} may not be written"
    hint = "give another folder, or change its permissions"
    return [Problem("error", str(folder), expected, found, hint)]


def _check_choice(index: BidsIndex, choice: dict[str, Any]) -> list[Problem]:
    problems = []
    for name, labels in choice.items():
        try:
            index.select(**{name: labels})
        except InputError as err:
            problems.append(Problem.of(err, file=_OPTIONS[name]))
    if not problems:  # each is there, but perhaps not together
        try:
            index.select(**choice)
        except InputError as err:
            problems.append(Problem.of(err, file=_OPTIONS[err.subject]))
    return problems


def _check_files(index: BidsIndex) -> list[Problem]:
    """Check what the folders alone tell: absent, broken, ignored and duplicate files."""
    homes = tuple(os.path.join(index.root, f"sub-{p.label}") + os.sep for p in index.participants)
    chosen = {f for p in index.participants for f in p.t1w_files}
    chosen |= {f for run in index.runs for f in (run.bold_file, run.events_file, *run.json_files)}
    problems = []
    try:
        if os.path.isfile(description := os.path.join(index.root, "dataset_description.json")):
            read_json(description)
    except InputError as err:
        problems.append(Problem.of(err))
    for file in index.broken_links:
        if file in chosen or "." not in os.path.basename(file):  # a folder may hold anything
            found = f"a link to {os.readlink(file)}, which is not on this machine"
            hint = "get the content: `git annex get FILE` or `datalad get FILE`"
            problems.append(Problem("error", file, "the content of the file", found, hint))
    for err in index.ignored:
        outside = f"{os.sep}sub-" not in str(err.file).removeprefix(index.root)
        if outside or str(err.file).startswith(homes):
            problems.append(Problem.of(err, "warning"))
    for participant in index.participants:
        problems += _check_participant(index, participant)
    return problems


def _check_participant(index: BidsIndex, participant: Participant) -> list[Problem]:
    place = os.path.join(index.root, f"sub-{participant.label}")
    problems = []
    if not participant.t1w_files:
        expected = "a T1-weighted image, anat/*_T1w.nii.gz"
        hint = "add it, or leave the participant out with --participant-label"
        problems.append(Problem("error", place, expected, "none", hint))
    if not participant.runs:
        expected = "at least one BOLD run of the tasks that are analysed, func/*_bold.nii.gz"
        hint = "add it, or leave the participant out with --participant-label"
        problems.append(Problem("error", place, expected, "none", hint))
    same: dict[tuple, list[Run]] = defaultdict(list)
    for run in participant.runs:
        same[run.session, run.task, run.number].append(run)
    for runs in same.values():
        if len(runs) > 1:
            names = ", ".join(os.path.basename(run.bold_file) for run in runs)
            problems.append(
                Problem(
                    "error",
                    runs[0].bold_file,
                    "one BOLD series for each session, task and run",
                    f"{len(runs)}: {names}",
                    "keep one of them (the other copy, echo, part or reconstruction elsewhere); "
                    "echoes that fMRIPrep has combined are taken with --derivatives",
                )
            )
    return problems


def _check_images(
    index: BidsIndex, full: bool, num_threads: int
) -> tuple[dict[Run, RunImage], list[Problem]]:
    """Check all images, several at a time, and compare grids within sessions."""
    broken = set(index.broken_links)
    anatomical = [f for p in index.participants for f in p.t1w_files if f not in broken]
    runs = [run for run in index.runs if run.bold_file not in broken]
    with ThreadPoolExecutor(num_threads) as pool:
        checked_t1w = pool.map(lambda file: check_image(file, 3, full), anatomical)
        checked_runs = list(pool.map(lambda run: check_run_image(run, full), runs))
    problems = [problem for found, _ in checked_t1w for problem in found]
    problems += [problem for found, _ in checked_runs for problem in found]
    images = {
        run: image for run, (_, image) in zip(runs, checked_runs, strict=True) if image is not None
    }
    return images, problems + _check_grids(images)


def _check_grids(images: dict[Run, RunImage]) -> list[Problem]:
    """Compare runs with the first of the participant, whose grid all of them are brought onto."""
    problems = []
    first: dict[str, tuple[Run, RunImage]] = {}
    for run, image in images.items():
        other, reference = first.setdefault(run.subject, (run, image))
        name = os.path.basename(other.bold_file)
        sizes = [np.sort(voxel_sizes(i.image.affine)) for i in (image, reference)]
        if not np.allclose(*sizes, rtol=0.01):
            shown = [" x ".join(f"{s:.3g}" for s in size) + " mm" for size in sizes]
            expected = f"voxels as those of {name}, {shown[1]}"
            hint = "analyse runs of another protocol by themselves (--task, --run, --session-label)"
            problems.append(Problem("error", run.bold_file, expected, shown[0], hint))
        elif run.session == other.session:
            try:
                check_same_grid(image.image, reference.image)
            except InputError as err:
                expected = f"the grid of {name}, as all runs of a session"
                hint = "nothing, if the protocol was changed: all runs are aligned with that run"
                problems.append(Problem("warning", run.bold_file, expected, err.found, hint))
    return problems
