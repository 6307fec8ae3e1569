"""Figures of the group of a production study, for print and for the report."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from nipype.interfaces.base import File, TraitedSpec, isdefined, traits

from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.events import read_table
from fmriprod.interfaces.images import check_same_grid, load_image, load_mask
from fmriprod.interfaces.participant_tables import read_participant_tables
from fmriprod.reports.production_bars import main_schemes
from fmriprod.reports.production_change import differentiation_figure
from fmriprod.reports.production_connectivity import connectivity_figure, kinds_of
from fmriprod.reports.production_courses import course_figure
from fmriprod.reports.production_phases import phase_figure, split_figure
from fmriprod.reports.production_swarm import drawing_figure
from fmriprod.reports.slices import slices_figure

_OUTLINE = "#7CFF9B"
_PLACE = ("subject", "region", "phase", "scheme")
_CONNECTION = ("subject", "region_1", "region_2", "features", "scheme", "run")
Maker = Callable[[], AbstractContextManager[Figure]]


class GroupFilesInputSpec(PythonInputSpec):
    """Tables of the group and names of its phases, as figures and report take them."""

    scores_files = traits.List(
        File(exists=True), desc="scores of participants (TSV): subject region phase scheme ..."
    )
    accuracy_file = File(exists=True, desc="accuracy by region and phase (TSV, GroupEvidence)")
    split_file = File(exists=True, desc="the same for trained and control objects (TSV)")
    differentiation_file = File(exists=True, desc="differentiation (TSV, GroupDifferentiation)")
    task_summary_file = File(exists=True, desc="task masks of participants (TSV, LeaveOneOutMasks)")
    before = traits.Str("pre", usedefault=True, desc="phase of recognition before drawing")
    after = traits.Str("post", usedefault=True, desc="phase of recognition after drawing")
    production = traits.Str("drawing", usedefault=True, desc="phase of drawing")
    schemes = traits.List(
        traits.Str,
        desc="schemes by preference where a phase has several (default: the first in the table)",
    )
    simulated = traits.Bool(False, usedefault=True, desc="the data are simulated: this is said")


class _GroupFiguresInputSpec(GroupFilesInputSpec):
    time_courses_files = traits.List(
        File(exists=True),
        desc="time courses of participants (TSV): subject region phase scheme by index target foil "
        "control (probabilities)",
    )
    connectivity_files = traits.List(
        File(exists=True),
        desc="connectivity evidence of participants (TSV), a row a trial: subject region_1 "
        "region_2 features scheme run half trial repetition log_odds (natural logarithm)",
    )
    group_z_file = File(exists=True, desc="z map of all participants for the task")
    group_mask = File(exists=True, desc="task mask of all participants, on the same grid")
    background_file = File(
        exists=True, desc="template in grey, on the same grid (default: where there are z values)"
    )
    formats = traits.List(
        traits.Enum("svg", "pdf", "png"),
        value=["svg", "pdf"],
        usedefault=True,
        minlen=1,
        desc="file formats of every figure",
    )
    chance = traits.Range(
        low=0.0,
        high=1.0,
        value=0.25,
        usedefault=True,
        desc="probability of an object by guessing, where accuracy_file does not give it",
    )
    n_bootstrap = traits.Range(
        low=1, value=3000, usedefault=True, desc="draws of participants for bands of time courses"
    )
    seed = traits.Range(low=0, value=0, usedefault=True, desc="seed of the draws")


class _GroupFiguresOutputSpec(TraitedSpec):
    figures = traits.List(File(exists=True), desc="all figures in all formats")
    figure_names = traits.List(traits.Str, desc="name of the figure in each of these files")
    previews = traits.List(File(exists=True), desc="every figure once, as PNG for the report")
    preview_names = traits.List(traits.Str, desc="name of each of them")


class GroupFigures(PythonInterface):
    """Draw the group's results; a figure is made where the tables for it are given.

    Names are ``accuracy``, ``trainedaccuracy``, ``trainedprobability``, ``drawing``,
    ``courses`` with ``timepoint``, ``repetition`` or ``run`` and maybe ``difference``,
    ``connectivity`` with ``half`` or ``repetition`` and a number from the second kind of
    features on, ``differentiation`` and ``taskmask``. Text stays text in SVG and PDF, and
    the same tables give the same bytes. A table without usable rows gives a figure that
    says so.

    Examples
    --------
    >>> GroupFigures(formats=["pdf"]).inputs.production
    'drawing'
    """

    input_spec = _GroupFiguresInputSpec
    output_spec = _GroupFiguresOutputSpec
    _libraries = ("matplotlib", "numpy")

    def _process(self) -> None:
        files: dict[str, list[str]] = {
            "figures": [], "figure_names": [], "previews": [], "preview_names": [],
        }  # fmt: skip
        formats = list(dict.fromkeys(self.inputs.formats))
        for name, make in self._makers():
            with make() as fig:
                for kind in dict.fromkeys([*formats, "png"]):
                    self.save_figure("last", f"{name}.{kind}", fig)
                    path = self._results.pop("last")
                    for field in ["figures"] * (kind in formats) + ["previews"] * (kind == "png"):
                        files[field].append(path)
                        files["figure_names" if field == "figures" else "preview_names"].append(
                            name
                        )
        for field, values in files.items():
            self.result(field, values)

    def _makers(self) -> Iterator[tuple[str, Maker]]:
        """Give the name of each figure that can be made, and what makes it."""
        values = self.inputs
        said: dict = {"simulated": values.simulated}
        schemes = list(values.schemes) if isdefined(values.schemes) else []
        recognition = [values.before, values.after]
        accuracy = self._table("accuracy_file")
        if accuracy is not None:
            yield (
                "accuracy",
                lambda: phase_figure(
                    accuracy, phases=[*recognition, values.production], schemes=schemes, **said
                ),
            )
        split = self._table("split_file")
        if split is not None:
            for name, measure in (("accuracy", "accuracy"), ("probability", "p_target")):
                yield (
                    f"trained{name}",
                    lambda measure=measure: split_figure(
                        split, measure=measure, phases=recognition, schemes=schemes, **said
                    ),
                )
        if accuracy is not None and isdefined(values.scores_files):
            scores = read_rows(values.scores_files, "scores_files", _PLACE, ("accuracy",), _PLACE)
            yield (
                "drawing",
                lambda: drawing_figure(
                    accuracy, scores, phase=values.production, schemes=schemes, **said
                ),
            )
        yield from self._courses(accuracy, {"schemes": schemes, **said})
        yield from self._connectivity(said)
        table = self._table("differentiation_file")
        if table is not None:
            yield "differentiation", lambda: differentiation_figure(table, **said)
        if isdefined(values.group_z_file):
            yield "taskmask", self._task_mask

    def _table(self, field: str) -> pd.DataFrame | None:
        path = getattr(self.inputs, field)
        return read_table(path, field.removesuffix("_file")) if isdefined(path) else None

    def _courses(self, accuracy: pd.DataFrame | None, words: dict) -> Iterator[tuple[str, Maker]]:
        values = self.inputs
        if not isdefined(values.time_courses_files) or not values.time_courses_files:
            return
        courses = read_rows(
            values.time_courses_files, "time_courses_files", (*_PLACE, "by"),
            ("index", "target", "foil", "control"), (*_PLACE, "by", "index"),
        )  # fmt: skip
        chance = values.chance
        if accuracy is not None:
            here = main_schemes(courses[courses["phase"] == values.production], words["schemes"])
            same = accuracy["phase"].eq(values.production) & accuracy["scheme"].isin(here["scheme"])
            chance = float(accuracy.loc[same, "chance"].iloc[0]) if same.any() else chance
        for by in ("time_point", "repetition", "run"):
            for difference in (False, True):
                name = f"courses{by.replace('_', '')}{'difference' * difference}"
                yield name, lambda by=by, difference=difference: course_figure(
                    courses, by=by, difference=difference, phase=values.production,
                    chance=chance, n_bootstrap=values.n_bootstrap, seed=values.seed, **words,
                )  # fmt: skip

    def _connectivity(self, words: dict) -> Iterator[tuple[str, Maker]]:
        values = self.inputs
        if not isdefined(values.connectivity_files) or not values.connectivity_files:
            return
        trials = read_rows(
            values.connectivity_files, "connectivity_files", _CONNECTION,
            ("half", "trial", "repetition", "log_odds"), (*_CONNECTION, "trial"),
        )  # fmt: skip
        options = {"n_bootstrap": values.n_bootstrap, "seed": values.seed, **words}
        for place, (features, scheme) in enumerate(kinds_of(trials) or [("", "")], start=1):
            for by, kind in (("half", "bar"), ("repetition", "line")):
                name = f"connectivity{by}{place if place > 1 else ''}"
                chosen = {"by": by, "kind": kind, "features": features, "scheme": scheme}
                yield name, lambda chosen=chosen: connectivity_figure(trials, **chosen, **options)

    @contextmanager
    def _task_mask(self) -> Iterator[Figure]:
        """Draw the z map on the template, with the outline of the group's mask."""
        values = self.inputs
        z, image = load_image(values.group_z_file, ndim=3)
        background, contours = (z != 0).astype(np.float32), []
        if isdefined(values.background_file):
            background, other = load_image(values.background_file, ndim=3)
            check_same_grid(other, image)
        if isdefined(values.group_mask):
            contours = [(load_mask(values.group_mask, image), _OUTLINE, "task mask of all")]
        table = self._table("task_summary_file")
        number = ""
        if table is not None and (table["subject"] == "all").any():
            n = int(table.loc[table["subject"] == "all", "has_map"].iloc[0])
            number = f", n = {n} participant{'s' if n != 1 else ''}"
        title = f"Drawing against baseline{number}{', simulated data' * values.simulated}"
        threshold = 2.3
        highest = float(np.nanmax(np.abs(z), initial=0.0))
        with slices_figure(
            background, image.affine, overlay=z, contours=contours, title=title,
            overlay_label="z", overlay_range=(threshold, max(highest, 1.01 * threshold)),
        ) as fig:  # fmt: skip
            yield fig


def read_rows(
    paths: list[str], subject: str, text: tuple[str, ...], numbers: tuple[str, ...],
    key: tuple[str, ...],
) -> pd.DataFrame:  # fmt: skip
    """Read tables of participants as `read_participant_tables`; no row at all is no error."""
    if not any(len(read_table(path, subject)) for path in paths):
        return pd.DataFrame(columns=[*text, *numbers])
    return read_participant_tables(paths, subject, text=text, numbers=numbers, key=key)
