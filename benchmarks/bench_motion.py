"""Time motion correction on a run, and its error on motion that is added to it.

python benchmarks/bench_motion.py sub-01_task-x_bold.nii.gz --volumes 40 --threads 2
"""

import argparse
import time

import nibabel as nb
import numpy as np

from fmriprod.algorithms.motion import estimate_motion
from fmriprod.algorithms.realign import realign
from fmriprod.algorithms.registration import foreground
from fmriprod.algorithms.transforms import (
    displacement,
    grid_center,
    mask_points,
    rigid_matrix,
)


def add_motion(series, affine, size, rng):
    """Move each volume by up to ``size`` mm and degrees; give the matrices."""
    motion = rng.uniform(-size, size, (series.shape[3], 6))
    motion[:, 3:] = np.deg2rad(motion[:, 3:])
    added = rigid_matrix(motion, grid_center(series.shape, affine))
    moved, _ = realign(series.copy(order="F"), affine, added, outside="edge", num_threads=2)
    return moved, added


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bold")
    parser.add_argument("--volumes", type=int, default=40)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    image = nb.load(options.bold)
    series = np.asarray(image.dataobj[..., : options.volumes], np.float32, order="F")
    affine, n = image.affine, series.shape[3]
    points = mask_points(foreground(series[..., 0], affine), affine)[::50]

    began = time.perf_counter()
    own = estimate_motion(series, affine, 0, num_threads=options.threads).matrices
    print(f"{series.shape}: one pass {(time.perf_counter() - began) / n:.3f} s a volume")
    began = time.perf_counter()
    estimate_motion(series, affine, num_threads=options.threads)
    print(f"two passes (mean) {(time.perf_counter() - began) / n:.3f} s a volume")
    for size in (0.5, 2.0, 5.0):
        moved, added = add_motion(series, affine, size, np.random.default_rng(0))
        found = estimate_motion(moved, affine, 0, num_threads=options.threads).matrices
        truth = np.linalg.inv(added) @ own
        truth = truth @ np.linalg.inv(truth[0])
        errors = [displacement(a, b, points).mean() for a, b in zip(found, truth, strict=True)]
        print(f"added up to {size} mm and degrees: mean error {np.mean(errors):.4f} mm, "
              f"largest {np.max(errors):.4f} mm")  # fmt: skip
    for how in ("linear", "spline"):
        began = time.perf_counter()
        realign(series.copy(order="F"), affine, own, interpolation=how, num_threads=options.threads)
        print(f"{how}: {(time.perf_counter() - began) / n:.3f} s a volume")


if __name__ == "__main__":
    main()
