"""Take BIDS file names apart and put them together."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from fmriprod.algorithms.checks import InputError, suggest

# The order of the BIDS specification (schema 1.10, rules/entities.yaml), with the keys that
# derivatives use and the specification does not have: from, to, mode (transforms) and
# contrast, stat (statistical maps), where fMRIPrep, FitLins and Nilearn put them.
ENTITY_ORDER = (
    "sub", "tpl", "ses", "cohort", "sample", "task", "tracksys", "acq", "nuc", "voi", "ce", "trc",
    "stain", "rec", "dir", "run", "mod", "echo", "flip", "inv", "mt", "part", "proc", "hemi",
    "space", "from", "to", "mode", "split", "recording", "chunk", "atlas", "seg", "scale", "res",
    "den", "contrast", "stat", "label", "desc",
)  # fmt: skip
_RANK = {key: rank for rank, key in enumerate(ENTITY_ORDER)}
_NUMBERS = frozenset({"run", "echo", "flip", "inv", "split", "chunk"})
_VALUES = {"hemi": ("L", "R"), "mt": ("on", "off"), "part": ("mag", "phase", "real", "imag")}

_LABEL = re.compile(r"[0-9a-zA-Z+]+")
_NUMBER = re.compile(r"[0-9]+")
_SUFFIX = re.compile(r"[0-9a-zA-Z]+")
_EXTENSION = re.compile(r"(\.[0-9a-zA-Z]+)+")


@dataclass(frozen=True)
class BidsName:
    """A BIDS file name in its parts.

    Parameters
    ----------
    entities : tuple of (str, str)
        Keys and labels in the order of the specification, such as ``(("sub", "01"),)``.
    suffix : str
        What the file holds, such as ``bold``.
    extension : str
        With its leading dot, such as ``.nii.gz``.

    Examples
    --------
    >>> name = parse_name("sub-01_task-draw_run-1_bold.nii.gz")
    >>> name.get("task"), name.suffix, name.extension
    ('draw', 'bold', '.nii.gz')
    """

    entities: tuple[tuple[str, str], ...]
    suffix: str
    extension: str

    def __str__(self) -> str:
        return "_".join([*(f"{k}-{v}" for k, v in self.entities), self.suffix]) + self.extension

    def get(self, key: str) -> str | None:
        """Label of an entity, or None where the name does not have it."""
        return next((label for k, label in self.entities if k == key), None)

    def applies_to(self, other: "BidsName") -> bool:
        """Tell whether all entities of this name are in the other, with the same labels.

        That is the condition of the inheritance principle for a sidecar and a data file.
        """
        return set(self.entities) <= set(other.entities)


def check_entity(key: str, label: str) -> None:
    """Refuse a key that BIDS does not know, or a label that it does not allow for the key.

    Raises
    ------
    InputError
        With what is allowed and, for a label, a legal one that is close.
    """
    if key not in _RANK:
        raise InputError(
            "entity",
            expected="a BIDS entity",
            found=repr(f"{key}-{label}"),
            hint=suggest(key, ENTITY_ORDER),
        )
    if key in _VALUES:
        if label not in _VALUES[key]:
            raise _label_error(key, label, " or ".join(_VALUES[key]), f"use one of {_VALUES[key]}")
    elif key in _NUMBERS:
        if not _NUMBER.fullmatch(label):
            raise _label_error(key, label, "a number of digits only", f"such as {key}-1")
    elif not _LABEL.fullmatch(label):
        legal = clean_label(label)
        hint = f"write {key}-{legal}" if legal else f"give a label, such as {key}-a1"
        raise _label_error(key, label, "letters and digits only (no - _ . or space)", hint)


def build_name(entities: Mapping[str, str], suffix: str, extension: str) -> BidsName:
    """Put a name together; the entities come in the order of the specification.

    Parameters
    ----------
    entities : mapping of str to str
        Labels by key (``sub``, ``ses``, ``task`` ...), in any order.
    suffix : str
        Letters and digits.
    extension : str
        With its leading dot.

    Raises
    ------
    InputError
        For an unknown key and an illegal label, suffix or extension.

    Examples
    --------
    >>> str(build_name({"stat": "z", "sub": "01", "task": "draw"}, "statmap", ".nii.gz"))
    'sub-01_task-draw_stat-z_statmap.nii.gz'
    """
    for key, label in entities.items():
        check_entity(key, label)
    if not _SUFFIX.fullmatch(suffix):
        raise InputError(
            "suffix",
            expected="letters and digits, such as bold",
            found=repr(suffix),
            hint="leave out signs and blanks",
        )
    if not _EXTENSION.fullmatch(extension):
        raise InputError(
            "extension",
            expected="a dot and letters, such as .nii.gz",
            found=repr(extension),
            hint="start it with a dot",
        )
    ordered = sorted(entities.items(), key=lambda item: _RANK[item[0]])
    return BidsName(tuple(ordered), suffix, extension)


def parse_name(file_name: str, *, any_order: bool = False) -> BidsName:
    """Take a file name (without folders) apart.

    Parameters
    ----------
    file_name : str
        Such as ``sub-01_task-draw_run-1_bold.nii.gz``.
    any_order : bool
        Take entities in another order, too, as other programs write them in derivatives
        (``space-MNIPediatricAsym_cohort-1``); they are put in order.

    Returns
    -------
    BidsName
        So that ``str(parse_name(x)) == x``, for names in order.

    Raises
    ------
    InputError
        If it is no name that BIDS allows: not of the form ``key-label_..._suffix.extension``,
        an unknown or repeated key, an illegal label, or entities in another order (the hint
        is the name in order).
    """
    stem, dot, rest = file_name.partition(".")
    *chunks, suffix = stem.split("_")
    pairs = [chunk.partition("-") for chunk in chunks]
    if not dot or not all(hyphen for _, hyphen, _ in pairs):
        raise _name_error(file_name, "rename it, or leave it out with .bidsignore")
    keys = [key for key, _, _ in pairs]
    repeated = sorted({key for key in keys if keys.count(key) > 1})
    if repeated:
        raise _name_error(file_name, f"name {', '.join(repeated)} once")
    try:
        name = build_name({key: label for key, _, label in pairs}, suffix, dot + rest)
    except InputError as err:
        raise _name_error(file_name, f"{err.subject} {err.found}: {err.hint}") from None
    if str(name) != file_name and not any_order:
        raise _name_error(file_name, f"BIDS fixes the order: rename it to {name}")
    return name


def clean_label(text: str) -> str:
    """Make a legal label of any text: words joined in camel case, other signs left out.

    Two texts may give one label (``a-b`` and ``aB``): whoever names files by labels checks
    that they are still different.

    Examples
    --------
    >>> clean_label("face vs. house")
    'faceVsHouse'
    """
    first, *others = re.findall(r"[0-9a-zA-Z+]+", text) or [""]
    return first + "".join(word[0].upper() + word[1:] for word in others)


def strip_prefix(label: str, key: str = "sub") -> str:
    """Take ``sub-`` off a participant's label if it is there.

    Examples
    --------
    >>> strip_prefix("sub-01"), strip_prefix("01")
    ('01', '01')
    """
    return label.removeprefix(f"{key}-")


def _label_error(key: str, label: str, expected: str, hint: str) -> InputError:
    return InputError(key, expected=expected, found=repr(label), hint=hint)


def _name_error(file_name: str, hint: str) -> InputError:
    return InputError(
        "file name",
        expected="a BIDS name, key-label_key-label_suffix.extension",
        found=repr(file_name),
        hint=hint,
    )
