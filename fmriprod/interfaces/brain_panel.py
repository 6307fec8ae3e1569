"""Make the part of the report in which slices through the brain can be moved."""

from nipype.interfaces.base import File, InputMultiObject, TraitedSpec, isdefined, traits

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.images import check_same_grid, load_image, load_mask
from fmriprod.interfaces.panel_file import panel_text
from fmriprod.reports.brain_panel import BrainMap, brain_panel


class _BrainPanelInputSpec(PythonInputSpec):
    in_file = File(exists=True, mandatory=True, desc="3-D image shown in grey")
    map_files = InputMultiObject(File(exists=True), desc="maps shown in colour, on the same grid")
    map_names = InputMultiObject(traits.Str, desc="name of each map, where there are several")
    map_label = traits.Str("z", usedefault=True, desc="what the values of the maps are")
    threshold = traits.Float(
        0.0, usedefault=True, desc="magnitude from which a map is shown at first"
    )
    mask_file = File(exists=True, desc="mask shown by its outline, on the same grid")
    mask_label = traits.Str("the mask", usedefault=True, desc="name of the mask, in a sentence")
    label = traits.Str("Slices at any place", usedefault=True, desc="what it is called on the page")
    voxel_size = traits.Range(
        low=0.5, value=2.0, usedefault=True,
        desc="smallest voxels in mm; coarser where the page would become large",
    )  # fmt: skip


class _BrainPanelOutputSpec(TraitedSpec):
    out_file = File(exists=True, desc="JSON, for brain_panels of SubjectReport")


class BrainPanel(PythonInterface):
    """Gather an image, maps and a mask for slices that can be moved on the page.

    Examples
    --------
    >>> BrainPanel(threshold=3.1).inputs.voxel_size
    2.0
    """

    input_spec = _BrainPanelInputSpec
    output_spec = _BrainPanelOutputSpec
    _libraries = ("scipy",)

    def _process(self) -> None:
        inputs = self.inputs
        background, image = load_image(inputs.in_file, ndim=3)
        files = list(inputs.map_files) if isdefined(inputs.map_files) else []
        names = list(inputs.map_names) if isdefined(inputs.map_names) else []
        if len(names) != len(files) and (names or len(files) > 1):
            raise InputError(
                "map_names", expected=f"a name for each of {len(files)} maps",
                found=f"{len(names)}", hint="give them in the order of map_files",
            )  # fmt: skip
        maps = []
        for file, name in zip(files, names or [""] * len(files), strict=True):
            values, other = load_image(file, ndim=3)
            check_same_grid(other, image)
            maps.append(BrainMap(name, inputs.map_label, values, inputs.threshold))
        mask = load_mask(inputs.mask_file, image) if isdefined(inputs.mask_file) else None
        panel = brain_panel(
            background, image.affine, maps, mask=mask, mask_label=inputs.mask_label,
            label=inputs.label, least_step=inputs.voxel_size,
        )  # fmt: skip
        self.save_text("out_file", "brain_panel.json", panel_text(panel))
