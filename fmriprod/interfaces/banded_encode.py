"""Which feature space explains what of each voxel: banded ridge regression."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from nipype import logging
from nipype.interfaces.base import File, TraitedSpec, isdefined, traits

from fmriprod.algorithms.banded_ridge import BandedEncoding, banded_encode
from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.space_shares import space_shares
from fmriprod.interfaces.banded_file import write_banded
from fmriprod.interfaces.base import PythonInterface
from fmriprod.interfaces.encode_inputs import (
    EncodingInputs,
    EncodingInputSpec,
    read_inputs,
    ridge_options,
)
from fmriprod.interfaces.roi_columns import roi_columns

_LOG = logging.getLogger("nipype.interface")


class _BandedRidgeEncodeInputSpec(EncodingInputSpec):
    layers = traits.List(traits.Str, desc="layers to use as feature spaces (default: all)")
    penalties = traits.List(
        traits.Float,
        desc="ridge penalties to choose from, in multiples of the mean squared length of the "
        "centred features; by default ten from 1e-5 to 1e4",
    )
    n_candidates = traits.Range(
        low=0,
        value=100,
        usedefault=True,
        desc="random weights of the spaces to try, besides equal weights and each space alone; "
        "time grows with it",
    )
    concentrations = traits.List(
        traits.Float,
        [0.1, 1.0],
        usedefault=True,
        desc="of the Dirichlet distributions of the weights, in turn: 1 is uniform, below it "
        "most weight lies on few spaces",
    )
    seed = traits.Range(low=0, value=0, usedefault=True, desc="seed of the weights")
    unique = traits.Bool(
        False,
        usedefault=True,
        desc="search again without each space, for its unique contribution: as many times the "
        "time, and one more, as there are spaces",
    )
    roi_files = traits.List(
        File(exists=True, hash_name=True),
        requires=["mask_file"],
        desc="masks of regions for table and figure (default: all voxels as one)",
    )
    roi_names = traits.List(
        traits.Str, requires=["roi_files"], desc="their names (default: those of the files)"
    )
    best_share = traits.Range(
        low=0.0,
        high=1.0,
        value=0.25,
        exclude_low=True,
        usedefault=True,
        desc="share of a region's voxels, by their r2, that table and figure are the mean of",
    )
    simulated = traits.Bool(False, usedefault=True, desc="the data are simulated: this is said")


class _BandedRidgeEncodeOutputSpec(TraitedSpec):
    scores_file = File(
        exists=True,
        desc="HDF5 that reads as scores of one layer, all; in its group spaces, of each space "
        "and fold the weight and the split, and which candidate was chosen",
    )
    r2_map = File(exists=True, desc="NIfTI, mean explained variance of all spaces together")
    r_map = File(exists=True, desc="NIfTI, mean correlation of all spaces together")
    split_map = File(
        exists=True,
        desc="NIfTI, a volume a space: what it adds to the explained variance. Their sum is "
        "r2, but for what is lost where the mean of a left-out group is not predicted",
    )
    weight_map = File(
        exists=True, desc="NIfTI, a volume a space: mean over folds of its weight, 0 to 1"
    )
    unique_map = File(
        exists=True, desc="NIfTI, a volume a space: r2 less that of the others, where asked for"
    )
    table_file = File(
        exists=True,
        desc="TSV, a row a region and space: roi space split fold_low fold_high (held-out "
        "groups) weight unique n_most (voxels to which it adds most) r2 n_best n_voxels",
    )
    figure_file = File(exists=True, desc="PNG: what each space adds in each region")
    summary_file = File(
        exists=True,
        desc="JSON: numbers of samples, folds, voxels used and left out, candidates; how often "
        "equal weights and the smallest and largest penalty were chosen; scores; each space",
    )
    spaces = traits.List(traits.Str, desc="names of the spaces, in the order of the volumes")


class BandedRidgeEncode(PythonInterface):
    """Predict the responses of every voxel from several feature spaces, a penalty for each.

    The layers of ``features_file`` are the spaces. Weights of the spaces are searched at
    random; each voxel and outer fold takes the weights and the penalty that its inner folds
    score best, as RidgeEncode does for one space. Neither the number nor the unit of a space's
    features counts. Only products of samples are used (``form`` dual), and features are not
    scaled one by one.

    Examples
    --------
    >>> BandedRidgeEncode(groups="session", n_candidates=30).inputs.concentrations
    [0.1, 1.0]
    """

    input_spec = _BandedRidgeEncodeInputSpec
    output_spec = _BandedRidgeEncodeOutputSpec
    _libraries = ("numpy", "scipy")

    def _process(self) -> None:
        values = self.inputs
        options = self._options()
        with read_inputs(values) as found:
            regions = self._regions(found)
            done = banded_encode(
                _Spaces(found), found.responses, found.groups, progress=_tell, **options
            )
        with self.writing("scores_file", "scores.h5") as path:
            write_banded(path, done)
        self._save_maps(found, done)
        table = space_shares(done, regions, best_share=values.best_share)
        self.save_table("table_file", "spaces.tsv", table)
        self.save_json("summary_file", "summary.json", _summary(found, done, values))
        self._draw(table)
        self.result("spaces", list(done.spaces))

    def _options(self) -> dict[str, Any]:
        values = self.inputs
        options = ridge_options(values)
        for name, possible in (("standardize", (False,)), ("form", ("auto", "dual"))):
            if options.pop(name) not in possible:
                raise InputError(
                    name,
                    expected=f"{' or '.join(map(str, possible))}, with several feature spaces",
                    found=str(getattr(values, name)),
                    hint="scale features before" if name == "standardize" else "leave it out",
                )
        for name in ("n_candidates", "seed", "concentrations", "shared_penalty", "criterion"):
            options[name] = getattr(values, name)
        return options | {"unique": values.unique}

    def _regions(self, found: EncodingInputs) -> dict[str, np.ndarray]:
        values = self.inputs
        if not isdefined(values.roi_files) or not values.roi_files:
            return {"all": np.ones(found.responses.shape[1], dtype=bool)}
        names = values.roi_names if isdefined(values.roi_names) else []
        return roi_columns(values.roi_files, names, found.mask, found.image)

    def _save_maps(self, found: EncodingInputs, done: BandedEncoding) -> None:
        if found.mask is None:
            return
        maps = {"r2": done.r2, "r": done.r, "split": done.split, "weight": done.gamma.mean(axis=1)}
        if done.unique is not None:
            maps["unique"] = done.unique
        for name, voxels in maps.items():
            volume = np.zeros((*found.mask.shape, *voxels.shape[:-1]), dtype=np.float32)
            volume[found.mask] = voxels.T
            self.save_image(f"{name}_map", f"{name}.nii.gz", volume, found.image)

    def _draw(self, table: pd.DataFrame) -> None:
        from fmriprod.reports.space_shares import space_figure

        values = self.inputs
        with space_figure(
            table, best_share=values.best_share, simulated=values.simulated
        ) as figure:
            self.save_figure("figure_file", "spaces.png", figure)


class _Spaces(Mapping):
    """Feature spaces, each read when it is asked for."""

    def __init__(self, found: EncodingInputs) -> None:
        self._found = found

    def __getitem__(self, name: str) -> np.ndarray:
        return self._found.features(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._found.layers)

    def __len__(self) -> int:
        return len(self._found.layers)


def _tell(number: int, total: int) -> None:
    if number % 10 == 0 or number == total:
        _LOG.info("BandedRidgeEncode: weights %d of %d", number, total)


def _summary(found: EncodingInputs, done: BandedEncoding, values: Any) -> dict[str, Any]:
    used = done.usable
    penalty = done.penalty[:, used]
    low, high = (np.float32(f(done.penalties)) for f in (np.min, np.max))
    equal = np.flatnonzero(np.ptp(done.candidates, axis=1) < 1e-9)
    most = done.split[:, used].argmax(axis=0)
    weight = done.gamma[:, :, used]
    return {
        "n_samples": len(found.groups),
        "n_voxels": len(used),
        "n_usable": int(used.sum()),
        "n_left_out": int((~used).sum()),
        "folds": list(done.folds),
        "n_candidates": len(done.candidates),
        "penalties": [float(p) for p in done.penalties],
        "share_smallest": float((penalty == low).mean()),
        "share_largest": float((penalty == high).mean()),
        "share_equal_weights": float(np.isin(done.candidate[:, used], equal).mean()),
        "median_r2": float(np.median(done.r2[used])),
        "largest_r2": float(done.r2[used].max()),
        "largest_r": float(done.r[used].max()),
        "median_level_r2": float(np.median(done.level_r2[used])),
        "settings": {
            "seed": values.seed,
            "concentrations": list(values.concentrations),
            "shared_penalty": values.shared_penalty,
            "criterion": values.criterion,
        },
        "spaces": [
            {
                "name": name,
                "mean_squared_length": float(done.units[number]),
                "mean_weight": float(weight[number].mean()),
                "median_split": float(np.median(done.split[number, used])),
                "n_most": int((most == number).sum()),
            }
            for number, name in enumerate(done.spaces)
        ],
    }
