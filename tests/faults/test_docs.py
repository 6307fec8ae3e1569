"""The page on faults names tests that there are, and rows that are whole."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and "::" in line]


def names_of(file):
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_each_row_names_tests_that_are_there():
    assert len(ROWS) > 30 and len(set(NAMED)) > 40
    missing = [f"{file}::{name}" for file, name in NAMED
               if not (ROOT / file).exists() or name not in names_of(file)]  # fmt: skip
    assert missing == []


@pytest.mark.parametrize("row", ROWS, ids=range(len(ROWS)))
def test_each_row_has_a_fault_an_outcome_a_remedy_and_a_test(row):
    cells = [cell.strip() for cell in row.strip("|").split(" | ")]
    assert len(cells) == 4 and all(cells)


@pytest.mark.parametrize("file", ["test_interruptions.py", "test_whole_command.py"])
def test_no_fault_that_is_tested_here_is_left_out(file):
    named = {name for where, name in NAMED if where.endswith(f"faults/{file}")}
    assert names_of(f"tests/faults/{file}") >= named
    unnamed = {name for name in names_of(f"tests/faults/{file}") if name.startswith("test_")}
    assert unnamed - named <= {"test_nothing_happened"}


def test_options_that_the_page_speaks_of_are_there():
    from fmriprod.cli.main import build_parser

    commands = build_parser()._subparsers._group_actions[0].choices
    known = {flag for action in commands["run"]._actions for flag in action.option_strings}
    spoken = set(re.findall(r"(--[a-z][a-z-]+)", PAGE))
    assert spoken <= known, spoken - known
