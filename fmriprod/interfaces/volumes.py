"""Choose volumes of a series."""

import numpy as np
from nipype.interfaces.base import File, TraitedSpec, traits

from fmriprod.algorithms.volumes import check_volumes, evenly_spaced
from fmriprod.interfaces.base import ImageWriterInputSpec, PythonInterface
from fmriprod.interfaces.images import load_image


class _SelectVolumesInputSpec(ImageWriterInputSpec):
    in_file = File(exists=True, mandatory=True, desc="4-D series")
    n_volumes = traits.Range(
        low=1, value=20, usedefault=True, desc="number of volumes, spread evenly over the series"
    )


class _SelectVolumesOutputSpec(TraitedSpec):
    out_file = File(exists=True, desc="4-D series of the chosen volumes, values as stored")
    volumes = traits.List(traits.Int, desc="their indices in the series, from 0")


class SelectVolumes(PythonInterface):
    """Take some volumes, spread evenly over a series, to make a reference of their mean.

    A series with a volume that is constant or nowhere finite is refused, whether that volume
    would be taken or not.
    """

    input_spec = _SelectVolumesInputSpec
    output_spec = _SelectVolumesOutputSpec

    def _process(self) -> None:
        data, image = load_image(self.inputs.in_file, ndim=4, dtype=None)
        check_volumes(data, "in_file")
        volumes = evenly_spaced(image.shape[3], self.inputs.n_volumes)
        chosen = np.ascontiguousarray(data[..., volumes])
        self.save_image("out_file", "volumes.nii.gz", chosen, image, same_storage=True)
        self.result("volumes", volumes)
