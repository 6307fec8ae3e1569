"""Fingerprints of voxels and regions over the layers of an encoding model."""

from typing import Any

import numpy as np
import pandas as pd
from nipype.interfaces.base import File, TraitedSpec, isdefined, traits
from threadpoolctl import threadpool_limits

from fmriprod.algorithms.fingerprint import profile_slopes, voxel_profiles
from fmriprod.algorithms.fingerprint_summary import profile_table, summarize_fingerprints
from fmriprod.algorithms.layer_maps import best_layer, smooth_layers
from fmriprod.algorithms.region_profile import RegionProfile, region_profile
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.masked_responses import grey_background
from fmriprod.interfaces.masked_scores import MaskedScores, read_masked_scores
from fmriprod.interfaces.roi_columns import roi_columns


class _ScoreFingerprintInputSpec(PythonInputSpec):
    scores_file = File(exists=True, mandatory=True, desc="scores of layers (HDF5, RidgeEncode)")
    mask_file = File(
        exists=True, mandatory=True, desc="mask whose voxels, in C order, the scores are of"
    )
    roi_files = traits.List(
        File(exists=True, hash_name=True),
        desc="masks of regions on the same grid (default: all voxels as one)",
    )
    roi_names = traits.List(
        traits.Str, requires=["roi_files"], desc="their names (default: those of the files)"
    )
    selection_file = File(
        exists=True,
        desc="mask of voxels to keep, such as significant ones: the best layer of a voxel that "
        "nothing predicts is noise",
    )
    background_file = File(
        exists=True, desc="image to draw maps on, on the same grid (default: the mask)"
    )
    score = traits.Enum("r2", "r", usedefault=True, desc="score: share of variance, or correlation")
    sigma = traits.Range(
        low=0.0,
        value=1.0,
        usedefault=True,
        desc="standard deviation in voxels of the Gaussian that smooths each layer's map before "
        "the best layer is found",
    )
    best_share = traits.Range(
        low=0.0,
        high=1.0,
        value=0.25,
        exclude_low=True,
        usedefault=True,
        desc="share of a region's voxels, by their largest score, that its profile is the mean of",
    )
    n_bootstrap = traits.Range(
        low=0, value=1000, usedefault=True, desc="draws for each interval of the profiles"
    )
    seed = traits.Range(low=0, value=0, usedefault=True, desc="seed of the draws")
    simulated = traits.Bool(False, usedefault=True, desc="the data are simulated: this is said")


class _ScoreFingerprintOutputSpec(TraitedSpec):
    profile_file = File(
        exists=True,
        desc="TSV, a row a region and layer: roi layer value (mean of the best voxels divided by "
        "its maximum over layers) low high (95 %, bootstrap over voxels) n_voxels fold_low "
        "fold_high (95 %, bootstrap over folds) n_best score (that mean itself)",
    )
    voxel_profiles_file = File(
        exists=True,
        desc=".npy float32 (n_layers, n_voxels): share of each layer in the sum of a voxel's "
        "scores, those below 0 as 0; NaN where not usable, not kept, or no score is above 0",
    )
    winner_map = File(
        exists=True,
        desc="NIfTI: best layer, from 1 on; NaN where not usable or not kept, 0 outside the mask",
    )
    margin_map = File(
        exists=True, desc="NIfTI: smoothed score of the best layer minus that of the next"
    )
    slope_map = File(
        exists=True,
        desc="NIfTI: profile times a line from -1 (first layer) to 1 (last layer); NaN where "
        "not usable, not kept, or no score is above 0, and 0 outside the mask",
    )
    summary_file = File(
        exists=True,
        desc="JSON: numbers of voxels, of voxels by best layer, regions, and of the first "
        "principal component its share and its correlation with a linear trend",
    )
    figures = traits.List(File(exists=True), desc="PNG of profiles, best layer and trend")
    figure_names = traits.List(traits.Str, desc="what each of them is: fingerprints, winner, slope")


