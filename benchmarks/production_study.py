"""The production study as a whole on simulated data: is what was planted found, and how fast.

Simulates participants (on the published onsets where their folder is given), runs the
participants' and the group's level as a user would, and compares the group's tables with what was
planted. Prints seconds of each part and a verdict for everything that is known.

    python benchmarks/production_study.py --out production --design-dir NEUROSKETCH --n-procs 2
    python benchmarks/production_study.py --out whole --design-dir NEUROSKETCH --subjects 31
"""

import argparse
import json
import os
import time
from pathlib import Path

import pandas as pd

from fmriprod.algorithms.score_production import score
from fmriprod.cli.main import main as fmriprod
from fmriprod.interfaces.simulate_production import SimulateProduction
from fmriprod.interfaces.study_folder import READY

TABLES = ("accuracy", "log_odds", "connectivity")


def main() -> None:
    """Simulate, analyse, and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder; what is there is used")
    parser.add_argument("--design-dir", help="published repository of the study, for its onsets")
    parser.add_argument("--subjects", type=int, default=8)
    parser.add_argument("--seed", type=int, default=2020)
    parser.add_argument("--voxel-size", type=float, default=4.0, help="of the grid in mm")
    parser.add_argument("--n-procs", type=int, default=2)
    args = parser.parse_args()
    folder = args.out.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    begun = time.perf_counter()
    options = {"design_dir": args.design_dir} if args.design_dir else {}
    data = SimulateProduction(
        out_dir=str(folder / "bids"), n_subjects=args.subjects, seed=args.seed,
        num_threads=args.n_procs, **options,
    ).run(cwd=str(folder)).outputs  # fmt: skip
    seconds = {"simulation": time.perf_counter() - begun}
    study = folder / "study.toml"
    text = (READY / "fan2020.toml").read_text()
    study.write_text(text.replace("voxel_size = 2.0", f"voxel_size = {args.voxel_size}"))
    for level in ("participant", "group"):
        begun = time.perf_counter()
        code = fmriprod([
            "run", data.bids_dir, str(folder / "derivatives"), level, "--study", str(study),
            "--subjects-dir", data.subjects_dir, "--n-procs", str(args.n_procs),
        ])  # fmt: skip
        if code:
            raise SystemExit(code)
        seconds[level] = time.perf_counter() - begun
    found = report(folder / "derivatives" / "group", Path(data.truth_file))
    print("\n".join(f"{name}: {value:.0f} s" for name, value in seconds.items()))
    print(f"{sum(f.ok for f in found)} of {len(found)} as planted")


def report(group: Path, truth_file: Path) -> list:
    """Compare the group's tables with the truth, and print what each says."""
    tables = {name: pd.read_csv(group / f"{name}.tsv", sep="\t") for name in TABLES}
    found = score(tables, json.loads(truth_file.read_text())["expected"])
    for finding in found:
        mark = "ok " if finding.ok else "NOT"
        place = f"{finding.found:.3f} [{finding.low:.3f}, {finding.high:.3f}]"
        print(f"{mark} {finding.name:40s} {place:28s} {finding.expected}")
    return found


if __name__ == "__main__":
    main()
