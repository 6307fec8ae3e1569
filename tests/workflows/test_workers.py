import subprocess
import sys

import pytest

from fmriprod.workflows import workers

CODE = """
import sys
from concurrent.futures import ProcessPoolExecutor
from fmriprod.workflows.workers import start_early, worker_context

def loaded():
    return sorted({name.partition(".")[0] for name in sys.modules})


if __name__ == "__main__":
    start_early()
    with ProcessPoolExecutor(1, mp_context=worker_context()) as pool:
        sys.stdout.write(" ".join(pool.submit(loaded).result()))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="workers are forked on Linux")
def test_workers_begin_with_the_libraries_loaded(work):
    (work / "code.py").write_text(CODE)
    done = subprocess.run(
        [sys.executable, "code.py"], capture_output=True, text=True, check=True, timeout=120
    )
    assert {"fmriprod", "nipype", "nilearn", "SimpleITK", "matplotlib"} <= set(done.stdout.split())


def test_what_is_loaded_beforehand_exists():
    for name in workers._PRELOADED:
        __import__(name)
