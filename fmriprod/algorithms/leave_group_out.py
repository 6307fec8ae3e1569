"""Folds that leave out a group of samples, and pairs of groups for the inner folds."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError


@dataclass(frozen=True)
class LeaveGroupOut:
    """Samples sorted by group; each outer fold leaves out one group.

    The inner fold of outer fold k that tests group j trains without both; so does the inner
    fold of outer fold j that tests group k. Hence one model for a pair of groups serves two
    inner folds.

    Attributes
    ----------
    names : tuple of str
        Groups, in the order in which they first occur.
    order : ndarray of int, shape (n_samples,)
        Samples sorted by group, otherwise in their order.
    slices : tuple of slice
        Place of each group among the sorted samples.
    """

    names: tuple[str, ...]
    order: np.ndarray
    slices: tuple[slice, ...]

    @property
    def n_folds(self) -> int:
        """Number of groups."""
        return len(self.names)

    @property
    def n_samples(self) -> int:
        """Number of samples."""
        return len(self.order)

    @cached_property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """All pairs of groups."""
        return tuple(combinations(range(self.n_folds), 2))

    def size(self, *groups: int) -> int:
        """Count the samples of some groups."""
        return sum(self.slices[g].stop - self.slices[g].start for g in groups)

    def rest(self, *groups: int) -> tuple[int, ...]:
        """All other groups."""
        return tuple(g for g in range(self.n_folds) if g not in groups)

    def take(self, xp: Any, sorted_array: Any, groups: Sequence[int], axis: int) -> Any:
        """Take the samples of some groups from an array of sorted samples (copies slices)."""
        before = (slice(None),) * axis
        return xp.concat([sorted_array[(*before, self.slices[g])] for g in groups], axis=axis)


def leave_group_out(groups: Sequence[Any], *, nested: bool = True) -> LeaveGroupOut:
    """Make folds from the group of each sample.

    Parameters
    ----------
    groups : sequence, length n_samples
        Label of the group (session, run) of each sample.
    nested : bool, default True
        Whether penalties are chosen in inner folds.

    Raises
    ------
    InputError
        If there are fewer than two groups (three if nested), a group has fewer than two
        samples, or a label is missing.
    """
    labels = np.asarray(groups)
    if pd.isna(labels).any():
        raise InputError(
            "groups", expected="a group for every sample", found="missing labels",
            hint="fill in the column of groups",
        )  # fmt: skip
    found, first, inverse = np.unique(labels.astype(str), return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))
    number = rank[inverse]
    needed = 3 if nested else 2
    if len(found) < needed:
        why = "to choose among penalties in inner folds" if needed == 3 else "to be left out"
        raise InputError(
            "groups", expected=f"at least {needed} groups (sessions or runs) {why}",
            found=f"{len(found)}: {', '.join(found)}",
            hint="give finer groups"
            + (", or a single penalty" if needed == 3 and len(found) == 2 else ""),
        )  # fmt: skip
    counts = np.bincount(number)
    names = tuple(str(found[i]) for i in np.argsort(first))
    if counts.min() < 2:
        raise InputError(
            "groups", expected="at least 2 samples in each group, so that its variance is known",
            found=f"{counts.min()} in {names[int(counts.argmin())]!r}",
            hint="join small groups",
        )  # fmt: skip
    ends = np.cumsum(counts)
    slices = tuple(slice(int(e - c), int(e)) for e, c in zip(ends, counts, strict=True))
    return LeaveGroupOut(names, np.argsort(number, kind="stable"), slices)
