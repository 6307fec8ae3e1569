"""Measure how far results are from those of other software; the page of validation shows it.

Runs the tests that ``agreement.toml`` names with ``record_agreement.py`` and writes
``agreement.json``; then computes published numbers again (``published.json``). Nothing is typed
in. From the root of the sources, with the extra ``test`` installed::

    python docs/validation/collect.py

Some need public data (see ``CONTRIBUTING.md``); without them they are left out, and said.
"""

import json
import os
import subprocess
import sys
import tempfile
import tomllib
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
COMMAND = "python docs/validation/collect.py"
SOFTWARE = ("numpy", "scipy", "scikit-learn", "nilearn", "statsmodels", "himalaya", "rsatoolbox",
            "networkx")  # fmt: skip
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}


def listed() -> list[dict]:
    """Read which tests are shown, in the order of the page."""
    content = tomllib.loads((HERE / "agreement.toml").read_text(encoding="utf-8"))
    return [
        {"subject": subject["name"], "test": f"tests/{room}/{test}", "what": what,
         "reference": reference}
        for subject in content["subject"]
        for room, tests in subject["test"].items()
        for test, what, reference in tests
    ]  # fmt: skip


def measure(records: list[dict]) -> tuple[list[dict], list[str]]:
    """Run the tests, and join what they compared; a test that fails ends it."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "found.json"
        environment = os.environ | ONE_THREAD | {
            "FMRIPROD_AGREEMENT": str(out), "NO_ET": "1", "PYTHONPATH": str(HERE)
        }  # fmt: skip
        command = [sys.executable, "-m", "pytest", "-p", "record_agreement", "-p",
                   "no:cacheprovider", "-q", *[record["test"] for record in records]]  # fmt: skip
        if subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode:
            raise SystemExit("a test failed: nothing is written")
        found = json.loads(out.read_text(encoding="utf-8"))
    measured, left_out = [], []
    for record in records:
        result = dict(found.get(record["test"], {"passed": False}))
        if result.pop("passed") and result["n_numbers"]:
            measured.append(record | {key: _short(value) for key, value in result.items()})
        else:
            left_out.append(record["test"])
    return measured, left_out


def _short(value: float) -> float:
    return value if isinstance(value, int) else float(f"{value:.2e}")


def published(data: Path) -> dict:
    """Compute the tables of Fan et al. (2020) again, and put both numbers side by side."""
    import pandas as pd

    command = "python benchmarks/published_tables.py --data results/csv"
    with tempfile.TemporaryDirectory() as folder:
        script = [sys.executable, "benchmarks/published_tables.py", "--data", str(data)]
        subprocess.run([*script, "--out", folder], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        table = pd.read_csv(Path(folder) / "published_and_ours.tsv", sep="\t")
    rows = [
        {
            "table": name,
            "n_numbers": len(part),
            "largest_difference": _short(part["difference"].max()),
        }
        for name, part in table.groupby("table", sort=False)
    ]
    return {"command": command, "rows": rows}


def film(data: Path) -> list[dict]:
    """Compare the model with FSL's FILM on a measured run: correlation and ratio of t."""
    import numpy as np

    from fmriprod.algorithms.glm import fit_contrasts

    given = np.load(data / "film_data.npz")
    series = given["ts_data"].reshape(384, 198)
    design = np.c_[given["X"], np.ones(198)]  # FEAT takes the mean out of the series instead
    weights = np.c_[given["C"], np.zeros(len(given["C"]))]
    rows = []
    for words, options in (
        ("AR(1), bias of the estimate removed (default)", {}),
        ("AR(1), as FILM and Nilearn estimate it", {"correct_bias": False}),
        ("AR(4), as FILM and Nilearn estimate it", {"correct_bias": False, "noise": "ar4"}),
        ("white noise", {"noise": "ols"}),
    ):
        found = fit_contrasts(series, design, weights, **options)
        r_effect = min(
            np.corrcoef(a, b)[0, 1] for a, b in zip(found.effect, given["G"].T, strict=True)
        )
        r_t = min(np.corrcoef(a, b)[0, 1] for a, b in zip(found.t, given["T"].T, strict=True))
        ratio = (found.t * given["T"].T).sum() / (given["T"] ** 2).sum()
        rows.append({"noise": words, "r_effect": round(float(r_effect), 4),
                     "r_t": round(float(r_t), 4), "t_ratio": round(float(ratio), 3)})  # fmt: skip
    return rows


def main() -> None:
    """Measure, and write the files beside this script."""
    data = Path(os.environ.get("FMRIPROD_TEST_DATA", ROOT.parent / "shared" / "data"))
    measured, left_out = measure(listed())
    software = [f"{name} {version(name)}" for name in SOFTWARE]
    content = {"command": COMMAND, "software": software, "records": measured, "left_out": left_out}
    _write("agreement.json", content)
    if (scores := data / "neurosketch" / "results" / "csv").is_dir():
        _write("published.json", published(scores))
    if (folder := data / "fsl_film_reference").is_dir():
        _write("film.json", {"command": COMMAND, "rows": film(folder)})
    print(f"{len(measured)} comparisons written, {len(left_out)} left out: {left_out}")


def _write(name: str, content: dict) -> None:
    (HERE / name).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
