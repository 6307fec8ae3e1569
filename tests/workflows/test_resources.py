import pytest
from support.images import write_image

from fmriprod.workflows.bold import init_bold_wf
from fmriprod.workflows.resources import image_gb, needed_gb, threads_per_step


def test_size_is_that_in_memory_whatever_the_type_on_disk(work, rng):
    path = write_image(work / "a.nii.gz", rng.integers(0, 9, (50, 40, 30, 5)).astype("i2"))
    assert image_gb(path) == pytest.approx(50 * 40 * 30 * 5 * 4e-9)


def test_memory_is_declared_by_the_size_of_the_series():
    small, large = (init_bold_wf(bold_gb=gb) for gb in (0.1, 5.0))
    for name in ("reorient", "motion", "quality"):
        assert large.get_node(name).mem_gb - small.get_node(name).mem_gb >= 4.8
    assert needed_gb(2, 1.0) > 2


@pytest.mark.parametrize(
    ("n_procs", "n_runs", "threads"),
    [(1, 1, 1), (2, 1, 2), (2, 3, 1), (8, 3, 2), (8, 20, 1), (4, 0, 4)],
)
def test_threads_fill_the_processors_and_no_more(n_procs, n_runs, threads):
    assert threads_per_step(n_procs, n_runs) == threads
    assert threads_per_step(n_procs, n_runs) * min(n_runs or 1, n_procs) <= n_procs
