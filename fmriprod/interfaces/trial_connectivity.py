"""Correlations between the voxels of two regions in each trial, in files."""

from collections.abc import Iterable

import numpy as np
from nipype.interfaces.base import File, TraitedSpec, traits

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.region_metadata import region_metadata
from fmriprod.algorithms.trial_connectivity import correlation_rows, pair_kernels, unit_courses
from fmriprod.interfaces.base import PythonInterface
from fmriprod.interfaces.region_trials import (
    RegionPairsInputSpec,
    RegionTrials,
    read_region_trials,
)


class _TrialConnectivityInputSpec(RegionPairsInputSpec):
    kinds = traits.List(
        traits.Enum("kernel", "matrix", "stack"),
        value=["kernel"],
        usedefault=True,
        minlen=1,
        desc="kernel: inner products of the trials' correlations; matrix: the correlations "
        "themselves, 4 bytes x trials x voxels of region 1 x voxels of region 2; stack: the "
        "activity of both regions in all volumes of each trial",
    )


class _TrialConnectivityOutputSpec(TraitedSpec):
    kernel_files = traits.List(
        File(exists=True), desc="SUBJ_R1_R2_kernel.npy, float64, (n_trials, n_trials), of each pair"
    )
    matrix_files = traits.List(
        File(exists=True),
        desc="SUBJ_R1_R2_featurematrix.npy, float32, (n_trials, n_2 * n_1), of each pair: Pearson "
        "r of voxel i of region 2 and voxel j of region 1 in column i * n_1 + j",
    )
    stack_files = traits.List(
        File(exists=True),
        desc="SUBJ_R1_R2_stackmatrix.npy, float32, (n_trials, n_volumes * (n_1 + n_2)), of each "
        "pair: volume after volume, region 1 and then region 2",
    )
    metadata_file = File(
        exists=True,
        desc="metadata_SUBJ_corrs.csv, a row a trial: index, subj, label, run_num, trial_num (from "
        "0 over the runs)",
    )
    voxels_files = traits.List(
        File(exists=True),
        desc="SUBJ_R_voxels.tsv of each region: its voxels in C order, as the voxel tables of the "
        "features have them, and taken (0: constant or not finite in some trial)",
    )
    pairs = traits.List(traits.Tuple(traits.Str, traits.Str), desc="regions 1 and 2 of each pair")
    n_constant = traits.Int(
        desc="voxels that are constant or not finite in some trial, left out of all trials (a "
        "voxel counts once in each region)"
    )


class TrialConnectivity(PythonInterface):
    """Write trial-wise correlations between regions, or only their inner products.

    The matrices are those of the original study, without the voxels that some trial holds
    constant, and in single precision; they are written piece by piece and can be read with
    ``numpy.load(path, mmap_mode="r")``. A kernel of 40 x 40 numbers serves linear
    classifiers on features that are not standardised, or only centred, as well as they do.

    Examples
    --------
    >>> TrialConnectivity(kinds=["matrix", "stack"]).inputs.kinds
    ['matrix', 'stack']
    """

    input_spec = _TrialConnectivityInputSpec
    output_spec = _TrialConnectivityOutputSpec
    _libraries = ("numpy",)

    def _process(self) -> None:
        values = self.inputs
        regions = read_region_trials(values)
        pairs = regions.pairs
        if not pairs:
            raise InputError(
                "mask_files", expected="a pair of regions with voxels",
                found="; ".join(regions.notes), hint="look at the masks",
            )  # fmt: skip
        metadata = region_metadata(regions.trials, shift_volumes=0).drop(columns="TR_num")
        subject = metadata["subj"].iloc[0]
        names = [f"{subject}_{one}_{two}" for one, two in pairs]
        files: dict[str, list[str]] = {"kernel": [], "matrix": [], "stack": [], "voxels": []}
        courses = {name: unit_courses(part) for name, part in regions.series.items()}
        if "kernel" in values.kinds:
            order = list(courses)
            numbers = [(order.index(one), order.index(two)) for one, two in pairs]
            kernels = pair_kernels(list(courses.values()), numbers)
            for name, kernel in zip(names, kernels, strict=True):
                self.save_array("kernel_files", f"{name}_kernel.npy", kernel)
                files["kernel"].append(self._results["kernel_files"])
        for name, (one, two) in zip(names, pairs, strict=True):
            a, b = regions.series[one], regions.series[two]
            n_trials, n_points, n_1 = a.shape
            if "matrix" in values.kinds:
                rows = correlation_rows(courses[one], courses[two])
                shape = (n_trials, b.shape[2] * n_1)
                files["matrix"].append(self._stream(f"{name}_featurematrix.npy", shape, rows))
            if "stack" in values.kinds:
                rows = (np.concatenate(trial, axis=1) for trial in zip(a, b, strict=True))
                shape = (n_trials, n_points * (n_1 + b.shape[2]))
                files["stack"].append(self._stream(f"{name}_stackmatrix.npy", shape, rows))
        table = metadata.to_csv(lineterminator="\n")
        self.save_text("metadata_file", f"metadata_{subject}_corrs.csv", table)
        self._save_voxels(subject, regions, files["voxels"])
        for kind, paths in files.items():
            self.result(f"{kind}_files", paths)
        self.result("pairs", pairs)
        self.result("n_constant", sum(regions.n_constant.values()))

    def _stream(self, name: str, shape: tuple[int, int], rows: Iterable[np.ndarray]) -> str:
        """Write a matrix of which only some values are in memory at a time."""
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        with self.writing("matrix_files", name) as path, path.open("wb") as stream:
            np.lib.format.write_array_header_1_0(stream, header)
            for part in rows:
                stream.write(np.ascontiguousarray(part, dtype="<f4").data)
        return str(self._results["matrix_files"])

    def _save_voxels(self, subject: str, regions: RegionTrials, paths: list[str]) -> None:
        for region, table in regions.voxels.items():
            self.save_table("voxels_files", f"{subject}_{region}_voxels.tsv", table)
            paths.append(self._results["voxels_files"])
