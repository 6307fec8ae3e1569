"""Numbers of an encoding analysis beside scores and fingerprints, as tables for readers."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from fmriprod.reports.encoding_verdicts import percent
from fmriprod.reports.page import Block, Table
from fmriprod.reports.verdicts import number


def fact_table(facts: Sequence[tuple[str, str]], caption: str = "") -> list[Block]:
    """Numbers with their names; those that are a dash are left out."""
    rows = [[name, value] for name, value in facts if value and value != "–"]
    return [Table(["What", "Value"], rows, caption)] if rows else []


def chance_table(found: Mapping[str, Any], word: str) -> list[Block]:
    """Sum up the test against permuted responses."""
    settings = found.get("settings", {})
    null = found.get("null_percentiles_50_95_99_99.9") or (None,) * 4
    own = settings.get("per_voxel")
    n, usable = found["n_significant"], found["n_usable"]
    return fact_table([
        ("Significant voxels", f"{n:,} of {usable:,} ({percent(n / usable if usable else None)})"),
        ("False discovery rate", f"{settings['q']:g}" if "q" in settings else ""),
        (f"Smallest significant {word}", number(found.get("threshold"), 3)),
        (f"Null: median, 95th, 99th, 99.9th percentile of the largest {word}",
         ", ".join(number(value, 3) for value in null) if null[0] is not None else ""),
        ("Permutations of each voxel", f"{found['n_permutations']:,}"),
        ("Null", "of each voxel" if own else
         f"of {len(found.get('sampled_voxels', ()))} voxels, for all"),
        ("What changes places", _SCHEMES.get(settings.get("scheme"), "")),
        ("Samples that stay together", f"{settings['block']}" if "block" in settings else ""),
        ("Penalties of permuted responses", {"repeat": "chosen anew", "chosen": "those of the data"}
         .get(settings.get("penalty"), "")),
    ])  # fmt: skip


_SCHEMES = {
    "across": "all samples",
    "within": "samples of what is left out together",
    "shift": "nothing: each run is shifted in a circle",
}


def ceiling_table(found: Mapping[str, Any]) -> list[Block]:
    """Sum up what could be explained at best."""
    low, middle, high = [*found["share_quantiles_5_50_95"], None, None, None][:3]
    repeats = found.get("n_repeats") or {}
    often = " to ".join(dict.fromkeys(f"{n:,}" for n in repeats.values()))
    return fact_table([
        ("Stimuli", f"{found['n_stimuli']:,}" + f", each shown {often} times" * bool(often)),
        ("Explainable share of variance, median voxel", number(middle, 3)),
        ("5 % to 95 % of voxels", f"{number(low, 3)} to {number(high, 3)}"),
        ("Voxels whose interval is above 0", f"{found['n_voxels_interval_above_0']:,} of "
         f"{found['n_voxels']:,}" if "n_voxels_interval_above_0" in found else ""),
    ], "Noise ceiling: the largest r² that any model can be expected to reach in single "
       "responses.")  # fmt: skip


def space_table(found: Mapping[str, Any]) -> list[Block]:
    """Sum up a model of several feature spaces."""
    rows = [[space["name"], number(space.get("median_split"), 3), number(space.get("mean_weight")),
             f"{space['n_most']:,}" if "n_most" in space else "–"]
            for space in found["spaces"]]  # fmt: skip
    middle, best = (number(found[name], 3) for name in ("median_r2", "largest_r2"))
    caption = (
        f"Over {found['n_usable']:,} usable voxels. r² of all spaces together: {middle} in the "
        f"median voxel, {best} in the best."
    )
    header = ["Space", "Part of r² (median)", "Mean weight", "Largest part in voxels"]
    return [Table(header, rows, caption)]


def retinotopy_table(found: Mapping[str, Any]) -> list[Block]:
    """Angles, and their agreement with known ones."""
    dof = ", ".join(f"{value:g}" for value in found.get("dof", ()))
    r, uniform = found.get("circular_correlation"), found.get("circular_correlation_uniform")
    error = found.get("mean_angular_error")
    return fact_table([
        (f"Voxels with F > {found['f_threshold']:g}",
         f"{found['n_above']:,} of {found['n_usable']:,}"),
        ("Degrees of freedom of F", dof),
        ("Stimuli", f"{found['n_samples']:,}" if "n_samples" in found else ""),
        ("Voxels compared with known angles", f"{found['n_compared']:,}"
         if found.get("n_compared") else ""),
        ("Circular correlation with them, about their means", number(r)),
        ("The same for angles without a mean direction", number(uniform)),
        ("Mean angular error", "" if error is None else number(np.rad2deg(error), 0, "degrees")),
    ], _ABOUT_MEANS if r is not None else "")  # fmt: skip


_ABOUT_MEANS = (
    "The correlation about the means says something only where angles have a mean direction; "
    "where they point everywhere alike, look at the other one."
)


def recovery_table(table: pd.DataFrame) -> list[Block]:
    """How well contrast maps find the voxels of the true one."""
    rows = []
    for row in table.itertuples():
        rows.append([
            row.map, row.contrast, f"{row.n_support:,.0f}",
            *(number(getattr(row, name)) for name in _RECOVERY),
        ])  # fmt: skip
    header = ["Map", "Contrast", "True voxels", "Average precision", "Chance",
              "Recall at precision 1", "Threshold (t)", "Precision there",
              "Recall there"]  # fmt: skip
    return [Table(header, rows, "Threshold: the best precision among those that find enough.")]


_RECOVERY = ("average_precision", "chance", "recall_at_full_precision", "threshold", "precision",
             "recall")  # fmt: skip


def field_table(found: Mapping[str, Any]) -> list[Block]:
    """Receptive fields."""
    return fact_table([
        ("Voxels with r² above 0", f"{found['n_r2_above_0']:,} of {found['n_usable']:,}"
         if "n_r2_above_0" in found else ""),
        ("Largest r²", number(found["max_r2"])),
        ("Median r²", number(found.get("median_r2"), 3)),
        ("Features of a field, median", number(found.get("median_size"), 0)),
        ("Empty fields", f"{found['n_empty_fields']:,}"),
        ("Features that are constant", f"{found.get('n_constant_features', 0):,}"),
        ("Voxels left out", f"{found.get('n_excluded', 0):,}"),
    ])  # fmt: skip


def reconstruction_table(found: Mapping[str, Any]) -> list[Block]:
    """Images reconstructed from responses."""
    return fact_table([
        ("Pixels that are right", percent(found["accuracy"])),
        ("Always guessing a pixel's more frequent value",
         percent(found.get("accuracy_of_each_pixel_s_more_frequent_value"))),
        ("Precision, recall, F1 (mean over pixels)",
         ", ".join(number(found.get(name)) for name in ("precision", "recall", "f1"))),
        ("Samples to learn from, to test on", f"{found['n_train']:,}, {found['n_test']:,}"),
        ("Voxels taken", f"{found['n_voxels_taken']:,} of {found['n_voxels']:,}"
         if "n_voxels_taken" in found else ""),
    ])  # fmt: skip
