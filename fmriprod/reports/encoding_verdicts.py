"""Say in plain words what deserves a look in an encoding analysis."""

import math
from collections.abc import Sequence

import pandas as pd

from fmriprod.reports.encoding_results import EncodingResult
from fmriprod.reports.page import Notice
from fmriprod.reports.verdicts import EXCLUDED_SHARE, number

# Limits beyond which a reader is told; they exclude nothing.
END_SHARE = 0.2  # of the choices of a layer, on one end of the grid of penalties
FEW_FOLDS = 5  # below, draws of folds with replacement vary too little
FEW_BEST = 5  # voxels behind a region's profile
_SHOWN = 4  # layers that are named
_SPACE = "\N{NO-BREAK SPACE}"


def encoding_notices(result: EncodingResult) -> list[Notice]:
    """Judge a whole analysis; what is absent is passed over.

    Parameters
    ----------
    result : EncodingResult
        What there is.

    Returns
    -------
    list of Notice
        In the order of the sections; empty where nothing stands out.
    """
    parts = (left_out_notices, chance_notices, penalty_notices, fingerprint_notices,
             contrast_notices, field_notices)  # fmt: skip
    return [notice for part in parts for notice in part(result)]


def left_out_notices(result: EncodingResult) -> list[Notice]:
    """Tell of voxels that could not be analysed, and of an analysis that predicts nothing."""
    encode = result.encode or {}
    notices = []
    total, used = encode.get("n_voxels"), encode.get("n_usable")
    if total and used is not None and 1 - used / total > EXCLUDED_SHARE:
        text = (
            f"{percent(1 - used / total)} of the voxels are left out: not finite, or constant in "
            "what is left out together. Look at the mask and at the responses."
        )
        notices.append(Notice(text, "warning"))
    largest = [layer.get("largest_r2") for layer in encode.get("layers", ())]
    known = [value for value in largest if value is not None]
    if known and max(known) <= 0:
        text = (
            f"No layer predicts any voxel: the largest r² is {number(max(known), 3)}. Check that "
            "rows of features and of responses are the same samples, and the delay of the response."
        )
        notices.append(Notice(text, "problem"))
    return notices


def chance_notices(result: EncodingResult) -> list[Notice]:
    """Judge the test against permuted responses, or say that there was none."""
    found = result.significance
    if found is None:
        return [_untested(result)] if result.encode else []
    notices = []
    settings = found.get("settings", {})
    q = settings.get("q", 0.01)
    if not found["n_significant"]:
        text = f"No voxel is predicted better than by chance (false discovery rate {q:g})."
        if settings.get("per_voxel"):
            least = 1 / (1 + found["n_permutations"])
            needed = math.ceil(least * found["n_usable"] / q)
            text += (
                f" With {found['n_permutations']:,} permutations p is never below {least:.2g}: "
                f"{needed:,} voxels at least would have to reach it."
            )
        notices.append(Notice(text, "warning"))
    if found.get("ks_largest", 0) > found.get("ks_limit", math.inf):
        text = (
            "The sampled voxels' nulls differ: their 99th percentiles go from "
            f"{number(found.get('p99_lowest'), 3)} to {number(found.get('p99_highest'), 3)}, so "
            "that one null for all is too strict for some voxels and too mild for others. Test "
            "with per_voxel where it matters."
        )
        notices.append(Notice(text, "warning"))
    orders, drawn = found.get("log10_distinct_orders"), found.get("n_permutations")
    if orders is not None and drawn and orders < math.log10(drawn):
        text = (
            f"There are only {10**orders:,.0f} different orders of the samples and "
            f"{drawn:,} were drawn: p is coarser than it looks. Use smaller blocks."
        )
        notices.append(Notice(text, "warning"))
    if found.get("n_null_not_finite"):
        text = f"{found['n_null_not_finite']:,} scores of permuted responses are not finite."
        notices.append(Notice(text, "warning"))
    return notices


def _untested(result: EncodingResult) -> Notice:
    start = "No test against chance was made."
    if result.overview is None:
        return Notice(f"{start} A small score above 0 is no evidence for a voxel.", "info")
    n, layers = int(result.overview["n_predicted"].iloc[-1]), len(result.overview) - 1
    few = "" if layers == 1 else f", the more so as the best of {layers} layers counts"
    text = f"{start} {result.word} is above 0 in {n:,} voxels, in some of them by chance{few}."
    return Notice(text, "info")


