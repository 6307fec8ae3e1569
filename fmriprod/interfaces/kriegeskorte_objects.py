"""The 92 objects of Kriegeskorte et al. (2008), as rsatoolbox demonstrates on them."""

from pathlib import Path

import numpy as np
import pandas as pd
from nipype.interfaces.base import Directory, File

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.rdm import condensed
from fmriprod.interfaces.base import PythonInputSpec
from fmriprod.interfaces.numpy_file import load_arrays
from fmriprod.interfaces.object_study import ObjectStudy, ObjectStudyOutputSpec

_CODES = ["animate", "human", "body", "face", "natObj", "artiObj"]
_FILES = ("stimuli.csv", "categoryVectors.csv", "hIT_RDMs.npz", "92_modelRDMs.mat")
# Ready models that are codes too are left to the codes.
_CODES_TOO = ("animacy", "FaceBodyManmadeNatobj")


class _KriegeskorteObjectsInputSpec(PythonInputSpec):
    data_dir = Directory(
        exists=True, mandatory=True,
        desc="folder with stimuli/, stimuli.csv (file, category), categoryVectors.csv (a column a "
        "code), hIT_RDMs.npz (RDM of each session: session_participant) and 92_modelRDMs.mat, made "
        "from demos/92imageData of rsatoolbox",
    )  # fmt: skip


class _KriegeskorteObjectsOutputSpec(ObjectStudyOutputSpec):
    models_file = File(exists=True, desc="RDMs of ready models, but for those that are codes")


class KriegeskorteObjects(ObjectStudy):
    """Give the 92 objects, their codes, human inferior temporal cortex and ready models.

    Sessions of a participant are averaged.

    Examples
    --------
    >>> KriegeskorteObjects().output_spec().names
    <undefined>
    """

    input_spec = _KriegeskorteObjectsInputSpec
    output_spec = _KriegeskorteObjectsOutputSpec
    _libraries = ("numpy", "scipy", "pillow")

    def _process(self) -> None:
        from scipy.io import loadmat

        data = Path(self.inputs.data_dir).absolute()
        lacking = [name for name in _FILES if not (data / name).is_file()]
        if lacking:
            raise InputError(
                "data_dir", expected=f"a folder with {', '.join(_FILES)}",
                found=f"no {lacking[0]}", hint="make it from demos/92imageData of rsatoolbox",
                file=str(data),
            )  # fmt: skip
        stimuli = pd.read_csv(data / "stimuli.csv")
        names = [Path(file).stem for file in stimuli["file"]]
        codes = pd.read_csv(data / "categoryVectors.csv")[_CODES].astype(str)
        sessions: dict[str, list[np.ndarray]] = {}
        for name, matrix in load_arrays(data / "hIT_RDMs.npz").items():
            sessions.setdefault(name.split("_")[1], []).append(condensed(matrix, name))
        people = {who: np.mean(rows, axis=0) for who, rows in sessions.items()}
        images = [data / "stimuli" / file for file in stimuli["file"]]
        self._store(names, images, codes, list(stimuli["category"]), people, "human IT")
        ready = loadmat(data / "92_modelRDMs.mat")["Models"].ravel()
        models = {str(entry["name"][0]): condensed(entry["RDM"]) for entry in ready}
        kept = {name: row for name, row in models.items() if name not in _CODES_TOO}
        rows = np.array(list(kept.values()), dtype=np.float32)
        self._save_rdms("models_file", "models.h5", rows, names, list(kept), "code")
