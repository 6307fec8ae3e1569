"""The sections of the report on an encoding analysis."""

from collections.abc import Sequence

from fmriprod.reports import encoding_facts as facts
from fmriprod.reports import encoding_tables as tables
from fmriprod.reports.encoding_results import FIGURES, EncodingResult, figure_key, figure_words
from fmriprod.reports.encoding_verdicts import percent
from fmriprod.reports.page import Block, Figure, Notice, Section, Text
from fmriprod.reports.results import SubjectResult
from fmriprod.reports.subject_sections import subject_sections
from fmriprod.reports.verdicts import number

REMARKS = {
    "fingerprints": "Intervals speak of these voxels and these held-out groups of one participant, "
    "not of what another person would show. Neighbouring voxels are alike: intervals over voxels "
    "are narrower than they should be.",
    "best": "In noise each layer is the best somewhere, and smoothing makes patches of it that "
    "look like areas. Read the maps where voxels are predicted, and do not read much into borders.",
    "spaces": "What several spaces have in common is given to one of them, or divided, by the "
    "model: a space that adds nothing may predict well alone.",
    "retinotopy": "Where the model synthesised the responses, F is a size and no test: predictions "
    "hold no noise of measurement, and with more stimuli F grows at will.",
    "contrasts": "Where the model synthesised the responses, t is a size and no test: predictions "
    "hold no noise of measurement. The threshold is chosen by the truth; without it there is none.",
    "fields": "r² is of the very folds that chose the penalty: a little too high.",
}  # fmt: skip


def encoding_sections(result: EncodingResult, shown: Sequence[str] = ()) -> list[Section]:
    """Arrange all that is shown below the first screen; what is absent is left out.

    Parameters
    ----------
    result : EncodingResult
        What there is.
    shown : sequence of str
        Names of figures that the first screen has.

    Returns
    -------
    list of Section
        Scores, chance, fingerprints, best layers, penalties, feature spaces, retinotopy,
        contrasts, receptive fields, reconstruction, further figures, planted truth, methods,
        settings.
    """
    sections = []
    for key, title, intro in _PLAN:
        words = _tables(result, key)
        there = [pair for pair in result.figures if _section(pair[0]) == key]
        figures = [_figure(result, *pair) for pair in sorted(there, key=_place)
                   if pair[0] not in shown]  # fmt: skip
        panels = result.brain_panels if key == "scores" else ()
        blocks: list[Block] = [*figures, *panels, *words]
        if not blocks:
            continue
        if key in REMARKS:
            blocks.insert(0, Notice(REMARKS[key], "info"))
        if len(figures) < len(there):
            told = figure_words(next(name for name, _ in there if name in shown))[0]
            blocks.insert(0, Text(f"{told}: the figure is in the summary above."))
        sections.append(Section(title, intro, blocks))
    common = SubjectResult(
        "", truth=result.truth, description=result.methods, decisions=result.decisions,
        settings=result.settings, versions=result.versions,
    )  # fmt: skip
    return sections + subject_sections(common)


def lead_figure(result: EncodingResult) -> tuple[str, Figure] | None:
    """Choose the figure of the first screen: fingerprints of regions, or maps of scores."""
    wanted = ("fingerprints", "scoremaps") if result.regions else ("scoremaps", "fingerprints")
    for key in wanted:
        for name, file in result.figures:
            if figure_key(name) == key:
                return name, _figure(result, name, file)
    return None


