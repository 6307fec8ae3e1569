"""How far the patterns of objects move apart between two phases: one person, and a group."""

from itertools import product

import numpy as np
import pandas as pd
from nipype.interfaces.base import File, TraitedSpec, traits

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.differentiation import pair_distances, run_distances
from fmriprod.algorithms.group_tables import Resampling, mean_table
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.group_evidence import ResamplingInputSpec
from fmriprod.interfaces.images import check_same_grid, load_image, load_mask
from fmriprod.interfaces.participant_tables import read_participant_tables

_MEASURES = ("differentiation_trained", "differentiation_control", "difference")


class _DifferentiationInputSpec(PythonInputSpec):
    effect_files = traits.List(
        File(exists=True), mandatory=True, desc="effect maps, one a run and object, on one grid"
    )
    runs = traits.List(traits.Str, mandatory=True, desc="run of each map, in the same order")
    labels = traits.List(traits.Str, mandatory=True, desc="object of each map, in the same order")
    before_runs = traits.List(
        traits.Str, mandatory=True, minlen=2, desc="runs of recognition before drawing"
    )
    after_runs = traits.List(
        traits.Str, mandatory=True, minlen=2, desc="runs of recognition after drawing"
    )
    trained = traits.List(
        traits.Str, mandatory=True, minlen=2, maxlen=2, desc="the two objects that were drawn"
    )
    control = traits.List(
        traits.Str, mandatory=True, minlen=2, maxlen=2, desc="the two objects that were not"
    )
    mask_files = traits.List(
        File(exists=True), mandatory=True, minlen=1, desc="masks of the regions, on the same grid"
    )
    region_names = traits.List(
        traits.Str, mandatory=True, desc="names of the regions, in the same order"
    )
    subject = traits.Str("n/a", usedefault=True, desc="label of the participant, for the table")


class _DifferentiationOutputSpec(TraitedSpec):
    differentiation_file = File(
        exists=True,
        desc="TSV, a row a region: subject region n_voxels n_unusable differentiation_trained "
        "differentiation_control difference, and the correlation distances behind them",
    )


class Differentiation(PythonInterface):
    """Measure whether the patterns of two objects move apart from before to after drawing.

    Correlation distances between patterns of different runs of a phase; differentiation is
    the distance between the two objects minus that of each to itself, after less before, and
    ``difference`` that of the trained objects minus that of the controls. Maps of other runs
    are not used. Voxels that are not finite, or 0 in every map, are left out and counted.

    Examples
    --------
    >>> Differentiation(trained=["bed", "chair"], control=["bench", "table"]).inputs.subject
    'n/a'
    """

    input_spec = _DifferentiationInputSpec
    output_spec = _DifferentiationOutputSpec

    def _process(self) -> None:
        values = self.inputs
        objects = [*values.trained, *values.control]
        chosen = self._chosen(objects)
        needed = [files for phase in chosen for run in phase for files in run]
        first = load_image(needed[0], ndim=3)[1]
        masks = [load_mask(path, first) for path in values.mask_files]
        union = np.any(masks, axis=0)
        maps = {}
        for path in needed:
            data, image = load_image(path, ndim=3, dtype=np.float64)
            check_same_grid(image, first)
            maps[path] = data[union]
        rows = []
        for name, mask in zip(values.region_names, masks, strict=True):
            inside = mask[union]
            phases = [
                np.array([[maps[path][inside] for path in run] for run in phase])
                for phase in chosen
            ]
            rows.append({"subject": values.subject, "region": name} | _region(name, phases))
        table = pd.DataFrame(rows)
        self.save_table("differentiation_file", "differentiation.tsv", table)

    def _chosen(self, objects: list[str]) -> list[list[list[str]]]:
        """Files by phase, run and object; all that is wrong with the lists at once."""
        values = self.inputs
        pairs = list(zip(values.runs, values.labels, strict=False))
        files = dict(zip(pairs, values.effect_files, strict=False))
        needed = list(product([*values.before_runs, *values.after_runs], objects))
        found = []
        if not len(values.effect_files) == len(values.runs) == len(values.labels):
            found.append(
                f"{len(values.effect_files)} effect_files, {len(values.runs)} runs, "
                f"{len(values.labels)} labels"
            )
        if len(values.mask_files) != len(values.region_names):
            found.append(
                f"{len(values.mask_files)} mask_files, {len(values.region_names)} region_names"
            )
        for name, items in (("map of run and object", pairs), ("object", objects),
                            ("run", [*values.before_runs, *values.after_runs])):  # fmt: skip
            twice = list(dict.fromkeys(item for item in items if items.count(item) > 1))
            found += [f"{name} {_words(item)} twice" for item in twice]
        found += [f"no map of {_words(pair)}" for pair in dict.fromkeys(needed)
                  if pair not in files]  # fmt: skip
        if found:
            raise InputError(
                "effect_files",
                expected="one map of each object in each run of both phases, four different "
                "objects, different runs, and a name for each mask",
                found="\n".join(found),
                hint="give runs and labels in the order of effect_files",
            )
        return [
            [[files[run, label] for label in objects] for run in runs]
            for runs in (values.before_runs, values.after_runs)
        ]