class ScoreFingerprint(PythonInterface):
    """Tell which layers predict each voxel and region, and which predicts best.

    Maps are smoothed over all usable voxels; the selection says which are shown and counted.
    In noise each layer wins somewhere, in patches that look like areas: give
    ``selection_file``. At least two layers are needed.

    Examples
    --------
    >>> ScoreFingerprint(score="r").inputs.best_share
    0.25
    """

    input_spec = _ScoreFingerprintInputSpec
    output_spec = _ScoreFingerprintOutputSpec
    _libraries = ("numpy", "scipy")

    def _process(self) -> None:
        values = self.inputs
        selection = values.selection_file if isdefined(values.selection_file) else None
        found = read_masked_scores(values.scores_file, values.mask_file, values.score, selection)
        background = grey_background(
            values.background_file if isdefined(values.background_file) else None,
            found.mask,
            found.image,
        )
        regions = self._regions(found)
        profiles = voxel_profiles(found.values)
        profiles[:, ~found.kept] = np.nan
        slopes = profile_slopes(profiles)
        # One thread: sums in another order would change the last bit of some values.
        with threadpool_limits(1):
            winner = best_layer(smooth_layers(found.values, found.mask, values.sigma), found.kept)
        of_regions = {name: self._profile(found, columns) for name, columns in regions.items()}
        table = profile_table(of_regions, found.scores.layers)
        self.save_table("profile_file", "profiles.tsv", table)
        self.save_array("voxel_profiles_file", "voxel_profiles.npy", profiles)
        layer = np.where(found.kept, winner.layer, np.nan).astype(np.float32)
        maps = {"winner": layer, "margin": winner.margin, "slope": slopes}
        for name, voxels in maps.items():
            self.save_image(f"{name}_map", f"{name}.nii.gz", found.volume(voxels), found.image)
        summary = summarize_fingerprints(
            found.scores.layers, found.values, found.kept, winner.layer, of_regions
        )
        summary["settings"] = {
            name: getattr(values, name)
            for name in ("score", "sigma", "best_share", "n_bootstrap", "seed")
        }
        self.save_json("summary_file", "fingerprints.json", summary)
        self._draw(found, table, background, layer, slopes)

    def _regions(self, found: MaskedScores) -> dict[str, np.ndarray]:
        """Mark the voxels of each region."""
        if not isdefined(self.inputs.roi_files) or not self.inputs.roi_files:
            return {"all": np.ones(found.values.shape[1], bool)}
        names = self.inputs.roi_names if isdefined(self.inputs.roi_names) else []
        return roi_columns(self.inputs.roi_files, names, found.mask, found.image)

    def _profile(self, found: MaskedScores, columns: np.ndarray) -> RegionProfile:
        chosen = columns & found.kept
        return region_profile(
            found.values[:, chosen],
            found.fold_values[:, :, chosen],
            best_share=self.inputs.best_share,
            n_bootstrap=self.inputs.n_bootstrap,
            seed=self.inputs.seed,
        )

    def _draw(
        self,
        found: MaskedScores,
        table: pd.DataFrame,
        background: np.ndarray,
        layer: np.ndarray,
        slopes: np.ndarray,
    ) -> None:
        from fmriprod.reports.fingerprints import fingerprint_figure
        from fmriprod.reports.layer_maps import slope_figure, winner_figure

        layers, where = found.scores.layers, (background, found.image.affine)
        said: dict[str, Any] = {"simulated": self.inputs.simulated}
        figures = {
            "fingerprints": fingerprint_figure(
                table, layers, best_share=self.inputs.best_share, **said
            ),
            "winner": winner_figure(found.volume(layer, np.nan), *where, layers, **said),
            "slope": slope_figure(found.volume(slopes, np.nan), *where, **said),
        }
        paths = []
        for name, opened in figures.items():
            with opened as figure:
                self.save_figure("last", f"{name}.png", figure)
            paths.append(self._results.pop("last"))
        self.result("figures", paths)
        self.result("figure_names", list(figures))
