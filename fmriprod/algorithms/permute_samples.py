"""Random orders of samples that leave intact what depends on time."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from fmriprod.algorithms.checks import InputError

_TOGETHER = 256  # orders of one random generator


@dataclass(frozen=True)
class SampleOrders:
    """Random orders of samples; each is known by the seed and its number alone.

    Attributes
    ----------
    n_samples : int
        Samples.
    exchanged : tuple of (ndarray of int, int)
        First samples of the blocks that change places with each other, and their length.
    shifted : tuple of (int, int)
        First and one past the last sample of what is shifted in a circle.
    seed : int
        Source of all orders.
    """

    n_samples: int
    exchanged: tuple[tuple[np.ndarray, int], ...]
    shifted: tuple[tuple[int, int], ...]
    seed: int

    @property
    def log10_distinct(self) -> float:
        """Decimal logarithm of how many orders there are."""
        ways = sum(math.lgamma(len(first) + 1) for first, _ in self.exchanged)
        ways += sum(math.log(stop - start) for start, stop in self.shifted)
        return ways / math.log(10)

    def orders(self, start: int, stop: int) -> np.ndarray:
        """Make the orders of some numbers.

        Parameters
        ----------
        start, stop : int
            First, and one past the last.

        Returns
        -------
        ndarray of int16 or int32, shape (stop - start, n_samples)
            Which sample comes to each place.
        """
        kind = np.int16 if self.n_samples <= np.iinfo(np.int16).max else np.int32
        made = np.empty((stop - start, self.n_samples), dtype=kind)
        for unit in range(start // _TOGETHER, -(-stop // _TOGETHER)):
            low, high = max(start, unit * _TOGETHER), min(stop, (unit + 1) * _TOGETHER)
            own = self._unit(unit)[low - unit * _TOGETHER : high - unit * _TOGETHER]
            made[low - start : high - start] = own
        return made

    def _unit(self, unit: int) -> np.ndarray:
        rng = np.random.default_rng([self.seed, unit])
        made = np.tile(np.arange(self.n_samples, dtype=np.int32), (_TOGETHER, 1))
        for first, length in self.exchanged:
            drawn = rng.permuted(np.tile(first, (_TOGETHER, 1)), axis=1)
            inside = np.arange(length)
            places = (first[:, None] + inside).ravel()
            made[:, places] = (drawn[:, :, None] + inside).reshape(_TOGETHER, -1)
        for start, stop in self.shifted:
            length = stop - start
            shift = rng.integers(length, size=(_TOGETHER, 1))
            made[:, start:stop] = start + (np.arange(length) + shift) % length
        return made


def sample_orders(
    groups: Sequence[Any],
    runs: Sequence[Any] | None = None,
    *,
    scheme: str = "across",
    block: int = 1,
    seed: int = 0,
) -> SampleOrders:
    """Say which samples may change places if responses do not depend on what was shown.

    Parameters
    ----------
    groups : sequence, length n_samples
        What is left out together in cross-validation.
    runs : sequence, length n_samples, optional
        What was measured without a pause; ``groups`` unless given. Blocks do not cross runs.
    scheme : {"across", "within", "shift"}, default "across"
        Exchange samples (blocks) across all groups, exchange them within each group only, or
        shift each run in a circle, which keeps all its autocorrelation but at the seam.
    block : int, default 1
        Length in samples of the blocks that are exchanged whole: longer than responses
        remember. Blocks exchange with those of their length; what is left at the end of a run
        is a shorter block.
    seed : int, default 0
        Source of the orders; not negative.

    Raises
    ------
    InputError
        If an argument is not as above, a run is in pieces, or there is only one order.
    """
    names = np.asarray(groups).astype(str)
    own = names if runs is None else np.asarray(runs).astype(str)
    check_scheme(scheme, block, seed)
    if len(own) != len(names):
        raise InputError(
            "runs", expected=f"a run for each of {len(names)} samples", found=f"{len(own)}",
            hint="give the sample table of the responses",
        )  # fmt: skip
    if scheme == "shift" or block > 1:
        ends = _stretches(names, own)
    else:
        ends = [(i, i + 1) for i in range(len(names))]  # a block each, in any order
    if scheme == "shift":
        found = SampleOrders(len(names), (), tuple(ends), seed)
    else:
        found = SampleOrders(len(names), _blocks(names, ends, block, scheme), (), seed)
    if found.log10_distinct < 0.1:
        raise InputError(
            "block", expected="blocks that can change places",
            found=f"one order only, with blocks of {block} samples",
            hint="give shorter blocks, or another scheme",
        )  # fmt: skip
    return found


def check_scheme(scheme: str, block: int, seed: int) -> None:
    """Check the arguments of `sample_orders` that are no samples.

    Raises
    ------
    InputError
        If one of them is not as described there.
    """
    if scheme not in ("across", "within", "shift"):
        raise InputError(
            "scheme", expected="across, within or shift", found=repr(scheme),
            hint="choose one of them",
        )  # fmt: skip
    if block < 1 or (scheme == "shift" and block > 1):
        raise InputError(
            "block", expected="1 sample or more" if block < 1 else "1 where runs are shifted",
            found=f"{block}", hint="leave block out, or give another scheme",
        )  # fmt: skip
    if seed < 0:
        raise InputError("seed", expected="0 or more", found=f"{seed}", hint="give another number")


def _stretches(groups: np.ndarray, runs: np.ndarray) -> list[tuple[int, int]]:
    """First and one past the last sample of each run of each group."""
    changed = (groups[1:] != groups[:-1]) | (runs[1:] != runs[:-1])
    bounds = [0, *(np.flatnonzero(changed) + 1).tolist(), len(groups)]
    keys = [(groups[i], runs[i]) for i in bounds[:-1]]
    if len(set(keys)) < len(keys):
        twice = next(key for i, key in enumerate(keys) if key in keys[:i])
        raise InputError(
            "runs", expected="samples of a run that follow each other in time",
            found=f"run {str(twice[1])!r} in pieces",
            hint="sort features and responses by run, or use blocks of 1",
        )  # fmt: skip
    return list(pairwise(bounds))


def _blocks(
    groups: np.ndarray, ends: Sequence[tuple[int, int]], block: int, scheme: str
) -> tuple[tuple[np.ndarray, int], ...]:
    """Cut runs into blocks, and put together those that change places."""
    alike: dict[tuple[str, int], list[int]] = {}
    for start, stop in ends:
        for first in range(start, stop, block):
            group = str(groups[first]) if scheme == "within" else ""
            alike.setdefault((group, min(block, stop - first)), []).append(first)
    return tuple((np.array(first), length) for (_, length), first in alike.items())
