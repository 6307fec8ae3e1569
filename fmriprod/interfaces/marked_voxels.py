"""Some voxels of a map, chosen or given, marked on a slice."""

import nibabel as nb
import numpy as np
from nipype.interfaces.base import File, TraitedSpec, isdefined, traits

from fmriprod.algorithms.best_voxels import best_and_near
from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.images import load_image, load_mask
from fmriprod.interfaces.masked_responses import grey_background

_HUES = ("#2979FF", "#00A651", "#F00028", "#D414B4")  # those of the fields' own figure


class _MarkedVoxelsInputSpec(PythonInputSpec):
    value_map = File(
        exists=True, mandatory=True, desc="map, such as explained variance; 3-D, or 4-D with volume"
    )
    mask_file = File(exists=True, mandatory=True, desc="voxels, counted in C order")
    volume = traits.Range(low=0, value=0, usedefault=True, desc="volume of a 4-D map, from 0")
    voxels = traits.List(
        traits.Range(low=0), minlen=1,
        desc="voxels to mark, from 0 (default: the best, and the best near it in its slice)",
    )  # fmt: skip
    n_voxels = traits.Range(1, 4, 4, usedefault=True, desc="how many are marked by default")
    reach = traits.Range(
        low=0.0, value=7.0, usedefault=True, desc="largest distance from the best in mm"
    )
    background_file = File(exists=True, desc="image under the map (default: the mask)")
    label = traits.Str("r²", usedefault=True, desc="what the map holds")
    title = traits.Str("Marked voxels", usedefault=True, desc="title of the figure")
    simulated = traits.Bool(False, usedefault=True, desc="the data are simulated: this is said")


class _MarkedVoxelsOutputSpec(TraitedSpec):
    voxels = traits.List(traits.Int, desc="the voxels that are marked, from 0 in the mask")
    figure = File(exists=True, desc="PNG, the axial slice of the first voxel with their outlines")


class MarkedVoxels(PythonInterface):
    """Mark voxels on a map, to draw more of each: the first, and its best neighbours.

    Voxels that lie in other slices than the first are marked too, but are not seen.

    Examples
    --------
    >>> MarkedVoxels(n_voxels=3).inputs.reach
    7.0
    """

    input_spec = _MarkedVoxelsInputSpec
    output_spec = _MarkedVoxelsOutputSpec
    _libraries = ("numpy", "matplotlib")

    def _process(self) -> None:
        given = self.inputs
        values, image = self._values()
        mask = load_mask(given.mask_file, image)
        index = np.argwhere(mask)
        places = index @ image.affine[:3, :3].T + image.affine[:3, 3]
        if isdefined(given.voxels):
            chosen = self._given(len(index))
        else:
            chosen = best_and_near(
                values[mask], places, n_voxels=given.n_voxels, reach=given.reach
            ).tolist()
        self._draw(values, mask, image, index[chosen], chosen, places[chosen[0]])
        self.result("voxels", chosen)

    def _values(self) -> tuple[np.ndarray, nb.Nifti1Image]:
        given = self.inputs
        values, image = load_image(given.value_map)
        if values.ndim == 3:
            return values, image
        if given.volume >= values.shape[3]:
            raise InputError(
                "volume", expected=f"a volume of the map, 0 to {values.shape[3] - 1}",
                found=str(given.volume), hint="volumes are counted from 0", file=given.value_map,
            )  # fmt: skip
        return values[..., given.volume], image

    def _given(self, n_voxels: int) -> list[int]:
        far = [voxel for voxel in self.inputs.voxels if voxel >= n_voxels]
        if far:
            raise InputError(
                "voxels", expected=f"voxels of the mask, 0 to {n_voxels - 1}", found=str(far[0]),
                hint="voxels are counted in the mask, in C order", file=self.inputs.mask_file,
            )  # fmt: skip
        return list(self.inputs.voxels)

    def _draw(
        self,
        values: np.ndarray,
        mask: np.ndarray,
        image: nb.Nifti1Image,
        index: np.ndarray,
        chosen: list[int],
        centre: np.ndarray,
    ) -> None:
        from fmriprod.reports.slices import slices_figure

        given = self.inputs
        path = given.background_file if isdefined(given.background_file) else None
        outlines = []
        for number, (place, voxel) in enumerate(zip(index, chosen, strict=True)):
            own = np.zeros(mask.shape, np.float32)
            own[tuple(place)] = 1
            outlines.append((own, _HUES[number % len(_HUES)], f"voxel {voxel}"))
        title = given.title + " – simulated data" * given.simulated
        with slices_figure(
            grey_background(path, mask, image), image.affine,
            overlay=np.maximum(np.nan_to_num(values), 0), overlay_label=given.label,
            contours=outlines, planes="z", n_slices=1, mark=centre, title=title,
        ) as figure:  # fmt: skip
            self.save_figure("figure", "marked_voxels.png", figure)
