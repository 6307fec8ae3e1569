"""A small study whose steps write files of some size, and save what comes out of them.

``python -m support.study_of_files FOLDER [OPTIONS]`` runs it as ``fmriprod run`` would, from
FOLDER/raw into FOLDER/out. Each participant has a chain one -> two -> three of files that grow from
its raw file, and a saver of the last; ``two`` reads a second raw file. A step waits as long as
there is a file FOLDER/hold-<step>. Simulated numbers, of course.
"""

import argparse
import hashlib
import json
import logging
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from nipype.interfaces.base import File, TraitedSpec, traits
from nipype.pipeline import engine as pe

from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.workflows.save import Destination, save
from support.interrupts import heed_interrupts

STEPS = ("one", "two", "three")
_TESTS = Path(__file__).resolve().parents[1]


class _GrowInputSpec(PythonInputSpec):
    in_file = File(exists=True, mandatory=True, desc="numbers")
    other_file = File(exists=True, desc="more numbers")
    n = traits.Int(1000, usedefault=True, desc="numbers to write")
    hold = traits.Str(nohash=True, desc="file that makes the step wait as long as it is there")


class _GrowOutputSpec(TraitedSpec):
    out_file = File(exists=True, desc="numbers")


class Grow(PythonInterface):
    """Write more numbers than there were."""

    input_spec = _GrowInputSpec
    output_spec = _GrowOutputSpec

    def _process(self):
        while os.path.exists(self.inputs.hold):
            Path(f"{self.inputs.hold}.{os.getpid()}").touch()
            time.sleep(0.02)
        numbers = np.load(self.inputs.in_file)
        if self.inputs.other_file:
            numbers = numbers + np.load(self.inputs.other_file)[0]
        self.save_array("out_file", "out.npy", np.resize(numbers, self.inputs.n) + 1.0)


def write(folder, labels=("01", "02"), seed=0):
    """Write the raw files."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for label in labels:
        place = raw_file(folder, label).parent
        place.mkdir(parents=True)
        np.save(raw_file(folder, label), rng.normal(size=100))
        np.save(other_file(folder, label), rng.normal(size=100))
    (folder / "raw" / "dataset_description.json").write_text(
        json.dumps({"Name": "Simulated numbers", "BIDSVersion": "1.10.0"})
    )
    return folder


def raw_file(folder, label):
    return Path(folder, "raw", f"sub-{label}", "func", f"sub-{label}_task-x_bold.npy")


def other_file(folder, label):
    return Path(folder, "raw", f"sub-{label}", "func", f"sub-{label}_task-x_physio.npy")


def build(folder, labels, out_dir, n=1000):
    workflow = pe.Workflow(name="fmriprod")
    for label in labels:
        own = pe.Workflow(name=f"sub_{label}_wf")
        raw, previous = raw_file(folder, label), None
        for name in STEPS:
            step = Grow(n=n, hold=str(Path(folder, f"hold-{name}")))
            if name == "two":
                step.inputs.other_file = str(other_file(folder, label))
            node = pe.Node(step, name=name, mem_gb=0.2)
            if previous is None:
                step.inputs.in_file = str(raw)
                own.add_nodes([node])
            else:
                own.connect(previous, "out_file", node, "in_file")
            previous = node
        destination = Destination(str(out_dir), str(Path(folder, "raw")), str(raw))
        save(own, (previous, "out_file"), "numbers", destination, "features", desc="grown")
        workflow.add_nodes([own])
    return workflow


def main(argv=None):
    from rich.console import Console

    from fmriprod.algorithms.checks import InputError
    from fmriprod.cli.execute import execute, summarise

    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--labels", nargs="+", default=["01", "02"])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--n", type=int, default=1000)
    parser.add_argument("--n-procs", type=int, default=2)
    parser.add_argument("--clean-work", default="none")
    parser.add_argument("--largest", type=int, help="bytes that a file may have")
    parser.add_argument("--clock-ahead", type=float, help="s by which the driver's clock is wrong")
    args = parser.parse_args(argv)
    if args.clock_ahead:
        now, now_ns = time.time, time.time_ns
        time.time = lambda: now() + args.clock_ahead
        time.time_ns = lambda: now_ns() + int(args.clock_ahead * 1e9)
    if args.largest:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (args.largest, args.largest))
    logging.getLogger("nipype").setLevel(logging.CRITICAL)
    out = (args.out or args.folder / "out").absolute()
    try:
        outcome = execute(
            build(args.folder.absolute(), args.labels, out, args.n), out, work_dir=args.work,
            n_procs=args.n_procs, clean_work=args.clean_work,
        )  # fmt: skip
    except InputError as err:
        print(err, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except OSError as err:
        print(f"{err.filename}: {err.strerror}", file=sys.stderr)
        return 1
    summarise(outcome, out, Console(width=200))
    return 0 if outcome.ok else 1


def start(folder, *options, before=()):
    """Start it as a process of its own, by the command ``before`` if there is one."""
    seen = os.pathsep.join([str(_TESTS), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": seen, "NO_ET": "1"}
    return subprocess.Popen(
        [*before, sys.executable, "-m", "support.study_of_files", str(folder), *map(str, options)],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=heed_interrupts,
    )  # fmt: skip


def finish(folder, *options, before=()):
    """Run it in a process of its own; give the exit code and all that it said."""
    process = start(folder, *options, before=before)
    out, err = process.communicate(timeout=300)
    return process.returncode, out + err


def latest(out, what):
    """Nodes about which the latest record of a run says something, short names."""
    records = Path(out, ".fmriprod", "runs").glob("*.jsonl")
    record = max(records, key=lambda path: path.stat().st_ctime_ns)
    lines = [json.loads(line) for line in record.read_text().splitlines() if line.strip()]
    names = [line["node"] for line in lines if line.get("what") == what]
    return sorted(name.removeprefix("fmriprod.sub_").replace("_wf.", ".") for name in names)


def digests(out):
    """Digests of all results, by name."""
    files = (p for p in Path(out).rglob("*") if p.is_file())
    files = (p for p in files if p.relative_to(out).parts[0] not in (".fmriprod", "logs"))
    return {str(p.relative_to(out)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


if __name__ == "__main__":
    from support.study_of_files import main

    sys.exit(main())
