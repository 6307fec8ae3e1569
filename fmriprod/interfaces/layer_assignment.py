"""Map of the layer that each voxel is most like."""

from dataclasses import dataclass

import nibabel as nb
import numpy as np
import pandas as pd
from nipype.interfaces.base import File, TraitedSpec, isdefined, traits

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.algorithms.layer_assignment import Agreement, assign_layers
from fmriprod.algorithms.layer_bootstrap import bootstrap_layers
from fmriprod.algorithms.rdm import match_conditions, reorder_pairs
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.images import check_same_grid, read_voxels
from fmriprod.interfaces.map_stacks import bare_image, on_grid, open_stack, voxel_rows
from fmriprod.interfaces.rdm_file import RDMs, read_rdms
from fmriprod.interfaces.rsa_file import read_rsa


class _LayerAssignmentInputSpec(PythonInputSpec):
    value_map = File(
        exists=True,
        mandatory=True,
        xor=["rsa_file"],
        requires=["p_map"],
        desc="4-D NIfTI, a volume a layer: how alike each voxel's sphere and the layer are",
    )
    p_map = File(exists=True, desc="4-D NIfTI on the same grid: p, or q, of value_map")
    rsa_file = File(
        exists=True, mandatory=True, xor=["value_map"], desc="comparisons (HDF5) of RSA instead"
    )
    layers = traits.List(
        traits.Str,
        desc="layers from first to last: names of the volumes (default: 1, 2, 3 ...); or which "
        "models of rsa_file (default: all in their order)",
    )
    test = traits.Enum(
        "p",
        "q",
        "p_familywise",
        usedefault=True,
        desc="what has to be at most level, of rsa_file: p of each alone, as published; q over "
        "RDMs; or p corrected for all of them",
    )
    level = traits.Range(
        low=0.0,
        high=1.0,
        value=0.05,
        exclude_low=True,
        usedefault=True,
        desc="largest p of a value that counts; others are 0",
    )
    rdm_file = File(
        exists=True,
        requires=["model_file"],
        desc="RDMs (HDF5) of the voxels or regions, to draw conditions anew",
    )
    model_file = File(
        exists=True, requires=["rdm_file"], desc="RDMs (HDF5) of the layers, by their names"
    )
    n_bootstrap = traits.Range(
        low=1, value=1000, usedefault=True, desc="draws of conditions, where rdm_file is given"
    )
    coverage = traits.Range(
        low=0.0,
        high=1.0,
        value=0.95,
        exclude_low=True,
        exclude_high=True,
        usedefault=True,
        desc="share of the draws that the interval of a layer's number covers",
    )
    seed = traits.Range(low=0, value=0, usedefault=True, desc="seed of the draws")


class _LayerAssignmentOutputSpec(TraitedSpec):
    layer_map = File(
        exists=True, desc="NIfTI: number of the layer, from 1; NaN where no layer is significant"
    )
    agreement_map = File(
        exists=True,
        desc="NIfTI: share of the draws of conditions with the same layer; NaN without layer",
    )
    low_map = File(exists=True, desc="NIfTI: lower end of the interval of the layer's number")
    high_map = File(exists=True, desc="NIfTI: upper end")
    rdm_table_file = File(
        exists=True,
        desc="TSV, of regions instead of maps: rdm layer (number) name agreement low high",
    )
    table_file = File(
        exists=True,
        desc="TSV, a row a layer: layer (number) name n_voxels share (of those with a layer) "
        "mean_agreement",
    )
    n_assigned = traits.Int(desc="voxels or regions with a layer")


@dataclass(frozen=True)
class _Compared:
    """Values and p ``(n_layers, n)``, names, and a grid with the voxels' places or none.

    ``within`` lists the conditions that were compared, where they are not all.
    """

    value: np.ndarray
    p: np.ndarray
    layers: list[str]
    image: nb.Nifti1Image | None = None
    mask: np.ndarray | None = None
    names: list[str] | None = None
    within: list[str] | None = None


