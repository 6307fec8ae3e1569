"""Each name in a dataset is given to one result only."""

import os
from pathlib import Path

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.atomic_files import same_bytes


def claim_name(record: str | Path, base: str | Path, target: Path, in_file: str) -> None:
    """Note that ``in_file`` is saved as ``target``; refuse another input under that name.

    The note is a symbolic link from the target's path below ``record`` to the input: making
    it either works or fails as a whole, also when several processes try.

    Raises
    ------
    InputError
        If another input with other content was saved under that name in this run.
    """
    note = Path(record) / "__".join(target.relative_to(os.path.abspath(base)).parts)
    note.parent.mkdir(parents=True, exist_ok=True)
    try:
        note.symlink_to(in_file)
    except FileExistsError:
        other = os.readlink(note)
        if other == in_file or (os.path.isfile(other) and same_bytes(other, in_file)):
            return
        raise _clash(target, other, in_file) from None


def check_distinct(in_files: list[str], targets: list[Path]) -> None:
    """Refuse different files under one name.

    Raises
    ------
    InputError
        It names both.
    """
    seen: dict[Path, str] = {}
    for in_file, target in zip(in_files, targets, strict=True):
        if target in seen and not same_bytes(seen[target], in_file):
            raise _clash(target, seen[target], in_file)
        seen[target] = in_file


def _clash(target: Path, one: str, two: str) -> InputError:
    return InputError(
        "in_file",
        expected="one result for each name",
        found=f"two for {target.name}:\n    {one}\n    {two}",
        hint="tell them apart by an entity (desc, contrast, label, run)",
    )
