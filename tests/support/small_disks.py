"""Small disks of their own, and disks that nobody can write to; tests skip where they cannot be."""

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder, size):
    """Mount a disk of ``size`` bytes at a folder; its function takes another size."""
    _mount(["-t", "tmpfs", "-o", f"size={size}", "none"], folder)
    try:
        yield lambda new: subprocess.run(
            ["mount", "-o", f"remount,size={new}", str(folder)], check=True
        )
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def read_only(folder):
    """Let a folder be read-only, for root too."""
    _mount(["--bind", str(folder)], folder)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(folder)], check=True)
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def _mount(options, folder):
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("mounting a disk needs Linux and root")
    Path(folder).mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["mount", *options, str(folder)], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"mounting is not allowed here: {done.stderr.strip()}")


def fill(folder):
    """Fill a disk to the last byte; give the file that does it."""
    path = Path(folder) / "filler"
    with path.open("wb", buffering=0) as stream:
        for size in (1 << 16, 1 << 12, 1):
            try:
                while True:
                    stream.write(b"x" * size)
            except OSError:
                continue
    return path
