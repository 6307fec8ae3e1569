"""Key figures of representational similarity, for the first screen of its report."""

from fmriprod.reports.page import Tile
from fmriprod.reports.rsa_pairs import above_chance, mark_significant, tested_column
from fmriprod.reports.rsa_results import RSAResult, SimilarityTable
from fmriprod.reports.verdicts import number, probability


def rsa_tiles(result: RSAResult) -> list[Tile]:
    """Give the key figures that there are.

    Parameters
    ----------
    result : RSAResult
        What there is.

    Returns
    -------
    list of Tile
        Most similar pair of each table, spheres, layers, regions, planted truth.
    """
    tiles = [_best(entry, result.alpha) for entry in result.tables]
    makers = (_spheres, _layers, _regions, _rdms, _truth)
    tiles += [make(result) for make in makers]
    return [tile for tile in tiles if tile is not None]


def _best(entry: SimilarityTable, alpha: float) -> Tile | None:
    """Name the pair that is most alike."""
    known = entry.table.dropna(subset="value")
    if known.empty:
        return Tile(entry.title, "–", "no pair has a value", "problem")
    marked = mark_significant(known, alpha)
    top = marked.loc[marked["value"].idxmax()]
    detail = f"{entry.measure} of {top['rdm']} and {top['model']}, the largest"
    tested = tested_column(known)
    level = "info"
    if tested is not None:
        detail += f"; {tested} {_equal(probability(top[tested]))}"
        good = above_chance(known, alpha)
        detail += f"; {int(good.sum())} of {int(marked['significant'].notna().sum())} "
        detail += f"pairs are above 0 with {tested} ≤ {alpha:g}"
        level = "good" if good.any() else "warning"
    if {"ceiling_lower", "ceiling_upper"} <= set(known) and top["ceiling_lower"] == top[
        "ceiling_lower"
    ]:
        detail += (
            f"; noise ceiling {number(top['ceiling_lower'])} to {number(top['ceiling_upper'])}"
        )
    return Tile(entry.title, number(top["value"]), detail, level)


def _equal(text: str) -> str:
    return text if text.startswith("<") else f"= {text}"


def _spheres(result: RSAResult) -> Tile | None:
    counts = result.spheres
    if counts is None:
        return None
    top = counts.loc[counts["n_shown"].idxmax()]
    what = (
        f"{result.map_level} ≤ {result.alpha:g}" if result.spheres_tested else "above 0, not tested"
    )
    others = [
        f"{row.model} {row.n_shown:,}" for row in counts.itertuples() if row.Index != top.name
    ]
    detail = f"similar to {top['model']} ({what})"
    detail += f"; {', '.join(others[:4])}" if others else ""
    level = ("good" if top["n_shown"] else "warning") if result.spheres_tested else "info"
    n, total = int(top["n_shown"]), int(top["n_known"])
    return Tile(
        "Spheres",
        f"{n:,} of {total:,}",
        detail,
        level,
        (n / total, None, None, None) if total else None,
    )


def _layers(result: RSAResult) -> Tile | None:
    layers = result.layers
    if layers is None:
        return None
    total = int(layers["n"].sum())
    if not total:
        return Tile("Most similar layer", "none", "no voxel has a layer", "warning")
    top = layers.loc[layers["n"].idxmax()]
    detail = f"wins in {int(top['n']):,} of {total:,} voxels with a layer"
    return Tile("Most similar layer", str(top["layer"]), detail)


def _regions(result: RSAResult) -> Tile | None:
    if result.regions is None:
        return None
    marked = mark_significant(result.regions, result.alpha)
    tested = tested_column(result.regions)
    top = marked.loc[marked["value"].idxmax()] if marked["value"].notna().any() else None
    if top is None:
        return Tile("Regions", "–", "no region has a value", "problem")
    detail = f"largest: {top['rdm']} with {top['model']}, {number(top['value'])}"
    if tested is None:
        return Tile("Regions", f"{marked['rdm'].nunique()}", detail)
    good = int((marked["significant"] == 1).sum())
    detail = f"of regions and models have {tested} ≤ {result.alpha:g}; {detail}"
    return Tile("Regions", f"{good} of {len(marked)}", detail, "good" if good else "warning")


def _rdms(result: RSAResult) -> Tile | None:
    """Say what there is where only RDMs are shown."""
    if not result.rdms or result.tables or result.spheres is not None:
        return None
    first = result.rdms[0]
    total = sum(entry.n_rdms for entry in result.rdms)
    return Tile(
        "RDMs", f"{total:,}", f"of {first.n_conditions} conditions, {first.distance} distance"
    )


def _truth(result: RSAResult) -> Tile | None:
    if not result.truth:
        return None
    met = sum(bool(entry.get("ok")) for entry in result.truth.values())
    level = "good" if met == len(result.truth) else "problem"
    return Tile("Planted truth", f"{met} of {len(result.truth)}",
                "expectations of the simulation are met", level)  # fmt: skip
