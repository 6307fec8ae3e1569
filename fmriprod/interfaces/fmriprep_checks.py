"""Check that fMRIPrep's files fit each other and the raw series."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.confound_strategies import parse_strategy
from fmriprod.interfaces.bids_index import Run
from fmriprod.interfaces.fmriprep_files import NATIVE, SpaceFiles
from fmriprod.interfaces.fmriprep_index import DerivativesIndex, choose_space
from fmriprod.interfaces.images import check_same_grid, open_image

if TYPE_CHECKING:
    from fmriprod.interfaces.preprocessed_run import PreparedRun, Preprocessed

_MOST_HEADER = 1 << 20  # characters; a table of fMRIPrep has some thousands


def check_choice(source: "Preprocessed", subjects: Sequence[str] | None = None) -> None:
    """Refuse a space or a strategy that cannot be meant for anyone, once and not for each run.

    Parameters
    ----------
    source : Preprocessed
        Derivatives and what is chosen of them.
    subjects : sequence of str, optional
        Labels of the participants that are analysed, all by default.

    Raises
    ------
    InputError
        If no run has the space, if the runs have several and none was chosen, or if the
        strategy names what is neither a set nor a column of the first table.
    """
    own = [files for subject, runs in source.index.runs.items() for files in runs.values()
           if subjects is None or subject in subjects]  # fmt: skip
    spaces = sorted({name for files in own for name in files.spaces})
    if spaces:
        choose_space(spaces, source.space, "the runs", source.index.root)
    table = next((f.confounds_file for f in own if f.confounds_file), None)
    if table is not None and os.path.isfile(table):
        with open(table, encoding="utf-8-sig", errors="replace") as stream:
            columns = stream.readline(_MOST_HEADER).rstrip("\r\n").split("\t")
        parse_strategy(source.confounds, columns)


def check_content(index: DerivativesIndex, files: SpaceFiles) -> None:
    """Refuse a link to content that is not here."""
    broken = set(index.broken_links)
    for path in (files.bold_file, files.mask_file, files.boldref_file):
        if path in broken:
            raise InputError(
                "derivatives", expected="the content of the file",
                found=f"a link to {os.readlink(path)}, which is not on this machine",
                hint="get the content: `git annex get FILE` or `datalad get FILE`", file=path,
            )  # fmt: skip


def check_volumes(run: Run, files: SpaceFiles, n_volumes: int) -> None:
    """Compare with the raw series, whose start the events are timed from."""
    raw = open_image(run.bold_file, ndim=4).shape[3]
    if raw != n_volumes:
        raise InputError(
            "derivatives",
            expected=f"{raw} volumes, as {os.path.basename(run.bold_file)} has",
            found=f"{n_volumes}",
            hint="events are timed from the first raw volume: preprocess the run again",
            file=files.bold_file,
        )


def check_images(files: SpaceFiles, image: Any) -> None:
    """Check that mask and reference are there, on the grid of the series."""
    for what, path in (
        ("brain mask", files.mask_file),
        ("reference (boldref)", files.boldref_file),
    ):
        if path is None:
            folder = os.path.dirname(files.bold_file)
            stem = os.path.basename(files.bold_file).partition("_desc-")[0]
            there = sorted(n for n in os.listdir(folder) if n.startswith(stem) and ".nii" in n)
            raise InputError(
                "derivatives", expected=f"a {what} in the space of the series",
                found=f"none among {', '.join(there)}", hint="copy it, too", file=files.bold_file,
            )  # fmt: skip
        check_same_grid(open_image(path, ndim=3), image)


def check_together(runs: Sequence["PreparedRun"], errors: list[InputError]) -> None:
    """Several runs must lie on one grid, so that a voxel is the same place in all."""
    if len(runs) > 1 and runs[0].space == NATIVE:
        errors.append(
            InputError(
                "space", expected="a space that all runs share", found="native: each run has a "
                "reference of its own, and a voxel is another place in each",
                hint="give --space T1w or a template's (fMRIPrep's --output-spaces), or one run",
                file=runs[0].bold_file,
            )
        )  # fmt: skip
        return
    for run in runs[1:]:
        try:
            check_same_grid(open_image(run.bold_file), open_image(runs[0].bold_file))
        except InputError as err:
            errors.append(err)
