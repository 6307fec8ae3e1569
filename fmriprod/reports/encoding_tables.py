"""Tables of the report on an encoding analysis."""

from typing import Any

import pandas as pd

from fmriprod.reports.encoding_results import EncodingResult
from fmriprod.reports.encoding_verdicts import END_SHARE, penalty_ends, percent
from fmriprod.reports.page import Block, Notice, Table
from fmriprod.reports.verdicts import number

_WIDE = 5  # regions, above which intervals make a table too wide for the page


def region_table(result: EncodingResult) -> list[Block]:
    """Best layer of each region; nothing where there are no regions."""
    rows = []
    for name in region_names(result):
        region = result.regions[name]
        peak = region["peak_layer"]
        rows.append([
            name, peak or "none", number(region["peak_score"], 3), _runner_up(result, name),
            f"{region['n_voxels']:,}", f"{region['n_best']:,}",
        ])  # fmt: skip
    header = ["Region", "Best layer", f"{result.word} there", "Next best", "Voxels", "averaged"]
    caption = (
        f"{result.word} there: mean over the best of the region's voxels; as the same scores chose "
        "them, a little too high. Next best: a layer, and its part of the best one's."
    )
    return [Table(header, rows, caption)] if rows else []


def region_names(result: EncodingResult) -> list[str]:
    """Regions in the order of the profiles, or as they come."""
    known = list(result.regions)
    if result.profiles is None:
        return known
    return [name for name in dict.fromkeys(result.profiles["roi"]) if name in known]


def _runner_up(result: EncodingResult, region: str) -> str:
    if result.profiles is None:
        return "–"
    own = result.profiles[result.profiles["roi"] == region].dropna(subset="value")
    if len(own) < 2:
        return "–"
    second = own.sort_values("value", ascending=False, kind="stable").iloc[1]
    return f"{second['layer']} ({_rounded(second['value'])})"


def profile_table(result: EncodingResult) -> list[Block]:
    """Profiles of regions, a row a layer."""
    profiles = result.profiles
    if profiles is None:
        return []
    share = (result.fingerprint or {}).get("settings", {}).get("best_share")
    whose = "best voxels" if share is None else f"best {100 * share:g} % of the voxels"
    regions, layers = (list(dict.fromkeys(profiles[name])) for name in ("roi", "layer"))
    ends = len(regions) <= _WIDE and bool(profiles["low"].notna().any())
    cells = {(row.roi, row.layer): _interval(row, ends) for row in profiles.itertuples()}
    rows = [[layer, *(cells.get((region, layer), "–") for region in regions)] for layer in layers]
    header = ["Layer", *("all voxels" if region == "all" else region for region in regions)]
    caption = f"Mean {result.word} over the {whose} of a region, divided by its maximum over layers"
    caption += " [95 % interval over voxels]." if ends else "; intervals are in the figure."
    return [Table(header, rows, caption)]


def _interval(row: Any, ends: bool) -> str:
    if not ends or pd.isna(row.low):
        return _rounded(row.value)
    return f"{_rounded(row.value)} [{_rounded(row.low)}, {_rounded(row.high)}]"


def _rounded(value: float) -> str:
    return number(round(value, 2) + 0.0)  # not -0.00


def layer_table(result: EncodingResult) -> list[Block]:
    """Scores by layer."""
    layers = (result.encode or {}).get("layers", ())
    if result.overview is None:
        rows = [[layer["name"], *(number(layer.get(name), 3)
                                  for name in ("median_r2", "largest_r2", "largest_r"))]
                for layer in layers]  # fmt: skip
        header = ["Layer", "Median r²", "Largest r²", "Largest r"]
        return [Table(header, rows, "Over all usable voxels.")] if rows else []
    rows = []
    shown = result.overview if len(result.overview) > 2 else result.overview.iloc[:1]
    for row in shown.itertuples():
        last = row.Index == len(result.overview) - 1
        rows.append([
            "best of each voxel" if last else row.layer, f"{row.n_predicted:,}",
            *(number(value, 3) for value in (row.median, row.p95, row.largest)),
        ])  # fmt: skip
    word = result.word
    header = ["Layer", f"Voxels with {word} {limit_words(result)}", f"Median {word}",
              "95 % of voxels below", f"Largest {word}"]  # fmt: skip
    caption = "Over all usable voxels."
    if result.threshold is not None:
        caption += f" {number(result.threshold, 3)} is the smallest significant {word}."
    return [Table(header, rows, caption)]


def limit_words(result: EncodingResult) -> str:
    """Say what a score has to be for a voxel to count as predicted."""
    if result.threshold is None:
        return "above 0"
    return f"≥ {number(result.threshold, 3)}"


def penalty_table(result: EncodingResult) -> list[Block]:
    """Penalties that were tried, and how often the ends of the grid were chosen."""
    layers = (result.encode or {}).get("layers", ())
    if layers and all(len(set(layer.get("penalties", ()))) == 1 for layer in layers):
        given = [[layer["name"], f"{layer['penalties'][0]:.3g}", layer.get("form", "–")]
                 for layer in layers]  # fmt: skip
        return [Table(["Layer", "Penalty", "Form"], given, "One was given, and none chosen.")]
    ends = penalty_ends(result)
    shares = {} if ends is None else {row.layer: row for row in ends.itertuples()}
    rows: list[list[str | Notice]] = []
    for layer in layers:
        tried, found = sorted(set(layer.get("penalties", ()))), shares.get(layer["name"])
        rows.append([
            layer["name"],
            *(_end_cell(getattr(found, f"share_{end}", None)) for end in ("smallest", "largest")),
            str(len(tried)), f"{tried[0]:.3g} to {tried[-1]:.3g}" if tried else "–",
            layer.get("form", "–"),
        ])  # fmt: skip
    header = ["Layer", "smallest chosen", "largest chosen", "Penalties", "from – to", "Form"]
    whose = f"voxels that the layer predicts ({result.word} {limit_words(result)})"
    whose = whose if result.overview is not None else "all usable voxels"
    caption = (
        f"Shares of the choices of {whose} in all folds; the figure counts all voxels that it was "
        "given. A dash: fewer than three penalties, or no such voxel."
    )
    return [Table(header, rows, caption)] if rows else []


def _end_cell(share: float | None) -> str | Notice:
    if share is not None and share > END_SHARE:
        return Notice(percent(share), "warning")
    return percent(share)


def best_layer_table(result: EncodingResult) -> list[Block]:
    """Voxels by best layer."""
    found = result.fingerprint
    if found is None:
        return []
    counts, shown = found["n_voxels_by_best_layer"], found["n_kept"]
    rows = [[layer, f"{counts[layer]:,}", percent(counts[layer] / shown if shown else None)]
            for layer in found["layers"]]  # fmt: skip
    caption = f"{shown:,} of {found['n_usable']:,} usable voxels are shown."
    if found.get("n_without_profile"):
        caption += f" {found['n_without_profile']:,} have no score above 0, and no trend."
    return [Table(["Layer", "Best in voxels", "Share"], rows, caption)]
