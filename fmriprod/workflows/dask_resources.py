"""Threads and memory of steps on a Dask cluster: what workers declare, what this machine has."""

from collections.abc import Iterable, Mapping
from typing import Any

_ORDER = ("GPU", "memory_gb", "threads")  # what is worst to lack, first


class Room:
    """Threads and memory that steps may declare together, and what is left of them.

    Parameters
    ----------
    threads : int
        At least 1.
    memory_gb : float
        In GB.
    """

    def __init__(self, threads: int, memory_gb: float) -> None:
        self._all = (float(threads), memory_gb)
        self._taken: dict[int, tuple[float, float]] = {}

    def is_full(self) -> bool:
        """Tell whether there is no thread left."""
        return sum(threads for threads, _ in self._taken.values()) >= self._all[0]

    def take(self, number: int, node: Any) -> bool:
        """Take what a step declares if it is left; one that declares more than all takes all."""
        threads, memory = self._all
        needs = (min(max(1.0, node.n_procs or 1), threads), min(node.mem_gb or 0.0, memory))
        used = [sum(each) for each in zip(*self._taken.values(), needs, strict=True)]
        if used[0] > threads or used[1] > memory * (1 + 1e-9):  # sums of floats
            return False
        self._taken[number] = needs
        return True

    def give(self, number: int) -> None:
        """Give back what a step took, if it took any."""
        self._taken.pop(number, None)


def wanted_resources(node: Any, offered: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Tell which of the resources that workers declare a node needs.

    Parameters
    ----------
    node : nipype.pipeline.engine.Node
        With its threads (``n_procs``), memory (``mem_gb``), and ``use_gpu`` among its inputs.
    offered : iterable of mapping
        What each worker declares.

    Returns
    -------
    dict
        By name. Where no worker has all of it, no more than the one that comes nearest has (by
        GPU, then by memory, then by threads): more would wait for ever.
    """
    needs = {"threads": float(node.n_procs), "memory_gb": float(node.mem_gb or 0.0),
             "GPU": 1.0 if node.is_gpu_node() else 0.0}  # fmt: skip
    needs = {name: need for name, need in needs.items() if need}

    def had(worker: Mapping[str, float]) -> list[float]:
        return [min(1.0, worker.get(name, 0.0) / needs[name]) for name in _ORDER if name in needs]

    best = max(offered, key=lambda worker: (min(had(worker)) >= 1, had(worker)), default={})
    return {name: min(need, best[name]) for name, need in needs.items() if best.get(name)}