_PLAN = (
    ("scores", "Scores", "How well each layer predicts the responses to samples that its model "
     "never saw: r² is the explained share of variance about their mean, r the correlation."),
    ("chance", "Against chance", "The largest score over layers, compared with what it is when "
     "responses change places."),
    ("fingerprints", "Fingerprints of regions", "Which layers predict a region: a curve that falls "
     "belongs to first layers, one that rises to last ones."),
    ("best", "Best layer and trend", "Where on the way from the first to the last layer a voxel "
     "lies."),
    ("penalties", "Penalties", "How strongly the models were held back; the choice should fall "
     "inside the grid."),
    ("spaces", "Feature spaces together", "One model of all feature spaces, with a penalty for "
     "each: what they explain together, and what each adds."),
    ("retinotopy", "Preferred angle", "Which part of the visual field each voxel answers to, from "
     "responses to wedges."),
    ("contrasts", "Contrast of two kinds of stimuli", "Whether the voxels of a known contrast are "
     "found again: recall is the share of them that are found, precision the share of the found "
     "that are true."),
    ("fields", "Receptive fields", "Which features drive each voxel, estimated so that few do."),
    ("reconstruction", "Reconstructed images", "Images decoded from the responses to them."),
    (None, "Further figures", ""),
)  # fmt: skip


def _place(pair: tuple[str, object]) -> int:
    key = figure_key(pair[0])
    return len(FIGURES) if key is None else list(FIGURES).index(key)


def _section(name: str) -> str | None:
    key = figure_key(name)
    return None if key is None else FIGURES[key][0]


def _tables(result: EncodingResult, key: str | None) -> list[Block]:
    """Tables of a section, maybe none."""
    made: list[Block] = []
    if key == "scores":
        made = tables.layer_table(result)
        if result.ceiling is not None:
            made += facts.ceiling_table(result.ceiling)
    elif key == "chance" and result.significance is not None:
        made = facts.chance_table(result.significance, result.word)
    elif key == "fingerprints":
        made = tables.profile_table(result)
    elif key == "best" and result.fingerprint is not None:
        made = [*tables.best_layer_table(result), *_component(result)]
    elif key == "penalties":
        made = tables.penalty_table(result)
    elif key == "spaces" and result.banded is not None:
        made = facts.space_table(result.banded)
    elif key == "retinotopy" and result.retinotopy is not None:
        made = facts.retinotopy_table(result.retinotopy)
    elif key == "contrasts" and result.recovery is not None:
        made = facts.recovery_table(result.recovery)
    elif key == "fields" and result.fields is not None:
        made = facts.field_table(result.fields)
    elif key == "reconstruction" and result.reconstruction is not None:
        made = facts.reconstruction_table(result.reconstruction)
    return made


def _component(result: EncodingResult) -> list[Block]:
    """Say whether a line over layers sums up the profiles."""
    found = (result.fingerprint or {}).get("component_of_profiles") or {}
    share, r = found.get("share_of_variance"), found.get("correlation_with_trend")
    if share is None:
        return []
    text = (
        f"The first principal component of the voxels' profiles has {percent(share)} of their "
        f"variance; its loadings correlate with a straight line over layers by {number(r)}."
    )
    return [Text(text)]


def _figure(result: EncodingResult, name: str, file: object) -> Figure:
    title, how = figure_words(name)
    numbers = _numbers(result, figure_key(name))
    alt = " ".join(part for part in (f"{title}{': ' if how else '.'}{how}", numbers) if part)
    return Figure(file, f"{title}: {how}" if how else f"{title}.", alt)


def _numbers(result: EncodingResult, key: str | None) -> str:
    """Say what a figure shows, in numbers, for those who cannot see it."""
    layers = (result.encode or {}).get("layers", ())
    found = result.fingerprint or {}
    text = ""
    if key in ("scoremaps", "scoresurface") and layers:
        parts = [f"{layer['name']} {number(layer.get('largest_r2'))}" for layer in layers]
        text = f"Largest r²: {', '.join(parts)}."
    elif key == "fingerprints" and result.regions:
        parts = [f"{name} {result.regions[name]['peak_layer'] or 'none'}"
                 for name in tables.region_names(result)]  # fmt: skip
        text = f"Best layers: {', '.join(parts)}."
    elif key in ("winner", "winnersurface") and found:
        counts = found["n_voxels_by_best_layer"]
        text = f"Voxels: {', '.join(f'{name} {counts[name]:,}' for name in found['layers'])}."
    elif _tables(result, FIGURES[key][0] if key else None):
        text = "The numbers are in the table of this section."
    return text
