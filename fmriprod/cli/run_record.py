"""After a run from the command line: the record of what was made."""

import argparse
import re
import shlex
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

if TYPE_CHECKING:
    from fmriprod.workflows.outcome import Outcome

# What changes nothing in the numbers, and where this process runs.
_OF_THIS_RUN = (
    "bids_dir", "out_dir", "work_dir", "n_procs", "mem_gb", "omp_nthreads", "engine",
    "participant_label", "level", "dry_run", "part_of_array", "clean_work", "ignore_disk",
    "command", "run",
)  # fmt: skip
_OF_ENGINES = ("slurm_", "dask_")
_ANALYSED = {"participant": "analysis of participants", "group": "analysis of the group"}
_SECRET = re.compile(r"//[^/@\s]+@")  # user and password of an address


def record_run(
    args: argparse.Namespace,
    outcome: "Outcome",
    *,
    notes_dir: str,
    raw_directory: str | Path | None,
    console: Console,
) -> Path | None:
    """Write the record of a run that has ended; say so where it cannot be written.

    Parameters
    ----------
    args : argparse.Namespace
        Of ``fmriprod run``.
    outcome : Outcome
        What the run did.
    notes_dir : str
        Folder in which the savers noted what they wrote.
    raw_directory : path or None
        Root of the raw dataset.
    console : rich.console.Console
        Where a failure to write is told.

    Returns
    -------
    pathlib.Path or None
        The record.
    """
    from fmriprod.algorithms.checks import InputError
    from fmriprod.cli.places import WORK
    from fmriprod.interfaces.digests import remembering
    from fmriprod.interfaces.run_record import write_run_record
    from fmriprod.workflows.cache_plan import DIGESTS

    out_dir = Path(args.out_dir).absolute()
    work_dir = args.work_dir or out_dir / WORK
    try:
        with remembering(work_dir / DIGESTS):
            return write_run_record(
                out_dir, notes_dir, raw_directory=raw_directory, parameters=asked_for(vars(args)),
                this_run=_this_run(args, outcome), began=time.time() - outcome.seconds,
            )  # fmt: skip
    except (OSError, InputError) as err:
        console.print(f"note: the record of this run could not be written: {err}",
                      markup=False, highlight=False, soft_wrap=True)  # fmt: skip
    return None


def save_methods(
    workflow: Any,
    out_dir: Path,
    console: Console,
    *,
    level: str = "participant",
    anew: bool = True,
) -> None:
    """Write the text for the methods section of what was run, in three formats.

    Parameters
    ----------
    workflow : nipype.pipeline.engine.Workflow
        What was run, or is submitted.
    out_dir : pathlib.Path
        Gets ``logs/methods_<level>.md``; and ``logs/methods.md``, ``.tex`` and ``.html`` with the
        texts of both levels, as far as they were run, and the works that they cite.
    console : rich.console.Console
        Where a failure to write is told.
    level : {"participant", "group"}
        What the workflow analyses; the text of the other level stays.
    anew : bool
        Whether a text that is there is replaced: not where all was answered from the cache.
    """
    from fmriprod.algorithms.checks import InputError
    from fmriprod.interfaces.atomic_files import save_text
    from fmriprod.reports.methods_text import FORMATS, format_methods, parse_markdown
    from fmriprod.workflows.describe import describe
    from fmriprod.workflows.describe_write import write_methods

    parts = [out_dir / "logs" / f"methods_{name}.md" for name in _ANALYSED]
    own = out_dir / "logs" / f"methods_{level}.md"
    whole = [out_dir / "logs" / f"methods.{form}" for form in FORMATS]
    if not anew and all(path.exists() for path in (own, *whole)):
        return
    try:
        text = describe(workflow, software=_ANALYSED[level])
        save_text(format_methods(text, standalone=True, bibliography_name="methods"), own)
        texts = [parse_markdown(p.read_text(encoding="utf-8")) for p in parts if p.exists()]
        for path in whole:
            write_methods("\n\n".join(texts), path)
    except (OSError, InputError) as err:
        console.print(f"note: the methods text could not be written: {err}",
                      markup=False, highlight=False, soft_wrap=True)  # fmt: skip


def asked_for(options: Mapping[str, Any]) -> dict[str, Any]:
    """Take from options what decides about numbers; the rest is in the command."""
    from fmriprod.interfaces.run_record import plain_parameters

    engines = [name for name in options if name.startswith(_OF_ENGINES)]
    return plain_parameters(options, leave_out=[*_OF_THIS_RUN, *engines])


def _this_run(args: argparse.Namespace, outcome: "Outcome") -> dict[str, Any]:
    return {
        "Command": _SECRET.sub("//...@", shlex.join(["fmriprod", *sys.argv[1:]])),
        "Level": getattr(args, "level", "participant"),
        "Engine": getattr(args, "engine", "local"),
        "Finished": outcome.ok,
        "StepsRun": len(outcome.executed),
        "StepsFromCache": len(outcome.cached),
        "Failed": sorted(failure.node for failure in outcome.failures),
        "NotReached": sorted(outcome.not_run),
    }
