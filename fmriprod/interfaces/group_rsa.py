"""Test maps of representational similarity over participants."""

from typing import Any

import nibabel as nb
import numpy as np
import pandas as pd
from nipype.interfaces.base import File, TraitedSpec, isdefined, traits

from fmriprod.algorithms.group_rsa import GroupRSA as GroupResult
from fmriprod.algorithms.group_rsa import fisher_z, group_rsa
from fmriprod.algorithms.group_rsa_rule import BEST, CORRECTIONS, METHODS, GroupRule
from fmriprod.algorithms.group_rsa_tables import cluster_table, map_table
from fmriprod.algorithms.layer_bootstrap import bootstrap_participants
from fmriprod.algorithms.rsa_region_bars import participant_means, region_bars
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.images import check_same_grid, load_mask, read_voxels
from fmriprod.interfaces.map_stacks import on_grid, open_stack, voxel_rows
from fmriprod.interfaces.roi_columns import roi_columns

_RULE = ("method", "correction", "level", "two_sided", "n_permutations", "n_draws", "cluster_p",
         "neighbours", "min_voxels", "best", "together", "fisher")  # fmt: skip
_MEANING = {
    "sign_flip": "sign flips of participants: values without effect are spread alike about 0",
    "voxel_shuffling": "t of values each from another random voxel of a participant, all voxels "
    "pooled, as published: compares a place with others of the same map, not with no effect",
}


class _GroupRSAInputSpec(PythonInputSpec):
    map_files = traits.List(
        File(exists=True),
        mandatory=True,
        minlen=1,
        desc="a file a participant: 4-D NIfTI of correlations, a volume a layer or code, all on "
        "one grid",
    )
    maps = traits.List(
        traits.Str, desc="names of the volumes: layers in their order, or codes (default: 1, 2 ...)"
    )
    mask_file = File(
        exists=True,
        desc="voxels to test (default: those with a value that is not 0 in any map); a voxel that "
        "is 0 or not finite in any map of any participant is left out",
    )
    roi_files = traits.List(
        File(exists=True, hash_name=True), desc="masks of regions on the same grid, for bars"
    )
    roi_names = traits.List(
        traits.Str, requires=["roi_files"], desc="their names (default: those of the files)"
    )
    method = traits.Enum(
        *METHODS,
        usedefault=True,
        desc="where p of a voxel comes from: signs of participants flipped, or, as published, t of "
        "values from random voxels",
    )
    correction = traits.Enum(
        *CORRECTIONS,
        usedefault=True,
        desc="what has to be at most level: p of the largest t over voxels; p of the size of its "
        "cluster; q; or p of the voxel alone, as published. The first two need sign_flip",
    )
    level = traits.Range(
        low=0.0, high=1.0, value=0.05, exclude_low=True, usedefault=True, desc="largest p or q"
    )
    two_sided = traits.Bool(
        True, usedefault=True, desc="whether similarity below 0 counts too, as published"
    )
    n_permutations = traits.Range(
        low=1,
        value=10_000,
        usedefault=True,
        desc="sign flips; all 2 ** n are made where they are no more",
    )
    n_draws = traits.Range(
        low=1000,
        value=1_000_000,
        usedefault=True,
        desc="draws of voxel_shuffling a map (published: 5,000 or 10,000 times n voxels)",
    )
    cluster_p = traits.Range(
        low=0.0,
        high=1.0,
        value=0.001,
        exclude_low=True,
        exclude_high=True,
        usedefault=True,
        desc="p of t that voxels of a cluster are below, for correction cluster",
    )
    neighbours = traits.Enum(
        2, 1, 3, usedefault=True, desc="voxels that touch: 1 by faces, 2 also edges, 3 also corners"
    )
    min_voxels = traits.Range(
        low=1,
        value=1,
        usedefault=True,
        desc="voxels of the smallest cluster of surviving voxels that stays (published: 20)",
    )
    best = traits.Enum(
        *BEST,
        usedefault=True,
        desc="what is largest at a voxel's best map, of those that survive above 0: mean over "
        "participants; or its t, as published, which rewards what is alike in all of them and "
        "mistakes layers that resemble each other more often",
    )
    together = traits.Bool(
        False, usedefault=True, desc="correct for all maps at once, not for each alone"
    )
    fisher = traits.Bool(
        True, usedefault=True, desc="maps are correlations: test Fisher's z of them"
    )
    n_bootstrap = traits.Range(
        low=0,
        value=0,
        usedefault=True,
        desc="draws of participants, to see how often a voxel's best map stays the same; 0: none",
    )
    seed = traits.Range(low=0, value=0, usedefault=True, desc="seed of flips and draws")
    memory_mb = traits.Range(
        low=1.0, value=256.0, usedefault=True, nohash=True, desc="memory of a block of flips, MB"
    )


