import nibabel as nb
import nipype.pipeline.engine as pe
import numpy as np
import pytest
from support.images import write_image

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.volumes import SelectVolumes


def test_volumes_are_taken_as_they_are_stored(work, rng):
    data = rng.integers(0, 1000, (3, 4, 5, 40)).astype(np.int16)
    path = write_image(work / "bold.nii.gz", data, tr=1.5)
    node = pe.Node(SelectVolumes(in_file=str(path), n_volumes=7), name="select", base_dir=work)
    out = node.run().outputs
    image = nb.load(out.out_file)
    np.testing.assert_array_equal(image.dataobj, data[..., out.volumes])
    assert image.get_data_dtype() == np.int16 and image.header.get_zooms()[3] == 1.5


def test_an_empty_volume_is_refused_by_its_number_in_the_run(work, rng):
    data = rng.normal(100, 5, (3, 4, 5, 40)).astype(np.float32)
    data[..., 7], data[..., 33] = 0, np.nan
    path = write_image(work / "bold.nii.gz", data, tr=1.5)
    with pytest.raises(InputError) as caught:
        SelectVolumes(in_file=str(path), n_volumes=3).run(cwd=work)
    assert f"SelectVolumes: {path}" in str(caught.value)
    assert "no finite value: 7, 33 (counted from 0, 2 of 40)" in caught.value.found
