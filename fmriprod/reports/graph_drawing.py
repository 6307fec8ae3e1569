"""What a picture of a graph shows: boxes, groups of boxes, and arrows; no Nipype, no Matplotlib."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

PORTS = ("input", "output")


@dataclass(frozen=True)
class Box:
    """A step, a sub-workflow that is drawn as one, or what goes in or out.

    Attributes
    ----------
    key : str
        Unique name.
    title : str
        Name for people.
    kind : str
        A key of `fmriprod.reports.graph_kinds.KINDS`, or ``"input"`` or ``"output"``.
    notes : tuple of str
        Small lines below the title.
    count : str
        How often it is done, such as ``"× 10 runs"``; empty for once.
    group : str or None
        Key of the group that it is in.
    """

    key: str
    title: str
    kind: str = "other"
    notes: tuple[str, ...] = ()
    count: str = ""
    group: str | None = None


@dataclass(frozen=True)
class Group:
    """A frame around boxes; ``group`` is the group that it is in, itself."""

    key: str
    title: str
    count: str = ""
    group: str | None = None


@dataclass(frozen=True, order=True)
class Arrow:
    """Something goes from one box to another, both given by their keys."""

    source: str
    target: str


@dataclass(frozen=True)
class Diagram:
    """Boxes in the order in which they are best read, their groups, and arrows.

    Raises
    ------
    ValueError
        If two have the same key, or if an arrow or a box names what is not there.
    """

    boxes: tuple[Box, ...]
    groups: tuple[Group, ...] = ()
    arrows: tuple[Arrow, ...] = ()

    def __post_init__(self) -> None:
        keys = [part.key for part in (*self.boxes, *self.groups)]
        if len(set(keys)) < len(keys):
            raise ValueError(f"keys are not unique: {sorted(keys)}")
        boxes, groups = {box.key for box in self.boxes}, {group.key for group in self.groups}
        for arrow in self.arrows:
            if not {arrow.source, arrow.target} <= boxes or arrow.source == arrow.target:
                raise ValueError(f"{arrow} does not join two boxes")
        for part in (*self.boxes, *self.groups):
            if part.group is not None and part.group not in groups:
                raise ValueError(f"{part.key} is in {part.group}, which is no group")

    @cached_property
    def _parents(self) -> dict[str, str | None]:
        return {part.key: part.group for part in (*self.groups, *self.boxes)}

    def ancestors(self, key: str) -> list[str | None]:
        """List the groups that a box or group is in, the innermost first; None comes last."""
        found: list[str | None] = []
        parent: str | None = key
        while parent is not None:
            parent = self._parents[parent]
            found.append(parent)
        return found

    def within(self, group: str | None) -> Iterator[Box | Group]:
        """Go through what is directly in a group, None being the whole picture."""
        yield from (part for part in (*self.groups, *self.boxes) if part.group == group)
