"""How much room a run takes on disk, told from its plan and from image headers."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fmriprod.interfaces.disk_space import (
    existing,
    folder_size,
    free_space,
    same_disk,
    size_text,
)
from fmriprod.interfaces.images import open_image
from fmriprod.interfaces.problems import Problem
from fmriprod.workflows.plan import RunPlan, SubjectPlan
from fmriprod.workflows.plan_production import ProductionPlan
from fmriprod.workflows.record_names import graph_word

# Measured on simulated runs of 7 to 50 MB (a series in float32): tests/workflows/test_disk.py.
_GZIP = 0.92  # of a realigned series in float32, which is mostly noise
_GZIP_T1W, _GZIP_MAP = 0.65, 0.4  # of the T1w image; of a map in float32, 0 outside the brain
_REFERENCE = 20  # volumes from which the reference is made
_MAPS = 4  # of each contrast and run
_RUN_FILES, _PERSON_FILES = 2.2e6, 4.5e6  # figures, tables and Nipype's own files in the work
_RUN_RESULTS, _PERSON_RESULTS = 0.8e6, 3.5e6  # figures, tables and the report in the results
_TEMPLATE, _TEMPLATE_RESULTS = 19e6, 9e6  # of a study: on the template's grid, and a longer report
_TIGHT = 1.3  # the estimate may be too low by so much
_REGIONS = 0.07  # of a series, in the samples of a study's regions


@dataclass(frozen=True)
class DiskNeed:
    """Bytes that the work folder and the results of a run will take.

    ``members`` are those of each participant, as (work, results), by label.
    """

    members: dict[str, tuple[float, float]]

    @property
    def work(self) -> float:
        """Bytes in the work folder, of all participants."""
        return sum(work for work, _ in self.members.values())

    @property
    def results(self) -> float:
        """Bytes in the output folder, work left out."""
        return sum(results for _, results in self.members.values())

    def peak(self, n_at_once: int | None = None) -> float:
        """Bytes of work of the largest participants, where only so many are there at a time."""
        return sum(sorted((work for work, _ in self.members.values()), reverse=True)[:n_at_once])


def disk_need(plans: Iterable[SubjectPlan | ProductionPlan]) -> DiskNeed:
    """Estimate what a run of participants takes, within about a third.

    Parameters
    ----------
    plans : iterable of SubjectPlan or ProductionPlan
        What is done for each participant. Only headers of images are read.

    Returns
    -------
    DiskNeed
    """
    return DiskNeed({plan.subject: _of_participant(plan) for plan in plans})


def _of_participant(plan: SubjectPlan | ProductionPlan) -> tuple[float, float]:
    used = {run.key for run in plan.runs}
    work, results, regions = _PERSON_FILES, _PERSON_RESULTS, 0.0
    if isinstance(plan, ProductionPlan):
        used = {key for keys in plan.phases.values() for key in keys}
        work, results, regions = work + _TEMPLATE, results + _TEMPLATE_RESULTS, _REGIONS
    for run in plan.runs:
        own, kept = _of_run(run, run.key in used, regions)
        work, results = work + own, results + kept
    if plan.runs[0].prepared is None:
        voxels, raw = _size(plan.t1w_file)
        work += raw * (2 + _GZIP_T1W) + voxels
        results += raw * _GZIP_T1W
        _, raw = _size(plan.runs[0].bold_file)
        work += 2 * raw * min(1.0, _REFERENCE / _volumes(plan.runs[0]))
    return work, results


def _of_run(run: RunPlan, decoded: bool, regions: float) -> tuple[float, float]:
    """Bytes of a run; ``regions`` is the part of its series that is kept as samples."""
    voxels, raw = _size(run.bold_file)
    series, volume = 4.0 * voxels, 4.0 * voxels / _volumes(run)
    maps = _MAPS * len(run.contrasts) * _GZIP_MAP * volume
    results = maps + volume + _RUN_RESULTS
    work = maps + 2 * volume + _RUN_FILES + series  # smoothed
    if decoded:
        work, results = work + (1 + regions) * series, results + regions * series
    if run.prepared is None:  # reoriented, realigned, and compressed for the results
        work += raw + (1 + _GZIP) * series
        results += _GZIP * series
    return work, results


def _size(path: str) -> tuple[float, float]:
    """Voxels of an image over all volumes, and bytes of them as they are stored."""
    image = open_image(path)
    voxels = float(np.prod(image.shape))
    return voxels, voxels * image.get_data_dtype().itemsize


def _volumes(run: RunPlan) -> int:
    return int(open_image(run.bold_file).shape[3])


def disk_problems(
    need: DiskNeed,
    out_dir: str | Path,
    work_dir: str | Path,
    *,
    n_at_once: int | None = None,
    severity: str = "error",
) -> list[Problem]:
    """Compare what a run takes with what is free, and with what it has there already.

    Parameters
    ----------
    need : DiskNeed
        As `disk_need` estimates it.
    out_dir, work_dir : path
        Output and work folder, which need not be there yet.
    n_at_once : int, optional
        Participants whose work is there at a time; all by default.
    severity : {"error", "warning"}
        Of a disk that cannot hold it; one that hardly can is a warning in any case.

    Returns
    -------
    list of Problem
        One for each disk that is too small.
    """
    work = _Share("work", need.peak(n_at_once), Path(work_dir), _work_of, 0)
    results = _Share("results", need.results, Path(out_dir), "sub-{}".format, 1)
    disks = [[work, results]] if same_disk(out_dir, work_dir) else [[work], [results]]
    found = [_problem(need, shares, severity, n_at_once) for shares in disks]
    return [problem for problem in found if problem is not None]


def _work_of(label: str) -> str:
    return f"*/sub_{graph_word(label)}_wf"


@dataclass(frozen=True)
class _Share:
    """What a disk has to hold: bytes, where, and where those of a participant lie."""

    name: str
    n_bytes: float
    folder: Path
    pattern: Callable[[str], str]
    column: int

    def there(self, need: DiskNeed) -> float:
        """Bytes that an earlier run has left, and that this one goes on from."""
        total = 0.0
        for label, sizes in need.members.items():
            own = sum(folder_size(p) for p in self.folder.glob(self.pattern(label)))
            total += min(own, sizes[self.column])
        return min(total, self.n_bytes)


def _problem(
    need: DiskNeed, shares: Sequence[_Share], severity: Any, n_at_once: int | None
) -> Problem | None:
    place = shares[0].folder
    needed, free = sum(share.n_bytes for share in shares), free_space(place)
    if needed * _TIGHT <= free:
        return None
    there = sum(share.there(need) for share in shares)
    if (needed - there) * _TIGHT <= free:
        return None
    parts = " and ".join(f"{size_text(share.n_bytes)} for the {share.name}" for share in shares)
    already = f", {size_text(there)} of it there already" if there >= 1e6 else ""
    todo = ["make room"]
    if shares[0].name == "work":
        todo.append("give --work-dir on a larger disk")
        if n_at_once is None and len(need.members) > 1:
            todo.append("remove the work of who is finished with --clean-work finished")
    else:
        todo.append("give an output folder on a larger disk")
    if len(need.members) > 1:
        todo.append("analyse fewer participants at a time (--participant-label)")
    if needed - there <= free:
        severity = "warning"
    elif severity == "error":
        todo.append("or take the risk with --ignore-disk: a full disk loses nothing")
    return Problem(
        severity, str(place), f"room for about {parts}{already}",
        f"{size_text(free)} free on the disk of {existing(place)}", "; ".join(todo),
    )  # fmt: skip
