"""High-pass filter a series."""

from pathlib import Path

import numpy as np
from nipype.interfaces.base import File, TraitedSpec, isdefined, traits
from threadpoolctl import threadpool_limits

from fmriprod.algorithms.temporal_filter import METHODS, temporal_filter
from fmriprod.interfaces.base import ImageWriterInputSpec, PythonInterface
from fmriprod.interfaces.images import load_image, load_mask, repetition_time


class _TemporalFilterInputSpec(ImageWriterInputSpec):
    in_file = File(exists=True, mandatory=True, desc="4-D series")
    mask_file = File(
        exists=True, desc="voxels to filter, on the grid of the series; the others become 0"
    )
    high_pass = traits.Float(
        100.0, usedefault=True, desc="cut-off period in s (100 s is 0.01 Hz), not a frequency"
    )
    method = traits.Enum(
        *METHODS,
        usedefault=True,
        desc="cosine: projection off slow cosines, as SPM and Nilearn; running_line: minus a "
        "Gaussian-weighted straight line around each volume, sigma of half the cut-off, as FSL; "
        "linear: minus one straight line, whatever the cut-off",
    )
    tr = traits.Float(
        desc="repetition time in s; that of the header by default, and if both are known they "
        "must agree within 1 ms"
    )
    override_header_tr = traits.Bool(
        False, usedefault=True, desc="take `tr` even where the header says otherwise"
    )


class _TemporalFilterOutputSpec(TraitedSpec):
    out_file = File(exists=True, desc="filtered series (float32), each voxel at its own mean")
    n_nonfinite = traits.Int(
        desc="voxels with a NaN or infinite value in any volume; they are NaN in the result"
    )


class TemporalFilter(PythonInterface):
    """Remove slow drifts from each voxel's series; its mean is kept.

    Constant voxels stay exactly constant. Values in float32; the arithmetic is in float64.

    Examples
    --------
    >>> TemporalFilter(high_pass=128).inputs.method
    'cosine'
    """

    input_spec = _TemporalFilterInputSpec
    output_spec = _TemporalFilterOutputSpec

    def _process(self) -> None:
        inputs = self.inputs
        data, image = load_image(inputs.in_file, ndim=4)
        tr = repetition_time(
            image, inputs.tr if isdefined(inputs.tr) else None, override=inputs.override_header_tr
        )
        mask = np.ones(data.shape[:3], bool)
        if isdefined(inputs.mask_file):
            mask = load_mask(inputs.mask_file, image)
        # One thread: sums in another order would change the last bit of some values.
        with threadpool_limits(1):
            series = temporal_filter(data[mask], tr, inputs.high_pass, inputs.method)
        data[mask], data[~mask] = series, 0
        name = f"{Path(inputs.in_file).name.split('.nii')[0]}_filtered.nii.gz"
        self.save_image("out_file", name, data, image, tr=tr)
        self.result("n_nonfinite", int(np.isnan(series[:, 0]).sum()))
