"""Maps of the preferred angle, from responses to wedges."""

from collections.abc import Mapping

import numpy as np
from nipype.interfaces.base import File, TraitedSpec, isdefined, traits

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.circular import circular_correlation, mean_angular_error
from fmriprod.algorithms.layer_maps import smooth_layers
from fmriprod.algorithms.retinotopy import WedgeFit, fit_wedges, preferred_angle
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.images import check_same_grid, load_image
from fmriprod.interfaces.masked_responses import MaskedResponses, grey_background, open_responses


class _RetinotopyInputSpec(PythonInputSpec):
    responses_file = File(
        exists=True,
        mandatory=True,
        desc="responses to wedges, synthesised or measured: .npy, samples x voxels",
    )
    samples_file = File(
        exists=True, mandatory=True, desc="TSV, a row a sample, with the angle of its wedge"
    )
    mask_file = File(exists=True, mandatory=True, desc="voxels of the responses, in C order")
    angle_column = traits.Str(
        "angle", usedefault=True, desc="column of samples_file with angles in rad"
    )
    sigma = traits.Float(
        1.0,
        usedefault=True,
        desc="standard deviation in voxels of the Gaussian that smooths the maps of cosine and "
        "sine before the angle is taken, inside the mask only; 0: none",
    )
    f_threshold = traits.Range(
        low=0.0, value=1.0, usedefault=True, desc="the figure shows voxels with F above this"
    )
    truth_file = File(exists=True, desc="map of known angles in rad, to compare with")
    background_file = File(exists=True, desc="image under the figure (default: the mask)")
    title = traits.Str("Preferred angle", usedefault=True, desc="printed above the figure")
    simulated = traits.Bool(
        False, usedefault=True, desc="whether the figure says that the data are simulated"
    )


_NAN = "NaN where a voxel is not usable, 0 outside the mask"


class _RetinotopyOutputSpec(TraitedSpec):
    angle_file = File(
        exists=True,
        desc="angle with the largest response in rad, -pi to pi, counter-clockwise from the right "
        f"horizontal meridian, y upwards; of the smoothed maps; {_NAN}",
    )
    amplitude_file = File(
        exists=True,
        desc=f"height of the wave in the responses' unit; of the smoothed maps; {_NAN}",
    )
    f_file = File(
        exists=True,
        desc=f"F of cosine and sine against the constant, 2 and n - 3 degrees of freedom, before "
        f"smoothing; {_NAN}",
    )
    p_file = File(exists=True, desc=f"tail probability of F; {_NAN}")
    summary_file = File(
        exists=True,
        desc="JSON: numbers of samples and voxels, degrees of freedom, agreement with truth_file",
    )
    out_figure = File(exists=True, desc="PNG, the angles on slices with a colour wheel")
    n_usable = traits.Int(desc="voxels with finite responses that vary")
    n_above = traits.Int(desc="voxels with F above f_threshold")
    circular_correlation = traits.Float(
        desc="of angles and truth_file over voxels with F above f_threshold, about their means"
    )
    circular_correlation_uniform = traits.Float(
        desc="the same over pairs of voxels (Fisher & Lee 1983), for angles that point everywhere "
        "alike and have no mean direction: those of a whole visual field"
    )
    mean_angular_error = traits.Float(desc="mean difference in rad from truth_file there")


