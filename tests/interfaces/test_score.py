import json

import nibabel as nb
import numpy as np
import pandas as pd
import pytest
from support.simulated import SMALL

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.itk_text import format_transforms
from fmriprod.algorithms.transforms import rigid_matrix
from fmriprod.interfaces.score import ScoreDemo
from fmriprod.interfaces.simulate import SimulateStudy

RUN = "task-recognition_run-1"


@pytest.fixture(scope="module")
def truth_file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("simulated") / "study"
    return (
        SimulateStudy(out_dir=str(folder), **{**SMALL, "n_production_runs": 0})
        .run()
        .outputs.truth_file
    )


@pytest.fixture
def truth(truth_file):
    from pathlib import Path

    root = Path(truth_file).parents[2]
    entry = json.loads(Path(truth_file).read_text())["subjects"]["01"]
    motion = pd.read_csv(root / entry["runs"][RUN]["motion"], sep="\t").to_numpy()
    return root, entry, rigid_matrix(motion, entry["centre"])


def score(**inputs):
    outputs = ScoreDemo(**inputs).run().outputs
    with open(outputs.out_file) as stream:
        content = json.load(stream)
    assert outputs.n_checks == len(content)
    assert outputs.n_found == sum(v["ok"] for v in content.values())
    return content


def write(name, *, like, values):
    nb.Nifti1Image(values.astype(np.float32), like.affine).to_filename(name)
    return name


def test_the_truth_itself_scores_full(truth_file, truth, work, rng):
    root, entry, poses = truth
    motion = poses @ np.linalg.inv(poses[0])
    (work / "motion.txt").write_text(format_transforms(motion))
    (work / "t1w_to_bold.txt").write_text(format_transforms(poses[:1]))
    image = nb.load(root / entry["runs"][RUN]["masks"]["visual"])
    planted = image.get_fdata()
    z = rng.standard_normal(planted.shape) + 9 * planted
    summary = {"accuracy": 0.7, "chance": 0.25, "accuracy_interval": {"low": 0.5, "high": 0.8}}
    (work / "evidence.json").write_text(json.dumps(summary))
    found = score(
        truth_file=truth_file,
        brain_mask=str(root / entry["brain_mask"]),
        transforms_files=["motion.txt"],
        runs=[RUN],
        transform_file="t1w_to_bold.txt",
        z_file=write("z.nii.gz", like=image, values=z),
        roi_file=write("roi.nii.gz", like=image, values=planted),
        evidence_files=["evidence.json"],
        evidence_labels=["recognition"],
    )
    assert len(found) == 9
    assert all(v["ok"] for v in found.values()), found
    assert found["Brain mask of the T1w image: overlap (Dice)"]["found"] == 1
    assert found[f"Head motion, {RUN}: mean error"]["found"] < 0.001
    assert found["Functional to T1w image: error over the brain"]["found"] < 1


def test_results_in_the_space_of_the_t1w_image_are_scored_there(truth_file, truth, work, rng):
    root, entry, _ = truth
    image = nb.load(root / entry["regions"]["visual"]["t1w_mask"])
    z = rng.standard_normal(image.shape) + 9 * image.get_fdata()
    name = write("z.nii.gz", like=image, values=z)
    found = score(truth_file=truth_file, z_file=name, z_space="T1w")
    assert all(v["ok"] for v in found.values())
    motor = score(truth_file=truth_file, z_file=name, z_space="T1w", z_regions=["motor"])
    assert not any(v["ok"] for k, v in motor.items() if "peak z" not in k and "rest" not in k)


def test_wrong_results_score_nothing(truth_file, truth, work, rng):
    root, entry, poses = truth
    still = np.broadcast_to(np.eye(4), poses.shape).copy()
    still[::2, :3, 3] = 1.0
    (work / "motion.txt").write_text(format_transforms(still))
    (work / "eye.txt").write_text(format_transforms(poses[:1] @ rigid_matrix([9, 0, 0, 0, 0, 0])))
    image = nb.load(root / entry["runs"][RUN]["masks"]["visual"])
    noise = write("z.nii.gz", like=image, values=rng.standard_normal(image.shape))
    control = nb.load(root / entry["runs"][RUN]["masks"]["control"]).get_fdata()
    brain = nb.load(root / entry["brain_mask"])
    shifted = write("brain.nii.gz", like=brain, values=np.roll(brain.get_fdata(), 6, axis=1))
    summary = {"accuracy": 0.3, "chance": 0.25, "accuracy_interval": {"low": 0.2, "high": 0.4}}
    (work / "evidence.json").write_text(json.dumps(summary))
    found = score(
        truth_file=truth_file,
        brain_mask=shifted,
        transforms_files=["motion.txt"],
        runs=[RUN],
        transform_file="eye.txt",
        z_file=noise,
        roi_file=write("roi.nii.gz", like=image, values=control),
        evidence_files=["evidence.json"],
        evidence_labels=["recognition"],
    )
    right = [k for k, v in found.items() if v["ok"]]
    assert right == ["Response to the task: rest of the brain with z above 3.1"]
    expected = {"evidence_files": ["evidence.json"], "evidence_labels": ["control"]}
    (verdict,) = score(truth_file=truth_file, evidence_expected=["chance"], **expected).values()
    assert verdict["ok"]


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"subject": "02"}, "known: 01"),
        ({"runs": ["task-recognition_run-2"]}, "did you mean 'task-recognition_run-1'"),
        ({"runs": []}, "1, as many as transforms_files"),
        ({"z_regions": ["visaul"]}, "did you mean 'visual'"),
        ({"transform_file": "motion.txt"}, "head motion goes to transforms_files"),
    ],
)
def test_what_does_not_fit_the_study_is_refused(truth_file, truth, work, inputs, message):
    root, entry, poses = truth
    (work / "motion.txt").write_text(format_transforms(poses))
    given = {
        "truth_file": truth_file,
        "transforms_files": ["motion.txt"],
        "runs": [RUN],
        "z_file": str(root / entry["runs"][RUN]["masks"]["visual"]),
    }
    with pytest.raises(InputError, match=message):
        ScoreDemo(**{**given, **inputs}).run()


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"subjects": {}}', '{"simulated": false, "subjects": {}}']
)
def test_another_file_than_the_truth_is_refused(work, text):
    (work / "truth.json").write_text(text)
    with pytest.raises(InputError, match=r"derivatives/truth/truth\.json"):
        ScoreDemo(truth_file="truth.json").run()


@pytest.mark.parametrize(
    ("text", "found"),
    [("{", "no JSON"), ('{"accuracy": 1, "chance": 0.5}', "no accuracy_interval")],
)
def test_a_summary_without_an_interval_is_refused(truth_file, work, text, found):
    (work / "evidence.json").write_text(text)
    with pytest.raises(InputError, match=found) as err:
        ScoreDemo(
            truth_file=truth_file, evidence_files=["evidence.json"], evidence_labels=["x"]
        ).run()
    assert "n_bootstrap above 0" in str(err.value)
    assert "evidence.json" in str(err.value)
