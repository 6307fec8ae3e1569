"""Leave-one-subject-out task masks of a whole group, in one step."""

from collections import Counter
from pathlib import Path

import nibabel as nb
import numpy as np
import pandas as pd
from nipype.interfaces.base import File, InputMultiObject, TraitedSpec, isdefined, traits

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.algorithms.clusters import ClusterRule, task_mask
from fmriprod.algorithms.leave_one_out import leave_one_out
from fmriprod.interfaces.base import ImageWriterInputSpec, PythonInterface
from fmriprod.interfaces.disk_matrix import DiskMatrix
from fmriprod.interfaces.images import check_same_grid, load_image, load_mask, open_image

_SLAB_BYTES = 16 << 20  # memory of what is worked on at a time


class _LeaveOneOutMasksInputSpec(ImageWriterInputSpec):
    effect_files = InputMultiObject(
        File(exists=True),
        mandatory=True,
        desc="effect map of each subject on one common grid, such as fixed effects of drawing over "
        "runs; not finite, or 0 where no variance_files are given: no data",
    )
    variance_files = InputMultiObject(
        File(exists=True),
        desc="their variance maps, in the same order, for model fixed; not finite or not above 0: "
        "no data",
    )
    dof = traits.List(
        traits.Float,
        desc="degrees of freedom of each of the variances, in the same order, for model fixed; "
        "without them z is t",
    )
    map_subjects = traits.List(
        traits.Str, mandatory=True, desc="subject of each effect map, in the order of effect_files"
    )
    subjects = traits.List(
        traits.Str,
        desc="subjects that get a mask, in the order of the outputs; map_subjects by default. One "
        "that has no map gets the mask of all who have",
    )
    mask_file = File(
        exists=True, desc="voxels to look at, on the common grid; by default all with data"
    )
    model = traits.Enum(
        "fixed",
        "random",
        usedefault=True,
        desc="mean weighted by precision, about these subjects (as the published study); or "
        "one-sample t-test over subjects",
    )
    min_subjects = traits.Int(
        desc="a voxel counts where at least so many of the others have data; all of them by default"
    )
    cluster_threshold = traits.Float(
        2.3, usedefault=True, desc="z above which neighbouring voxels (26) form a cluster"
    )
    threshold = traits.Float(
        3.0,
        usedefault=True,
        desc="z above which voxels of large enough clusters are taken",
    )
    cluster_p = traits.Range(
        low=0.0,
        high=1.0,
        value=0.05,
        exclude_high=True,
        usedefault=True,
        desc="corrected p of a cluster's size by the theory of random fields; 0: no such rule",
    )
    min_voxels = traits.Range(
        low=0, value=0, usedefault=True, desc="smallest cluster, in voxels of the common grid"
    )
    min_volume = traits.Range(low=0.0, value=0.0, usedefault=True, desc="smallest cluster, in mm3")
    fwhm = traits.Range(
        low=0.0,
        exclude_low=True,
        desc="smoothness of the noise in mm where it is known from residuals, for cluster_p; "
        "by default it is estimated from each map, which a strong effect makes smoother",
    )


class _LeaveOneOutMasksOutputSpec(TraitedSpec):
    z_files = traits.List(
        File(exists=True), desc="z map of all others, a file a subject in the order of subjects"
    )
    thresholded_files = traits.List(
        File(exists=True),
        desc="the same, 0 outside of clusters above cluster_threshold that are large enough (as "
        "FEAT's thresh_zstat)",
    )
    out_masks = traits.List(
        File(exists=True), desc="voxels of these clusters above threshold, uint8; may be empty"
    )
    group_z_file = File(exists=True, desc="z map of all who have a map")
    group_effect_file = File(exists=True, desc="their mean effect")
    group_mask = File(exists=True, desc="mask of all who have a map, by the same rule")
    coverage_file = File(exists=True, desc="number of subjects with data in each voxel")
    summary_file = File(
        exists=True,
        desc="TSV, a row a subject and a last one 'all': subject has_map n_others n_covered "
        "n_not_covered (voxels) min_cluster (voxels) n_clusters n_voxels volume (mm3) peak_z "
        "x y z (mm)",
    )
    subjects = traits.List(traits.Str, desc="subject of each file of the lists")
    without_map = traits.List(traits.Str, desc="subjects that are in no map")


