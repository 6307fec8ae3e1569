"""What is known of a group when the report of a production study is made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

# Tables of a group by name: what they show.
TABLES = {
    "accuracy": "Decoding accuracy by region and phase, against chance",
    "split": "Trained and untrained objects: accuracy and probability of the target",
    "change": "Change from before to after drawing",
    "log_odds": "Log odds of target, foil and control",
    "model": "Mixed models of accuracy by phase and training (phase: 1 before, 0 after)",
    "selectivity": "Selectivity in drawing and change, correlated over participants",
    "missing": "Regions and phases that a participant lacks and others have",
    "connectivity": "Mixed models of evidence in connectivity over phases of production",
    "differentiation": "Differentiation of objects from before to after drawing",
    "informational": "Informational connectivity: correlation of evidence between regions",
    "task_summary": "Task mask of each participant, made from all others",
}
# Figures by the beginning of their names: title, and how they are read.
FIGURES = {
    "accuracy": (
        "Decoding accuracy by region and phase",
        "a bar that stands above the dashed line, interval and all, was told apart better than by "
        "guessing.",
    ),
    "trainedaccuracy": (
        "Accuracy before and after drawing, for trained and untrained objects",
        "learning would show as a second bar above the first on the left, and not on the right.",
    ),
    "trainedprobability": (
        "Probability of the target before and after drawing, for trained and untrained objects",
        "as the figure of accuracy, with the probability that the classifier gave the right "
        "object.",
    ),
    "drawing": (
        "Decoding while drawing, with a point for each participant",
        "points far from their bar are participants who differ from the others.",
    ),
    "coursestimepoint": (
        "Evidence for target, foil and control over the volumes of a trial",
        "the target should rise above the dashed line after the cue; bands are intervals.",
    ),
    "coursesrepetition": (
        "Evidence for target, foil and control by repetition of the object",
        "lines that part from left to right mean that the object becomes clearer with practice.",
    ),
    "coursesrun": (
        "Evidence for target, foil and control by run",
        "the same over runs of drawing.",
    ),
    "connectivityhalf": (
        "Target against foil in connectivity, in each half of production",
        "a second bar above the first means that the pair of regions says more about the object "
        "later on; the test is in the table of models.",
    ),
    "connectivityrepetition": (
        "Target against foil in connectivity, by repetition of the object",
        "a line for each pair of regions; 0 is no evidence.",
    ),
    "differentiation": (
        "Differentiation of objects from before to after drawing",
        "above 0, patterns of the two objects moved apart.",
    ),
    "taskmask": (
        "Task activity while drawing",
        "coloured voxels respond to drawing; the line holds the task mask of all participants.",
    ),
}


@dataclass(frozen=True)
class GroupResult:
    """All that the report on a group shows; everything but ``study`` may be absent.

    ``tables`` by the keys of `TABLES`; ``files`` names the file of each; ``figures`` are
    pairs of a name (see `FIGURES`) and a picture.
    """

    study: str
    simulated: bool = False
    scores: pd.DataFrame | None = None
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    figures: Sequence[tuple[str, str | Path]] = ()
    phases: tuple[str, str, str] = ("pre", "post", "drawing")
    schemes: Sequence[str] = ()
    standardize: str = "split"
    description: str = ""
    decisions: Sequence[str] = ()
    settings: Sequence[tuple[str, str]] = ()
    versions: Sequence[tuple[str, str]] = ()

    @property
    def subjects(self) -> list[str]:
        """Participants with scores, in the order of the table."""
        return [] if self.scores is None else list(dict.fromkeys(self.scores["subject"]))

    def table(self, name: str) -> pd.DataFrame:
        """Give a table, without rows and columns where there is none."""
        return self.tables.get(name, pd.DataFrame())


def figure_words(name: str) -> tuple[str, str]:
    """Give title and way of reading of a figure by its name.

    Examples
    --------
    >>> figure_words("connectivityhalf2")[0]
    'Target against foil in connectivity, in each half of production (second kind of features)'
    """
    stem = name.rstrip("0123456789")
    number = name.removeprefix(stem)
    difference = stem.startswith("courses") and stem.endswith("difference")
    stem = stem.removesuffix("difference") if difference else stem
    title, how = FIGURES.get(stem, (name, ""))
    if difference:
        title = title.replace("Evidence for", "Differences between")
        how = "lines away from 0 are differences; bands are intervals."
    if number:
        words = {"2": "second", "3": "third"}.get(number, f"{number}th")
        title += f" ({words} kind of features)"
    return title, how
