"""Which names the files that this package writes may have."""

from collections.abc import Mapping
from typing import Any

from fmriprod.algorithms.bids_names import BidsName
from fmriprod.algorithms.checks import InputError, suggest


def check_derivative(
    name: BidsName, datatype: str | None, table: Mapping[str, Any], source: str | None = None
) -> str:
    """Refuse a name that the table of derivatives does not have.

    Parameters
    ----------
    name : BidsName
        Name of the file to be written.
    datatype : str or None
        Folder that it is to lie in (``func``, ``anat``, ``figures`` or empty for the root of
        the dataset); None asks for that of the source, where the table allows it, and else
        for the first that the table has for the suffix.
    table : mapping
        ``identity`` (entities that every file may inherit from its source), ``figures`` and
        ``suffixes``: by suffix ``datatypes``, ``extensions``, ``required``, ``any_of``,
        ``allowed`` and ``values``, as in ``data/derivative_names.json``.
    source : str, optional
        Datatype of the file that the result was made from.

    Returns
    -------
    str
        The datatype.

    Raises
    ------
    InputError
        With what the table allows at the point that fails.
    """
    if datatype == "figures":
        _check_one("extension", name.extension, table["figures"]["extensions"], name)
        return datatype
    suffixes = table["suffixes"]
    if name.suffix not in suffixes:
        raise InputError(
            "suffix",
            expected="a suffix of the table of derivatives",
            found=repr(name.suffix),
            hint=suggest(name.suffix, suffixes),
        )
    rule = suffixes[name.suffix]
    if datatype is None:
        folder = str(source) if source in rule["datatypes"] else rule["datatypes"][0]
    else:
        folder = datatype
    _check_one("datatype", folder, rule["datatypes"], name)
    _check_one("extension", name.extension, rule["extensions"], name)
    _check_entities(name, rule, table["identity"])
    for key, values in rule.get("values", {}).items():
        if name.get(key) is not None:
            _check_one(key, name.get(key), values, name)
    return folder


def has_sidecar(name: BidsName, datatype: str, table: Mapping[str, Any]) -> bool:
    """Tell whether a JSON file goes beside a file of that name."""
    rule = table["suffixes"].get(name.suffix, {}) if datatype != "figures" else {}
    return name.extension in rule.get("sidecar_of", ())


def _check_entities(name: BidsName, rule: Mapping[str, Any], identity: list[str]) -> None:
    keys = [key for key, _ in name.entities]
    missing = [key for key in rule["required"] if key not in keys]
    if missing:
        raise InputError(
            missing[0],
            expected=f"{', '.join(f'{key}-<label>' for key in rule['required'])} in the name",
            found=str(name),
            hint=f"give {missing[0]}",
        )
    if rule["any_of"] and not set(rule["any_of"]) & set(keys):
        raise InputError(
            rule["any_of"][0],
            expected=f"at least one of {', '.join(rule['any_of'])} in the name",
            found=str(name),
            hint="say which one of its kind the file is",
        )
    allowed = [*identity, *rule["required"], *rule["any_of"], *rule["allowed"]]
    for key in keys:
        _check_one("entity", key, allowed, name)


def _check_one(subject: str, value: str | None, allowed: list[str], name: BidsName) -> None:
    if value not in allowed:
        listed = ", ".join(repr(a) for a in allowed)
        raise InputError(
            subject,
            expected=f"for {name.suffix} files one of {listed}",
            found=f"{value!r} ({name})",
            hint=suggest(str(value), allowed),
        )
