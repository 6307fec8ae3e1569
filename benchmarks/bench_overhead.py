"""What running through a graph costs: the main job against a plain script, and nodes by number.

python benchmarks/bench_overhead.py job                        # simulated study
python benchmarks/bench_overhead.py job BIDS_DIR --contrast a-b   # options of `fmriprod run`
python benchmarks/bench_overhead.py nodes 100 1000 5000        # nodes that do nothing
python benchmarks/bench_overhead.py cached 8                   # a rerun with nothing to do

The plain script calls the same interfaces one after the other in one process: no cache, no hashes,
no workers. Each measurement is a process of its own and counts imports and planning too.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Run the parts that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parts = parser.add_subparsers(dest="part", required=True)
    job = parts.add_parser("job")
    job.add_argument("bids_dir", nargs="?")
    job.add_argument("--repeats", type=int, default=3)
    nodes = parts.add_parser("nodes")
    nodes.add_argument("counts", nargs="+", type=int)
    cached = parts.add_parser("cached")
    cached.add_argument("participants", type=int)
    for name in ("plain", "graph"):
        hidden = parts.add_parser(name)
        hidden.add_argument("arguments", nargs=argparse.REMAINDER)
    options, others = parser.parse_known_args()
    if options.part == "plain":
        plain(options.arguments)
    elif options.part == "graph":
        graph(*options.arguments)
    else:
        with tempfile.TemporaryDirectory() as scratch:
            {"job": jobs, "nodes": counts, "cached": reruns}[options.part](
                Path(scratch), options, others
            )


def jobs(scratch: Path, options: argparse.Namespace, others: list[str]) -> None:
    """Time the main job and the plain script in turns, cold, with one and two processors."""
    bids = options.bids_dir or simulated(scratch / "bids", 1)
    others = others or ["--contrast", "bed-chair"]
    for n_procs in (1, 2):
        times: dict[str, list[float]] = {"plain script": [], "fmriprod run": []}
        for turn in range(options.repeats):
            for name, spent in times.items():
                out = scratch / f"{name.split()[0]}-{n_procs}-{turn}"
                arguments = [str(bids), str(out), "participant", *others, "--n-procs"]
                threads = ["--omp-nthreads", str(n_procs)]
                if name == "plain script":
                    command = [__file__, "plain", *arguments, str(n_procs), *threads]
                else:
                    command = ["-m", "fmriprod.cli.main", "run", *arguments, str(n_procs)]
                spent.append(timed(command))
        middle = {name: median(spent) for name, spent in times.items()}
        ratio = middle["fmriprod run"] / middle["plain script"]
        text = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in middle.items())
        print(f"{n_procs} processors: {text}, ratio {ratio:.2f}", flush=True)


def reruns(scratch: Path, options: argparse.Namespace, others: list[str]) -> None:
    """Time a second run of several simulated participants, all of it cached."""
    bids = simulated(scratch / "bids", options.participants)
    command = ["-m", "fmriprod.cli.main", "run", str(bids), str(scratch / "out"), "participant",
               "--contrast", "bed-chair", "--n-permutations", "50", *others]  # fmt: skip
    cold = timed(command)
    again = [timed(command) for _ in range(3)]
    print(f"{options.participants} participants: cold {cold:.1f} s, cached {median(again):.1f} s")


def counts(scratch: Path, options: argparse.Namespace, others: list[str]) -> None:
    """Time graphs of nodes that do nothing, first cold and then cached."""
    print("nodes   cold ms a node   cached ms a node   Nipype's MultiProc, cold ms a node")
    for count in options.counts:
        times = []
        for engine in ("local", "local", "MultiProc"):
            place = scratch / f"{engine}-{count}"
            if engine == "MultiProc" and count > 1000:
                times.append(float("nan"))
                continue
            done = subprocess.run(
                [sys.executable, __file__, "graph", engine, str(count), str(place)],
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            times.append(1000 * float(done.stdout.split()[-1]) / count)
        print(f"{count:5}   {times[0]:14.1f}   {times[1]:16.1f}   {times[2]:14.1f}", flush=True)


def graph(engine: str, count: str, place: str) -> None:
    """Run chains of ten nodes that do nothing, two processors; print the seconds."""
    import logging

    os.environ["NO_ET"] = "1"
    sys.path.insert(0, str(ROOT / "tests"))
    import nipype.pipeline.engine as pe
    from support.small_graphs import Add

    from fmriprod.workflows.execution import configure, run_workflow
    from fmriprod.workflows.workers import set_log_level

    set_log_level(logging.CRITICAL)
    workflow = pe.Workflow(name="many")
    previous = None
    for i in range(int(count)):
        node = pe.Node(Add(), name=f"n{i}", mem_gb=0.01)
        if previous is not None and i % 10:
            workflow.connect(previous, "out", node, "value")
        else:
            node.inputs.value = i
            workflow.add_nodes([node])
        previous = node
    configure(workflow, Path(place, "work"), Path(place, "crashes"))
    begun = time.monotonic()
    if engine == "local":
        assert run_workflow(workflow, n_procs=2).ok
    else:
        del workflow.config["execution"]["poll_sleep_duration"]  # its default is 2 s
        workflow.run("MultiProc", plugin_args={"n_procs": 2})
    print(time.monotonic() - begun)


def plain(arguments: list[str]) -> None:
    """Call the interfaces of the main job one after the other in this process."""
    os.environ["NO_ET"] = "1"
    from fmriprod.cli.check import prepare
    from fmriprod.cli.dataset import dataset_name, threads
    from fmriprod.cli.main import build_parser
    from fmriprod.cli.options import model_options
    from fmriprod.interfaces.dataset_description import write_dataset_description
    from fmriprod.workflows.study import init_study_wf

    args = build_parser().parse_args(["run", *arguments])
    prepared = prepare(args)
    out = Path(args.out_dir).absolute()
    write_dataset_description(out, raw_directory=prepared.root)
    workflow = init_study_wf(
        prepared.plans, out_dir=str(out), bids_dir=prepared.root,
        dataset=dataset_name(prepared.root), truth_file=None,
        omp_nthreads=threads(args, sum(len(plan.runs) for plan in prepared.plans)),
        **model_options(args),
    )  # fmt: skip
    call_all(workflow, out / "work")


def call_all(workflow, work: Path) -> None:
    """Run each interface in a folder of its own, in the order of the graph."""
    import networkx as nx
    from nipype.pipeline.engine import MapNode
    from nipype.pipeline.engine.utils import evaluate_connect_function

    flat, results = workflow._create_flat_graph(), {}
    for number, node in enumerate(nx.topological_sort(flat)):
        for source, _, data in flat.in_edges(node, data=True):
            for output, target in data["connect"]:
                if isinstance(output, tuple):
                    value = results[source].get(output[0])
                    value = evaluate_connect_function(output[1], output[2], value)
                else:
                    value = results[source].get(output)
                if value is not None:
                    setattr(node.inputs, target, value)
        place = work / f"{number:04}"
        if isinstance(node, MapNode):
            results[node] = call_parts(node, place)
        else:
            results[node] = call(node.interface, place)


def call(interface, place: Path) -> dict:
    """Run an interface in a new folder."""
    place.mkdir(parents=True)
    return interface.run(cwd=str(place)).outputs.get()


def call_parts(node, place: Path) -> dict:
    """Run the interface of a map node for each value of its fields."""
    values = {name: getattr(node.inputs, name) for name in node.iterfield}
    for name in node.inputs.copyable_trait_names():
        if name not in values:
            setattr(node.interface.inputs, name, getattr(node.inputs, name))
    parts = []
    for i in range(len(next(iter(values.values())))):
        for name, many in values.items():
            setattr(node.interface.inputs, name, many[i])
        parts.append(call(node.interface, place / str(i)))
    return {name: [part[name] for part in parts] for name in parts[0]} if parts else {}


def simulated(folder: Path, participants: int) -> Path:
    """Write a small simulated study with as many participants."""
    sys.path.insert(0, str(ROOT / "tests"))
    from support.simulated import simulate

    folder.mkdir(parents=True)
    return simulate(folder, n_subjects=participants)


def timed(arguments: list[str]) -> float:
    """Run Python with these arguments and give its seconds."""
    begun = time.monotonic()
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return time.monotonic() - begun


if __name__ == "__main__":
    main()
