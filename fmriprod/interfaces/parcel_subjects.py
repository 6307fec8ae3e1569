"""Participants' files, opened when a number is asked for and not kept."""

from collections.abc import Sequence

import numpy as np

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.group_rsa import fisher_z
from fmriprod.algorithms.group_sums import GroupSums
from fmriprod.interfaces.parcel_table import match_parcels, read_parcels
from fmriprod.interfaces.parcel_values import (
    OneScale,
    in_order,
    read_contrast,
    read_scaled_connectivity,
)


class ContrastSubjects:
    """Contrasts of participants: ``subjects[i]`` has shape (n_parcels,), in the order of names."""

    def __init__(self, files: Sequence[str], names: list[str], column: str = "value") -> None:
        self._files, self._names, self._column = files, names, column

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, number: int) -> np.ndarray:
        path = self._files[number]
        values = read_contrast(path, self._column)
        return in_order(values, self._names, "contrast", path).to_numpy()


class ConnectivitySubjects:
    """Edges of participants: ``subjects[i]`` has shape (n_parcels * (n_parcels - 1) / 2,).

    They are the upper triangle row by row, in the order of names; Fisher's z if asked for.

    Parameters
    ----------
    files : sequence of str
        Matrices.
    names : list of str
        Parcels.
    fisher : bool
        Whether to give z.
    orders : sequence of str, optional
        Tables of parcels, one for each matrix, where their orders differ.
    """

    def __init__(
        self,
        files: Sequence[str],
        names: list[str],
        fisher: bool = True,
        orders: Sequence[str] | None = None,
    ) -> None:
        if orders is not None and len(orders) != len(files):
            raise InputError(
                "parcels_files", expected=f"a table for each of {len(files)} matrices",
                found=f"{len(orders)}", hint="leave them out where all have one order",
            )  # fmt: skip
        self._files, self._names, self._fisher, self._orders = files, names, fisher, orders
        self._upper = np.flatnonzero(np.triu(np.ones((len(names),) * 2, dtype=bool), 1))
        self._clipped: dict[int, int] = {}
        self._scale = OneScale()
        self._diagonals, self._added = GroupSums(len(names)), set[int]()

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, number: int) -> np.ndarray:
        path = self._files[number]
        matrix, scale = read_scaled_connectivity(path, len(self._names), fisher=self._fisher)
        self._scale.check(scale, path)
        if self._orders is not None:
            matrix = self._reorder(matrix, self._orders[number])
        if number not in self._added:
            self._added.add(number)
            self._diagonals.add(np.diag(matrix).astype(np.float64))
        edges = matrix.ravel()[self._upper]
        if not self._fisher:
            return edges
        try:
            edges, self._clipped[number] = fisher_z(edges)
        except InputError as err:
            err.subject, err.file = "connectivity", path
            raise
        return edges

    @property
    def n_clipped(self) -> int:
        """Correlations of 1 or -1 that were clipped."""
        return sum(self._clipped.values())

    @property
    def holds_z(self) -> bool:
        """Whether what is given is Fisher's z, made here or before."""
        return self._fisher or self._scale.scale == "Fisher's z"

    @property
    def diagonal(self) -> np.ndarray:
        """Diagonal of a mean of all, by which readers know what it holds: shape (n_parcels,)."""
        if self.holds_z:
            return np.full(len(self._names), np.inf)
        if self._scale.scale == "other values":
            return np.where(self._diagonals.n > 0, self._diagonals.mean, np.nan)
        known = {"a statistic": -np.inf}
        return np.full(len(self._names), known.get(self._scale.scale, np.nan))

    def _reorder(self, matrix: np.ndarray, order: str) -> np.ndarray:
        given = read_parcels(order, len(matrix))["name"].tolist()
        try:
            rows = match_parcels(self._names, given)
        except InputError as err:
            err.file = order
            raise
        return matrix[np.ix_(rows, rows)]
