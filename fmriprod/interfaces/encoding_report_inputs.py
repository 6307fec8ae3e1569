"""What the report on an encoding analysis is made of: summaries and tables of its steps."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.score_overview import score_overview
from fmriprod.interfaces.events import read_table
from fmriprod.interfaces.score_file import read_scores

# Summaries by input: the step that writes each, and what it has to hold.
SUMMARIES: dict[str, tuple[str, dict[str, type | tuple[type, ...]]]] = {
    "encode_summary": (
        "RidgeEncode",
        {"n_samples": int, "n_voxels": int, "n_usable": int, "folds": list, "layers": list},
    ),
    "fingerprint_summary": (
        "ScoreFingerprint",
        {"layers": list, "n_usable": int, "n_kept": int, "n_voxels_by_best_layer": dict,
         "regions": dict},
    ),
    "significance_summary": (
        "ScoreSignificance",
        {"layers": list, "n_usable": int, "n_significant": int, "n_permutations": int,
         "settings": dict},
    ),
    "ceiling_summary": (
        "NoiseCeiling", {"n_stimuli": int, "n_voxels": int, "share_quantiles_5_50_95": list}
    ),
    "banded_summary": (
        "BandedRidgeEncode",
        {"n_usable": int, "spaces": list, "median_r2": (int, float), "largest_r2": (int, float)},
    ),
    "retinotopy_summary": (
        "Retinotopy", {"n_usable": int, "n_above": int, "f_threshold": (int, float)}
    ),
    "fields_summary": (
        "ReceptiveField", {"n_usable": int, "n_empty_fields": int, "max_r2": (int, float)}
    ),
    "reconstruction_summary": (
        "ImageReconstruction", {"accuracy": (int, float), "n_train": int, "n_test": int}
    ),
}  # fmt: skip
# Tables by input: the step that writes each, and the columns that are read.
TABLES = {
    "profile": ("ScoreFingerprint", ("roi", "layer", "value", "low", "high")),
    "recovery_summary": (
        "ContrastRecovery",
        ("map", "contrast", "n_support", "chance", "average_precision",
         "recall_at_full_precision", "threshold", "precision", "recall"),
    ),
}  # fmt: skip


def read_summary(path: str, subject: str) -> dict[str, Any]:
    """Read the JSON of a step.

    Parameters
    ----------
    path : path
        The file.
    subject : str
        A key of `SUMMARIES`.

    Raises
    ------
    InputError
        If it is no such file.
    """
    step, needed = SUMMARIES[subject]
    content = _read_object(path, subject, step)
    lacking = [name for name, kind in needed.items() if not isinstance(content.get(name), kind)]
    if lacking or not _whole(content, subject):
        lacking = lacking or ["complete entries for layers and regions"]
        raise _foreign(subject, step, f"no {', '.join(lacking)}", path)
    return content


def _whole(content: Mapping[str, Any], subject: str) -> bool:
    """Tell whether entries for layers and regions have what the page reads."""
    if subject == "encode_summary":
        return bool(content["layers"]) and all(
            isinstance(layer, dict) and "name" in layer for layer in content["layers"]
        )
    if subject == "banded_summary":
        return all(isinstance(space, dict) and "name" in space for space in content["spaces"])
    if subject == "fingerprint_summary":
        needed = {"n_voxels", "n_best", "peak_layer", "peak_score"}
        regions = content["regions"].values()
        return set(content["layers"]) <= set(content["n_voxels_by_best_layer"]) and all(
            isinstance(region, dict) and needed <= set(region) for region in regions
        )
    return True


def _read_object(path: str, subject: str, step: str) -> dict[str, Any]:
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as err:
        raise _foreign(subject, step, f"{type(err).__name__}: {err}", path) from None
    if not isinstance(content, dict):
        raise _foreign(subject, step, f"{type(content).__name__}, no JSON object", path)
    return content


def read_step_table(path: str, subject: str) -> pd.DataFrame:
    """Read the table of a step; names of regions, layers and maps stay text.

    Raises
    ------
    InputError
        If it lacks a column of `TABLES`.
    """
    step, needed = TABLES[subject]
    table = read_table(path, subject)
    lacking = [name for name in needed if name not in table]
    if lacking:
        raise _foreign(subject, step, f"no column {', '.join(lacking)}", path)
    words = [name for name in ("roi", "layer", "map", "contrast") if name in table]
    text = pd.read_csv(path, sep="\t", dtype=str, usecols=words, keep_default_na=False,
                       encoding="utf-8-sig")  # fmt: skip
    return table.assign(**{name: text[name] for name in words})


def _foreign(subject: str, step: str, found: str, path: str) -> InputError:
    return InputError(
        subject,
        expected=f"what {step} writes",
        found=found[:200],
        hint=f"give the file of {step}, or leave it out",
        file=str(path),
    )


def check_one_analysis(
    summaries: Mapping[str, Mapping[str, Any]], profiles: pd.DataFrame | None
) -> None:
    """Refuse summaries of other layers or other voxels than those of the first one given.

    Raises
    ------
    InputError
        If layers, or numbers of voxels, differ.
    """
    known = [name for name in ("encode_summary", "significance_summary", "fingerprint_summary")
             if name in summaries]  # fmt: skip
    if not known:
        return
    first = _facts(summaries[known[0]])
    found = {name: _facts(summaries[name]) for name in known[1:]}
    if profiles is not None:
        found["profile"] = first | {"layers": list(dict.fromkeys(profiles["layer"]))}
    for name, facts in found.items():
        for what, value in first.items():
            if facts[what] != value:
                raise _other(name, what, value, facts[what], known[0])


def _facts(summary: Mapping[str, Any]) -> dict[str, Any]:
    layers = [layer["name"] if isinstance(layer, dict) else layer for layer in summary["layers"]]
    return {"layers": layers, "usable voxels": summary["n_usable"]}


def _other(name: str, what: str, wanted: Any, found: Any, first: str) -> InputError:
    words = [", ".join(value) if isinstance(value, list) else f"{value:,}"
             for value in (wanted, found)]  # fmt: skip
    return InputError(
        name,
        expected=f"{what} as {first}_file has: {words[0]}",
        found=words[1],
        hint="give files of one analysis",
    )


def read_overview(
    path: str, encode: Mapping[str, Any], score: str, threshold: float | None
) -> pd.DataFrame:
    """Sum up a file of scores; see `score_overview`.

    Raises
    ------
    InputError
        If it is of other layers or voxels than the summary.
    """
    scores = read_scores(path)
    ours = {"layers": scores.layers, "n_usable": int(scores.usable.sum())}
    for what, value in _facts(encode).items():
        if _facts(ours)[what] != value:
            raise _other("scores", what, value, _facts(ours)[what], "encode_summary")
    units = np.asarray(scores.penalty_units)[:, None, None]
    return score_overview(
        getattr(scores, score), scores.penalty / units, scores.usable, scores.layers,
        scores.penalties, at_least=threshold,
    )  # fmt: skip
