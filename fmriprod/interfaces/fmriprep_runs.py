"""Bring raw runs and their preprocessed series together, and check that they fit."""

import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.confound_strategies import Confounds, choose_confounds
from fmriprod.algorithms.volume_time import VolumeTime, timing_loss, volume_time
from fmriprod.interfaces.bids_index import Participant, Run, read_json
from fmriprod.interfaces.events import read_events, read_table
from fmriprod.interfaces.fmriprep_checks import (
    check_content,
    check_images,
    check_together,
    check_volumes,
)
from fmriprod.interfaces.fmriprep_files import SpaceFiles
from fmriprod.interfaces.images import open_image, repetition_time
from fmriprod.interfaces.preprocessed_run import MEASURED, PreparedRun, Preprocessed


def prepared_participant(
    participant: Participant, source: Preprocessed
) -> tuple[Participant, list[InputError]]:
    """Put preprocessed series in the place of a participant's raw ones.

    Parameters
    ----------
    participant : Participant
        As `index_dataset` found it, with the runs to analyse.
    source : Preprocessed
        Where their derivatives are.

    Returns
    -------
    Participant
        With a `PreparedRun` for each run without an error, and the preprocessed T1-weighted
        image where there is one.
    list of InputError
        All that is missing or does not fit, over all runs.
    """
    errors: list[InputError] = []
    runs: list[PreparedRun] = []
    for run in participant.runs:
        prepared = _prepared_run(run, source, errors)
        if prepared is not None:
            runs.append(prepared)
    check_together(runs, errors)
    anat = source.index.anat.get(participant.label)
    t1w = (anat.t1w_file,) if anat is not None and anat.t1w_file else participant.t1w_files
    return replace(participant, runs=tuple(runs), t1w_files=t1w), errors


def _prepared_run(run: Run, source: Preprocessed, errors: list[InputError]) -> PreparedRun | None:
    """Check everything about one run; None, and errors, if something is wrong."""
    n_before = len(errors)
    try:
        space, files = source.index.space_of(run, source.space)
        check_content(source.index, files)
        image = open_image(files.bold_file, ndim=4)
        sidecar = read_json(files.json_file) if files.json_file else {}
        tr = repetition_time(image, sidecar.get("RepetitionTime"))
    except InputError as err:
        if err.subject == "tr":
            err.file = err.file or files.json_file
        errors.append(err)
        return None
    n_volumes = int(image.shape[3])
    of_run = source.index.files_of(run)

    def attempt(step: Callable, *values: Any) -> Any:
        try:
            return step(*values)
        except InputError as err:
            errors.append(err)
            return None

    attempt(check_volumes, run, files, n_volumes)
    attempt(check_images, files, image)
    chosen = attempt(
        read_confounds, of_run.confounds_file, of_run.confounds_json, source.confounds,
        n_volumes, files.bold_file,
    )  # fmt: skip
    moment = attempt(_moment, run, files, sidecar, n_volumes, tr, source.slice_time_ref)
    if len(errors) > n_before:
        return None
    return PreparedRun(
        run.name, files.bold_file, run.events_file,
        (*run.json_files, *([files.json_file] if files.json_file else [])),
        raw_file=run.bold_file, space=space, mask_file=str(files.mask_file),
        boldref_file=str(files.boldref_file), confounds_file=str(of_run.confounds_file),
        confounds_json=of_run.confounds_json, strategy=source.confounds,
        confounds=tuple(chosen.table), volume_time=moment,
        notes=_notes(source, space, chosen, moment),
    )  # fmt: skip


def read_confounds(
    confounds_file: str | None,
    confounds_json: str | None,
    strategy: str,
    n_volumes: int,
    bold_file: str = "",
) -> Confounds:
    """Read a table of confounds and take the columns of a strategy.

    Parameters
    ----------
    confounds_file, confounds_json : str or None
        Table and description of its columns.
    strategy : str
        As `choose_confounds` takes it.
    n_volumes : int
        Length of the run.
    bold_file : str
        The series, for messages.

    Returns
    -------
    Confounds
        The columns.

    Raises
    ------
    InputError
        If there is no table, its rows are not the volumes, it does not measure motion, or
        `choose_confounds` refuses.
    """
    if confounds_file is None:
        raise InputError(
            "confounds", expected="desc-confounds_timeseries.tsv (desc-confounds_regressors.tsv "
            "before 20.2) beside the series", found="none", hint="copy it, too; it is small",
            file=bold_file,
        )  # fmt: skip
    table = read_table(confounds_file, "confounds")
    try:
        if len(table) != n_volumes:
            raise InputError(
                "confounds", expected=f"one row for each of the {n_volumes} volumes of "
                f"{os.path.basename(bold_file) or 'the series'}", found=f"{len(table)} rows",
                hint="copy both again from one run of fMRIPrep; never remove volumes by hand",
            )  # fmt: skip
        missing = [name for name in MEASURED if name not in table.columns]
        if missing:
            raise InputError(
                "confounds", expected="the motion of each volume",
                found=f"no {', '.join(missing)}; the file has: {', '.join(table.columns)}",
                hint="give fMRIPrep's own table of confounds",
            )  # fmt: skip
        return choose_confounds(
            table, strategy, read_json(confounds_json) if confounds_json else None
        )
    except InputError as err:
        err.file = err.file or confounds_file
        raise


def _moment(
    run: Run, files: SpaceFiles, sidecar: dict, n_volumes: int, tr: float, reference: float | None
) -> VolumeTime:
    """Find out which moment the volumes represent."""
    own = {key: value for key, value in sidecar.items() if value is not None}
    metadata = {"SliceTiming": run.metadata.get("SliceTiming")} | own
    loss = 1.0
    if run.events_file is not None and metadata.get("SliceTimingCorrected") is None:
        loss = timing_loss(read_events(run.events_file, n_volumes=n_volumes, tr=tr), n_volumes, tr)
    try:
        return volume_time(metadata, tr, reference=reference, possible_loss=loss)
    except InputError as err:
        raw = "SliceTiming:" in err.expected and "SliceTiming" not in own
        err.file = run.bold_file if raw else files.json_file or files.bold_file
        raise


def _notes(
    source: Preprocessed, space: str, chosen: Confounds, moment: VolumeTime
) -> tuple[str, ...]:
    """Say what is taken."""
    n = chosen.table.shape[1]
    filled = sum(chosen.filled.values())
    parts: Iterable[str] = (
        f"{n} confounds ({source.confounds})",
        f"{len(chosen.scrubbed)} of {len(chosen.table)} volumes scrubbed"
        if chosen.scrubbed
        else "",
        f"{filled} missing values at the start set to 0" if filled else "",
    )
    return (
        f"preprocessed by {source.index.generator}, space {space}",
        ", ".join(part for part in parts if part),
        f"volumes represent {moment.seconds:g} s after their start ({moment.reason})",
    )
