"""The oldest versions that pyproject.toml allows: print them for pip, or compare what is here.

``lowest.py`` prints constraints; ``lowest.py --check`` fails where the interpreter that runs it
has another version of something that is needed.
"""

import re
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"
EXTRAS = ("test", "cnn", "dask", "video", "dicom")


def lowest(content: dict) -> dict[str, str]:
    """Lower bounds by name; the highest where several are given (torch is pinned for tests)."""
    project = content["project"]
    wanted = list(project["dependencies"])
    for extra in EXTRAS:
        wanted += project["optional-dependencies"][extra]
    found: dict[str, str] = {}
    for requirement in wanted:
        name, bound = re.fullmatch(r"([\w.-]+)[>=]=([\w.]+)", requirement).groups()
        if name not in found or _numbers(bound) > _numbers(found[name]):
            found[name] = bound
    return found


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(".")]


def _same(one: str, two: str) -> bool:
    """2.0 and 2.0.0+cpu are the same."""
    pair = [_numbers(text.split("+")[0]) for text in (one, two)]
    size = max(map(len, pair))
    return len({tuple(x + [0] * (size - len(x))) for x in pair}) == 1


def main() -> int:
    """Print or compare."""
    bounds = lowest(tomllib.loads(PROJECT.read_text(encoding="utf-8")))
    if "--check" not in sys.argv:
        print("\n".join(f"{name}=={bound}" for name, bound in bounds.items()))
        return 0
    other = [
        f"{name}: {bound} in pyproject.toml, {version(name)} here"
        for name, bound in bounds.items()
        if not _same(bound, version(name))
    ]
    print("\n".join(other) or f"{len(bounds)} libraries at their lower bounds")
    return int(bool(other))


if __name__ == "__main__":
    sys.exit(main())
