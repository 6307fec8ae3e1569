"""How well contrast maps find the voxels of a true one."""

import numpy as np
import pandas as pd
from nipype.interfaces.base import File, TraitedSpec, isdefined, traits

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.contrast_recovery import (
    RecoveryCurve,
    Threshold,
    best_threshold,
    recovery_curve,
)
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.images import check_same_grid, load_image, load_mask, open_image
from fmriprod.interfaces.masked_responses import grey_background


class _ContrastRecoveryInputSpec(PythonInputSpec):
    in_files = traits.List(
        File(exists=True),
        mandatory=True,
        minlen=1,
        maxlen=4,
        desc="maps to judge, such as t from ResponseContrast: of the mean of layers, of one layer",
    )
    names = traits.List(traits.Str, mandatory=True, desc="what the maps are, in the same order")
    truth_file = File(exists=True, mandatory=True, desc="true map of t, on the same grid")
    mask_file = File(exists=True, mandatory=True, desc="voxels to compare")
    first = traits.Str("face", usedefault=True, desc="kind of stimulus that counts as positive")
    second = traits.Str("place", usedefault=True, desc="kind of stimulus that counts as negative")
    truth_threshold = traits.Range(
        low=0.0,
        value=3.0,
        exclude_low=True,
        usedefault=True,
        desc="voxels to be found: t of truth_file at least this, or at most minus this",
    )
    recall = traits.Range(
        low=0.0,
        high=1.0,
        value=0.5,
        usedefault=True,
        desc="share of those voxels that the chosen threshold must find",
    )
    background_file = File(exists=True, desc="image under the maps (default: the mask)")
    planes = traits.Str("z", usedefault=True, desc="slices of each map: of x, y and z")
    title = traits.Str("Voxels of the contrast", usedefault=True, desc="printed over the curves")
    simulated = traits.Bool(
        False, usedefault=True, desc="whether the figures say that the data are simulated"
    )


class _ContrastRecoveryOutputSpec(TraitedSpec):
    curves_file = File(
        exists=True,
        desc="TSV, a row a threshold: map, contrast, threshold, precision, recall; the thresholds "
        "of second > first are those of the map's negative",
    )
    summary_file = File(
        exists=True,
        desc="TSV, a row a map and contrast: n_support, chance, average_precision, "
        "recall_at_full_precision, and threshold, precision, recall of the chosen threshold; n/a "
        "where the true contrast has no voxel",
    )
    curve_figure = File(exists=True, desc="PNG, precision against recall")
    map_figure = File(exists=True, desc="PNG, the true map and the maps at their thresholds")
    n_voxels = traits.Int(desc="voxels of the mask that have a value in all maps")
    n_excluded = traits.Int(desc="voxels of the mask that have none in one map or more")


