"""Programs with the names of SLURM's that note what they are given, and run nothing."""

from pathlib import Path

_SBATCH = """#!/bin/bash
number=$(($(cat "$FAKE/number" 2>/dev/null || echo 0) + 1))
echo $number >"$FAKE/number"
cat >"$FAKE/$number.script"
printf '%s\\0' "$@" >"$FAKE/$number.options"
if [ -e "$FAKE/refuse.$number" ]; then cat "$FAKE/refuse.$number" >&2; exit 1; fi
echo "$number;cluster"
"""
_SQUEUE = """#!/bin/bash
printf '%s\\0' "$@" >>"$FAKE/squeue.options"
if [ -e "$FAKE/squeue.fails" ]; then cat "$FAKE/squeue.fails" >&2; exit 1; fi
cat "$FAKE/squeue" 2>/dev/null
exit 0
"""
_SINFO = """#!/bin/bash
cat "$FAKE/sinfo" 2>/dev/null || echo 64000
"""
_SCANCEL = """#!/bin/bash
echo "$@" >>"$FAKE/cancelled"
"""


class FakeSlurm:
    """The programs; put them before others with a monkeypatch."""

    def __init__(self, folder: Path, monkeypatch) -> None:
        self.folder = folder
        (folder / "bin").mkdir(parents=True)
        programs = {"sbatch": _SBATCH, "squeue": _SQUEUE, "scancel": _SCANCEL, "sinfo": _SINFO}
        for name, text in programs.items():
            (folder / "bin" / name).write_text(text)
            (folder / "bin" / name).chmod(0o755)
        monkeypatch.setenv("FAKE", str(folder))
        monkeypatch.setenv("PATH", str(folder / "bin"), prepend=":")

    @property
    def submitted(self) -> int:
        """How many jobs were handed over."""
        return len(list(self.folder.glob("*.script")))

    def options(self, number: int) -> list[str]:
        """Options that a job was handed over with."""
        return (self.folder / f"{number}.options").read_bytes().decode().split("\0")[:-1]

    def script(self, number: int) -> str:
        """Text that was handed over."""
        return (self.folder / f"{number}.script").read_bytes().decode()

    def refuse(self, number: int, words: str) -> None:
        """Refuse the job with this number, in these words."""
        (self.folder / f"refuse.{number}").write_text(words)

    def queue(self, *lines: str, fails: str = "") -> None:
        """Set what squeue prints (``12_1|RUNNING|None|name``), or how it fails."""
        (self.folder / "squeue").write_text("".join(f"{line}\n" for line in lines))
        (self.folder / "squeue.fails").unlink(missing_ok=True)
        if fails:
            (self.folder / "squeue.fails").write_text(fails)

    @property
    def cancelled(self) -> list[str]:
        """Jobs that were cancelled."""
        path = self.folder / "cancelled"
        return path.read_text().split() if path.exists() else []
