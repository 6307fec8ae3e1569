"""The contrast between the responses to two kinds of stimuli."""

import numpy as np
from nipype.interfaces.base import File, TraitedSpec, traits

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.algorithms.response_contrast import two_sample_t
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.masked_responses import open_responses


class _ResponseContrastInputSpec(PythonInputSpec):
    responses_file = File(
        exists=True,
        mandatory=True,
        desc="responses, synthesised or measured: .npy, samples x voxels",
    )
    samples_file = File(
        exists=True, mandatory=True, desc="TSV, a row a sample, with the kind of its stimulus"
    )
    mask_file = File(exists=True, mandatory=True, desc="voxels of the responses, in C order")
    column = traits.Str(
        "condition", usedefault=True, desc="column of samples_file with the kinds of stimuli"
    )
    first = traits.Str(mandatory=True, desc="kind that counts as positive, such as face")
    second = traits.Str(mandatory=True, desc="kind that counts as negative, such as place")


class _ResponseContrastOutputSpec(TraitedSpec):
    t_file = File(
        exists=True,
        desc="Student's t of first minus second; NaN where a voxel is not usable, 0 outside the "
        "mask",
    )
    dof = traits.Int(desc="degrees of freedom")
    n_usable = traits.Int(desc="voxels with finite responses that vary")


class ResponseContrast(PythonInterface):
    """Compare the responses to two kinds of stimuli in every voxel.

    Rows of other kinds take no part. For synthesised responses t is a measure of size: the
    only noise is how stimuli of one kind differ.

    Examples
    --------
    >>> ResponseContrast(first="face", second="place").inputs.column
    'condition'
    """

    input_spec = _ResponseContrastInputSpec
    output_spec = _ResponseContrastOutputSpec
    _libraries = ("numpy",)

    def _process(self) -> None:
        inputs = self.inputs
        found = open_responses(inputs.responses_file, inputs.samples_file, inputs.mask_file)
        kinds = found.column(inputs.column, "column").astype(str)
        for name in ("first", "second"):
            wanted = getattr(inputs, name)
            if not (kinds == wanted).any():
                raise InputError(
                    name,
                    expected=f"a kind of column {inputs.column!r}",
                    found=repr(wanted),
                    hint=suggest(wanted, sorted(set(kinds))),
                    file=inputs.samples_file,
                )
        rows = [(kinds == name).to_numpy() for name in (inputs.first, inputs.second)]
        t = two_sample_t(found.values, *rows)
        self.save_image("t_file", "t.nii.gz", found.volume(t), found.image)
        self.result("dof", int(sum(r.sum() for r in rows)) - 2)
        self.result("n_usable", int((~np.isnan(t)).sum()))
