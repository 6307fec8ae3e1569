"""Say in plain words what deserves a look in an analysis of representational similarity."""

import pandas as pd

from fmriprod.reports.page import Notice
from fmriprod.reports.rsa_pairs import above_chance, mark_significant, tested_column
from fmriprod.reports.rsa_results import RSAResult, SimilarityTable
from fmriprod.reports.verdicts import number

# Limits beyond which a reader is told; they exclude nothing.
HIGH_STRESS = 0.2  # "poor" by Kruskal (1964)
LOW_AGREEMENT = 0.5  # median over voxels


def rsa_notices(result: RSAResult) -> list[Notice]:
    """Judge a whole analysis; what is absent is passed over.

    Parameters
    ----------
    result : RSAResult
        What there is.

    Returns
    -------
    list of Notice
        In the order of the sections; empty where nothing stands out.
    """
    notices = [notice for entry in result.tables for notice in _table(entry, result.alpha)]
    notices += _spheres(result) + _layers(result) + _regions(result)
    return notices + _rdms(result) + _scalings(result)


def _table(entry: SimilarityTable, alpha: float) -> list[Notice]:
    table, notices = entry.table, []
    tested = tested_column(table)
    if tested is None:
        text = f"{entry.title}: no test against chance was made."
        text += " A small similarity is no evidence for a model."
        if "cosine" in entry.measure.lower():
            text += " Cosines of RDMs are above 0 for any model: compare them with each other."
        notices.append(Notice(text, "info"))
    elif not above_chance(table, alpha).any():
        text = f"{entry.title}: no RDM is more similar to a model than by chance"
        notices.append(Notice(f"{text} ({tested} ≤ {alpha:g}).", "warning"))
    if "p_method" in table and (table["p_method"] == "spearmanr").any():
        text = f"{entry.title}: p is that of Student's t, as if pairs of conditions were "
        text += "independent. It is too small where they depend on each other: relabel conditions."
        notices.append(Notice(text, "warning"))
    unknown = int(table["value"].isna().sum())
    if unknown:
        text = f"{entry.title}: {unknown} of {len(table)} pairs have no value"
        notices.append(Notice(f"{text}; an RDM or a model is constant, or has gaps.", "warning"))
    return notices + _above_ceiling(entry)


def _above_ceiling(entry: SimilarityTable) -> list[Notice]:
    table = entry.table
    if "ceiling_upper" not in table:
        return []
    above = table[table["value"] > table["ceiling_upper"]]
    if above.empty:
        return []
    n = len(above)
    pairs = [f"{row.rdm} with {row.model}" for row in above.itertuples()]
    text = (
        f"{entry.title}: {n} {'pairs are' if n > 1 else 'pair is'} above the upper noise ceiling "
        f"({_few(pairs, 2)}). A mean RDM over participants is less noisy than each of theirs: "
        "ceilings of single participants are not for it."
    )
    return [Notice(text, "warning")]


def _spheres(result: RSAResult) -> list[Notice]:
    counts = result.spheres
    if counts is None:
        return []
    if not result.spheres_tested:
        text = "Maps of spheres were not tested: some values are above 0 by chance everywhere."
        return [Notice(text, "info")]
    without = [str(row.model) for row in counts.itertuples() if not row.n_shown]
    if len(without) == len(counts):
        text = f"No sphere is similar to a model ({result.map_level} ≤ {result.alpha:g})."
        return [Notice(text, "warning")]
    return [Notice(f"No sphere is similar to {_few(without)}.", "info")] if without else []


def _layers(result: RSAResult) -> list[Notice]:
    layers = result.layers
    if layers is None or not layers["n"].sum():
        return [] if layers is None else [Notice("No voxel has a layer.", "warning")]
    known = layers.dropna(subset="agreement")
    if known.empty:
        text = (
            "How sure the most similar layer is was not estimated. Layers beside each other have "
            "similar RDMs, and noise decides between them."
        )
        return [Notice(text, "info")]
    weak = [str(row.layer) for row in known.itertuples() if row.agreement < LOW_AGREEMENT]
    if not weak:
        return []
    text = f"Other data would often give another layer where {_few(weak)} won"
    return [Notice(f"{text}: median agreement below {LOW_AGREEMENT:g}.", "warning")]


def _regions(result: RSAResult) -> list[Notice]:
    regions = result.regions
    if regions is None or tested_column(regions) is None:
        return []
    if (mark_significant(regions, result.alpha)["significant"] == 1).any():
        return _few_participants(regions)
    text = f"In no region does the mean over participants differ from 0 (q ≤ {result.alpha:g})."
    return [Notice(text, "warning"), *_few_participants(regions)]


def _few_participants(regions: pd.DataFrame) -> list[Notice]:
    if "n" not in regions or not regions["n"].min() < regions["n"].max():
        return []
    low, high = int(regions["n"].min()), int(regions["n"].max())
    return [Notice(f"Regions have values of {low} to {high} participants, not of all.", "info")]


def _rdms(result: RSAResult) -> list[Notice]:
    notices = []
    for entry in result.rdms:
        if entry.n_unknown:
            text = (
                f"{entry.title}: {entry.n_unknown:,} of {entry.n_rdms:,} RDMs have unknown pairs."
            )
            notices.append(Notice(text, "warning"))
        if entry.n_constant:
            text = f"{entry.title}: in {entry.n_constant:,} of {entry.n_rdms:,} RDMs all distances "
            notices.append(
                Notice(f"{text}are the same: they can be compared with none.", "warning")
            )
    return notices


def _scalings(result: RSAResult) -> list[Notice]:
    high = [f"{entry.name} ({number(entry.stress)})" for entry in result.scalings
            if entry.stress > HIGH_STRESS]  # fmt: skip
    if not high:
        return []
    text = f"Two dimensions hold only a part of the distances of {_few(high)}, by their stress: "
    return [Notice(f"{text}read groups, not single neighbours.", "info")]


def _few(names: list[str], most: int = 4) -> str:
    """Name some, and count the others.

    Examples
    --------
    >>> _few(["a", "b"]), _few(list("abcdef"))
    ('a and b', 'a, b, c, d and 2 others')
    """
    if len(names) > most:
        n = len(names) - most
        return f"{', '.join(names[:most])} and {n} other{'s' if n > 1 else ''}"
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)
