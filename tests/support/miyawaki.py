"""A simulated visual cortex that sees images of black and white pixels."""

import nibabel as nb
import numpy as np


def random_images(rng, n, shape=(10, 10)):
    """Images of random pixels, 0 or 1."""
    return rng.integers(0, 2, (n, *shape)).astype(float)


def figures(shape=(10, 10)):
    """Five figures: square, cross, plus, frame and bar."""
    rows, columns = np.indices(shape)
    side = min(shape)
    centre = (np.abs(rows - 4.5) < 3) & (np.abs(columns - 4.5) < 3)
    return np.stack(
        [
            centre,
            (np.abs(rows - columns) < 2) | (np.abs(rows + columns - side + 1) < 2),
            (np.abs(rows - 4.5) < 2) | (np.abs(columns - 4.5) < 2),
            (rows < 2) | (rows > side - 3) | (columns < 2) | (columns > side - 3),
            np.abs(columns - 4.5) < 2,
        ]
    ).astype(float)


def receptive_fields(rng, n_voxels, shape=(10, 10), width=0.7):
    """Gaussian fields at random places, shape (n_voxels, height * width); a third see nothing."""
    rows, columns = np.indices(shape)
    centre = rng.uniform(0, np.array(shape) - 1, (n_voxels, 2))
    distance = (rows - centre[:, :1, None]) ** 2 + (columns - centre[:, 1:, None]) ** 2
    fields = np.exp(-distance / (2 * width**2)).reshape(n_voxels, -1)
    fields[rng.random(n_voxels) < 1 / 3] = 0
    return fields


def responses(rng, images, fields, noise=1.0):
    """Responses of voxels to images, shape (n_samples, n_voxels), with white noise."""
    clean = images.reshape(len(images), -1) @ fields.T
    return (clean + noise * rng.normal(size=clean.shape)).astype(np.float32)


def write_run(folder, name, rng, images, fields, mask, *, noise=0.5, lag=2):
    """Write a run of blocks of 3 volumes of an image and 3 of rest; give series and labels."""
    rest = np.zeros_like(images[0])
    shown = [rest] * 3
    labels = [np.full(images[0].size, -1)] * 3
    for image in images:
        shown += [image] * 3 + [rest] * 3
        labels += [image.ravel(order="F").astype(int)] * 3 + [labels[0]] * 3
    seen = responses(rng, np.array(shown), fields, noise=0)
    series = np.zeros_like(seen)
    series[lag:] = seen[:-lag]
    series += (
        1000 + np.linspace(-20, 20, len(series))[:, None] + noise * rng.normal(size=seen.shape)
    )
    data = np.zeros((*mask.shape, len(series)), np.float32)
    data[mask] = series.T
    image = nb.Nifti1Image(data, np.diag([3.0, 3, 3, 1]))
    image.header.set_zooms((3, 3, 3, 2.0))
    image.header.set_xyzt_units("mm", "sec")
    image.to_filename(folder / f"{name}.nii.gz")
    np.savetxt(folder / f"{name}.csv", labels, "%d", delimiter=",")
    return str(folder / f"{name}.nii.gz"), str(folder / f"{name}.csv")
