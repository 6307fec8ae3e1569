"""Texts of a new study's folder: descriptions, table of participants, run order to fill in."""

from collections.abc import Mapping, Sequence
from typing import Any

from fmriprod.algorithms.bids_names import check_entity
from fmriprod.algorithms.checks import InputError

BIDS_VERSION = "1.10.0"
README = """# {name}

Raw data in the BIDS format. Before sharing this dataset, say here who was measured, where,
with which tasks, and under which approval, and fill in `dataset_description.json`.
"""
_RUN_ORDER = """\
# Series of sub-{label}, one a line, in the order in which they were scanned:
#   name [expected volumes [BIDS name]]
# SKIP is a series that is not converted (scouts, derived images), ERROR_RUN one that failed.
# Put the lines in order, and write the number of volumes behind each run; `fmriprod convert
# ... --dry-run` lists what is in the archive.
"""


def description(name: str) -> dict[str, str]:
    """Content of ``dataset_description.json`` of a new raw dataset."""
    return {"Name": name, "BIDSVersion": BIDS_VERSION, "DatasetType": "raw"}


def study_name(study: Mapping[str, Any]) -> str:
    """Name of a study file's study.

    Examples
    --------
    >>> study_name({"study": {"name": "Drawing"}}), study_name({})
    ('Drawing', 'A study')
    """
    return str(study.get("study", {}).get("name") or "A study")


def trained_columns(study: Mapping[str, Any]) -> list[str]:
    """Columns of ``participants.tsv`` that a study file speaks of."""
    return [str(name) for name in study.get("objects", {}).get("trained", ())]


def participants_fields(study: Mapping[str, Any]) -> dict[str, Any]:
    """Content of ``participants.json``: what those columns hold."""
    labels = {str(label): str(label) for label in study.get("objects", {}).get("labels", ())}
    about: dict[str, Any] = {"Description": "Object that the participant was trained on"}
    if labels:
        about["Levels"] = labels
    return dict.fromkeys(trained_columns(study), about)


def add_participants(text: str | None, labels: Sequence[str], columns: Sequence[str] = ()) -> str:
    r"""Add rows to ``participants.tsv``; what is there stays as it is.

    Parameters
    ----------
    text : str or None
        The table; None makes a new one.
    labels : sequence of str
        Participants without ``sub-``; those that have a row get no other.
    columns : sequence of str
        Columns of a new table, filled with ``n/a``.

    Returns
    -------
    str
        The table, with new rows at its end.

    Raises
    ------
    InputError
        For a label that BIDS does not allow, and a table without column ``participant_id``.

    Examples
    --------
    >>> add_participants("participant_id\tage\nsub-01\t20\n", ["01", "02"])
    'participant_id\tage\nsub-01\t20\nsub-02\tn/a\n'
    """
    for label in labels:
        check_entity("sub", label)
    if text is None:
        text = "\t".join(["participant_id", *columns]) + "\n"
    lines = text.removeprefix("\ufeff").splitlines()
    header = lines[0].split("\t") if lines else []
    if "participant_id" not in header:
        raise InputError(
            "participants.tsv",
            expected="a column participant_id",
            found=", ".join(header).strip() or "an empty table",
            hint="name the column of sub-<label> so, or take the file away",
        )
    at = header.index("participant_id")
    present = {cells[at] for line in lines[1:] if len(cells := line.split("\t")) > at}
    new = [label for label in dict.fromkeys(labels) if f"sub-{label}" not in present]
    if not new:
        return text
    end = "\r\n" if "\r\n" in text else "\n"
    rows = [
        "\t".join(f"sub-{label}" if k == at else "n/a" for k in range(len(header))) for label in new
    ]
    return (text if text.endswith("\n") else text + end) + "".join(row + end for row in rows)


def run_order_template(study: Mapping[str, Any], label: str) -> str:
    """Write a run order to fill in, with the T1w and the runs that a study file speaks of.

    Parameters
    ----------
    study : mapping
        Content of the study file: ``phases`` with ``task`` and ``runs``, else ``tasks``.
    label : str
        Participant without ``sub-``.
    """
    runs: dict[str, list[str]] = {}
    for phase in study.get("phases", {}).values():
        own = runs.setdefault(str(phase.get("task", "")), [])
        own.extend(str(run) for run in phase.get("runs", ()) if str(run) not in own)
    for task in study.get("tasks", {}):
        runs.setdefault(str(task), [])
    lines = ["T1w"]
    for task, numbers in runs.items():
        lines += [f"task-{task}_run-{run}_bold" for run in numbers] or [f"task-{task}_bold"]
    return _RUN_ORDER.format(label=label) + "\n".join(lines) + "\n"
