"""Leave-one-out masks against a refit for each. Run: python benchmarks/bench_leave_one_out.py.

Simulated maps on the 2 mm grid of MNI152 (228,000 voxels of brain by default). Side by side:
the numerics on arrays in memory (z maps of all subjects) against one call of `fixed_effects` a
subject; and from files to masks, `LeaveOneOutMasks` against one call of Nilearn's
`compute_fixed_effects` a subject.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import nibabel as nb
import numpy as np
from nilearn.datasets import load_mni152_brain_mask
from nilearn.glm import compute_fixed_effects

from fmriprod.algorithms.fixed_effects import fixed_effects
from fmriprod.algorithms.leave_one_out import leave_one_out
from fmriprod.interfaces.leave_one_out import LeaveOneOutMasks

DOF = 1200.0


def simulate(n_subjects: int, n_voxels: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(n_subjects)
    variances = rng.uniform(0.5, 2, (n_subjects, n_voxels))
    return 0.1 + np.sqrt(variances) * rng.normal(size=variances.shape), variances


def clock(function, repeats: int = 1) -> float:
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def on_arrays(n_subjects: int, n_voxels: int, slab: int = 8192) -> None:
    effects, variances = simulate(n_subjects, n_voxels)
    dof = np.full(n_subjects, DOF)
    ours, theirs = np.empty_like(effects), np.empty_like(effects)

    def sums() -> None:
        for start in range(0, n_voxels, slab):
            part = slice(start, start + slab)
            ours[:, part] = leave_one_out(effects[:, part], variances[:, part], dof).z

    def refits() -> None:
        for i in range(n_subjects):
            keep = np.arange(n_subjects) != i
            theirs[i] = fixed_effects(effects[keep], variances[keep], dof[keep]).z

    fast, slow = clock(sums, 3), clock(refits)
    one = clock(lambda: fixed_effects(effects, variances, dof), 3)
    difference = np.abs(ours - theirs).max()
    print(
        f"arrays, {n_subjects:3d} subjects: {fast:6.2f} s (one group map {one:.2f} s), "
        f"refits {slow:6.2f} s, {slow / fast:4.1f}x; largest difference of z {difference:.1e}"
    )


def on_files(n_subjects: int) -> None:
    mask = load_mni152_brain_mask(resolution=2)
    inside = mask.get_fdata() > 0
    effects, variances = simulate(n_subjects, int(inside.sum()))
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        paths: dict[str, list[str]] = {"effect": [], "variance": []}
        for kind, rows in (("effect", effects), ("variance", variances)):
            for number, row in enumerate(rows):
                volume = np.zeros(inside.shape, np.float32)
                volume[inside] = row
                path = str(Path(folder) / f"{kind}_{number}.nii.gz")
                nb.Nifti1Image(volume, mask.affine).to_filename(path)
                paths[kind].append(path)
        brain = str(Path(folder) / "mask.nii.gz")
        nb.Nifti1Image(inside.astype(np.uint8), mask.affine).to_filename(brain)

        def sums() -> None:
            LeaveOneOutMasks(
                effect_files=paths["effect"], variance_files=paths["variance"],
                dof=[DOF] * n_subjects, map_subjects=[f"{i:02d}" for i in range(n_subjects)],
                mask_file=brain, cluster_p=0.0, compress=False,
            ).run()  # fmt: skip

        def refits() -> None:
            for i in range(n_subjects):
                few = {kind: [p for j, p in enumerate(ps) if j != i] for kind, ps in paths.items()}
                z = compute_fixed_effects(
                    few["effect"], few["variance"], brain, True, dofs=[DOF] * (n_subjects - 1)
                )[3]
                masked = z.get_fdata() > 3
                nb.Nifti1Image(masked.astype(np.uint8), mask.affine).to_filename("mask.nii")
                z.to_filename("z.nii")

        fast, slow = clock(sums), clock(refits)
        os.chdir("/")
    print(
        f"files,  {n_subjects:3d} subjects: {fast:6.1f} s, Nilearn's refits {slow:6.1f} s, "
        f"{slow / fast:4.1f}x"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subjects", type=int, nargs="+", default=[8, 16, 31, 62])
    parser.add_argument("--voxels", type=int, default=228_000)
    parser.add_argument("--files", type=int, nargs="*", default=[8, 31])
    options = parser.parse_args()
    for n_subjects in options.subjects:
        on_arrays(n_subjects, options.voxels)
    for n_subjects in options.files:
        on_files(n_subjects)


if __name__ == "__main__":
    main()
