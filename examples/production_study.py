"""The production study of Fan et al. (2020): what regions tell of objects that people draw.

A study of several tasks and phases is one file, ``production_study.toml`` beside this script: which
runs belong to which phase, regions as expressions over FreeSurfer's labels, the volumes of a trial
that become samples, and the questions. It is run as a user runs it, participants and then the
group. Without data two participants are simulated; this is said wherever they are shown.

    python examples/production_study.py --out production
    python examples/production_study.py --out production --data my_study

``--data`` is a BIDS folder with ``study.toml`` and FreeSurfer's results under
``derivatives/freesurfer``; `fmriprod scaffold` begins one. The study as published is ``fan2020``.
"""

import argparse
from pathlib import Path

import pandas as pd

from fmriprod.cli.main import main as fmriprod
from fmriprod.interfaces.simulate_production import SimulateProduction

STUDY = Path(__file__).with_suffix(".toml").absolute()
# Few runs, large voxels, and effects that are large enough for two people.
SIZE = {"n_subjects": 2, "n_recognition_runs": 2, "n_drawing_runs": 2, "t1w_zoom": 3,
        "bold_zoom": 7.0, "bold_shape": [26, 30, 25], "subdivisions": 5,
        "pattern": 3.0, "drawing": 2.0}  # fmt: skip


def main() -> None:
    """Simulate or take a study, run both levels, and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("production"), help="output folder")
    parser.add_argument("--data", type=Path, help="your own study (default: simulated)")
    given = parser.parse_args()
    out = given.out.absolute()
    data = given.data.absolute() if given.data else out / "bids"
    if not given.data:
        print("SIMULATED DATA: no person was scanned.")
        out.mkdir(parents=True, exist_ok=True)
        SimulateProduction(out_dir=str(data), num_threads=2, **SIZE).run(cwd=str(out))
    found = out / "derivatives"
    for level in ("participant", "group"):
        code = fmriprod([
            "run", str(data), str(found), level, "--n-procs", "2",
            "--study", str(data / "study.toml" if given.data else STUDY),
            "--subjects-dir", str(data / "derivatives" / "freesurfer"),
        ])  # fmt: skip
        if code:
            raise SystemExit(code)
    accuracy = pd.read_csv(found / "group" / "accuracy.tsv", sep="\t")
    print("\nAccuracy of decoding by region and phase; chance is a quarter\n")
    shown = accuracy[["region", "phase", "scheme", "n", "mean", "ci_low", "ci_high"]]
    print(shown.to_string(index=False))
    print(f"\nReport of the group: {found / 'group_report.html'}")


if __name__ == "__main__":
    main()
