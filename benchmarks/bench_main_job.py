"""Time the whole job: on the simulated study, or on a dataset of your own.

python benchmarks/bench_main_job.py                              # fmriprod demo, then again
python benchmarks/bench_main_job.py run BIDS_DIR --contrast a-b  # options of `fmriprod run`

Runs the command twice with two threads, first with a cold work folder and then with everything
cached, and takes the time of each step from the record that `fmriprod status` reads.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from fmriprod.workflows.record import RECORDS
from fmriprod.workflows.record_names import participant_of, step_of


def run(arguments: list[str]) -> float:
    """Run the command and give its seconds; imports and planning count too."""
    begun = time.monotonic()
    command = [sys.executable, "-m", "fmriprod.cli.main", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return time.monotonic() - begun


def steps(record: Path) -> list[tuple[str, float, float]]:
    """Name, start and seconds of each step that ran in a worker, in the order of starts."""
    started, begun, found = {}, 0.0, []
    for line in record.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        if entry["what"] == "begin":
            begun = entry["time"]
        elif entry["what"] == "start":
            started[entry["node"]] = entry["time"]
        elif entry["what"] == "end" and entry["node"] in started:
            start = started[entry["node"]]
            name = f"{participant_of(entry['node'])} {step_of(entry['node'])}"
            found.append((name, start - begun, entry["time"] - start))
    return sorted(found, key=lambda step: step[1])


def main() -> None:
    """Run, run again, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["demo", "run"], nargs="?", default="demo")
    parser.add_argument("bids_dir", nargs="?", help="for run")
    parser.add_argument("--n-procs", type=int, default=2)
    options, others = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch, "out")
        arguments = ["demo", str(out)]
        if options.what == "run":
            arguments = ["run", options.bids_dir, str(out), "participant"]
        arguments += ["--n-procs", str(options.n_procs), *others]
        cold, cached = run(arguments), run(arguments)
        derivatives = out / "derivatives" if options.what == "demo" else out
        first = min((derivatives / RECORDS).glob("*.jsonl"))
        table = steps(first)
        work = sum(
            path.stat().st_size
            for path in derivatives.glob(".fmriprod/work/**/*")
            if path.is_file() and not path.is_symlink()
        )
    print(f"{'step':50} {'start':>7} {'seconds':>8}")
    for name, start, seconds in table:
        if seconds >= 0.2:
            print(f"{name:50} {start:7.1f} {seconds:8.1f}")
    print(f"cold {cold:.1f} s, cached {cached:.1f} s, work folder {work / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
