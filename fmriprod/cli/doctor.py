"""``fmriprod doctor``: what is installed, and what the rest would add."""

import argparse
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fmriprod import __version__

if TYPE_CHECKING:
    from rich.table import Table

_STYLES = {"ok": "green", "missing": "dim", "incomplete": "yellow"}
_PYTHON = ">=3.11"


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the sub-command."""
    parser = commands.add_parser(
        "doctor",
        help="what is installed, and what the rest would add",
        description="Lists the libraries that are needed with their versions, the programs and "
        "extras that add something (FSL, FreeSurfer, ANTs, dcm2niix, SLURM, CUDA ...), and what "
        "this machine has. Exit code 0: all that is needed is there; 1: something needed is "
        "missing, too old, or broken.",
    )
    parser.add_argument(
        "folder", metavar="FOLDER", type=Path, nargs="?", default=Path(),
        help="where results would go, for its free space (this folder)",
    )  # fmt: skip
    parser.add_argument(
        "--imports", action="store_true",
        help="import every library, to find damaged ones (half a minute)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Look and show; exit code 0 unless something that is needed is not all right."""
    facts = examine(args.folder, imports=args.imports)
    if args.json:
        print(json.dumps(facts, indent=2))
    else:
        _show(facts)
    return 0 if facts["ok"] else 1


def examine(folder: Path, *, imports: bool = False) -> dict[str, Any]:
    """Put together what ``--json`` prints."""
    from dataclasses import asdict

    from fmriprod.interfaces.installed_libraries import installed_libraries, within
    from fmriprod.interfaces.installed_programs import installed_programs
    from fmriprod.interfaces.machine import machine_facts, python_version

    libraries = [asdict(library) for library in installed_libraries(imports=imports)]
    needed = [library for library in libraries if library["extra"] is None]
    number = python_version()
    python = {"version": number, "bounds": _PYTHON, "ok": within(number, _PYTHON)}
    return {
        "fmriprod": __version__,
        "ok": python["ok"] and all(x["state"] == "ok" for x in needed),
        "python": python,
        "needed": needed,
        "extras": [library for library in libraries if library["extra"]],
        "programs": [asdict(program) for program in installed_programs()],
        "machine": machine_facts(folder),
    }


def _show(facts: dict[str, Any]) -> None:
    from rich.text import Text

    from fmriprod.cli.console import output

    console = output()
    console.print(Text(f"fmriprod {facts['fmriprod']}, Python {facts['python']['version']}"))
    for line in _machine(facts["machine"]):
        console.print(Text(line), soft_wrap=True)
    console.print()
    console.print(_libraries(facts["needed"]))
    console.print()
    console.print(_optional(facts))
    console.print()
    python = facts["python"]
    if not python["ok"]:
        text = f"Python {python['version']}: needed {python['bounds']}"
        console.print(Text(text, "bold red"))
    wrong = [library for library in facts["needed"] if library["state"] != "ok"]
    for library in wrong:
        console.print(Text(f"{library['name']}: {_fault(library)}", "bold red"), soft_wrap=True)
    if not facts["needed"]:
        console.print("fmriprod was not installed by pip: what it needs is not known.")
    elif facts["ok"]:
        console.print("All that is needed is there.")


def _machine(machine: dict[str, Any]) -> list[str]:
    lines = [f"{machine['cores']} cores"]
    if machine["memory_gb"] is not None:
        total, free = machine["memory_gb"], machine["memory_free_gb"]
        lines.append(f"{total:.1f} GB of memory, {free:.1f} GB free")
    for folder, size in machine["free_gb"].items():
        lines.append(f"{size:.0f} GB free in {os.path.abspath(folder)}")
    for blas in machine["blas"]:
        lines.append(f"linear algebra: {blas['name']} {blas['version']}, {blas['threads']} threads")
    return list(dict.fromkeys(lines))


def _libraries(needed: list[dict[str, Any]]) -> "Table":
    """Two libraries a row: most are all right, and nobody reads a long list of those."""
    from rich.text import Text

    table = _table("needed", "version", "bounds", "", "needed", "version", "bounds", "")
    cells = [
        (x["name"], x["version"] or "-", x["bounds"],
         Text(x["state"], _STYLES.get(x["state"], "bold red")))
        for x in needed
    ]  # fmt: skip
    half = (len(cells) + 1) // 2
    for k in range(half):
        right = cells[half + k] if half + k < len(cells) else ("", "", "", Text())
        table.add_row(*cells[k], *right)
    return table


def _optional(facts: dict[str, Any]) -> "Table":
    from rich.text import Text

    table = _table("not needed", "state", "version", "adds", "remark")
    table.columns[-1].min_width = 34  # a command to copy stays on its line
    by_pip = {library["name"]: library for library in facts["extras"]}
    for x in facts["programs"]:
        state = Text(x["state"], _STYLES[x["state"]])
        hint = _fault(by_pip[x["name"]]) if x["name"] in by_pip and x["state"] == "missing" else ""
        remark = Text(x["problem"] or x["place"] or hint)
        table.add_row(x["name"], state, x["version"], x["adds"], remark)
    shown = {program["name"] for program in facts["programs"]}
    for x in facts["extras"]:
        if x["name"] in shown:  # a program that pip can install
            continue
        remark = Text("" if x["state"] == "ok" else _fault(x))  # [cnn] is no style
        state = Text(x["state"], _STYLES.get(x["state"], "bold yellow"))
        table.add_row(x["name"], state, x["version"] or "", x["adds"], remark)
    return table


def _fault(library: dict[str, Any]) -> str:
    """Say what is wrong with a library, and what to do."""
    extra = f"[{library['extra']}]" if library["extra"] else ""
    if library["state"] == "broken":
        return f"{library['error']}; do: pip install --force-reinstall {library['name']}"
    if library["state"] == "other version":
        wanted = f"{library['name']}{library['bounds']}"
        return f"needed {library['bounds']}, found {library['version']}; do: pip install '{wanted}'"
    return f"pip install 'fmriprod{extra}'"


def _table(*columns: str) -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
