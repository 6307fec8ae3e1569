"""Choose rows of a sample table with a comparison, such as ``half == 1 and task != 'rest'``."""

import ast
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError, suggest

_COMPARE: dict[type, Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_EXAMPLE = "comparisons of columns, such as: half == 1 and label in ['face', 'house']"


def query_rows(table: pd.DataFrame, query: str, name: str = "query") -> np.ndarray:
    """Find the rows of a table that a query selects.

    Only comparisons (``== != < <= > >= in not in``) between one column and constants are
    understood, joined by ``and``, ``or``, ``not`` (or ``& | ~`` with brackets). Nothing is
    executed. A column of text compared with a number is read as numbers: ``run == 1`` finds
    run ``01``, ``run == '1'`` does not.

    Parameters
    ----------
    table : DataFrame
        Rows to choose from.
    query : str
        The comparison.
    name : str
        Name of the argument for the message of an error.

    Returns
    -------
    ndarray of int
        Positions of the rows, ascending.

    Raises
    ------
    InputError
        If the query cannot be understood, names an unknown column or selects nothing.

    Examples
    --------
    >>> query_rows(pd.DataFrame({"run": ["01", "02"]}), "run == 2")
    array([1])
    """
    try:
        tree = ast.parse(query.strip(), mode="eval").body
        rows = np.flatnonzero(_truth(tree, table, query, name))
    except SyntaxError as err:
        raise _unclear(name, query, f"{_short(query)} ({err.msg})") from None
    except (ValueError, RecursionError, MemoryError) as err:
        if isinstance(err, InputError):
            raise
        raise _unclear(name, query, f"{_short(query)} ({err})") from None
    if not len(rows):
        raise InputError(
            name,
            expected="a query that selects rows",
            found=f"{_short(query)} selects none of {len(table)} rows",
            hint=f"compare with what is there: {_values(tree, table)}",
        )
    return rows


def _truth(node: ast.AST, table: pd.DataFrame, query: str, name: str) -> np.ndarray:
    """Evaluate a node to one truth value per row."""
    if isinstance(node, ast.BoolOp):
        parts = [_truth(value, table, query, name) for value in node.values]
        join = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
        return join.reduce(parts)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitAnd | ast.BitOr):
        join = np.logical_and if isinstance(node.op, ast.BitAnd) else np.logical_or
        sides = (node.left, node.right)
        return join(*(_truth(side, table, query, name) for side in sides))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.Invert):
        return ~_truth(node.operand, table, query, name)
    if isinstance(node, ast.Compare):
        terms = [node.left, *node.comparators]
        pairs = zip(terms, node.ops, terms[1:], strict=False)
        return np.logical_and.reduce([_compare(*pair, table, query, name) for pair in pairs])
    raise _unclear(name, query, f"{ast.unparse(node)!r} in {_short(query)}")


def _compare(
    left: ast.AST, op: ast.cmpop, right: ast.AST, table: pd.DataFrame, query: str, name: str
) -> np.ndarray:
    """Compare a column with a constant, or a constant with a column."""
    if isinstance(right, ast.Name) and type(op) in _COMPARE:
        mirrored = {ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Gt: ast.Lt, ast.GtE: ast.LtE}
        left, right, op = right, left, mirrored.get(type(op), type(op))()
    if not isinstance(left, ast.Name):
        raise _unclear(name, query, f"{ast.unparse(left)!r} where a column should be")
    if left.id not in table.columns:
        raise InputError(
            name,
            expected="names of columns of the sample table",
            found=f"{left.id!r} in {_short(query)}",
            hint=suggest(left.id, table.columns),
        )
    try:
        constant = ast.literal_eval(right)
    except (ValueError, TypeError):
        found = f"{ast.unparse(right)!r} where a number, a quoted text or a list should be"
        raise _unclear(name, query, found) from None
    many = isinstance(constant, list | tuple | set)
    constants = list(constant) if many else [constant]
    within = isinstance(op, ast.In | ast.NotIn)
    if (
        many != within
        or not (within or type(op) in _COMPARE)
        or not all(isinstance(c, str | int | float) for c in constants)
    ):
        raise _unclear(name, query, f"{ast.unparse(right)!r} in {_short(query)}")
    column = _as_type_of(table[left.id], constants, query, name)
    if many:
        return column.isin(constants).to_numpy() != isinstance(op, ast.NotIn)
    return _COMPARE[type(op)](column, constants[0]).to_numpy()


def _as_type_of(column: pd.Series, constants: list[Any], query: str, name: str) -> pd.Series:
    """Read a text column as numbers where it is compared with numbers."""
    text = [isinstance(c, str) for c in constants]
    numeric = pd.api.types.is_numeric_dtype(column)
    if not any(text) and numeric:
        return column
    if not any(text):
        numbers = pd.to_numeric(column, errors="coerce")
        if numbers.notna().any() or column.empty:
            return numbers
    if all(text) and not numeric:
        return column.astype(str)
    raise InputError(
        name,
        expected=f"{'a number' if numeric else 'a quoted text'} to compare {column.name!r} with",
        found=_short(query),
        hint=f"values of {column.name}: {_shown(column)}",
    )


def _values(tree: ast.AST, table: pd.DataFrame) -> str:
    """List the values of the columns that a query names."""
    names = dict.fromkeys(node.id for node in ast.walk(tree) if isinstance(node, ast.Name))
    return "; ".join(f"{name}: {_shown(table[name])}" for name in names)


def _shown(column: pd.Series, limit: int = 12) -> str:
    values = sorted(column.dropna().unique().tolist())
    more = f", ... ({len(values)} values)" if len(values) > limit else ""
    return ", ".join(repr(value) for value in values[:limit]) + more


def _short(query: str) -> str:
    """Quote a query; of one that is longer than a person would write, the beginning."""
    return repr(query) if len(query) < 500 else f"{query[:60]!r} ... ({len(query)} characters)"


def _unclear(name: str, query: str, found: str) -> InputError:
    return InputError(
        name,
        expected=_EXAMPLE,
        found=found[:1000],
        hint="write it with columns, numbers, quoted text",
    )
