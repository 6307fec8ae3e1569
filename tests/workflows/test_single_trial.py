import numpy as np
import pandas as pd
from support.images import write_image

from fmriprod.algorithms.hrf import regressors
from fmriprod.algorithms.transforms import MOTION_COLUMNS
from fmriprod.interfaces.evidence import ObjectEvidence
from fmriprod.workflows.single_trial import init_single_trial_wf


def test_betas_of_two_runs_feed_the_evidence(work, rng):
    """Patterns planted in each trial are told apart from one run to the other, through files."""
    shape, n, tr = (6, 5, 4), 110, 1.5
    patterns = {name: rng.normal(size=shape) for name in ("bed", "chair")}
    write_image(work / "mask.nii.gz", np.ones(shape, np.uint8))
    files = {"features_files": [], "samples_files": [], "voxels_files": []}
    for run in ("1", "2"):
        onset, label = np.arange(14) * 10.0 + 6, rng.permutation(["bed", "chair"] * 7)
        events = pd.DataFrame({"onset": onset, "duration": 1.0, "trial_type": label})
        events.to_csv("events.tsv", sep="\t", index=False)
        data = 500 + rng.normal(0, 2, (*shape, n))
        for name, pattern in patterns.items():
            times = onset[label == name]
            response = regressors(times, np.ones(7), np.arange(n) * tr + tr / 2, "spm")[""]
            data += 20 * pattern[..., None] * response
        write_image(work / "bold.nii.gz", data.astype(np.float32), tr=tr)
        motion = pd.DataFrame(rng.normal(size=(n, 6)), columns=MOTION_COLUMNS)
        motion.to_csv("motion.tsv", sep="\t", index=False)
        workflow = init_single_trial_wf(subject="01", task="x", run_label=run, name=f"run{run}")
        workflow.base_dir = str(work)
        workflow.inputs.inputnode.trait_set(
            bold_file=str(work / "bold.nii.gz"), mask_file=str(work / "mask.nii.gz"),
            events_file=str(work / "events.tsv"), confounds_file=str(work / "motion.tsv"),
        )  # fmt: skip
        graph = workflow.run()
        out = next(node for node in graph.nodes() if node.name == "betas").result.outputs
        for field, path in zip(files, (out.features_file, out.trials_file, out.voxels_file),
                               strict=True):  # fmt: skip
            files[field].append(path)
    found = ObjectEvidence(**files, train="run == '1'", test="run == '2'").run().outputs
    table = pd.read_csv(found.evidence_file, sep="\t")
    assert len(table) == 14
    chosen = np.where(table["logprob_bed"] > table["logprob_chair"], "bed", "chair")
    assert (chosen == table["label"]).mean() > 0.9
