"""Turn a workflow into what its picture shows: boxes, groups, arrows, in words for people."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property

import networkx as nx
from nipype.pipeline import engine as pe

from fmriprod.reports.graph_drawing import Arrow, Box, Diagram, Group
from fmriprod.workflows.draw_count import count_text, loops_by_node
from fmriprod.workflows.draw_flat import Flat, Path, flatten, is_saver, mapped_of
from fmriprod.workflows.draw_merge import Merged, Repeats, merge
from fmriprod.workflows.draw_ports import inputs_of, outputs_of, port_boxes
from fmriprod.workflows.draw_settings import engine_of, settings_of, settings_text
from fmriprod.workflows.draw_words import kind_of, split_camel, title_of

_STEPS_NAMED = 4


class Picture:
    """A workflow on its way to a `Diagram`; see `diagram_of` for the arguments."""

    def __init__(
        self,
        workflow: pe.Workflow,
        level: int,
        savers: str,
        plumbing: bool,
        details: bool,
        names: Mapping[str, str],
    ) -> None:
        self.level, self.details, self.names, self.savers = level, details, names, savers
        self.flat: Flat = flatten(workflow)
        if plumbing:
            self.flat.hidden = set()
        self.merged: Merged = merge(workflow, self.flat)
        self.saving = {path for path, node in self.flat.nodes.items() if is_saver(node)}
        if savers != "show":
            self.flat.hidden |= self.saving
        self.steps = [path for path in self.flat.nodes if path not in self.flat.hidden]
        self.loops = loops_by_node(self.flat)

    @cached_property
    def place(self) -> dict[Path, Path]:
        """For each step the path of its box; a group with one box is that box."""
        cut = {path: self.merged.of[path][: self.level + 1] for path in self.steps}
        for depth in range(self.level, 0, -1):
            inside: dict[Path, set[Path]] = {}
            for place in cut.values():
                if len(place) > depth:
                    inside.setdefault(place[:depth], set()).add(place)
            single = {group for group, boxes in inside.items() if len(boxes) == 1}
            cut = {p: place[:depth] if place[:depth] in single else place
                   for p, place in cut.items()}  # fmt: skip
        return cut

    @cached_property
    def members(self) -> dict[Path, list[Path]]:
        """For each box the steps that it stands for."""
        found: dict[Path, list[Path]] = {}
        for path, place in self.place.items():
            found.setdefault(place, []).append(path)
        return found

    @cached_property
    def opened(self) -> set[Path]:
        """The workflow itself, and the one in it as long as there is but one."""
        found: set[Path] = {()}
        here: Path = ()
        while True:
            inside = {self.merged.of[p][: len(here) + 1] for p in self.steps
                      if self.merged.of[p][: len(here)] == here}  # fmt: skip
            if len(inside) != 1 or any(self.merged.of[p] in inside for p in self.steps):
                return found
            (here,) = inside
            found.add(here)

    def is_open(self, workflow: Path) -> bool:
        """Tell whether inputs and outputs of a workflow are those of the picture."""
        return self._drawn.get(workflow, workflow) in self.opened

    @cached_property
    def _drawn(self) -> dict[Path, Path]:
        """For each workflow the path of the one that is drawn for it."""
        return {path[:n]: of[:n] for path, of in self.merged.of.items() for n in range(len(path))}

    def key(self, path: Path) -> str:
        """Key of the box of a step."""
        return ".".join(self.place[path])

    def arrows(self) -> set[Arrow]:
        """Collect what goes from box to box."""
        found = set()
        for path in self.steps:
            for source in self.flat.sources(path):
                if source in self.place and self.key(source) != self.key(path):
                    found.add(Arrow(self.key(source), self.key(path)))
        return found

    def boxes(self) -> list[Box]:
        """Make boxes of steps and collapsed workflows, in the order of the workflow."""
        saved = self._saved()
        return [self._box(place, members, saved) for place, members in self.members.items()]

    def _box(self, place: Path, members: list[Path], saved: Mapping[Path, int]) -> Box:
        nodes = [self.flat.nodes[path] for path in members]
        is_step = self.merged.of[members[0]] == place
        notes = self._notes(nodes, members, is_step) if self.details else []
        if saved.get(place) and self.savers == "fold":
            notes.append(f"{saved[place]} result{'s' if saved[place] > 1 else ''} saved")
        kind = kind_of(place[-1], nodes[0] if is_step else None)
        if kind == "other" and not is_step:
            kinds = [kind_of(path[-1], node) for path, node in zip(members, nodes, strict=True)]
            kind = max(dict.fromkeys(kinds), key=kinds.count)
        loops = set.intersection(*(self.loops[path] for path in members))
        mapped = mapped_of(nodes[0]) if is_step else None
        return Box(
            ".".join(place), self._title(place), kind, tuple(notes),
            count_text(self._repeats(place), sorted(loops), mapped), ".".join(place[:-1]) or None,
        )  # fmt: skip

    def _title(self, place: Path) -> str:
        given = self.names.get(".".join(place), self.names.get(place[-1]))
        return given or title_of(place[-1], merged=place in self.merged.repeats)

    def _at(self, members: list[Path]) -> Path:
        return self.place[members[0]]

    def _repeats(self, place: Path) -> Repeats | None:
        """How often a part occurs; without the unit where its title is the unit."""
        found = self.merged.repeats.get(place)
        if found is not None and found.unit.startswith(self._title(place).lower()):
            found = replace(found, unit="")
        return found

    def _notes(self, nodes: list[pe.Node], members: list[Path], is_step: bool) -> list[str]:
        """Small lines: what is done, by which software, with which settings."""
        joined = [{wire.input for wire in self.flat.into[path]} for path in members]
        settings = settings_text(map(settings_of, nodes, joined))
        engines = list(dict.fromkeys(filter(None, map(engine_of, nodes, joined))))
        if not is_step:
            titles = list(dict.fromkeys(
                title_of(self.merged.of[p][-1], merged=self.merged.of[p] in self.merged.repeats)
                for p in members
            ))  # fmt: skip
            if len(titles) > _STEPS_NAMED + 1:
                titles[_STEPS_NAMED:] = [f"{len(titles) - _STEPS_NAMED} more"]
            inside = ", ".join(map(_lower, titles))
            same = len(titles) == 1 and titles[0].lower() in self._title(self._at(members)).lower()
            return [
                *([] if same else [inside]),
                *([", ".join(engines[:3])] if engines else []),
                *settings,
            ]
        interface = type(nodes[0].interface).__name__
        if interface in ("Function", "IdentityInterface", "Merge"):
            return settings
        own = type(nodes[0].interface).__module__.startswith("fmriprod.")
        words = split_camel(interface) if own else interface
        first = words if words.lower() != self._title(self._at(members)).lower() else ""
        label = ", ".join(filter(None, (first, *engines[:1]))) if own else " ".join(
            (*engines[:1], first)
        )  # fmt: skip
        return [*([label.strip()] if label.strip() else []), *settings]

    def _saved(self) -> dict[Path, int]:
        """For each box, how many of its results are saved."""
        found: dict[Path, dict[Path, int]] = {}
        for path in self.saving:
            kind = type(self.flat.nodes[path].interface).__name__
            names = getattr(self.flat.nodes[path].inputs, "names", None)  # of a list of files
            if kind.startswith("Compress") or not self.flat.into[path]:
                continue
            name = self.flat.into[path][0].input
            for source in self.flat.sources(path, name):
                if source in self.place:
                    number = len(names) if isinstance(names, list) and names else 1
                    found.setdefault(self.place[source], {})[self.merged.of[path]] = number
        return {place: sum(savers.values()) for place, savers in found.items()}

    def groups(self) -> list[Group]:
        """Make frames around the boxes of a workflow that is not collapsed."""
        places = [place[:n] for place in self.members for n in range(1, len(place))]
        return [
            Group(
                ".".join(place), self._title(place),
                count_text(self._repeats(place), [], None),
                ".".join(place[:-1]) or None,
            )
            for place in dict.fromkeys(places)
        ]  # fmt: skip


def _lower(title: str) -> str:
    return title if title[1:2].isupper() else title[:1].lower() + title[1:]


def diagram_of(
    workflow: pe.Workflow,
    *,
    level: int = 1,
    savers: str = "fold",
    plumbing: bool = False,
    ports: bool = True,
    details: bool = True,
    direct: bool = False,
    names: Mapping[str, str] | None = None,
) -> Diagram:
    """Say what the picture of a workflow shows.

    Parameters
    ----------
    workflow, level, savers, plumbing, ports, details, direct, names
        As `draw_workflow` takes them.

    Returns
    -------
    Diagram
        Every node that is not hidden is in one box, and between boxes there is a way if, and
        only if, there is one between their nodes.
    """
    picture = Picture(workflow, level, savers, plumbing, details, names or {})
    boxes, arrows = picture.boxes(), picture.arrows()
    if not direct:
        arrows = _needed(arrows)
    inputs: list[Box] = []
    outputs: list[Box] = []
    if ports:
        found = inputs_of(picture.flat, picture.steps, picture.key, picture.is_open)
        inputs, more = port_boxes(found, "input")
        arrows |= set(more)
        found = outputs_of(picture.flat, picture.steps, picture.key, picture.is_open)
        outputs, more = port_boxes(found, "output")
        arrows |= set(more)
    return Diagram((*inputs, *boxes, *outputs), tuple(picture.groups()), tuple(sorted(arrows)))


def _needed(arrows: set[Arrow]) -> set[Arrow]:
    """Leave out arrows between boxes that a longer way joins, too."""
    graph = nx.DiGraph((a.source, a.target) for a in sorted(arrows))
    if not nx.is_directed_acyclic_graph(graph):
        return arrows
    return {Arrow(*edge) for edge in nx.transitive_reduction(graph).edges}