class LayerAssignment(PythonInterface):
    """Give each voxel the layer of a network that it is most like.

    Values that are not significant count as 0; voxels with any positive value get the number of
    the layer with the largest. With ``rdm_file`` and ``model_file`` conditions are drawn anew, by
    Spearman's rho, to see how often the layer stays the same.

    Examples
    --------
    >>> LayerAssignment(test="q", level=0.01).inputs.n_bootstrap
    1000
    """

    input_spec = _LayerAssignmentInputSpec
    output_spec = _LayerAssignmentOutputSpec
    _libraries = ("numpy", "scipy")

    def _process(self) -> None:
        values = self.inputs
        found = self._from_rsa() if isdefined(values.rsa_file) else self._from_maps()
        layer = assign_layers(found.value, found.p, values.level)
        sure = self._bootstrap(found, layer) if isdefined(values.rdm_file) else None
        n_assigned = int(np.isfinite(layer).sum())
        table = pd.DataFrame({"layer": np.arange(len(found.layers)) + 1, "name": found.layers})
        table["n_voxels"] = [int((layer == number).sum()) for number in table["layer"]]
        table["share"] = table["n_voxels"] / n_assigned if n_assigned else np.nan
        table["mean_agreement"] = [
            np.nan if sure is None or not n else float(sure.share[layer == number].mean())
            for number, n in zip(table["layer"], table["n_voxels"], strict=True)
        ]
        self.save_table("table_file", "layers.tsv", table)
        self.result("n_assigned", n_assigned)
        if found.mask is None:
            self._save_regions(found, layer, sure)
            return
        maps = {"layer": layer}
        if sure is not None:
            maps |= {"agreement": sure.share, "low": sure.low, "high": sure.high}
        for name, rows in maps.items():
            file_name = "layer.nii.gz" if name == "layer" else f"layer_{name}.nii.gz"
            self.save_image(f"{name}_map", file_name, on_grid(rows, found.mask), found.image)

    def _from_maps(self) -> _Compared:
        values = self.inputs
        given = values.layers if isdefined(values.layers) else None
        image, layers = open_stack(values.value_map, given)
        p_image, _ = open_stack(values.p_map, layers)
        check_same_grid(p_image, image)
        mask = np.ones(image.shape[:3], dtype=bool)
        value, p = (voxel_rows(read_voxels(i), mask) for i in (image, p_image))
        return _Compared(value, p, layers, image, mask)

    def _from_rsa(self) -> _Compared:
        values = self.inputs
        found = read_rsa(values.rsa_file)
        p = getattr(found, values.test)
        if p is None:
            raise InputError(
                "rsa_file", expected=f"comparisons with {values.test}", found="values only",
                hint="compare with permutations", file=values.rsa_file,
            )  # fmt: skip
        layers = list(values.layers) if isdefined(values.layers) else found.models
        rows = _rows_of(layers, found.models, "layers")
        within = found.about.get("within")
        if "between" in found.about and isdefined(values.rdm_file):
            raise InputError(
                "rdm_file", expected="comparisons of all pairs of some conditions, to draw them",
                found="pairs between two sets", hint="leave rdm_file and model_file out",
            )  # fmt: skip
        if found.voxels is None:
            names = found.names or [str(k + 1) for k in range(found.value.shape[1])]
            return _Compared(found.value[rows], p[rows], layers, names=names, within=within)
        mask = np.zeros(found.shape, dtype=bool)
        mask.ravel()[found.voxels] = True
        order = np.argsort(found.voxels)  # C order, as voxels of a mask
        each = np.ix_(rows, order)
        image = bare_image(found.shape, found.affine)
        return _Compared(found.value[each], p[each], layers, image, mask, within=within)

    def _bootstrap(self, found: _Compared, layer: np.ndarray) -> Agreement:
        values = self.inputs
        rdms, models = read_rdms(values.rdm_file), read_rdms(values.model_file, "model_file")
        rows = _rows_of(found.layers, models.names or [], "model_file")
        order = _places(rdms, found, values.rdm_file)
        chosen = np.flatnonzero(np.isfinite(layer))
        conditions = found.within or rdms.conditions
        pairs = reorder_pairs(
            match_conditions(conditions, rdms.conditions, "rdm_file"), len(rdms.conditions)
        )
        part = bootstrap_layers(
            rdms.dissimilarities[order[chosen]][:, pairs],
            models.in_order(conditions, "model_file")[rows],
            layer[chosen],
            n_bootstrap=values.n_bootstrap, coverage=values.coverage, seed=values.seed,
        )  # fmt: skip
        whole = np.full((len(part), len(layer)), np.nan, dtype=np.float32)
        whole[:, chosen] = part
        return Agreement(*whole)

    def _save_regions(self, found: _Compared, layer: np.ndarray, sure: Agreement | None) -> None:
        names = [found.layers[int(k) - 1] if np.isfinite(k) else None for k in layer]
        table = pd.DataFrame({"rdm": found.names, "layer": layer, "name": names})
        table["layer"] = table["layer"].astype("Int64")
        for column, values in zip(("agreement", "low", "high"), sure or [None] * 3, strict=True):
            table[column] = values
        self.save_table("rdm_table_file", "layers_of_rdms.tsv", table)


def _rows_of(layers: list[str], names: list[str], subject: str) -> list[int]:
    lacking = [name for name in layers if name not in names]
    if lacking:
        raise InputError(
            subject, expected=f"layers {', '.join(layers)}",
            found=f"{', '.join(names) or 'no names'}; lacking: {', '.join(lacking)}",
            hint=suggest(lacking[0], names),
        )  # fmt: skip
    return [names.index(name) for name in layers]


def _places(rdms: RDMs, found: _Compared, path: str) -> np.ndarray:
    """Find the RDM of each voxel, or region, of the comparison; -1 where there is none."""
    if found.mask is None:
        return np.array(_rows_of(found.names, rdms.names or [], "rdm_file"))
    if rdms.voxels is None:
        raise InputError(
            "rdm_file", expected="RDMs of the voxels of the maps", found="RDMs without places",
            hint="give rdm_file of SearchlightRDM", file=path,
        )  # fmt: skip
    check_same_grid(bare_image(rdms.shape, rdms.affine), found.image)
    place = np.full(found.mask.shape, -1, dtype=np.int64)
    place.ravel()[rdms.voxels] = np.arange(len(rdms.voxels))
    order = place[found.mask]
    known = np.isfinite(np.where(found.value > 0, found.value, np.nan)).any(axis=0)
    known &= (found.p <= 1).any(axis=0)
    if (order[known] < 0).any():
        raise InputError(
            "rdm_file", expected="an RDM of every voxel with a value",
            found=f"none of {int((order[known] < 0).sum())} of {int(known.sum())}",
            hint="give the RDMs that the maps were made from", file=path,
        )  # fmt: skip
    return order