def penalty_notices(result: EncodingResult) -> list[Notice]:
    """Tell when the grid of penalties seems too narrow."""
    table = penalty_ends(result)
    if table is None:
        return []
    notices = []
    whose = "predicted voxels" if result.overview is not None else "all voxels"
    for end, way in (("smallest", "downwards"), ("largest", "upwards")):
        there = table[table[f"share_{end}"] > END_SHARE]
        if there.empty:
            continue
        named = [f"{row.layer} ({percent(getattr(row, f'share_{end}'))})"
                 for row in there.itertuples()]  # fmt: skip
        text = (
            f"The grid of penalties may be too narrow: {whose} often choose the {end} penalty in "
            f"{_listed(named)}. Widen it {way}."
        )
        if end == "smallest":
            text += " If scores stay the same then, penalties so small make no difference."
        vague = end == "largest" and result.overview is None
        if vague:
            text += " Voxels that nothing predicts choose it too, however wide the grid is."
        notices.append(Notice(text, "info" if vague else "warning"))
    return notices


def penalty_ends(result: EncodingResult) -> pd.DataFrame | None:
    """Give ``layer share_smallest share_largest``, of layers with three penalties or more.

    Of predicted voxels where scores are known, otherwise of all. None without a layer.
    """
    layers = (result.encode or {}).get("layers", ())
    wide = [layer["name"] for layer in layers if len(set(layer.get("penalties", ()))) > 2]
    columns = ["layer", "share_smallest", "share_largest"]
    if result.overview is None:
        table = pd.DataFrame(layers).rename(columns={"name": "layer"}).reindex(columns=columns)
    else:
        table = result.overview.iloc[:-1][columns]
    table = table[table["layer"].isin(wide)].dropna()
    return None if table.empty else table


def fingerprint_notices(result: EncodingResult) -> list[Notice]:
    """Tell when best layers are shown of voxels that nothing predicts, or rest on few."""
    found = result.fingerprint
    if found is None:
        return []
    notices = []
    shown, tested = found["n_kept"], (result.significance or {}).get("n_significant")
    everything = shown == found["n_usable"]
    if everything and (tested is None or tested < shown):
        known = "" if tested is None else f", though only {tested:,} are significant"
        text = (
            f"The best layer is shown in all {shown:,} usable voxels{known}. In noise each layer "
            "wins somewhere, in patches that look like areas: give selection_file, such as "
            "significant voxels."
        )
        notices.append(Notice(text, "warning"))
    few = [name for name, region in result.regions.items()
           if region["n_voxels"] and region["n_best"] < FEW_BEST]  # fmt: skip
    if few:
        text = f"Profiles of {_listed(few)} rest on fewer than {FEW_BEST} voxels."
        notices.append(Notice(text, "info"))
    empty = [name for name, region in result.regions.items() if not region["n_voxels"]]
    if empty:
        notices.append(Notice(f"No voxel is shown in {_listed(empty)}.", "info"))
    return notices


def contrast_notices(result: EncodingResult) -> list[Notice]:
    """Tell of contrast maps that find the voxels of the true one no better than chance."""
    if result.recovery is None:
        return []
    lost = result.recovery[result.recovery["average_precision"] <= result.recovery["chance"]]
    names = [f"{row.contrast} in {row.map}" for row in lost.itertuples()]
    text = f"The voxels of the true contrast are found no better than by chance: {_listed(names)}."
    return [Notice(text, "warning")] if names else []


def field_notices(result: EncodingResult) -> list[Notice]:
    """Tell of receptive fields without a pixel, and of images that are not reconstructed."""
    notices = []
    fields = result.fields or {}
    if fields and fields["n_empty_fields"] > fields["n_usable"] / 2:
        text = (
            f"{percent(fields['n_empty_fields'] / fields['n_usable'])} of the receptive fields are "
            "empty: no feature says enough about these voxels."
        )
        notices.append(Notice(text, "info"))
    found = result.reconstruction or {}
    guess = found.get("accuracy_of_each_pixel_s_more_frequent_value")
    if guess is not None and found["accuracy"] <= guess:
        text = (
            f"Reconstructed pixels are right in {percent(found['accuracy'])}; always guessing each "
            f"pixel's more frequent value would reach {percent(guess)}."
        )
        notices.append(Notice(text, "warning"))
    return notices


def percent(share: float | None) -> str:
    r"""Print a share; ends are kept apart from what only rounds to them.

    Examples
    --------
    >>> percent(0.123), percent(0.0), percent(0.001), percent(0.999), percent(None)
    ('12\xa0%', '0\xa0%', '< 1\xa0%', '> 99\xa0%', '–')
    """
    if share is None or share != share:
        return "–"
    if 0 < share < 0.005:
        return f"< 1{_SPACE}%"
    return f"> 99{_SPACE}%" if 0.995 <= share < 1 else f"{100 * share:.0f}{_SPACE}%"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    shown = names if more <= 1 else [*names[:_SHOWN], f"{more} more"]
    return ", ".join(shown)
