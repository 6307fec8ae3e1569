"""Where the commands print."""

import os

from rich.console import Console

_WIDTH = 120  # columns in a file or pipe, where no window sets them


class PatientConsole(Console):
    """A console whose command goes on, silently, when nobody reads any more (``| head``).

    Rich would end the process: with the steps of a run, and without a word.
    """

    def on_broken_pipe(self) -> None:
        """Print no more, and let what is left in the buffer of the stream go nowhere."""
        self.quiet = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.file.fileno())
        os.close(nowhere)


def output(*, patient: bool = True) -> Console:
    """Open standard output: as wide as the terminal, and wide enough for tables elsewhere.

    Parameters
    ----------
    patient : bool
        Go on when nobody reads any more; if not, end with exit code 1, as Rich does.
    """
    kind = PatientConsole if patient else Console
    console = kind()
    return console if console.is_terminal else kind(width=_WIDTH)


def errors() -> Console:
    """Open standard error."""
    return PatientConsole(stderr=True)
