"""Contrast of conditions in the parcels of one subject."""

from nipype.interfaces.base import File, TraitedSpec, traits

from fmriprod.algorithms.parcel_contrast import parcel_contrast
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.events import read_table


class _ParcelContrastInputSpec(PythonInputSpec):
    effects_file = File(
        exists=True,
        mandatory=True,
        desc="TSV of ConditionAverage or ParcelGLM: parcel condition effect",
    )
    contrast = traits.Str(
        mandatory=True,
        desc="'fear-neut', 'emotion=fear-neut', '(lh+rh)/2-t', or one condition or contrast of "
        "the table; `names like this` in backquotes",
    )


class _ParcelContrastOutputSpec(TraitedSpec):
    contrast_file = File(
        exists=True,
        desc="TSV, a row a parcel: parcel contrast value, in the unit of the effects; and, of "
        "one row of ParcelGLM, variance t dof. n/a: not usable",
    )
    contrast_name = traits.Str(desc="name of the contrast, in letters and digits")
    n_missing = traits.Int(desc="parcels without a value")


class ParcelContrast(PythonInterface):
    """Weigh effects of conditions within a subject: the paired difference that a group tests.

    A difference of rows has no variance, since the table does not say how their errors go
    together: to have it, ask ParcelGLM for the contrast and name it here.

    Examples
    --------
    >>> ParcelContrast(contrast="fear-neut").inputs.contrast
    'fear-neut'
    """

    input_spec = _ParcelContrastInputSpec
    output_spec = _ParcelContrastOutputSpec
    _libraries = ("numpy",)

    def _process(self) -> None:
        inputs = self.inputs
        effects = read_table(inputs.effects_file, "effects")
        found = parcel_contrast(effects, inputs.contrast)
        self.save_table("contrast_file", f"contrast-{found.name}.tsv", found.table)
        self.result("contrast_name", found.name)
        self.result("n_missing", found.n_missing)
