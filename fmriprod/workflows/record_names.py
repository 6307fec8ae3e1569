"""What the full names of nodes say: whose they are, and which step."""

import re
from functools import lru_cache

_SMALL = ("gather ", "save ", "report ")  # done in no time: not worth a line
_PLUS = "_plus_"  # no label of BIDS has an underscore


def graph_word(label: str) -> str:
    """Write a label, or words made of labels, as names of nodes can have it: ``+`` they cannot.

    Examples
    --------
    >>> graph_word("a+b")
    'a_plus_b'
    """
    return label.replace("+", _PLUS)


@lru_cache(maxsize=65536)
def participant_of(node: str) -> str:
    """Tell whose node it is from its full name (``...sub_01_wf...``), or ``group``.

    A participant whose label is ``group`` is ``sub-group``, as `row_of` says.

    Examples
    --------
    >>> participant_of("fmriprod.sub_01_wf.anat_wf.skullstrip")
    '01'
    >>> participant_of("fmriprod.sub_a_plus_b_wf.anat_wf.skullstrip")
    'a+b'
    >>> participant_of("fmriprod.collect")
    'group'
    """
    for part in node.split("."):
        if part.startswith("sub_") and part.endswith("_wf"):
            return row_of(part.removeprefix("sub_").removesuffix("_wf").replace(_PLUS, "+"))
    return "group"


def row_of(label: str) -> str:
    """Name in locks, records and status of a participant, which is never that of the group.

    Examples
    --------
    >>> row_of("01"), row_of("group")
    ('01', 'sub-group')
    """
    return "sub-group" if label == "group" else label


@lru_cache(maxsize=65536)
def step_of(node: str) -> str:
    """Name of the step for people: what stands below the participant.

    Examples
    --------
    >>> step_of("fmriprod.sub_01_wf.task_recognition_run_1_wf.bold_wf.motion_correct")
    'task recognition run 1: motion correct'
    >>> step_of("fmriprod.sub_01_wf.anat_wf.skullstrip")
    'anat: skullstrip'
    >>> step_of("fmriprod.sub_01_wf.evidence_a_plus_b_wf.decode")
    'evidence a+b: decode'
    >>> step_of("group_wf.task_mask_wf.to_grid.2")
    'task mask: to grid (2)'
    """
    parts = node.split(".")
    if parts[-1].isdecimal() and len(parts) > 1:  # a part of a map node
        return f"{step_of('.'.join(parts[:-1]))} ({parts[-1]})"
    names = below_participant(node).replace(_PLUS, "+").split(".")
    below = [name.removesuffix("_wf").replace("_", " ") for name in names]
    return f"{below[0]}: {below[-1]}" if len(below) > 1 else "".join(below)


def below_participant(node: str) -> str:
    """Full name without the workflow and the participant: the same for the step of any other.

    Examples
    --------
    >>> below_participant("fmriprod.sub_01_wf.anat_wf.skullstrip")
    'anat_wf.skullstrip'
    """
    parts = node.split(".")
    whose = next((i for i, p in enumerate(parts) if p.startswith("sub_")), 0)
    return ".".join(parts[whose + 1 :]) or node


@lru_cache(maxsize=65536)
def kind_of_step(node: str) -> str:
    """Name of a step without its run and number, for what takes about the same time.

    Examples
    --------
    >>> kind_of_step("f.sub_01_wf.task_x_run_2_wf.bold_wf.motion_correct")
    'bold_wf.motion_correct'
    >>> kind_of_step("f.sub_01_wf.each.3")
    'each.part'
    """
    name = re.sub(r"\.\d+$", ".part", below_participant(node))
    return ".".join(name.split(".")[-2:])


@lru_cache(maxsize=65536)
def is_small(node: str) -> bool:
    """Tell whether a step only hands on or saves what others made."""
    return step_of(node).split(": ")[-1].startswith(_SMALL)
