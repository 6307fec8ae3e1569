"""What steps need: memory from the sizes of images, threads from the number of runs."""

from pathlib import Path

import numpy as np

from fmriprod.interfaces.images import open_image

LIBRARIES_GB = 0.35  # a worker with everything imported
# Peaks beyond the libraries in units of the series (or of the T1w image) in float32, measured on
# series of 140 and 560 MB and a T1w image of 160 MB, and rounded up: benchmarks/README.md.
SELECT, REORIENT, MOTION, QUALITY, SMOOTH, MODEL, FILTER, FEATURIZE = 1, 1, 3, 2, 2.5, 2, 2, 1
SKULLSTRIP, COREGISTER = 4, 4


def image_gb(path: str | Path) -> float:
    """Size of an image in memory, as float32 in GB, from its header."""
    return float(np.prod(open_image(path).shape)) * 4e-9


def needed_gb(factor: float, size_gb: float) -> float:
    """Memory in GB to declare for a step that holds ``factor`` copies of an image."""
    return round(LIBRARIES_GB + factor * size_gb, 2)


def threads_per_step(n_procs: int, n_runs: int) -> int:
    """Threads for one step, so that the steps of all runs together use all processors.

    A step with twice the threads takes more than half the time, and a step that waits for two
    processors to be free leaves one idle. Several runs are therefore better worked on side by
    side, and only where there are fewer runs than processors does each get more of them.

    Examples
    --------
    >>> threads_per_step(8, 3)
    2
    >>> threads_per_step(2, 10)
    1
    """
    return max(1, n_procs // max(1, n_runs))
