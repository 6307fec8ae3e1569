"""One array namespace for NumPy and torch, on the CPU or a graphics card."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

from fmriprod.algorithms.checks import InputError

Array = Any  # of NumPy or torch
_LARGE = 3000  # rows
_LOSS = 1e-4  # bound of the relative error of responses that is accepted


@dataclass(frozen=True)
class Backend:
    """Where arrays live and what computes with them.

    Attributes
    ----------
    xp : module
        Namespace that follows the array API standard.
    name : str
        ``numpy`` or ``torch``.
    device : str
        ``cpu``, or a device of torch such as ``cuda``.
    dtype : str
        ``float32`` or ``float64``: of what is as long as there are voxels. Matrices of
        samples by samples are always solved in float64.
    n_threads : int
        Threads for blocks of voxels; NumPy only (torch has threads of its own).
    blas : ThreadpoolController
        Found once: to look for BLAS takes longer than small problems do.
    """

    xp: Any
    name: str
    device: str
    dtype: str
    n_threads: int
    blas: ThreadpoolController = field(
        default_factory=ThreadpoolController, repr=False, compare=False
    )

    def array(self, values: Any, dtype: str | None = None) -> Array:
        """Bring values to the device, in ``dtype`` or the backend's own."""
        kind = getattr(self.xp, dtype or self.dtype)
        if self.name == "numpy":
            return self.xp.asarray(values, dtype=kind)
        if isinstance(values, np.ndarray):
            values = self.xp.from_numpy(np.ascontiguousarray(values))
        return self.xp.asarray(values, dtype=kind, device=self.device)

    def cast(self, values: Array, dtype: str | None = None) -> Array:
        """Change the precision of an array that is on the device."""
        return self.xp.astype(values, getattr(self.xp, dtype or self.dtype), copy=False)

    def numpy(self, values: Array) -> np.ndarray:
        """Bring an array back as NumPy's."""
        if self.name == "numpy":
            return np.asarray(values)
        return values.detach().cpu().numpy()

    def eigh(self, matrix: Array) -> tuple[Array, Array]:
        """Decompose a symmetric matrix: values in ascending order, vectors in columns.

        BLAS gets one thread where the matrix is small: more of them gain half of a second,
        and wait for each other for a minute where other work keeps processors busy.
        """
        if self.name != "numpy" or len(matrix) > _LARGE:
            return self.xp.linalg.eigh(matrix)
        with self.blas.limit(limits=1, user_api="blas"):
            return self.xp.linalg.eigh(matrix)

    def each(self, work: Callable[[Any], None], items: Iterable[Any]) -> None:
        """Do independent work for each item, in threads whose BLAS has one thread each."""
        items = list(items)
        if self.name != "numpy" or self.n_threads == 1 or len(items) == 1:
            for item in items:
                work(item)
            return
        with (
            self.blas.limit(limits=1, user_api="blas"),
            ThreadPoolExecutor(self.n_threads) as pool,
        ):
            for _ in pool.map(work, items):
                pass


def get_backend(
    name: str = "numpy",
    device: str | None = None,
    dtype: str = "float32",
    n_threads: int | None = None,
) -> Backend:
    """Choose what computes.

    Parameters
    ----------
    name : {"numpy", "torch"}, default "numpy"
        Library.
    device : str, optional
        For torch: ``cpu`` (default), ``cuda``, ``cuda:1``, ...
    dtype : {"float32", "float64"}, default "float32"
        Precision of what is as long as there are voxels.
    n_threads : int, optional
        Threads; all processors that may be used unless given.

    Raises
    ------
    InputError
        If the library is not installed, or there is no such device.
    """
    if name not in ("numpy", "torch"):
        raise InputError(
            "backend", expected="numpy or torch", found=repr(name), hint="choose one of them"
        )
    n_threads = n_threads or len(os.sched_getaffinity(0))
    if name == "numpy":
        if device not in (None, "cpu"):
            raise InputError(
                "device", expected="cpu, with the backend numpy", found=repr(device),
                hint="use backend='torch' for a graphics card",
            )  # fmt: skip
        return Backend(import_module("array_api_compat.numpy"), name, "cpu", dtype, n_threads)
    try:
        torch = import_module("torch")
        xp = import_module("array_api_compat.torch")
    except ModuleNotFoundError:
        raise InputError(
            "backend", expected="torch to be installed", found="no module named torch",
            hint="pip install fmriprod[cnn], or use backend='numpy'",
        ) from None  # fmt: skip
    device = device or "cpu"
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise InputError(
            "device", expected="a device that torch can use", found=f"{device!r}, without CUDA",
            hint="use device='cpu'",
        )  # fmt: skip
    return Backend(xp, name, device, dtype, n_threads)


def safe_precision(largest: float, penalty: float, backend: Backend) -> bool:
    """Say whether a ridge system loses little to the rounding of the backend's precision.

    Parameters
    ----------
    largest : float
        Largest eigenvalue.
    penalty : float
        What is added to all of them.
    backend : Backend
        Its precision counts.
    """
    condition = (largest + penalty) / penalty
    return condition * float(np.finfo(backend.dtype).eps) < _LOSS
