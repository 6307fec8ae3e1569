"""Several raw series of one run, of which fMRIPrep makes one."""

from collections.abc import Sequence
from dataclasses import replace

from fmriprod.interfaces.bids_index import BidsIndex, Run
from fmriprod.interfaces.fmriprep_files import run_entities


def first_echoes(index: BidsIndex) -> BidsIndex:
    """Keep one raw series of each run: the first echo, its magnitude where there are parts.

    For runs that are analysed from derivatives, where all echoes have become one series; of the
    raw ones only names, events, sidecars and the number of volumes are asked for.

    Parameters
    ----------
    index : BidsIndex
        A raw dataset.

    Returns
    -------
    BidsIndex
        In the same order.
    """
    kept = [replace(p, runs=_first(p.runs)) for p in index.participants]
    return replace(index, participants=tuple(kept))


def _first(runs: Sequence[Run]) -> tuple[Run, ...]:
    first: dict[tuple, Run] = {}
    for run in runs:
        key = run_entities(run.name)
        if key not in first or _rank(run) < _rank(first[key]):
            first[key] = run
    return tuple(run for run in runs if run is first[run_entities(run.name)])


def _rank(run: Run) -> tuple[bool, int]:
    return run.name.get("part") not in (None, "mag"), int(run.name.get("echo") or 0)
