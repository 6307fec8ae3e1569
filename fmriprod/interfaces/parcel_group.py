"""Test parcels or their connectivity over participants."""

from typing import Any

import numpy as np
import pandas as pd
from nipype.interfaces.base import File, TraitedSpec, isdefined, traits

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.parcel_group import GroupTest, group_test
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.parcel_subjects import ConnectivitySubjects, ContrastSubjects
from fmriprod.interfaces.parcel_table import read_parcels
from fmriprod.interfaces.parcel_values import contrast_name

_STATISTICS = ("mean", "sd", "low", "high", "t", "p", "p_flip", "p_max", "q", "d", "d_low",
               "d_high")  # fmt: skip
_MATRICES = ("mean", "t", "p_max", "q", "d", "n")
_SOURCES = ("contrast_files", "connectivity_files")


class _ParcelGroupInputSpec(PythonInputSpec):
    contrast_files = traits.List(
        File(exists=True),
        mandatory=True,
        xor=_SOURCES,
        desc="a TSV a participant: parcel value; n/a where a participant lacks a parcel",
    )
    connectivity_files = traits.List(
        File(exists=True),
        mandatory=True,
        xor=_SOURCES,
        desc="a matrix a participant, .npy (n_parcels, n_parcels); NaN where there is none",
    )
    parcels_file = File(
        exists=True,
        mandatory=True,
        desc="TSV: name hemisphere network, in the order that results have; matrices of "
        "connectivity have this order too, unless parcels_files says another",
    )
    parcels_files = traits.List(
        File(exists=True),
        requires=["connectivity_files"],
        desc="TSV a participant: the order of his or her matrix, matched by name",
    )
    column = traits.Str(
        "value", usedefault=True, desc="column of contrast_files that is tested, such as value or t"
    )
    fisher = traits.Bool(
        True,
        usedefault=True,
        desc="test Fisher's z of connectivity, which has to be correlations; off: the values as "
        "they are. Files that hold z already (infinity on the diagonal) are refused with it",
    )
    n_permutations = traits.Range(
        low=0,
        value=10_000,
        usedefault=True,
        desc="sign flips of participants; all 2 ** n where they are no more; 0: none",
    )
    level = traits.Range(
        low=0.0, high=1.0, value=0.95, exclude_low=True, exclude_high=True, usedefault=True,
        desc="coverage of intervals",
    )  # fmt: skip
    n_edges = traits.Range(
        low=1, value=1000, usedefault=True, desc="edges of group_file: those of the largest abs(t)"
    )
    seed = traits.Range(low=0, value=0, usedefault=True, desc="seed of the flips")
    memory_mb = traits.Range(
        low=1.0, value=256.0, usedefault=True, nohash=True,
        desc="memory of a block of flips, in MB; files are read once for each block",
    )  # fmt: skip


class _ParcelGroupOutputSpec(TraitedSpec):
    group_file = File(
        exists=True,
        desc="TSV, a row a parcel: parcel hemisphere network n mean sd low high (of the mean) t p "
        "p_flip p_max (sign flips; alone, and of the largest abs(t)) q (of p) d d_low d_high; of "
        "connectivity a row an edge: parcel_1 parcel_2 network_1 network_2, r, and the same",
    )
    mean_file = File(
        exists=True,
        desc=".npy, (n_parcels, n_parcels): mean; of z has infinity on its diagonal, of covariance "
        "and tangent the mean diagonal",
    )
    r_file = File(exists=True, desc=".npy: correlation of the mean z, where values are z")
    t_file = File(
        exists=True,
        desc=".npy: Student's t of each edge; minus infinity on its diagonal, as on those of the "
        "other statistics, says that these are no correlations",
    )
    p_max_file = File(exists=True, desc=".npy: p of the largest abs(t) over edges, by sign flips")
    q_file = File(exists=True, desc=".npy: Student's p adjusted for edges (Benjamini & Hochberg)")
    d_file = File(exists=True, desc=".npy: Cohen's d")
    n_file = File(exists=True, desc=".npy: participants with a value")
    summary_file = File(
        exists=True, desc="JSON: participants, what was left out and why, flips, what is what"
    )
    n_subjects = traits.Int(desc="participants")


