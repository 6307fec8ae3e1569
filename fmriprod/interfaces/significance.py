"""Which voxels a layer predicts better than chance: permutations of the responses."""

from typing import Any

import numpy as np
import pandas as pd
from nipype import logging
from nipype.interfaces.base import File, TraitedSpec, isdefined, traits

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.nested_ridge import NestedRidge, nested_ridge
from fmriprod.algorithms.permute_samples import SampleOrders, sample_orders
from fmriprod.algorithms.score_null import check_known_scores, max_score_null
from fmriprod.algorithms.score_significance import (
    Significance,
    compare_nulls,
    score_significance,
    spread_voxels,
)
from fmriprod.interfaces.base import PythonInterface
from fmriprod.interfaces.encode_inputs import (
    EncodingInputs,
    EncodingInputSpec,
    read_inputs,
    ridge_options,
)
from fmriprod.interfaces.featurize import voxel_table
from fmriprod.interfaces.matching_scores import read_matching_scores
from fmriprod.interfaces.score_file import LayerScores

_LOG = logging.getLogger("nipype.interface")
_PUBLISHED, _PER_VOXEL = 100_000, 1_000


class _ScoreSignificanceInputSpec(EncodingInputSpec):
    scores_file = File(
        exists=True,
        mandatory=True,
        desc="scores (HDF5) that RidgeEncode made of these inputs, with the same options",
    )
    score = traits.Enum("r2", "r", usedefault=True, desc="score: share of variance, or correlation")
    n_permutations = traits.Int(
        desc="permutations of each voxel (default: 100,000; with per_voxel 1,000)"
    )
    n_voxels = traits.Range(
        low=1,
        value=14,
        usedefault=True,
        desc="voxels, spread over the mask, whose nulls together are the null of all voxels",
    )
    per_voxel = traits.Bool(
        False,
        usedefault=True,
        desc="permute every voxel and give it a null of its own; no p is below "
        "1 / (1 + n_permutations)",
    )
    scheme = traits.Enum(
        "across",
        "within",
        "shift",
        usedefault=True,
        desc="across: all samples change places; within: those of a group (what is left out "
        "together), which keeps differences between groups in the null; shift: each run is shifted "
        "in a circle by a random number of samples. With the last two, pool voxels only where "
        "responses have the same mean in all groups",
    )
    block = traits.Range(
        low=1,
        value=1,
        usedefault=True,
        desc="samples that stay together when they change places. For films, whose responses "
        "depend on their neighbours, longer than they remember: with a correlation of .8 "
        "from one to the next, 34 % of unrelated voxels had p below .05 with blocks of 1, 9 % with "
        "5, 6 % with 10, 5 % with 20 and with shifts (simulated). Blocks do not cross runs",
    )
    penalty = traits.Enum(
        "repeat",
        "chosen",
        usedefault=True,
        desc="repeat: inner folds choose the penalty of every permutation, as of the data; "
        "chosen: keep what the data chose, which takes a small part of the time, but p is too "
        "small: in studies of noise alone, q below .05 came six times as often as it should. A "
        "penalty that all voxels share is kept in any case",
    )
    q = traits.Range(
        low=0.0,
        high=1.0,
        value=0.01,
        exclude_low=True,
        usedefault=True,
        desc="false discovery rate over voxels of significant_mask",
    )
    seed = traits.Range(low=0, value=0, usedefault=True, desc="seed of permutations and voxels")
    simulated = traits.Bool(False, usedefault=True, desc="the data are simulated: figure says so")


class _ScoreSignificanceOutputSpec(TraitedSpec):
    significant_mask = File(exists=True, desc="NIfTI: 1 where significant")
    log_p_map = File(exists=True, desc="NIfTI: -log10 p; NaN where not usable, 0 outside")
    log_q_map = File(exists=True, desc="NIfTI: -log10 q; NaN where not usable, 0 outside")
    table_file = File(
        exists=True,
        desc="TSV, a row a voxel: voxel (column of the responses, from 0), where there is a mask "
        "i j k and x y z (mm), usable, layer (the best), statistic (its score), p, q "
        "(Benjamini-Hochberg), significant",
    )
    null_file = File(
        exists=True,
        desc=".npy float32 (n_sampled, n_permutations): largest scores over layers of permuted "
        "data; with per_voxel a row a usable voxel",
    )
    summary_file = File(
        exists=True,
        desc="JSON: numbers of voxels and permutations, smallest significant score (threshold), "
        "sampled voxels and how much their nulls differ (largest Kolmogorov-Smirnov distance, and "
        "what it exceeds by chance in 1 % of cases)",
    )
    figure = File(exists=True, desc="PNG: largest scores of voxels, and the null")


