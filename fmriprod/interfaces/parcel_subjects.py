"""Participants' files, opened when a number is asked for and not kept."""

from collections.abc import Sequence

import numpy as np

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.group_rsa import fisher_z
from fmriprod.interfaces.parcel_table import match_parcels, read_parcels
from fmriprod.interfaces.parcel_values import in_order, read_contrast, read_scaled_connectivity


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
        self._first: tuple[str, str] | None = None

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, number: int) -> np.ndarray:
        path = self._files[number]
        matrix, scale = read_scaled_connectivity(path, len(self._names), fisher=self._fisher)
        self._check_scale(scale, path)
        if self._orders is not None:
            matrix = self._reorder(matrix, self._orders[number])
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
        return self._fisher or (self._first is not None and self._first[0] == "Fisher's z")

    def _check_scale(self, scale: str, path: str) -> None:
        """Refuse a matrix that holds something else than the first one does."""
        self._first = self._first or (scale, path)
        if scale != self._first[0]:
            raise InputError(
                "connectivity", expected=f"{self._first[0]}, as {self._first[1]} holds",
                found=f"{scale}, by the diagonal", hint="make all with the same kind and fisher",
                file=path,
            )  # fmt: skip

    def _reorder(self, matrix: np.ndarray, order: str) -> np.ndarray:
        given = read_parcels(order, len(matrix))["name"].tolist()
        try:
            rows = match_parcels(self._names, given)
        except InputError as err:
            err.file = order
            raise
        return matrix[np.ix_(rows, rows)]
