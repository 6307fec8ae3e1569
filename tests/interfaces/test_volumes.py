import nibabel as nb
import nipype.pipeline.engine as pe
import numpy as np
from support.images import write_image

from fmriprod.interfaces.volumes import SelectVolumes


def test_volumes_are_taken_as_they_are_stored(work, rng):
    data = rng.integers(0, 1000, (3, 4, 5, 40)).astype(np.int16)
    path = write_image(work / "bold.nii.gz", data, tr=1.5)
    node = pe.Node(SelectVolumes(in_file=str(path), n_volumes=7), name="select", base_dir=work)
    out = node.run().outputs
    image = nb.load(out.out_file)
    np.testing.assert_array_equal(image.dataobj, data[..., out.volumes])
    assert image.get_data_dtype() == np.int16 and image.header.get_zooms()[3] == 1.5