class ScoreSignificance(PythonInterface):
    """Test the best layer of each voxel against permuted responses.

    The statistic is the largest score over layers; its null is the same of responses whose
    samples have changed places, scored by the models that were prepared for the data. As
    published, the nulls of 14 voxels make up one null for all, which is right as long as they
    are alike: see ``ks_largest`` in the summary.

    Examples
    --------
    >>> ScoreSignificance(n_permutations=10_000, scheme="within", block=10).inputs.penalty
    'repeat'
    """

    input_spec = _ScoreSignificanceInputSpec
    output_spec = _ScoreSignificanceOutputSpec
    _libraries = ("numpy", "scipy")

    def _process(self) -> None:
        from fmriprod.reports.score_histogram import score_histogram_figure

        values = self.inputs
        with read_inputs(values) as found:
            scores = read_matching_scores(values.scores_file, found, values.shared_penalty)
            sampled = self._sampled(scores.usable)
            orders = self._orders(found)
            n = self._n_permutations(len(sampled))
            layers = (
                self._layer(found, scores, sampled, number) for number in range(len(found.layers))
            )
            null = max_score_null(
                layers, found.responses[:, sampled], orders, n,
                score=values.score, criterion=values.criterion,
            )  # fmt: skip
        each = np.where(scores.usable, getattr(scores, values.score), np.nan)
        tests = score_significance(
            each.max(axis=0), null, level=values.q, per_voxel=values.per_voxel
        )
        self._save(found, scores, tests, each)
        self.save_array("null_file", "null.npy", null)
        summary = self._summary(scores, tests, null, sampled, orders)
        self.save_json("summary_file", "significance.json", summary)
        with score_histogram_figure(
            each, null, label={"r2": "r²", "r": "r"}[values.score], simulated=values.simulated
        ) as figure:
            self.save_figure("figure", "significance.png", figure)

    @property
    def _keeps(self) -> bool:
        """Whether permuted data have the penalties that the data chose."""
        return self.inputs.penalty == "chosen" or self.inputs.shared_penalty

    def _sampled(self, usable: np.ndarray) -> np.ndarray:
        if self.inputs.per_voxel:
            return np.flatnonzero(usable)
        return spread_voxels(usable, self.inputs.n_voxels, self.inputs.seed)

    def _n_permutations(self, n_voxels: int) -> int:
        """Say how many permutations, if the null fits in memory."""
        values = self.inputs
        default = _PER_VOXEL if values.per_voxel else _PUBLISHED
        n = values.n_permutations if isdefined(values.n_permutations) else default
        if 4 * n * n_voxels > values.memory_mb * 1e6:
            most = int(values.memory_mb * 1e6 / 4 / n_voxels)
            raise InputError(
                "n_permutations",
                expected=f"at most {most:,} with {n_voxels:,} voxels, whose null fits in "
                f"memory_mb={values.memory_mb:g}",
                found=f"{n:,}",
                hint="permute less often, or fewer voxels, or allow more memory",
            )
        return n

    def _orders(self, found: EncodingInputs) -> SampleOrders:
        values = self.inputs
        known = [c for c in ("session", "run") if c in found.samples]
        runs = found.samples[known].astype(str).agg(" ".join, axis=1) if known else None
        return sample_orders(
            found.groups, runs, scheme=values.scheme, block=values.block, seed=values.seed
        )

    def _layer(
        self, found: EncodingInputs, scores: LayerScores, sampled: np.ndarray, number: int
    ) -> tuple[NestedRidge, np.ndarray | None]:
        """Prepare a layer, and see that it gives the scores of the file."""
        name, values = found.layers[number], self.inputs
        _LOG.info("ScoreSignificance: layer %d of %d, %s", number + 1, len(found.layers), name)
        ridge = nested_ridge(found.features(name), found.groups, **ridge_options(values))
        chosen = check_known_scores(
            ridge, found.responses[:, sampled], scores.penalty[number][:, sampled],
            scores.fold_r2[number][:, sampled],
            criterion=None if self._keeps else values.criterion,
        )  # fmt: skip
        return ridge, chosen if self._keeps else None

    def _save(
        self, found: EncodingInputs, scores: LayerScores, tests: Significance, each: np.ndarray
    ) -> None:
        if found.mask is None:
            table = pd.DataFrame({"usable": scores.usable.astype(np.uint8)})
        else:
            table = voxel_table(found.mask, found.image.affine, scores.usable)
            for name in ("p", "q"):
                volume = np.zeros(found.mask.shape, dtype=np.float32)
                volume[found.mask] = -np.log10(getattr(tests, name))
                self.save_image(f"log_{name}_map", f"log_{name}.nii.gz", volume, found.image)
            significant = np.zeros(found.mask.shape, dtype=np.uint8)
            significant[found.mask] = tests.significant
            self.save_image("significant_mask", "significant.nii.gz", significant, found.image)
        table.insert(0, "voxel", np.arange(len(table)))
        best = np.nan_to_num(each, nan=-np.inf).argmax(axis=0)
        table["layer"] = np.where(scores.usable, np.array(scores.layers, object)[best], None)
        for name in ("statistic", "p", "q"):
            table[name] = getattr(tests, name)
        table["significant"] = tests.significant.astype(np.uint8)
        self.save_table("table_file", "significance.tsv", table)

    def _summary(
        self,
        scores: LayerScores,
        tests: Significance,
        null: np.ndarray,
        sampled: np.ndarray,
        orders: SampleOrders,
    ) -> dict[str, Any]:
        values, pooled = self.inputs, not self.inputs.per_voxel
        high = np.nanpercentile(null, [50, 95, 99, 99.9])
        summary = {
            "n_voxels": len(scores.usable),
            "n_usable": int(scores.usable.sum()),
            "n_significant": int(tests.significant.sum()),
            "threshold": tests.threshold,
            "layers": scores.layers,
            "n_permutations": null.shape[1],
            "n_null": null.size if pooled else null.shape[1],
            "n_null_not_finite": int((~np.isfinite(null)).sum()),
            "log10_distinct_orders": orders.log10_distinct,
            "null_percentiles_50_95_99_99.9": [float(v) for v in high],
            "settings": {
                name: getattr(values, name)
                for name in ("score", "scheme", "block", "per_voxel", "q", "seed")
            }
            | {"penalty": "chosen" if self._keeps else "repeat"},
        }
        if pooled:
            summary |= {"sampled_voxels": sampled.tolist(), **compare_nulls(null)}
        return summary
