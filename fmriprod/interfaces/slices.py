"""Show a map and a mask on slices through an image."""

from nipype.interfaces.base import File, TraitedSpec, isdefined, traits

from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.images import check_same_grid, load_image, load_mask
from fmriprod.reports.slices import slices_figure

_OUTLINE = "#7CFF9B"  # seen on grey, and on blue and red


class _SlicesFigureInputSpec(PythonInputSpec):
    in_file = File(exists=True, mandatory=True, desc="3-D image shown in grey")
    overlay_file = File(exists=True, desc="map shown in colour, on the same grid")
    threshold = traits.Float(
        0.0, usedefault=True, desc="the map is shown where its magnitude reaches this value"
    )
    overlay_label = traits.Str("", usedefault=True, desc="name and unit of the map")
    mask_file = File(exists=True, desc="mask shown by its outline, on the same grid")
    mask_label = traits.Str("", usedefault=True, desc="name of the mask")
    title = traits.Str("", usedefault=True, desc="printed above the slices")
    n_slices = traits.Range(low=1, value=7, usedefault=True, desc="slices in each plane")


class _SlicesFigureOutputSpec(TraitedSpec):
    out_figure = File(exists=True, desc="PNG, sagittal, coronal and axial slices")


class SlicesFigure(PythonInterface):
    """Draw slices through an image with a coloured map and the outline of a mask.

    Examples
    --------
    >>> SlicesFigure(threshold=3.1, overlay_label="z").inputs.n_slices
    7
    """

    input_spec = _SlicesFigureInputSpec
    output_spec = _SlicesFigureOutputSpec
    _libraries = ("matplotlib",)

    def _process(self) -> None:
        inputs = self.inputs
        background, image = load_image(inputs.in_file, ndim=3)
        options = {}
        if isdefined(inputs.mask_file):
            mask = load_mask(inputs.mask_file, image)
            options["contours"] = [(mask, _OUTLINE, inputs.mask_label)]
        if isdefined(inputs.overlay_file):
            overlay, overlay_image = load_image(inputs.overlay_file, ndim=3)
            check_same_grid(overlay_image, image)
            top = float(abs(overlay[overlay == overlay]).max(initial=0))
            high = max(top, inputs.threshold * 1.01, 1e-6)
            options |= {"overlay": overlay, "overlay_label": inputs.overlay_label}
            options["overlay_range"] = (inputs.threshold, high)
        with slices_figure(
            background, image.affine, title=inputs.title, n_slices=inputs.n_slices, **options
        ) as figure:
            self.save_figure("out_figure", "slices.png", figure)
