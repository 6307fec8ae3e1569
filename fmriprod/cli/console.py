"""Where the commands print."""

from rich.console import Console

_WIDTH = 120  # columns in a file or pipe, where no window sets them


def output() -> Console:
    """Open standard output: as wide as the terminal, and wide enough for tables elsewhere."""
    console = Console()
    return console if console.is_terminal else Console(width=_WIDTH)
