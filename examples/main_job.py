"""The main job: from a BIDS dataset to maps, object evidence and a report page.

Runs are aligned, measured and modelled; a region is chosen by a localiser; and what is decoded from
its activity is put together on one page a participant. On the command line this is ``fmriprod run
BIDS_DIR OUT_DIR participant``, which also shows progress and goes on after an interruption. Without
data a small study of one person is simulated, and this is said wherever it is shown.

    python examples/main_job.py --out main_job
    python examples/main_job.py --out main_job --data BIDS_DIR
"""

import argparse
from pathlib import Path

from fmriprod.interfaces.simulate import SimulateStudy
from fmriprod.workflows.describe import describe
from fmriprod.workflows.prepare import prepare_study
from fmriprod.workflows.study import init_study_wf

# Small, and with effects that are large enough for so little data.
SIZE = {"n_volumes": 90, "t1w_zoom": 3, "bold_zoom": 6.0, "bold_shape": [30, 36, 28],
        "n_recognition_runs": 2, "n_production_runs": 0, "pattern": 0.03}  # fmt: skip


def main() -> None:
    """Simulate or take a dataset, check it, run the graph, and say where the pages are."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("main_job"), help="output folder")
    parser.add_argument("--data", type=Path, help="your own BIDS dataset (default: simulated)")
    parser.add_argument("--contrast", default="bed-chair", help="of the runs' conditions")
    parser.add_argument("--n-voxels", type=int, default=80, help="size of the region")
    given = parser.parse_args()
    out = given.out.absolute()
    data, options = given.data, {}
    if data is None:
        print("SIMULATED DATA: no person was scanned.")
        out.mkdir(parents=True, exist_ok=True)
        study = SimulateStudy(out_dir=str(out / "bids"), num_threads=2, **SIZE).run(cwd=str(out))
        data = Path(study.outputs.bids_dir)
        options = {"truth_file": study.outputs.truth_file}  # the page tells what was found of it
    prepared = prepare_study(data, choice={}, plan={"contrasts": [given.contrast]})
    for problem in prepared.problems:
        print(problem)
    workflow = init_study_wf(
        prepared.plans, bids_dir=prepared.root, out_dir=str(out / "derivatives"),
        dataset=data.name, fwhm=6.0, n_voxels=given.n_voxels, omp_nthreads=2, **options,
    )  # fmt: skip
    workflow.base_dir = str(out / "work")
    workflow.run()
    print("\nFor the methods section:\n\n" + describe(workflow))
    for page in sorted((out / "derivatives").glob("*_report.html")):
        print(f"\nReport: {page}")


if __name__ == "__main__":
    main()
