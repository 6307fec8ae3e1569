"""Features of each region in a file of its own, with the metadata of the production study."""

import numpy as np
import pandas as pd
from nipype.interfaces.base import File, TraitedSpec, traits

from fmriprod.algorithms.bids_names import build_name, clean_label
from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.region_metadata import region_metadata
from fmriprod.interfaces.base import PythonInterface
from fmriprod.interfaces.region_samples import RegionSamplesInputSpec, read_region_features


class _RegionFeaturesInputSpec(RegionSamplesInputSpec):
    phase = traits.Str(
        "drawing",
        usedefault=True,
        desc="name of the phase for the file names, such as 12, 34, 56; drawing has no phase in "
        "the original names",
    )
    naming = traits.Enum(
        "original",
        "bids",
        usedefault=True,
        desc="original: SUBJ_ROI_PHASE_featurematrix.npy and metadata_SUBJ_ROI_PHASE.csv (drawing: "
        "SUBJ_ROI_featurematrix.npy, metadata_SUBJ_drawing.csv); bids: sub-SUBJ_task-TASK_"
        "label-ROI_desc-PHASE_features.npy, with _samples.tsv and _voxels.tsv",
    )
    shift_volumes = traits.Int(
        3,
        usedefault=True,
        desc="lag in volumes that the features were made with: TR_num of a trial of one volume "
        "is its volume less this, the slot of its onset",
    )
    missing = traits.Enum(
        "error",
        "drop",
        usedefault=True,
        desc="what to do with voxels of a region that the features lack",
    )


class _RegionFeaturesOutputSpec(TraitedSpec):
    features_files = traits.List(
        File(exists=True),
        desc=".npy, float32, one a region in their order: all voxels of the region in C order",
    )
    metadata_files = traits.List(
        File(exists=True),
        desc="original: CSV with an index, subj, label, run_num, TR_num, trial_num (one file for "
        "all regions in drawing); bids: sample tables with these columns besides (TSV)",
    )
    voxels_files = traits.List(
        File(exists=True), desc="bids: voxel tables (TSV), one a region; original: none"
    )
    n_voxels = traits.List(traits.Int, desc="voxels of each region that were written")
    n_missing = traits.List(traits.Int, desc="voxels of each region that the features lack")


class RegionFeatures(PythonInterface):
    """Write the features of each region by themselves, as the original study kept them.

    The columns ``TR_num`` (slot of the onset from 0, or the volume within the trial from 1 where
    trials have several) and ``trial_num`` (from 0 over the runs), which the original left empty
    or out, are filled in.

    Examples
    --------
    >>> RegionFeatures(phase="34").inputs.naming
    'original'
    """

    input_spec = _RegionFeaturesInputSpec
    output_spec = _RegionFeaturesOutputSpec

    def _process(self) -> None:
        values = self.inputs
        data = read_region_features(
            values.features_files,
            values.samples_files,
            values.voxels_files,
            values.mask_files,
            values.region_names,
            missing=values.missing,
        )
        metadata = region_metadata(data.samples, shift_volumes=values.shift_volumes)
        names = [self._names(name, data.samples) for name in values.region_names]
        _check_names(values.region_names, [name[0] for name in names])
        written: dict[str, list[str]] = {"features": [], "metadata": [], "voxels": []}
        for (region, columns), (matrix, *others) in zip(data.columns.items(), names, strict=True):
            self._keep(written["features"], matrix, data.region(region))
            if values.naming == "original":
                self._keep(written["metadata"], others[0], metadata)
                continue
            table = pd.concat([data.samples, metadata[["TR_num", "trial_num"]]], axis=1)
            self._keep(written["metadata"], others[0], table)
            self._keep(written["voxels"], others[1], data.voxels.iloc[columns])
        for field, paths in written.items():
            self.result(f"{field}_files", paths)
        self.result("n_voxels", [len(columns) for columns in data.columns.values()])
        self.result("n_missing", list(data.n_missing.values()))

    def _keep(self, paths: list[str], name: str, content: np.ndarray | pd.DataFrame) -> None:
        """Write a file, once where regions share it (the metadata of drawing)."""
        path = str(self._folder / name)
        if path in paths:
            return
        if isinstance(content, np.ndarray):
            self.save_array("features_files", name, content)
        elif name.endswith(".tsv"):
            self.save_table("metadata_files", name, content)
        else:
            self.save_text("metadata_files", name, content.to_csv(lineterminator="\n"))
        paths.append(path)

    def _names(self, region: str, samples: pd.DataFrame) -> tuple[str, ...]:
        """Names of a region's matrix, metadata and (bids) voxel table."""
        subject, phase = samples["subject"].iloc[0], self.inputs.phase
        if self.inputs.naming == "bids":
            entities = {"sub": subject, "task": samples["task"].iloc[0], "label": region}
            entities = {
                key: clean_label(label) for key, label in {**entities, "desc": phase}.items()
            }
            kinds = (("features", ".npy"), ("samples", ".tsv"), ("voxels", ".tsv"))
            return tuple(str(build_name(entities, *kind)) for kind in kinds)
        if phase == "drawing":
            return f"{subject}_{region}_featurematrix.npy", f"metadata_{subject}_drawing.csv"
        name = f"{subject}_{region}_{phase}"
        return f"{name}_featurematrix.npy", f"metadata_{name}.csv"


def _check_names(regions: list[str], names: list[str]) -> None:
    """Refuse region names that make no file name, or one and the same."""
    for region, name in zip(regions, names, strict=True):
        if "/" in name or "\0" in name or names.count(name) > 1:
            raise InputError(
                "region_names",
                expected="names that make a file name each, different from the others'",
                found=f"{region!r} gives {name!r}",
                hint="use letters and digits",
            )
