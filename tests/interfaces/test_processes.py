import os
import subprocess
import sys

import pytest

from fmriprod.interfaces.processes import is_alive


def test_a_process_that_ended_is_not_alive_even_before_it_was_waited_for():
    assert is_alive(os.getpid())
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert is_alive(process.pid)
    process.stdin.close()
    if hasattr(os, "waitid"):
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it ended; it is a zombie
        if sys.platform == "linux":
            assert not is_alive(process.pid)
    process.wait()
    assert not is_alive(process.pid)


@pytest.mark.parametrize("pid", [0, -1, 10**30])
def test_numbers_that_no_process_has(pid):
    assert not is_alive(pid)
