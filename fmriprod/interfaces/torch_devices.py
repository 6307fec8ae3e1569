"""Devices and threads of PyTorch."""

from collections.abc import Iterator
from contextlib import contextmanager

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.network_base import needs


def check_device(name: str, what: str) -> None:
    """Refuse a device that is not there, or that PyTorch is not.

    Parameters
    ----------
    name : str
        Device of PyTorch: ``cpu``, ``cuda``, ``cuda:1``.
    what : str
        What needs it, for errors.

    Raises
    ------
    InputError
        With what PyTorch says.
    """
    try:
        import torch
    except ImportError:
        raise needs("PyTorch", what) from None
    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError, NotImplementedError) as err:
        raise InputError(
            "device", expected="a device of PyTorch that is there",
            found=f"{name!r}: {str(err).splitlines()[0]}",
            hint="give cpu, or cuda where there is a card",
        ) from None  # fmt: skip


@contextmanager
def torch_threads(n: int) -> Iterator[None]:
    """Let PyTorch use a number of threads, and as many as before afterwards."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)
