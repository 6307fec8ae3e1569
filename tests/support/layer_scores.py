"""Simulated scores of layers in a small volume, where the best layer of each voxel is known."""

from dataclasses import replace

import nibabel as nb
import numpy as np

from fmriprod.interfaces.score_file import LayerScores, read_scores, write_scores

LAYERS = ["conv1", "conv2", "conv3", "fc4", "fc5"]
PENALTIES = [0.1, 1.0, 10.0, 100.0]
SHAPE = (14, 15, 8)
AFFINE = np.array([[-3.0, 0, 0, 21], [0, 3, 0, -90], [0, 0, 3.5, -10], [0, 0, 0, 1]])


def simulated_scores(rng, noise=0.03, n_folds=4, peak=0.4):
    """Scores that fall with the distance from a best layer, which rises from behind to front.

    Returns mask, scores (n_layers, n_folds, n_voxels) and the best layer from 1 on.
    """
    index = np.indices(SHAPE)
    mask = ((index.T - (np.array(SHAPE) - 1) / 2) ** 2 / (np.array(SHAPE) / 2) ** 2).sum(-1).T < 1
    best = (index[1] * len(LAYERS) // SHAPE[1])[mask]
    number = np.arange(len(LAYERS))[:, None]
    true = peak * (1 - 0.2 * np.abs(number - best))
    folds = true[:, None] + rng.normal(0, noise, (len(LAYERS), n_folds, mask.sum()))
    return mask, folds.astype(np.float32), best + 1


def write_simulated(folder, rng, unusable=(), **options):
    """Write scores, mask, background and regions; give the inputs of interfaces, and the truth."""
    mask, folds, best = simulated_scores(rng, **options)
    usable = np.ones(folds.shape[2], bool)
    usable[list(unusable)] = False
    folds[:, :, ~usable] = np.nan
    chosen = rng.choice(PENALTIES, folds.shape)
    chosen[:, :, ~usable] = np.nan
    r2 = folds.mean(axis=1)
    numbers = [str(i + 1) for i in range(folds.shape[1])]
    write_scores(
        folder / "scores.h5",
        LayerScores(
            LAYERS, numbers, PENALTIES, [1.0] * len(LAYERS), r2, np.sqrt(np.maximum(r2, 0)), folds,
            np.sqrt(np.maximum(folds, 0)), chosen, usable,
        ),
    )  # fmt: skip
    save(folder, "mask", mask)
    inputs = {"scores_file": str(folder / "scores.h5"), "mask_file": str(folder / "mask.nii.gz")}
    return inputs, mask, r2, folds, best


def keep_layers(path, n_layers):
    """Write the scores of the first layers beside; give the path."""
    scores = read_scores(path)
    arrays = {
        name: getattr(scores, name)[:n_layers]
        for name in ("r2", "r", "fold_r2", "fold_r", "penalty")
    }
    fewer = path.replace(".h5", f"{n_layers}.h5")
    write_scores(
        fewer,
        replace(
            scores,
            layers=scores.layers[:n_layers],
            penalty_units=scores.penalty_units[:n_layers],
            **arrays,
        ),
    )
    return fewer


def save(folder, name, data, affine=AFFINE):
    """Write an image; give its path."""
    path = folder / f"{name}.nii.gz"
    data = data.astype(np.uint8) if data.dtype == bool else data
    nb.Nifti1Image(data, affine).to_filename(path)
    return str(path)
