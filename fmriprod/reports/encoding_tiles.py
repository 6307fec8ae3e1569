"""Key figures of an encoding analysis, for the first screen of its report."""

import numpy as np

from fmriprod.reports.encoding_results import EncodingResult
from fmriprod.reports.encoding_verdicts import END_SHARE, penalty_ends, percent
from fmriprod.reports.page import Tile
from fmriprod.reports.verdicts import EXCLUDED_SHARE, number


def encoding_tiles(result: EncodingResult) -> list[Tile]:
    """Give the key figures that there are: how much is predicted, by which layer, and the rest.

    Parameters
    ----------
    result : EncodingResult
        What there is.

    Returns
    -------
    list of Tile
    """
    makers = (_predicted, _best, _layers, _ends, _left_out, _spaces, _angles, _contrast, _fields,
              _images, _truth)  # fmt: skip
    return [tile for make in makers if (tile := make(result)) is not None]


def _predicted(result: EncodingResult) -> Tile | None:
    """How many voxels are predicted."""
    test, overview = result.significance, result.overview
    if test is not None:
        n, total = test["n_significant"], test["n_usable"]
        q = test.get("settings", {}).get("q")
        detail = f"better than by chance{f', q ≤ {q:g}' if q else ''}"
        if result.threshold is not None:
            detail += f"; smallest such {result.word} {number(result.threshold, 3)}"
        level = "good" if n else "warning"
    elif overview is not None and result.encode:
        n, total = int(overview["n_predicted"].iloc[-1]), result.encode["n_usable"]
        detail, level = f"best {result.word} above 0; not tested against chance", "info"
    else:
        return None
    gauge = (n / total, None, None, None) if total else None
    return Tile("Voxels predicted", f"{n:,} of {total:,}", detail, level, gauge)


def _best(result: EncodingResult) -> Tile | None:
    """Give the best score, with its layer."""
    layers = [layer for layer in (result.encode or {}).get("layers", ())
              if layer.get("largest_r2") is not None]  # fmt: skip
    if not layers:
        return None
    top = max(layers, key=lambda layer: layer["largest_r2"])
    r = max((layer["largest_r"] for layer in layers if layer.get("largest_r") is not None),
            default=None)  # fmt: skip
    detail = f"r² in the best voxel, layer {top['name']}; largest r {number(r)}"
    level = "info" if top["largest_r2"] > 0 else "problem"
    return Tile("Best score", number(top["largest_r2"]), detail, level)


def _layers(result: EncodingResult) -> Tile | None:
    """Name the layer that is best in most voxels."""
    found = result.fingerprint
    if found is None or not found["n_kept"]:
        return None
    counts, n = found["n_voxels_by_best_layer"], found["n_kept"]
    top = max(found["layers"], key=lambda layer: counts[layer])
    detail = f"best in {counts[top]:,} of {n:,} voxels shown ({percent(counts[top] / n)})"
    return Tile("Layer that wins most", top, detail)


def _ends(result: EncodingResult) -> Tile | None:
    """How often an end of the grid of penalties was chosen."""
    ends = penalty_ends(result)
    if ends is None:
        return None
    whole = (
        result.overview.iloc[-1] if result.overview is not None else ends.mean(numeric_only=True)
    )
    low, high = whole["share_smallest"], whole["share_largest"]
    worst = ends[["share_smallest", "share_largest"]].to_numpy()
    wide = bool((worst <= END_SHARE).all())
    whose = "predicted" if result.overview is not None else "all usable"
    named = ends["layer"].iloc[worst.max(axis=1).argmax()]
    detail = (
        f"of the choices in {whose} voxels: {percent(low)} smallest, {percent(high)} largest; "
        f"most in layer {named} ({percent(worst.max())} on one end)"
    )
    level = "good" if wide else "warning" if result.overview is not None else "info"
    return Tile("Penalties at the grid's ends", percent(low + high), detail, level)


def _left_out(result: EncodingResult) -> Tile | None:
    """Voxels that could not be analysed."""
    encode = result.encode
    if not encode:
        return None
    total, out = encode["n_voxels"], encode["n_voxels"] - encode["n_usable"]
    level = "warning" if total and out / total > EXCLUDED_SHARE else "good"
    detail = "not finite, or constant in what is left out together" if out else "all are usable"
    return Tile("Voxels left out", f"{out:,} of {total:,}", detail, level)


def _spaces(result: EncodingResult) -> Tile | None:
    found = result.banded
    if found is None:
        return None
    detail = f"largest r² of one model of {len(found['spaces'])} feature spaces"
    return Tile("Spaces together", number(found["largest_r2"]), detail)


def _angles(result: EncodingResult) -> Tile | None:
    found = result.retinotopy
    if found is None:
        return None
    error, r = found.get("mean_angular_error"), found.get("circular_correlation_uniform")
    shown = (
        f"{found['n_above']:,} of {found['n_usable']:,} voxels with F > {found['f_threshold']:g}"
    )
    if error is None:
        return Tile("Preferred angle", f"{found['n_above']:,} voxels", shown)
    detail = f"mean distance from the known angles; circular correlation {number(r)}; {shown}"
    return Tile("Preferred angle", f"{np.rad2deg(error):.0f}° off", detail)


def _contrast(result: EncodingResult) -> Tile | None:
    known = None if result.recovery is None else result.recovery.dropna(subset="average_precision")
    if known is None or known.empty:
        return None
    first = known[known["map"] == known["map"].iloc[0]]
    parts = [f"{row.contrast} {number(row.average_precision)} (chance {number(row.chance)})"
             for row in first.itertuples()]  # fmt: skip
    value = number(first["average_precision"].mean())
    return Tile(f"Contrast found again, {first['map'].iloc[0]}", value,
                f"average precision: {'; '.join(parts)}")  # fmt: skip


def _fields(result: EncodingResult) -> Tile | None:
    found = result.fields
    if found is None:
        return None
    detail = f"largest r²; {found['n_empty_fields']:,} of {found['n_usable']:,} fields are empty"
    return Tile("Receptive fields", number(found["max_r2"]), detail)


def _images(result: EncodingResult) -> Tile | None:
    found = result.reconstruction
    if found is None:
        return None
    guess = found.get("accuracy_of_each_pixel_s_more_frequent_value")
    detail = f"pixels of {found['n_test']:,} samples"
    detail += f"; constant guesses: {percent(guess)}" if guess is not None else ""
    return Tile("Reconstruction", f"{percent(found['accuracy'])} right", detail)


def _truth(result: EncodingResult) -> Tile | None:
    if not result.truth:
        return None
    met = sum(bool(entry.get("ok")) for entry in result.truth.values())
    level = "good" if met == len(result.truth) else "problem"
    return Tile("Planted truth", f"{met} of {len(result.truth)}",
                "expectations of the simulation are met", level)  # fmt: skip