class LeaveOneOutMasks(PythonInterface):
    """Make, for each subject, a task mask that owes nothing to its own data.

    Files are read once, one at a time; values wait on disk in the step's folder and are worked
    on slab by slab, so that memory does not grow with the number of subjects. See
    `fmriprod.algorithms.leave_one_out` and `fmriprod.algorithms.clusters`.

    Examples
    --------
    >>> LeaveOneOutMasks(model="random").inputs.threshold
    3.0
    """

    input_spec = _LeaveOneOutMasksInputSpec
    output_spec = _LeaveOneOutMasksOutputSpec
    _libraries = ("numpy", "scipy")

    def _process(self) -> None:
        subjects = self._subjects()
        first = open_image(self.inputs.effect_files[0], ndim=3)
        self._check_grids(first)
        mask = np.ones(first.shape, bool)
        if isdefined(self.inputs.mask_file):
            mask = load_mask(self.inputs.mask_file, first)
        n_maps = len(self.inputs.effect_files)
        group = np.zeros((2, int(mask.sum())))
        covering = np.zeros(group.shape[1], np.int32)
        shape = (n_maps, group.shape[1])
        with DiskMatrix(self._folder / ".z.scratch", shape, np.float32) as z:
            self._fill(z, group, covering, mask)
            self._save_all(subjects, z, group, covering, mask, first)

    def _subjects(self) -> list[str]:
        """Names to make masks for, after all that can be known without reading is checked."""
        values = self.inputs
        names, n_maps = values.map_subjects, len(values.effect_files)
        subjects = list(values.subjects) if isdefined(values.subjects) else list(names)
        problems, hint = [], "give all lists in the same order"
        for field in ("map_subjects", "variance_files", "dof"):
            given = getattr(values, field)
            if isdefined(given) and len(given) != n_maps:
                problems.append(f"{len(given)} {field} for {n_maps} effect_files")
        for field, given in (("map_subjects", names), ("subjects", subjects)):
            twice = [name for name, count in Counter(given).items() if count > 1]
            if twice:
                problems.append(f"{', '.join(twice)} more than once in {field}")
        for name in names:
            if name not in subjects:  # its map might slip into its own mask
                problems.append(f"{name} has a map and is not in subjects")
                hint = suggest(name, subjects)
        if values.model == "fixed" and not isdefined(values.variance_files):
            problems.append("no variance_files")
            hint = "give them, or use model random, which needs effects alone"
        if problems:
            raise InputError(
                "map_subjects",
                expected="one effect map (and variance and dof with model fixed) a subject",
                found="; ".join(problems),
                hint=hint,
            )
        return subjects

    def _check_grids(self, first: nb.Nifti1Image) -> None:
        """Refuse maps on different grids, all of them at once, by subject."""
        problems = []
        lists = [self.inputs.effect_files]
        if isdefined(self.inputs.variance_files):
            lists.append(self.inputs.variance_files)
        for files in lists:
            for name, path in zip(self.inputs.map_subjects, files, strict=True):
                try:
                    check_same_grid(open_image(path, ndim=3), first)
                except InputError as err:
                    problems.append(f"{name}: {err.file}: {err.found}")
        if problems:
            raise InputError(
                "effect_files",
                expected=f"all maps on one grid, that of {self.inputs.map_subjects[0]}: shape "
                f"{first.shape}, affine\n{first.affine}",
                found="\n".join(problems),
                hint="bring them to the common space first (Normalize, ApplyTransform)",
            )

    def _fill(
        self, z: DiskMatrix, group: np.ndarray, covering: np.ndarray, mask: np.ndarray
    ) -> None:
        """Read all maps and compute slab by slab; rows of ``z`` follow the maps."""
        values = self.inputs
        fixed = values.model == "fixed"
        lists = [values.effect_files] + ([values.variance_files] if fixed else [])
        dof = np.array(values.dof) if isdefined(values.dof) and fixed else None
        least = values.min_subjects if isdefined(values.min_subjects) else None
        n_maps, n_voxels = z.shape
        with DiskMatrix(self._folder / ".maps.scratch", (len(lists) * n_maps, n_voxels)) as maps:
            for row, path in enumerate(path for files in lists for path in files):
                maps.write(row, load_image(path, ndim=3, dtype=np.float64)[0][mask])
            step = max(1, _SLAB_BYTES // (8 * 8 * n_maps))
            for start in range(0, n_voxels, step):
                slab = slice(start, start + step)
                parts = np.split(maps.columns(start, start + step), len(lists))
                found = leave_one_out(*parts, dof=dof, model=values.model, min_subjects=least)
                for row, part in enumerate(found.z):
                    z.write(row, part, start)
                group[0, slab], group[1, slab] = found.group_z, found.group_effect
                covering[slab] = found.n_covering

    def _save_all(
        self, subjects: list[str], z: DiskMatrix, group: np.ndarray, covering: np.ndarray,
        mask: np.ndarray, first: nb.Nifti1Image,
    ) -> None:  # fmt: skip
        names, rows = self.inputs.map_subjects, []
        lists: dict[str, list[str]] = {"z_files": [], "thresholded_files": [], "out_masks": []}
        for name in subjects:
            own = z.read(names.index(name)) if name in names else group[0].astype(np.float32)
            row, paths = self._save_subject(name, own, mask, first)
            rows.append({"subject": name, "has_map": int(name in names), **row})
            for field, path in zip(lists, paths, strict=True):
                lists[field].append(path)
        row, paths = self._save_subject("all", group[0].astype(np.float32), mask, first)
        Path(paths[1]).unlink()
        rows.append({"subject": "all", "has_map": len(names), **row})
        for row in rows:
            row["n_others"] = len(names) - (row["subject"] in names)
        for field, paths_of_all in (*lists.items(), ("subjects", subjects)):
            self.result(field, paths_of_all)
        self.result("without_map", [name for name in subjects if name not in names])
        self.result("group_z_file", paths[0])
        self.result("group_mask", paths[2])
        for field, data in (("group_effect", group[1].astype(np.float32)), ("coverage", covering)):
            volume = _unmasked(data, mask)
            self.save_image(f"{field}_file", f"{field}.nii.gz", volume, first)
        self.save_table("summary_file", "leave_one_out.tsv", pd.DataFrame(rows)[_COLUMNS])

    def _save_subject(
        self, name: str, values: np.ndarray, mask: np.ndarray, first: nb.Nifti1Image
    ) -> tuple[dict, list[str]]:
        """Threshold and write one map; give its row of the summary and its three files."""
        z = _unmasked(values, mask)
        sizes = np.linalg.norm(first.affine[:3, :3], axis=0)
        volume = float(abs(np.linalg.det(first.affine[:3, :3])))
        least = max(self.inputs.min_voxels, int(np.ceil(self.inputs.min_volume / volume - 1e-9)))
        rule = ClusterRule(
            self.inputs.cluster_threshold, self.inputs.threshold, self.inputs.cluster_p, least,
            self.inputs.fwhm if isdefined(self.inputs.fwhm) else None,
        )  # fmt: skip
        found = task_mask(z, mask & (z != 0), rule, tuple(sizes))
        paths = []
        for kind, data in (
            ("z", z), ("thresholded", np.where(found.surviving, z, 0)), ("mask", found.mask)
        ):  # fmt: skip
            self.save_image("last", f"sub-{name.removeprefix('sub-')}_{kind}.nii.gz", data, first)
            paths.append(self._results.pop("last"))
        covered = int(np.count_nonzero(values))
        peak = np.unravel_index(np.argmax(z), z.shape)
        place = first.affine[:3, :3] @ peak + first.affine[:3, 3]
        return {
            "n_covered": covered,
            "n_not_covered": len(values) - covered,
            "min_cluster": found.min_voxels,
            "n_clusters": found.n_clusters,
            "n_voxels": int(found.mask.sum()),
            "volume": round(found.mask.sum() * volume, 3),
            "peak_z": float(z[peak]),
            **dict(zip("xyz", place.round(3), strict=True)),
        }, paths


_COLUMNS = [
    "subject", "has_map", "n_others", "n_covered", "n_not_covered", "min_cluster", "n_clusters",
    "n_voxels", "volume", "peak_z", "x", "y", "z",
]  # fmt: skip


def _unmasked(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    volume = np.zeros(mask.shape, values.dtype)
    volume[mask] = values
    return volume
