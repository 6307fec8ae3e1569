"""Put tables of the same kind under each other."""

import pandas as pd
from nipype.interfaces.base import File, TraitedSpec, isdefined, traits

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.events import read_table


class _MergeTablesInputSpec(PythonInputSpec):
    in_files = traits.List(
        File(exists=True),
        mandatory=True,
        minlen=1,
        desc="tables (TSV) with the same columns, in the order in which they are to follow",
    )
    key = traits.List(
        traits.Str,
        desc="columns that tell rows apart: no two rows may agree in all of them (default: all "
        "columns, that is, no row may be there twice)",
    )
    out_name = traits.Str("merged.tsv", usedefault=True, desc="name of the file")


class _MergeTablesOutputSpec(TraitedSpec):
    out_file = File(exists=True, desc="TSV, the rows of all tables; columns as in the first")
    n_rows = traits.Int(desc="number of rows")


class MergeTables(PythonInterface):
    """Put tables of the same kind under each other, and refuse what does not belong together.

    Values are copied as they are written (run ``01`` stays ``01``, numbers keep their
    digits). Tables without rows are welcome. Other columns than in the first table, or rows
    that are there twice, are an error that names the files.

    Examples
    --------
    >>> MergeTables(key=["subject", "region", "phase"]).inputs.out_name
    'merged.tsv'
    """

    input_spec = _MergeTablesInputSpec
    output_spec = _MergeTablesOutputSpec

    def _process(self) -> None:
        paths = self.inputs.in_files
        tables = [_read_text(path) for path in paths]
        _check_columns(tables, paths)
        columns = list(tables[0].columns)
        key = list(self.inputs.key) if isdefined(self.inputs.key) else []
        absent = [name for name in key if name not in columns]
        if absent:
            raise InputError(
                "key",
                expected="columns of the tables",
                found=", ".join(map(repr, absent)),
                hint=suggest(absent[0], columns),
            )
        table = pd.concat([one[columns] for one in tables], ignore_index=True)
        _check_twice(table, key or columns, [len(one) for one in tables], paths)
        self.save_table("out_file", self.inputs.out_name, table)
        self.result("n_rows", len(table))


def _read_text(path: str) -> pd.DataFrame:
    """Read a table with all values as they are written, after the checks of `read_table`."""
    read_table(path, "in_files")
    return pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False, encoding="utf-8-sig")


def _check_columns(tables: list[pd.DataFrame], paths: list[str]) -> None:
    """Name all files whose columns are not those of the first."""
    first = set(tables[0].columns)
    problems = []
    for table, path in zip(tables, paths, strict=True):
        lacking, more = sorted(first - set(table.columns)), sorted(set(table.columns) - first)
        parts = [f"no {', '.join(lacking)}"] if lacking else []
        parts += [f"also {', '.join(more)}"] if more else []
        if parts:
            problems.append(f"{path}: {'; '.join(parts)}")
    if problems:
        raise InputError(
            "in_files",
            expected=f"the columns of {paths[0]}: {', '.join(tables[0].columns)}",
            found="\n".join(problems),
            hint="merge tables of one kind only, made with the same labels",
        )


def _check_twice(table: pd.DataFrame, key: list[str], sizes: list[int], paths: list[str]) -> None:
    """Name the files of the first rows that are there twice."""
    twice = table.duplicated(key)
    if not twice.any():
        return
    second = int(twice.to_numpy().argmax())
    first = int((table[key] == table.loc[second, key]).all(axis=1).to_numpy().argmax())
    source = [path for path, size in zip(paths, sizes, strict=True) for _ in range(size)]
    values = ", ".join(f"{name} {table.loc[second, name]}" for name in key[:8])
    raise InputError(
        "in_files",
        expected=f"each row once, told apart by {', '.join(key[:8])}",
        found=f"{twice.sum()} rows twice, such as {values}: in {source[first]} and in "
        f"{source[second]}",
        hint="give each table once",
    )
