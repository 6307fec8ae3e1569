"""Processes that heed Ctrl-C wherever the tests were started."""

import signal


def heed_interrupts() -> None:
    """Undo what a shell does to its background jobs, which ignore Ctrl-C; for ``preexec_fn``."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