class _GroupRSAOutputSpec(TraitedSpec):
    mean_map = File(
        exists=True, desc="NIfTI, a volume a map: mean (Fisher's z of correlations); NaN left out"
    )
    t_map = File(exists=True, desc="NIfTI: Student's t over participants against 0")
    p_map = File(exists=True, desc="NIfTI: p of each voxel alone")
    p_corrected_map = File(
        exists=True, desc="NIfTI: what decides by the correction; NaN outside clusters"
    )
    surviving_map = File(exists=True, desc="NIfTI: t where it survives, 0 elsewhere")
    cluster_map = File(
        exists=True, desc="NIfTI: numbers of clusters of surviving voxels; 0 elsewhere"
    )
    layer_map = File(
        exists=True, desc="NIfTI: number, from 1, of the best of the maps that survive above 0"
    )
    agreement_map = File(
        exists=True, desc="NIfTI: share of draws of participants with the same best map"
    )
    low_map = File(exists=True, desc="NIfTI: lower end of the 95 % interval of the number")
    high_map = File(exists=True, desc="NIfTI: upper end")
    cluster_file = File(
        exists=True,
        desc="TSV: map cluster n_voxels volume_mm3 mean_t peak_t p i j k (from 0) x y z (mm)",
    )
    table_file = File(
        exists=True, desc="TSV: number map n_surviving n_above n_best share_best (voxels)"
    )
    region_file = File(
        exists=True,
        desc="TSV of regions: roi map voxels (all, or positive: as published) n mean sd sem ci_low "
        "ci_high (95 %, t over participants) t p p_fdr significant; tests are those of all voxels, "
        "since a mean of positive ones is positive whatever the data",
    )
    region_participant_file = File(
        exists=True, desc="TSV: participant (from 1) roi map voxels mean"
    )
    summary_file = File(
        exists=True, desc="JSON: participants, voxels left out and why, flips, what p means"
    )