class ParcelGroup(PythonInterface):
    """Test means over participants against 0, parcel by parcel or edge by edge.

    Files are read one after the other and not kept, so that memory does not grow with
    participants. The p of `sign_flip` hold for all parcels at once.

    Examples
    --------
    >>> ParcelGroup(n_permutations=999).inputs.fisher
    True
    """

    input_spec = _ParcelGroupInputSpec
    output_spec = _ParcelGroupOutputSpec
    _algorithm_version = "3"
    _libraries = ("numpy", "scipy")

    def _process(self) -> None:
        values = self.inputs
        parcels = read_parcels(values.parcels_file)
        names = parcels["name"].tolist()
        is_edges = isdefined(values.connectivity_files)
        if is_edges:
            orders = values.parcels_files if isdefined(values.parcels_files) else None
            files = values.connectivity_files
            subjects = ConnectivitySubjects(files, names, values.fisher, orders)
        else:
            files = values.contrast_files
            subjects = ContrastSubjects(files, names, values.column)
        _check_different(files)
        found = group_test(
            subjects, n_permutations=values.n_permutations, level=values.level,
            seed=values.seed, memory_mb=values.memory_mb,
        )  # fmt: skip
        if is_edges:
            self._save_edges(found, parcels, subjects)
        else:
            table = parcels[["name", "hemisphere", "network"]].rename(columns={"name": "parcel"})
            table = table.join(_columns(found))
            if contrast := _one_contrast(files):
                table["contrast"] = contrast
            self.save_table("group_file", "group.tsv", table)
        about = self._summary(found, subjects if is_edges else None)
        self.save_json("summary_file", "group.json", about)
        self.result("n_subjects", found.n_subjects)

    def _save_edges(
        self, found: GroupTest, parcels: pd.DataFrame, subjects: ConnectivitySubjects
    ) -> None:
        """Write matrices, and a table of the strongest edges."""
        holds_z = subjects.holds_z
        first, second = np.triu_indices(len(parcels), 1)
        for name in _MATRICES:
            matrix = _square(getattr(found, name), len(parcels))
            # As in the files of participants: readers tell by it what a matrix holds.
            np.fill_diagonal(matrix, subjects.diagonal if name == "mean" else -np.inf)
            self.save_array(f"{name}_file", f"{name}.npy", matrix)
        if holds_z:
            self.save_array("r_file", "r.npy", _square(np.tanh(found.mean), len(parcels)))
        strength = np.nan_to_num(np.abs(found.t), nan=-1)
        best = np.argsort(-strength, kind="stable")[: self.inputs.n_edges]
        best = best[found.tested[best]]
        name, network = parcels["name"].to_numpy(), parcels["network"].to_numpy()
        table = pd.DataFrame({
            "parcel_1": name[first[best]], "parcel_2": name[second[best]],
            "network_1": network[first[best]], "network_2": network[second[best]],
        })  # fmt: skip
        if holds_z:
            table["r"] = np.tanh(found.mean[best])
        rows = _columns(found).iloc[best].reset_index(drop=True)
        self.save_table("group_file", "group.tsv", table.join(rows))

    def _summary(self, found: GroupTest, edges: ConnectivitySubjects | None) -> dict[str, Any]:
        values = self.inputs
        return {
            "tested": "edges" if edges else "parcels",
            "values": "Fisher's z of connectivity" if edges and edges.holds_z else "as given",
            "n_subjects": found.n_subjects,
            "n_columns": len(found.tested),
            "n_tested": int(found.tested.sum()),
            "n_with_fewer_than_two_participants": found.n_few,
            "n_constant_over_participants": found.n_constant,
            "n_lacking_in_some_participant": int((found.n < found.n_subjects).sum()),
            "n_smallest": int(found.n[found.tested].min()),
            "n_correlations_of_1_clipped": edges.n_clipped if edges else 0,
            "n_flips": found.n_flips,
            "all_flips": found.complete,
            "p_max_significant": int((found.p_max <= 0.05).sum()),
            "q_significant": int((found.q <= 0.05).sum()),
            "level": values.level,
            "interval_of_mean": "Student's t",
            "interval_of_d": "noncentral t",
            "q": "Benjamini & Hochberg of Student's p",
        }


def _columns(found: GroupTest) -> pd.DataFrame:
    return pd.DataFrame({"n": found.n} | {name: getattr(found, name) for name in _STATISTICS})


def _square(values: np.ndarray, n_parcels: int) -> np.ndarray:
    """Symmetric float32 matrix of edges, the diagonal NaN."""
    matrix = np.full((n_parcels, n_parcels), np.nan, dtype=np.float32)
    upper = np.triu_indices(n_parcels, 1)
    matrix[upper] = values
    matrix.T[upper] = values
    return matrix


def _check_different(files: list[str]) -> None:
    """Refuse a file that is given twice: a participant would count twice.

    Raises
    ------
    InputError
        If one is.
    """
    if len(set(files)) < len(files):
        twice = next(name for name in files if files.count(name) > 1)
        raise InputError(
            "subjects", expected="a file a participant", found=f"{twice} twice",
            hint="give each once",
        )  # fmt: skip


def _one_contrast(files: list[str]) -> str | None:
    """Name the contrast that all files hold, where they say it.

    Raises
    ------
    InputError
        If two files hold different ones.
    """
    names = {name: file for file in files if (name := contrast_name(file))}
    if len(names) > 1:
        (first, one), (second, other) = list(names.items())[:2]
        raise InputError(
            "contrast", expected="the same contrast of each participant",
            found=f"{first} in {one}, {second} in {other}",
            hint="test each contrast by itself",
        )  # fmt: skip
    return next(iter(names), None)
