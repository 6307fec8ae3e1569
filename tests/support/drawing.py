"""Simulated drawing runs: two objects in turn, many volumes a trial, voxels of several regions."""

from pathlib import Path

import nibabel as nb
import numpy as np
import pandas as pd

LABELS = ("bed", "chair")


def drawing_samples(n_runs=4, n_trials=10, n_points=23, labels=LABELS):
    """Sample table of drawing runs as `Featurize` writes it; objects alternate."""
    rows = [
        (str(run), labels[(trial + run) % len(labels)], trial, 11 + 30 * trial + point, point + 1)
        for run in range(1, n_runs + 1)
        for trial in range(n_trials)
        for point in range(n_points)
    ]
    samples = pd.DataFrame(rows, columns=["run", "label", "trial", "tr", "time_point"])
    samples.insert(0, "task", "drawing")
    samples.insert(0, "subject", "01")
    samples["onset"] = 1.5 * (samples["tr"] - 3 - (samples["time_point"] - 1))
    samples["half"] = np.where(samples["trial"] < n_trials // 2, 1, 2)
    return samples.assign(n_volumes=1)


def drawing_series(rng, samples, sizes, *, coupling=0.0, pattern=0.0):
    """Simulate (n_trials, n_points, n_voxels) of each region, plus a baseline of 1000.

    Parameters
    ----------
    rng : Generator
    samples : DataFrame
        From `drawing_samples`.
    sizes : tuple of int
        Voxels of each region.
    coupling : float
        Strength of time courses that the regions share: voxels that take part, and their
        signs, differ by object, the time courses are new in each trial.
    pattern : float
        Strength of activity that is constant within a trial and differs by object.
    """
    n_points = int(samples["time_point"].max())
    codes = pd.Categorical(samples["label"][::n_points]).codes
    loadings = [rng.normal(size=(2, n)) for n in sizes]
    shared = rng.normal(size=(len(codes), n_points, 1))
    level = [rng.normal(size=(2, n)) for n in sizes]
    return [
        (
            1000
            + rng.normal(size=(len(codes), n_points, n))
            + coupling * shared * load[codes][:, None, :]
            + pattern * mean[codes][:, None, :]
        ).astype(np.float32)
        for n, load, mean in zip(sizes, loadings, level, strict=True)
    ]


def write_regions(folder, series, samples, names):
    """Write files as `Featurize` does, one for each run, and a mask for each region.

    Columns of the union are the masks' voxels in C order; regions lie beside each other along
    the second axis, so that their columns are mixed.
    """
    folder, n_regions = Path(folder), len(series)
    sizes = [part.shape[2] for part in series]
    grid = (max(sizes), n_regions, 2)
    affine = np.array([[-2.0, 0, 0, 30], [0, 2, 0, -20], [0, 0, 2, 10], [0, 0, 0, 1]])
    masks = np.zeros((n_regions, *grid), dtype=bool)
    for number, size in enumerate(sizes):
        masks[number, :size, number, 0] = True
    index = np.argwhere(masks.any(axis=0))
    features = np.empty((len(samples), len(index)), dtype=np.float32)
    for number, part in enumerate(series):
        features[:, index[:, 1] == number] = part.reshape(-1, part.shape[2])
    voxels = pd.DataFrame(index, columns=["i", "j", "k"])
    voxels[["x", "y", "z"]] = index @ affine[:3, :3].T + affine[:3, 3]
    files = {"features_files": [], "samples_files": [], "voxels_files": [], "mask_files": []}
    for run in samples["run"].unique():
        here = (samples["run"] == run).to_numpy()
        paths = [str(folder / f"run{run}_{what}") for what in ("f.npy", "s.tsv", "v.tsv")]
        np.save(paths[0], features[here])
        samples[here].to_csv(paths[1], sep="\t", index=False)
        voxels.assign(usable=1).to_csv(paths[2], sep="\t", index=False)
        for key, path in zip(files, paths, strict=False):
            files[key].append(path)
    for name, mask in zip(names, masks, strict=True):
        path = folder / f"{name}_mask.nii.gz"
        nb.Nifti1Image(mask.astype(np.uint8), affine).to_filename(path)
        files["mask_files"].append(str(path))
    return {**files, "region_names": list(names)}