class _GroupDifferentiationInputSpec(ResamplingInputSpec):
    differentiation_files = traits.List(
        File(exists=True), mandatory=True, minlen=1, desc="tables (TSV) from Differentiation"
    )
    trim = traits.Range(
        low=0.0,
        high=0.5,
        value=0.1,
        exclude_high=True,
        usedefault=True,
        desc="share of participants to leave out at each end of a mean",
    )
    n_bootstrap = traits.Range(
        low=1, value=1000, usedefault=True, desc="draws of participants for the intervals"
    )


class _GroupDifferentiationOutputSpec(TraitedSpec):
    differentiation_file = File(
        exists=True,
        desc="TSV, a row a region and measure: n mean (trimmed) ci_low ci_high (95 %) p p_fdr "
        "(over regions) p_flip p_flip_max",
    )
    n_subjects = traits.Int(desc="number of participants")


class GroupDifferentiation(PythonInterface):
    """Trimmed means over participants of differentiation, with bootstrap intervals.

    Examples
    --------
    >>> GroupDifferentiation(trim=0.0).inputs.n_bootstrap
    1000
    """

    input_spec = _GroupDifferentiationInputSpec
    output_spec = _GroupDifferentiationOutputSpec
    _algorithm_version = "2"
    _libraries = ("numpy", "scipy")

    def _process(self) -> None:
        values = self.inputs
        table = read_participant_tables(
            values.differentiation_files, "differentiation_files", text=("subject", "region"),
            numbers=_MEASURES, key=("subject", "region"),
        )  # fmt: skip
        rows = table.melt(["subject", "region"], list(_MEASURES), var_name="measure")
        resampling = Resampling(
            values.method, values.n_bootstrap, values.n_permutations, values.trim, values.seed
        )
        found = mean_table(rows, ["region", "measure"], resampling=resampling)
        self.save_table("differentiation_file", "differentiation_group.tsv", found)
        self.result("n_subjects", table["subject"].nunique())


def _region(name: str, phases: list[np.ndarray]) -> dict[str, float]:
    """Measure one region; phases have shape (n_runs, 4 objects, n_voxels)."""
    everything = np.concatenate(phases).reshape(-1, phases[0].shape[2])
    usable = np.isfinite(everything).all(axis=0) & (everything != 0).any(axis=0)
    try:
        before, after = (run_distances(patterns[:, :, usable]) for patterns in phases)
    except InputError as err:
        err.found = f"{err.found} (in region {name})"
        raise
    pairs = {"trained": pair_distances(before, after, (0, 1)),
             "control": pair_distances(before, after, (2, 3))}  # fmt: skip
    row: dict[str, float] = {"n_voxels": int(usable.sum()), "n_unusable": int((~usable).sum())}
    row |= {f"differentiation_{kind}": pair.differentiation for kind, pair in pairs.items()}
    row["difference"] = pairs["trained"].differentiation - pairs["control"].differentiation
    for kind, pair in pairs.items():
        row |= {f"{what}_{kind}": value for what, value in vars(pair).items()}
    return row


def _words(item: str | tuple[str, str]) -> str:
    return item if isinstance(item, str) else " of run ".join(reversed(item))
