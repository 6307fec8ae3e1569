"""Write the simulated production study: BIDS dataset, FreeSurfer's folder, and the truth."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nibabel as nb
import numpy as np
import pandas as pd

from fmriprod.algorithms.simulate_expected import expected_findings, planted_effects
from fmriprod.algorithms.simulate_people import Participant
from fmriprod.algorithms.simulate_production import ProductionParticipant
from fmriprod.algorithms.simulate_study import Run
from fmriprod.algorithms.simulate_surfaces import THICKNESS, Surface
from fmriprod.interfaces.simulated_dataset import TRUTH, StudyWriter

SUBJECTS = "derivatives/freesurfer"
_STAMP = "simulated by fmriprod"  # instead of the user and the date


class ProductionWriter(StudyWriter):
    """Writes a simulated production study into a folder.

    Parameters
    ----------
    folder : path
        Where the dataset shall be.
    parameters : dict
        What the study is made from; as `StudyWriter` has it.
    """

    def __init__(self, folder: str | Path, parameters: dict[str, Any]):
        texts = "simulated_production.json"
        super().__init__(folder, parameters, texts=texts, maker="SimulateProduction")

    def people(self, trained: dict[str, Sequence[str]]) -> None:
        """Write the table of participants and their trained objects."""
        rows = [(f"sub-{label}", *pair) for label, pair in trained.items()]
        columns = ["participant_id", "trained_1", "trained_2"]
        self._table("participants.tsv", pd.DataFrame(rows, columns=columns))
        self._json("participants.json", self.texts["participants"])
        self._text(f"{SUBJECTS}/README.md", "\n".join(self.texts["freesurfer"]) + "\n")

    def anatomy(self, label: str, person: Participant) -> dict[str, Any]:
        """Write T1w image, true masks, and FreeSurfer's files; return the truth about them."""
        assert isinstance(person, ProductionParticipant)
        name = f"sub-{label}/anat/sub-{label}"
        raw = f"{name}_T1w.nii.gz"
        self._image(raw, np.rint(person.t1w).astype(np.int16), person.t1w_affine)
        brain = f"{TRUTH}/{name}_space-T1w_desc-brain_mask.nii.gz"
        self._mask(brain, person.brain_mask, person.t1w_affine, raw, "Brain")
        regions = {}
        for region, mask in person.regions.items():
            file = f"{TRUTH}/{name}_space-T1w_label-{region}_mask.nii.gz"
            self._mask(file, mask, person.t1w_affine, raw, "ROI")
            regions[region] = {"t1w_mask": file}
        self._freesurfer(label, person)
        return {
            "trained_objects": list(person.trained),
            "brain_mask": brain,
            "regions": regions,
            "centre": person.centre.round(4).tolist(),
        }

    def bold_masks(self, name: str, run: Run, person: Participant) -> dict[str, str]:
        """Write no masks on the grids of the runs: regions lie on that of the T1w image."""
        return {}

    def _planted(self) -> dict[str, Any]:
        scales = {k: self.parameters[k] for k in ("pattern", "drawing", "connectivity")}
        return {"planted": planted_effects(), "expected": expected_findings(**scales)}

    def _freesurfer(self, label: str, person: ProductionParticipant) -> None:
        """Write what of a SUBJECTS_DIR regions of interest are made from."""
        root = f"{SUBJECTS}/sub-{label}"
        codes = _conformed(person.codes, person.t1w_affine)
        t1w = _conformed(np.rint(person.t1w).astype(np.int16), person.t1w_affine)
        for name, image in (("aparc+aseg", codes), ("orig", t1w), ("T1", t1w)):
            with self._writing(f"{root}/mri/{name}.mgz") as path:
                nb.save(image, path)
        to_tkr = codes.header.get_vox2ras_tkr() @ np.linalg.inv(codes.affine)
        for side, surface in person.surfaces.items():
            self._surface(root, side, surface, to_tkr, _geometry(codes))

    def _surface(
        self, root: str, side: str, surface: Surface, to_tkr: np.ndarray, geometry: dict[str, Any]
    ) -> None:
        places = {}
        for name in ("white", "pial"):
            places[name] = getattr(surface, name) @ to_tkr[:3, :3].T + to_tkr[:3, 3]
            with self._writing(f"{root}/surf/{side}.{name}") as path:
                nb.freesurfer.write_geometry(
                    path, places[name], surface.faces, create_stamp=_STAMP, volume_info=geometry
                )
        thickness = np.linalg.norm(surface.pial - surface.white, axis=1).astype(np.float32)
        with self._writing(f"{root}/surf/{side}.thickness") as path:
            nb.freesurfer.write_morph_data(path, thickness, fnum=len(surface.faces))
        for area, vertices in surface.areas.items():
            lines = [f"#!ascii label, simulated cortex of {THICKNESS:g} mm, vox2ras=TkReg"]
            lines += [str(len(vertices))]
            for vertex in vertices:
                x, y, z = places["white"][vertex]
                lines.append(f"{vertex}  {x:.3f}  {y:.3f}  {z:.3f} 1.0000000000")
            self._text(f"{root}/label/{side}.{area}.label", "\n".join(lines) + "\n")


def _conformed(data: np.ndarray, affine: np.ndarray) -> nb.MGHImage:
    """Turn an image's axes to left, inferior and anterior, as FreeSurfer has them."""
    turned = nb.Nifti1Image(data, affine).as_reoriented(
        nb.orientations.ornt_transform(
            nb.orientations.io_orientation(affine), nb.orientations.axcodes2ornt("LIA")
        )
    )
    return nb.MGHImage(np.asarray(turned.dataobj), turned.affine)


def _geometry(image: nb.MGHImage) -> dict[str, Any]:
    """Describe a volume as the footer of a surface file does."""
    header, affine = image.header, image.affine
    zooms = np.array(header.get_zooms()[:3], float)
    axes = affine[:3, :3] / zooms
    centre = affine[:3, :3] @ (np.array(image.shape) / 2) + affine[:3, 3]
    return {
        "head": np.array([2, 0, 20], np.int32),
        "valid": "1  # volume info valid",
        "filename": "../mri/orig.mgz",
        "volume": np.array(image.shape),
        "voxelsize": zooms,
        "xras": axes[:, 0],
        "yras": axes[:, 1],
        "zras": axes[:, 2],
        "cras": centre,
    }
