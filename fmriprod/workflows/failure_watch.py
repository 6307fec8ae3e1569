"""Watch worker processes: which one has which task, and how much memory it uses."""

import struct
import threading
from multiprocessing.connection import Connection
from typing import Any

from fmriprod.workflows.failure_memory import memory_of

_FORM = struct.Struct("qq")  # task, process: far below what a pipe takes at once, so no lock
_EVERY = 0.5  # s between two looks at the memory


class WorkerWatch:
    """Hear from workers what they begin, and look at their memory, in a thread.

    Parameters
    ----------
    context : multiprocessing context
        Of the workers.

    Attributes
    ----------
    speaker : Connection
        For workers: `tell` sends through it.
    heard : bool
        Whether any worker ever began with a task.
    """

    def __init__(self, context: Any) -> None:
        self._ear, self.speaker = context.Pipe(duplex=False)
        self.heard = False
        self._lock = threading.Lock()
        self._pids: dict[int, int] = {}
        self._peaks: dict[int, float] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def pid(self, task: int) -> int | None:
        """Tell which process began with a task; None where none did."""
        self._listen()
        with self._lock:
            return self._pids.get(task)

    def peak(self, task: int) -> float | None:
        """Tell the most memory in GB that a task was seen to use."""
        with self._lock:
            return self._peaks.get(task) or None

    def forget(self, task: int) -> None:
        """Look no more after a task."""
        self._listen()
        with self._lock:
            self._pids.pop(task, None)
            self._peaks.pop(task, None)

    def close(self) -> None:
        """End the watch."""
        self._over.set()
        self._thread.join()
        self._ear.close()
        self.speaker.close()

    def _listen(self) -> None:
        with self._lock:
            while not self._ear.closed and self._ear.poll():
                task, pid = _FORM.unpack(self._ear.recv_bytes())
                self._pids[task], self.heard = pid, True
                self._peaks[task] = 0.0

    def _look(self) -> None:
        while not self._over.wait(_EVERY):
            self._listen()
            with self._lock:
                pids = dict(self._pids)
            for task, pid in pids.items():
                used = memory_of(pid)
                with self._lock:
                    if task in self._peaks:
                        self._peaks[task] = max(self._peaks[task], used)


def tell(speaker: Connection, task: int, pid: int) -> None:
    """Say, in a worker, that it begins with a task."""
    speaker.send_bytes(_FORM.pack(task, pid))
