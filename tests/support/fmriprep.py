"""Simulated tables as fMRIPrep writes them."""

import json
import shutil
from pathlib import Path

import nibabel as nb
import numpy as np
import pandas as pd

from fmriprod.algorithms.transforms import MOTION_COLUMNS
from fmriprod.interfaces.transforms import read_transforms


def confounds(n_volumes=60, seed=0, *, non_steady=0, motion=None):
    """Simulate a table of confounds, with missing values where fMRIPrep has them."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame()
    for name in ("global_signal", "csf", "white_matter", *MOTION_COLUMNS):
        base = rng.normal(size=n_volumes).cumsum() / 50
        if motion is not None and name in MOTION_COLUMNS:
            base = np.asarray(motion[name])
        table[name] = base
        table[f"{name}_derivative1"] = np.concatenate([[np.nan], np.diff(base)])
        table[f"{name}_power2"] = base**2
        table[f"{name}_derivative1_power2"] = table[f"{name}_derivative1"] ** 2
    table["std_dvars"] = np.concatenate([[np.nan], rng.uniform(0.8, 1.2, n_volumes - 1)])
    table["framewise_displacement"] = np.concatenate([[np.nan], rng.uniform(0, 0.3, n_volumes - 1)])
    if motion is not None:
        table["framewise_displacement"] = motion["framewise_displacement"].to_numpy()
        table.loc[0, "framewise_displacement"] = np.nan
    for name in (*(f"{k}_comp_cor_{i:02d}" for k in "tawc" for i in range(8)),):
        table[name] = rng.normal(size=n_volumes)
        table.loc[: non_steady - 1, name] = 0.0
    frames = np.arange(n_volumes) + 0.5
    for i in range(3):
        table[f"cosine{i:02d}"] = np.cos(np.pi * (i + 1) * frames / n_volumes)
    for i in range(non_steady):
        table[f"non_steady_state_outlier{i:02d}"] = np.eye(n_volumes)[:, i]
    for i in (2, 7, 11):
        table[f"aroma_motion_{i:02d}"] = rng.normal(size=n_volumes)
    return table


def confounds_metadata():
    """Describe the components as ``desc-confounds_timeseries.json`` does; 3 explain a half."""
    masks = {"a": "combined", "w": "WM", "c": "CSF", "t": None}
    content = {}
    for kind, mask in masks.items():
        for i in range(8):
            content[f"{kind}_comp_cor_{i:02d}"] = {
                "Method": "tCompCor" if kind == "t" else "aCompCor",
                "Retained": True,
                "CumulativeVarianceExplained": 0.2 * (i + 1) - (0.05 if i else 0),
            } | ({"Mask": mask} if mask else {})
    content["dropped_0"] = {
        "Method": "aCompCor", "Mask": "combined", "Retained": False,
        "CumulativeVarianceExplained": 1.0,
    }  # fmt: skip
    return content


def write_confounds(folder, stem, table, metadata=None, suffix="timeseries"):
    """Write a table and its JSON; return the path of the table."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{stem}_desc-confounds_{suffix}.tsv"
    table.to_csv(file, sep="\t", index=False, na_rep="n/a")
    if metadata is not None:
        file.with_suffix(".json").write_text(json.dumps(metadata))
    return file


def write_derivatives(own, target, *, sidecar=None):
    """Write what fmriprod preprocessed as fMRIPrep would have, marked as simulated.

    The series lie in space T1w, exactly: the rigid transform to the T1-weighted image goes into
    the headers. Confounds have the measured motion; their other columns are noise. There is a
    template's space too, which is none (the same images).

    Parameters
    ----------
    own : path
        Derivatives of the main job on a simulated study.
    target : path
        Folder to write.
    sidecar : dict, optional
        Further fields of the sidecars of the series.
    """
    own, target = Path(own), Path(target)
    target.mkdir(parents=True)
    maker = {"Name": "fMRIPrep", "Version": "23.2.1", "Description": "simulated"}
    about = {"Name": "fMRIPrep - simulated", "BIDSVersion": "1.4.0", "DatasetType": "derivative"}
    (target / "dataset_description.json").write_text(json.dumps(about | {"GeneratedBy": [maker]}))
    for home in sorted(own.glob("sub-*")):
        if home.is_dir():
            _participant(home, target / home.name, sidecar or {"SliceTimingCorrected": False})
    return target


def _participant(home, target, sidecar):
    name = home.name
    for folder in ("anat", "func"):
        (target / folder).mkdir(parents=True)
    for end in ("desc-preproc_T1w", "desc-brain_mask"):
        shutil.copy(home / f"anat/{name}_{end}.nii.gz", target / "anat")
    xfm = home / f"func/{name}_from-boldref_to-T1w_mode-image_xfm.txt"
    to_t1w = np.linalg.inv(read_transforms(xfm)[0])  # files map points of T1w to points of boldref
    for file in sorted((home / "func").glob("*_desc-preproc_bold.nii.gz")):
        stem = file.name.removesuffix("_desc-preproc_bold.nii.gz")
        motion = pd.read_csv(home / f"func/{stem}_desc-motion_timeseries.tsv", sep="\t")
        table = confounds(len(motion), seed=len(stem), motion=motion)
        write_confounds(target / "func", stem, table, confounds_metadata())
        shutil.copy(xfm, target / f"func/{stem}_from-boldref_to-T1w_mode-image_desc-coreg_xfm.txt")
        shared = home / "func" / name
        for space in ("T1w", "MNI152NLin2009cAsym"):
            begin = f"{target}/func/{stem}_space-{space}"
            _moved(file, f"{begin}_desc-preproc_bold.nii.gz", to_t1w)
            _moved(f"{shared}_desc-brain_mask.nii.gz", f"{begin}_desc-brain_mask.nii.gz", to_t1w)
            _moved(f"{shared}_boldref.nii.gz", f"{begin}_boldref.nii.gz", to_t1w)
            tr = float(nb.load(file).header.get_zooms()[3])
            fields = {"RepetitionTime": tr, "SkullStripped": False, **sidecar}
            Path(f"{begin}_desc-preproc_bold.json").write_text(json.dumps(fields))


def _moved(source, target, matrix):
    image = nb.load(source)
    moved = nb.Nifti1Image(np.asanyarray(image.dataobj), matrix @ image.affine, image.header)
    moved.to_filename(target)