class GroupRSA(PythonInterface):
    """Test maps of participants against 0, with p for all voxels at once, and find the best map.

    For the published analysis: ``method="voxel_shuffling", correction="none", min_voxels=20,
    best="t"``.

    Examples
    --------
    >>> GroupRSA(correction="cluster").inputs.neighbours
    2
    """

    input_spec = _GroupRSAInputSpec
    output_spec = _GroupRSAOutputSpec
    _libraries = ("numpy", "scipy")

    def _process(self) -> None:
        values = self.inputs
        image, names, mask, maps = self._read()
        rule = GroupRule(**{name: getattr(values, name) for name in _RULE})
        found = group_rsa(
            maps, mask=mask, rule=rule, seed=values.seed, memory_mb=values.memory_mb
        )  # fmt: skip
        stacks = {
            "mean": found.mean, "t": found.t, "p": found.p, "p_corrected": found.p_decides,
            "surviving": np.where(found.surviving, found.t, 0).astype(np.float32),
            "layer": found.layer,
        }  # fmt: skip
        if values.n_bootstrap:
            z = fisher_z(maps)[0] if values.fisher else maps
            sure = bootstrap_participants(
                z, found.layer, best=rule.best, n_bootstrap=values.n_bootstrap, seed=values.seed
            )
            stacks |= {"agreement": sure.share, "low": sure.low, "high": sure.high}
        for name, rows in stacks.items():
            fill = 0 if name == "surviving" else np.nan
            self.save_image(f"{name}_map", f"{name}.nii.gz", on_grid(rows, mask, fill), image)
        clusters = on_grid(found.cluster, mask, 0)
        self.save_image("cluster_map", "clusters.nii.gz", clusters, image)
        table = cluster_table(found, names, mask, image.affine)
        self.save_table("cluster_file", "clusters.tsv", table)
        self.save_table("table_file", "maps.tsv", map_table(found, names))
        self._save_regions(found, maps, names, mask, image)
        self.save_json("summary_file", "group_rsa.json", _summary(found, names))

    def _read(self) -> tuple[nb.Nifti1Image, list[str], np.ndarray, np.ndarray]:
        """Read the maps: (n_subjects, n_maps, n_voxels) of the voxels of the mask."""
        values = self.inputs
        given = values.maps if isdefined(values.maps) else None
        opened = [open_stack(path, given, "maps") for path in values.map_files]
        image, names = opened[0]
        for other, _ in opened[1:]:
            check_same_grid(other, image)
            open_stack(other.get_filename(), names, "maps")  # as many volumes as the first
        if isdefined(values.mask_file):
            mask = load_mask(values.mask_file, image)
        else:
            mask = np.zeros(image.shape[:3], dtype=bool)
            for each, _ in opened:
                data = read_voxels(each).reshape(*mask.shape, -1)
                mask |= (np.isfinite(data) & (data != 0)).any(axis=3)
        maps = np.empty((len(opened), len(names), int(mask.sum())), dtype=np.float32)
        for row, (each, _) in zip(maps, opened, strict=True):
            row[:] = voxel_rows(read_voxels(each), mask)
        return image, names, mask, maps

    def _save_regions(
        self, found: GroupResult, maps: np.ndarray, names: list[str], mask: np.ndarray,
        image: nb.Nifti1Image,
    ) -> None:  # fmt: skip
        """Write bars of regions, of the voxels that are tested."""
        values = self.inputs
        if not isdefined(values.roi_files) or not values.roi_files:
            return
        given = values.roi_names if isdefined(values.roi_names) else []
        regions = roi_columns(values.roi_files, given, mask, image)
        regions = {name: inside & found.used for name, inside in regions.items()}
        z = fisher_z(maps)[0] if values.fisher else maps
        bars = region_bars(z, regions, names, level=values.level)
        bars["significant"] = bars["significant"].astype(np.uint8)
        self.save_table("region_file", "regions.tsv", bars)
        means = [participant_means(z, regions, positive_only=only) for only in (False, True)]
        rows = [
            (subject + 1, roi, name, kind, each[subject, i, j])
            for kind, each in zip(("all", "positive"), means, strict=True)
            for subject in range(len(z))
            for i, roi in enumerate(regions)
            for j, name in enumerate(names)
        ]
        columns = ["participant", "roi", "map", "voxels", "mean"]
        table = pd.DataFrame(rows, columns=columns)
        self.save_table("region_participant_file", "regions_of_participants.tsv", table)


def _summary(found: GroupResult, names: list[str]) -> dict[str, Any]:
    rule = found.rule
    return {
        "n_subjects": found.n_subjects,
        "n_voxels": len(found.used),
        "n_used": int(found.used.sum()),
        "n_not_finite": found.n_not_finite,
        "n_zero": found.n_zero,
        "n_correlations_of_1_clipped": found.n_clipped,
        "n_permutations": found.n_permutations,
        "n_surviving": dict(zip(names, found.surviving.sum(axis=1).tolist(), strict=True)),
        "p": _MEANING[rule.method],
        "settings": {name: getattr(rule, name) for name in _RULE},
    }