class Retinotopy(PythonInterface):
    """Find the angle of the visual field that each voxel prefers, from responses to wedges.

    Examples
    --------
    >>> Retinotopy().inputs.sigma
    1.0
    """

    input_spec = _RetinotopyInputSpec
    output_spec = _RetinotopyOutputSpec
    _libraries = ("numpy", "scipy")

    def _process(self) -> None:
        inputs = self.inputs
        found = open_responses(inputs.responses_file, inputs.samples_file, inputs.mask_file)
        angles = self._angles(found)
        fit = fit_wedges(found.values, angles)
        if not fit.usable.any():
            raise InputError(
                "responses_file",
                expected="a voxel with finite responses that vary",
                found=f"none among {fit.usable.size:,}",
                hint="look at the model: do its predictions differ between stimuli?",
            )
        waves = smooth_layers(np.stack([fit.cosine, fit.sine]), found.mask, inputs.sigma)
        angle, amplitude = preferred_angle(*waves)
        maps = {"angle": angle, "amplitude": amplitude, "f": fit.f, "p": fit.p}
        for name, values in maps.items():
            self.save_image(f"{name}_file", f"{name}.nii.gz", found.volume(values), found.image)
        above = fit.usable & (np.nan_to_num(fit.f, posinf=np.inf) > inputs.f_threshold)
        self._summarize(fit, len(angles), above, self._agreement(found, angle, above))
        self._draw(found, angle, above)

    def _angles(self, found: MaskedResponses) -> np.ndarray:
        column = found.column(self.inputs.angle_column, "angle_column")
        if column.dtype.kind not in "fiu" or np.abs(column).max() > 2 * np.pi + 1e-6:
            raise InputError(
                "angle_column",
                expected="angles in rad, from -2 pi to 2 pi",
                found=f"{column.dtype}, up to {column.max()}",
                hint="turn degrees into rad",
                file=self.inputs.samples_file,
            )
        return column.to_numpy(dtype=np.float64)

    def _agreement(
        self, found: MaskedResponses, angle: np.ndarray, above: np.ndarray
    ) -> dict[str, float | int]:
        """Compare the angles with known ones, in the voxels that are shown."""
        path = self.inputs.truth_file
        if not isdefined(path):
            return {}
        data, image = load_image(path, ndim=3)
        check_same_grid(image, found.image)
        truth = data[found.mask]
        both = above & np.isfinite(truth)
        largest = np.abs(truth[both]).max(initial=0)
        if both.sum() < 3 or largest > 2 * np.pi + 1e-6:
            raise InputError(
                "truth",
                expected="angles in rad in at least 3 voxels with F above f_threshold",
                found=f"{both.sum()} such voxels, values up to {largest:.4g}",
                hint="give a map in rad on the grid of mask_file; look at f_file",
            )
        pair = angle[both], truth[both]
        return {
            "n_compared": int(both.sum()),
            "circular_correlation": circular_correlation(*pair),
            "circular_correlation_uniform": circular_correlation(*pair, uniform=True),
            "mean_angular_error": mean_angular_error(*pair),
        }

    def _summarize(
        self, fit: WedgeFit, n_samples: int, above: np.ndarray, agreement: Mapping
    ) -> None:
        counts = {"n_usable": int(fit.usable.sum()), "n_above": int(above.sum())}
        summary = counts | {
            "n_samples": n_samples,
            "n_excluded": int((~fit.usable).sum()),
            "dof": list(fit.dof),
            "f_threshold": self.inputs.f_threshold,
            "sigma": self.inputs.sigma,
        }
        # A correlation is not a number where all angles are equal; JSON has none of those.
        told = {k: v if np.isfinite(v) else None for k, v in agreement.items()}
        self.save_json("summary_file", "retinotopy.json", summary | told)
        for name, value in counts.items():
            self.result(name, value)
        for name, value in agreement.items():
            if name != "n_compared":
                self.result(name, value)

    def _draw(self, found: MaskedResponses, angle: np.ndarray, above: np.ndarray) -> None:
        from fmriprod.reports.retinotopy import angle_figure

        inputs = self.inputs
        path = inputs.background_file if isdefined(inputs.background_file) else None
        background = grey_background(path, found.mask, found.image)
        shown = found.volume(np.where(above, angle, np.nan))
        shown[~found.mask] = np.nan
        title = f"{inputs.title}: {above.sum():,} voxels with F > {inputs.f_threshold:g}"
        with angle_figure(
            shown, background, found.image.affine, title=title, simulated=inputs.simulated
        ) as figure:
            self.save_figure("out_figure", "angle.png", figure)
