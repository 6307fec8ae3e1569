import sys
import threading

import numpy as np
import pytest

from fmriprod.algorithms.array_backend import get_backend, safe_precision
from fmriprod.algorithms.checks import InputError


def refused(*arguments):
    with pytest.raises(InputError) as info:
        get_backend(*arguments)
    return str(info.value)


@pytest.mark.parametrize("name", ["numpy", "torch"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_arrays_go_there_and_back(name, dtype):
    if name == "torch":
        pytest.importorskip("torch")
    backend = get_backend(name, "cpu", dtype)
    values = np.arange(12.0).reshape(3, 4).T  # not contiguous
    there = backend.array(values)
    assert backend.numpy(there).dtype == dtype and type(backend.numpy(there)) is np.ndarray
    np.testing.assert_array_equal(backend.numpy(there), values)
    assert backend.numpy(backend.cast(there, "float64")).dtype == np.float64
    assert backend.numpy(backend.array([1, 2], "int64")).dtype == np.int64
    assert backend.numpy(backend.array(there)).dtype == dtype


@pytest.mark.parametrize("n_threads", [1, 3])
def test_work_is_done_for_each_item_in_so_many_threads(n_threads):
    done, threads, meet = [], set(), threading.Barrier(n_threads, timeout=20)

    def work(item):
        if item < n_threads:
            meet.wait()  # as many at once
        threads.add(threading.get_ident())
        done.append(item)

    get_backend(n_threads=n_threads).each(work, range(20))
    assert sorted(done) == list(range(20)) and len(threads) == n_threads


def test_an_error_in_a_thread_is_raised():
    def work(item):
        raise KeyError(item)

    with pytest.raises(KeyError):
        get_backend(n_threads=2).each(work, range(4))


def test_safe_precision_follows_the_condition():
    single, double = get_backend(), get_backend(dtype="float64")
    assert safe_precision(100.0, 1.0, single) and not safe_precision(1e4, 1.0, single)
    assert safe_precision(1e4, 1.0, double) and not safe_precision(1e13, 1.0, double)
    assert safe_precision(1e4, 100.0, single)


def test_what_cannot_be_had_is_said():
    assert "numpy or torch" in refused("jax") and "'jax'" in refused("jax")
    text = refused("numpy", "cuda")
    assert "cpu, with the backend numpy" in text and "backend='torch'" in text


def test_torch_that_is_not_installed_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    text = refused("torch")
    assert "torch to be installed" in text and "fmriprod[cnn]" in text


def test_a_card_that_is_not_there_is_said(monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    text = refused("torch", "cuda:1")
    assert "'cuda:1', without CUDA" in text and "device='cpu'" in text