class ContrastRecovery(PythonInterface):
    """Judge contrast maps by the voxels of a true map that they find, both signs apart.

    With the voxels beyond ``truth_threshold`` as support, recall is the share of them that a
    threshold makes active, and precision the share of active voxels that are support. The
    chosen threshold has the best precision among those with ``recall`` or more. On a poor
    map it may lie at or below 0; the figure then shows all voxels of the contrast's sign.

    Examples
    --------
    >>> ContrastRecovery().inputs.truth_threshold
    3.0
    """

    input_spec = _ContrastRecoveryInputSpec
    output_spec = _ContrastRecoveryOutputSpec
    _libraries = ("numpy",)

    def _process(self) -> None:
        inputs = self.inputs
        self._check_names()
        self._image = open_image(inputs.mask_file, ndim=3)
        self._mask = load_mask(inputs.mask_file, self._image)
        truth = self._values(inputs.truth_file)
        maps = {n: self._values(p) for n, p in zip(inputs.names, inputs.in_files, strict=True)}
        known = ~np.any([np.isnan(values) for values in (truth, *maps.values())], axis=0)
        self.result("n_voxels", int(known.sum()))
        self.result("n_excluded", int((~known).sum()))
        curves = self._curves(truth, maps, known)
        chosen = {key: best_threshold(curve, inputs.recall) for key, curve in curves.items()}
        self._write(curves, chosen)
        self._draw(truth, maps, known, curves, chosen)

    def _check_names(self) -> None:
        names, first = self.inputs.names, self.inputs.first
        n_maps = len(self.inputs.in_files)
        if not len(set(names)) == len(names) == n_maps:
            raise InputError(
                "names",
                expected=f"{n_maps} different names, one for each map",
                found=", ".join(names) or "none",
                hint="give them in the order of in_files",
            )
        if first == self.inputs.second:
            raise InputError(
                "second",
                expected="names of two kinds of stimuli",
                found=f"{first!r} twice",
                hint="name what is positive in truth_file first, what is negative second",
            )

    def _values(self, path: str) -> np.ndarray:
        """Read a map in the voxels of the mask."""
        data, image = load_image(path, ndim=3)
        check_same_grid(image, self._image)
        return data[self._mask]

    def _signs(self) -> dict[str, int]:
        first, second = self.inputs.first, self.inputs.second
        return {f"{first} > {second}": 1, f"{second} > {first}": -1}

    def _curves(
        self, truth: np.ndarray, maps: dict[str, np.ndarray], known: np.ndarray
    ) -> dict[tuple[str, str], RecoveryCurve]:
        """Curves by map and contrast; none for a contrast without a voxel to be found."""
        threshold = self.inputs.truth_threshold
        curves = {}
        for contrast, sign in self._signs().items():
            support = sign * truth[known] >= threshold
            if support.any():
                for name, values in maps.items():
                    curves[name, contrast] = recovery_curve(sign * values[known], support)
        if not curves:
            raise InputError(
                "truth",
                expected=f"a voxel with t of at least {threshold:g} in size, to be found again",
                found=f"none of {known.sum():,}, with a value in all maps",
                hint="lower truth_threshold, or check that truth_file is a map of t",
            )
        return curves

    def _write(
        self,
        curves: dict[tuple[str, str], RecoveryCurve],
        chosen: dict[tuple[str, str], Threshold],
    ) -> None:
        points, rows = [], []
        for name in self.inputs.names:
            for contrast in self._signs():
                row: dict = {"map": name, "contrast": contrast, "n_support": 0}
                curve = curves.get((name, contrast))
                if curve is not None:
                    threshold = chosen[name, contrast]
                    row |= {
                        "n_support": curve.n_support,
                        "chance": curve.chance,
                        "average_precision": curve.average_precision,
                        "recall_at_full_precision": curve.recall_at_full_precision,
                        "threshold": threshold.value,
                        "precision": threshold.precision,
                        "recall": threshold.recall,
                    }
                    table = {f: getattr(curve, f) for f in ("threshold", "precision", "recall")}
                    points.append(pd.DataFrame({"map": name, "contrast": contrast} | table))
                rows.append(row)
        self.save_table("curves_file", "curves.tsv", pd.concat(points))
        self.save_table("summary_file", "recovery.tsv", pd.DataFrame(rows))

    def _draw(
        self,
        truth: np.ndarray,
        maps: dict[str, np.ndarray],
        known: np.ndarray,
        curves: dict[tuple[str, str], RecoveryCurve],
        chosen: dict[tuple[str, str], Threshold],
    ) -> None:
        from fmriprod.reports import precision_recall as reports

        inputs = self.inputs
        flag = {"simulated": inputs.simulated}
        with reports.precision_recall_figure(curves, chosen, title=inputs.title, **flag) as figure:
            self.save_figure("curve_figure", "precision_recall.png", figure)
        least = inputs.truth_threshold
        limits = dict.fromkeys(self._signs(), least)
        panels = [(f"True map, |t| ≥ {least:g}", self._beyond(truth, known, limits))]
        for name, values in maps.items():
            limits = {c: chosen[name, c].value for c in self._signs() if (name, c) in chosen}
            signs = self._signs()
            told = " or ".join(
                f"{'≥' if signs[c] > 0 else '≤'} {signs[c] * limit:.3g}".replace("-", "−")
                for c, limit in limits.items()
            )
            panels.append((f"{name}, t {told}", self._beyond(values, known, limits)))
        support = [
            (contrast, self._volume(known & (sign * truth >= least)) > 0)
            for contrast, sign in self._signs().items()
        ]
        path = inputs.background_file if isdefined(inputs.background_file) else None
        background = grey_background(path, self._mask, self._image)
        with reports.contrast_maps_figure(
            panels, support, background, self._image.affine, planes=inputs.planes, **flag
        ) as figure:
            self.save_figure("map_figure", "contrast_maps.png", figure)

    def _beyond(
        self, values: np.ndarray, known: np.ndarray, limits: dict[str, float]
    ) -> np.ndarray:
        """Volume of the values that pass the threshold of their own sign; 0 elsewhere."""
        shown = np.zeros_like(values)
        for contrast, sign in self._signs().items():
            passing = known & (sign * values > 0)
            passing &= sign * values >= limits.get(contrast, np.inf)
            shown[passing] = values[passing]
        return self._volume(shown)

    def _volume(self, values: np.ndarray) -> np.ndarray:
        volume = np.zeros(self._mask.shape, dtype=np.float32)
        volume[self._mask] = values
        return volume
