"""Simulate a study of objects: pictures, and dissimilarities in participants' cortex."""

from pathlib import Path

import numpy as np
import pandas as pd
from nipype.interfaces.base import traits

from fmriprod.algorithms.simulate_objects import simulate_object_rdms
from fmriprod.algorithms.simulate_stimuli import simulate_stimuli
from fmriprod.interfaces.base import PythonInputSpec
from fmriprod.interfaces.object_study import ObjectStudy, ObjectStudyOutputSpec
from fmriprod.interfaces.simulated_files import Subfolders


class _SimulateObjectsInputSpec(PythonInputSpec):
    n_faces = traits.Range(low=2, value=32, usedefault=True, desc="pictures of faces")
    n_places = traits.Range(low=2, value=30, usedefault=True, desc="pictures of places")
    n_natural = traits.Range(low=0, value=30, usedefault=True, desc="other pictures")
    n_participants = traits.Range(low=1, value=6, usedefault=True, desc="participants")
    n_voxels = traits.Range(low=2, value=200, usedefault=True, desc="voxels of each")
    strength = traits.Tuple(
        traits.Float(2.0), traits.Float(1.0), usedefault=True,
        desc="of faces and of places, against each object's own part of the patterns",
    )  # fmt: skip
    size = traits.Range(low=16, value=96, usedefault=True, desc="side of the pictures in pixels")
    seed = traits.Range(low=0, value=2008, usedefault=True, desc="seed of all that is random")


class SimulateObjects(Subfolders, ObjectStudy):
    """Draw pictures, and simulate participants whose cortex tells faces and places apart.

    Codes are ``face`` and ``place``, which are planted, and ``random``, which is not: as many
    objects as there are faces, drawn by lot. No person is scanned, and a program draws the
    pictures.

    Examples
    --------
    >>> SimulateObjects(n_participants=12).inputs.n_faces
    32
    """

    input_spec = _SimulateObjectsInputSpec
    output_spec = ObjectStudyOutputSpec
    _libraries = ("numpy", "pillow")

    def _process(self) -> None:
        given = self.inputs
        counts = {"face": given.n_faces, "place": given.n_places, "natural": given.n_natural}
        images, _ = simulate_stimuli(counts, size=given.size, seed=given.seed)
        kinds = np.repeat(list(counts), list(counts.values()))
        names = [f"{kind}{n:02d}" for kind in counts for n in range(1, counts[kind] + 1)]
        files = self._write(names, images)
        planted = np.stack([kinds == "face", kinds == "place"], axis=1).astype(float)
        rows = simulate_object_rdms(
            planted, given.strength, n_participants=given.n_participants, n_voxels=given.n_voxels,
            seed=given.seed,
        )  # fmt: skip
        lot = np.random.default_rng([given.seed, 1]).permutation(planted[:, 0])
        codes = pd.DataFrame(
            np.column_stack([planted, lot]).astype(int), columns=["face", "place", "random"]
        ).astype(str)
        people = {f"{number + 1:02d}": row for number, row in enumerate(rows)}
        self._store(names, files, codes, kinds.tolist(), people, "simulated cortex")

    def _write(self, names: list[str], images: np.ndarray) -> list[Path]:
        from PIL import Image

        paths = []
        for name, image in zip(names, images, strict=True):
            with (
                self.within("stimuli") as folder,
                self.writing("image_files", f"{name}.png") as path,
            ):
                Image.fromarray(np.asarray(image)).save(path)
            paths.append(folder / f"{name}.png")
        return paths
