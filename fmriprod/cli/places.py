"""Where a run keeps what is its own, below its output folder."""

from pathlib import Path

WORK, CRASHES, NAMES = Path(".fmriprod", "work"), Path("logs"), Path(".fmriprod", "names")
