"""Figures of the scores of an encoding model."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from nipype.interfaces.base import File, TraitedSpec, isdefined, traits

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.fingerprint import voxel_profiles
from fmriprod.algorithms.layer_maps import best_layer, smooth_layers
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.fsaverage import check_space, project_to_fsaverage
from fmriprod.interfaces.masked_responses import grey_background
from fmriprod.interfaces.masked_scores import MaskedScores, read_masked_scores
from fmriprod.interfaces.numpy_file import load_array
from fmriprod.interfaces.panel_file import panel_text
from fmriprod.reports.brain_panel import BrainMap, brain_panel
from fmriprod.reports.panels import Panel

_WORDS = {"r2": "r²", "r": "r"}
_MOST_LAYERS = 8  # on slices that can be moved: each is some 100 kB of the page
Maker = Callable[[], AbstractContextManager[Figure]]


class _ScoreFiguresInputSpec(PythonInputSpec):
    scores_file = File(exists=True, mandatory=True, desc="scores of layers (HDF5, RidgeEncode)")
    mask_file = File(
        exists=True, mandatory=True, desc="mask whose voxels, in C order, the scores are of"
    )
    background_file = File(
        exists=True, desc="image to draw maps on, on the same grid (default: the mask)"
    )
    selection_file = File(
        exists=True,
        desc="mask of voxels to show in maps and penalties, such as significant ones",
    )
    null_file = File(
        exists=True,
        desc=".npy of any shape: largest scores over layers with permuted data",
    )
    score = traits.Enum("r2", "r", usedefault=True, desc="score: share of variance, or correlation")
    plane = traits.Enum("z", "y", "x", usedefault=True, desc="plane of the slices of layers' maps")
    surface = traits.Bool(
        False,
        usedefault=True,
        desc="draw maps on the fsaverage5 surface too, which needs images in MNI space",
    )
    sigma = traits.Range(
        low=0.0,
        value=1.0,
        usedefault=True,
        desc="standard deviation in voxels of the Gaussian that smooths each layer's map before "
        "the best layer is found, on the surface",
    )
    space = traits.Str(desc="space of the images, such as MNI152NLin2009cAsym or T1w")
    simulated = traits.Bool(False, usedefault=True, desc="the data are simulated: this is said")


class _ScoreFiguresOutputSpec(TraitedSpec):
    figures = traits.List(File(exists=True), desc="the figures as PNG")
    figure_names = traits.List(
        traits.Str,
        desc="what each of them is: scoremaps, sharemaps (of several layers), scores, penalties "
        "(where several were tried), and with surface scoresurface and winnersurface "
        "(of several layers)",
    )
    panel_file = File(
        exists=True,
        desc=f"JSON, for brain_panels of EncodingReport: scores of the first {_MOST_LAYERS} "
        "layers at any place",
    )


class ScoreFigures(PythonInterface):
    """Draw scores of every layer on slices, and on the surface of an average brain.

    Maps of scores show what is above 0, on one scale for all layers; maps of shares show
    them divided by their sum over layers. The surface is for looking at: places on it are
    true to some millimetres.

    Examples
    --------
    >>> ScoreFigures(surface=True, space="MNI152NLin2009cAsym").inputs.score
    'r2'
    """

    input_spec = _ScoreFiguresInputSpec
    output_spec = _ScoreFiguresOutputSpec
    _libraries = ("matplotlib", "nilearn", "numpy")

    def _process(self) -> None:
        values = self.inputs
        if values.surface:
            check_space(values.space if isdefined(values.space) else None)
        selection = values.selection_file if isdefined(values.selection_file) else None
        found = read_masked_scores(values.scores_file, values.mask_file, values.score, selection)
        background = grey_background(
            values.background_file if isdefined(values.background_file) else None,
            found.mask,
            found.image,
        )
        self.save_text(
            "panel_file", "scores_panel.json", panel_text(self._panel(found, background))
        )
        paths, names = [], []
        for name, make in self._makers(found, background):
            with make() as figure:
                self.save_figure("last", f"{name}.png", figure)
            paths.append(self._results.pop("last"))
            names.append(name)
        self.result("figures", paths)
        self.result("figure_names", names)

    def _panel(self, found: MaskedScores, background: np.ndarray) -> Panel:
        """Give maps of layers on slices that can be moved; like the figure, what is above 0."""
        word, layers = _WORDS[self.inputs.score], found.scores.layers
        shown = np.where(found.kept & (found.values > 0), found.values, np.nan)
        maps = [BrainMap(name, word, found.volume(row, outside=np.nan), 0.0)
                for name, row in zip(layers[:_MOST_LAYERS], shown, strict=False)]  # fmt: skip
        more = f", the first {_MOST_LAYERS} layers" if len(layers) > _MOST_LAYERS else ""
        return brain_panel(
            background, found.image.affine, maps, label=f"Scores above 0, at any place{more}"
        )

    def _makers(self, found: MaskedScores, background: np.ndarray) -> Iterator[tuple[str, Maker]]:
        """Give the name of each figure, and what makes it."""
        from fmriprod.reports.score_histogram import score_histogram_figure
        from fmriprod.reports.score_maps import score_maps_figure

        values, word = self.inputs, _WORDS[self.inputs.score]
        said: dict[str, Any] = {"simulated": values.simulated}
        null, layers = self._null(), found.scores.layers
        shown = np.where(found.kept, found.values, np.nan)
        maps = partial(
            score_maps_figure, mask=found.mask, background=background,
            affine=found.image.affine, layers=layers, plane=values.plane, **said,
        )  # fmt: skip
        yield "scoremaps", partial(maps, shown, label=word)
        if len(layers) > 1:  # the share of a single one is 1
            yield "sharemaps", partial(
                maps, voxel_profiles(shown), label=f"share of the sum of {word} over layers",
                title="Share of each layer",
            )  # fmt: skip
        yield (
            "scores",
            partial(score_histogram_figure, found.values, null, label=word, **said),
        )
        if len(found.scores.penalties) > 1:
            yield "penalties", self._penalties(found, layers)
        if values.surface:
            yield from self._surface_makers(found, shown)

    def _penalties(self, found: MaskedScores, layers: list[str]) -> Maker:
        from fmriprod.reports.penalties import penalty_figure

        units = np.array(found.scores.penalty_units)
        chosen = np.where(found.kept, found.scores.penalty / units[:, None, None], np.nan)
        label = "penalty" if (units == 1).all() else "penalty / mean squared length of features"
        return partial(
            penalty_figure, chosen, found.scores.penalties, layers, label=label,
            simulated=self.inputs.simulated,
        )  # fmt: skip

    def _surface_makers(
        self, found: MaskedScores, shown: np.ndarray
    ) -> Iterator[tuple[str, Maker]]:
        from fmriprod.reports.layer_colours import layer_colours, score_colours
        from fmriprod.reports.surface_maps import surface_figure

        layers, word = found.scores.layers, _WORDS[self.inputs.score]
        where = {"mask": found.mask, "affine": found.image.affine, "space": self.inputs.space}
        said: dict[str, Any] = {"simulated": self.inputs.simulated}
        above = shown[np.nan_to_num(shown) > 0]
        top = float(np.percentile(above, 99.8)) if above.size else 1.0
        yield "scoresurface", partial(
            surface_figure, project_to_fsaverage(shown, **where), layers, label=word,
            cmap=score_colours(), limits=(0, top), threshold=0, title="Scores of each layer",
            **said,
        )  # fmt: skip
        if len(layers) == 1:
            return
        winner = best_layer(smooth_layers(found.values, found.mask, self.inputs.sigma), found.kept)
        best = np.where(winner.layer > 0, winner.layer, np.nan)[None]
        yield "winnersurface", partial(
            surface_figure, project_to_fsaverage(best, **where, labels=True), ["best layer"],
            cmap=layer_colours(len(layers)), limits=(0.5, len(layers) + 0.5), layers=layers,
            title="Best layer", **said,
        )  # fmt: skip

    def _null(self) -> np.ndarray | None:
        if not isdefined(self.inputs.null_file):
            return None
        try:
            null = load_array(self.inputs.null_file)
            if null.dtype.kind in "fiu" and np.isfinite(null).any():
                return null
            wrong = f"{null.size} values of type {null.dtype}, none of them a finite number"
        except (ValueError, OSError, EOFError) as err:
            wrong = str(err).splitlines()[0]
        raise InputError(
            "null",
            expected="a .npy file of scores with permuted data",
            found=wrong,
            hint="give the null of ScoreSignificance, or leave null_file out",
        )
