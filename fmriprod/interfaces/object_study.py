"""What is known of a study of objects, in the files that comparisons of models take."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from nipype.interfaces.base import File, TraitedSpec, traits

from fmriprod.interfaces.base import PythonInterface
from fmriprod.interfaces.rdm_file import RDMs, write_rdms

if TYPE_CHECKING:
    import pandas as pd

_SIDE = 64  # of the images as pixels


class ObjectStudyOutputSpec(TraitedSpec):
    """Outputs of interfaces that give a study of objects."""

    names = traits.List(traits.Str, desc="objects, in the order of all files")
    image_files = traits.List(File(exists=True), desc="picture of each")
    pixels_file = File(
        exists=True, desc=".npy, float32 (n_objects, 64 * 64 * 3): their pixels, 0 to 255"
    )
    codes_file = File(exists=True, desc="TSV, a row an object: condition, and a column a code")
    groups_file = File(exists=True, desc="TSV, a row an object: condition group")
    participants_file = File(exists=True, desc="RDM of each participant (HDF5)")
    mean_file = File(exists=True, desc="their mean (HDF5)")


class ObjectStudy(PythonInterface):
    """Base of interfaces that give a study of objects; they call `_store`."""

    def _store(
        self,
        names: Sequence[str],
        images: Sequence[Path],
        codes: "pd.DataFrame",
        groups: Sequence[str],
        people: Mapping[str, np.ndarray],
        mean_name: str,
    ) -> None:
        import pandas as pd
        from PIL import Image

        names = list(names)
        self.result("names", names)
        self.result("image_files", [str(path) for path in images])
        pictures = [Image.open(path).convert("RGB").resize((_SIDE, _SIDE)) for path in images]
        pixels = np.array([np.asarray(picture, np.float32).ravel() for picture in pictures])
        self.save_array("pixels_file", "pixels.npy", pixels)
        codes = codes.reset_index(drop=True)
        codes.insert(0, "condition", names)
        self.save_table("codes_file", "codes.tsv", codes)
        table = pd.DataFrame({"condition": names, "group": list(groups)})
        self.save_table("groups_file", "groups.tsv", table)
        rows = np.array(list(people.values()), dtype=np.float32)
        self._save_rdms("participants_file", "participants.h5", rows, names, list(people))
        mean = rows.mean(axis=0, keepdims=True)
        self._save_rdms("mean_file", "mean.h5", mean, names, [mean_name])

    def _save_rdms(
        self,
        field: str,
        file_name: str,
        rows: np.ndarray,
        names: list[str],
        of: list[str],
        distance: str = "correlation",
    ) -> None:
        with self.writing(field, file_name) as path:
            write_rdms(path, RDMs(rows, names, distance, of))
