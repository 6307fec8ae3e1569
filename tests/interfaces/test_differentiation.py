import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import correlation
from scipy.stats import trim_mean
from support.images import write_image

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.differentiation import Differentiation, GroupDifferentiation

OBJECTS = ["bed", "bench", "chair", "table"]
RUNS = ["3", "4", "5", "6"]


@pytest.fixture
def inputs(work, rng):
    """Simulated maps: chair and bed (trained) share a pattern before and not after."""
    shape = (9, 10, 8)
    common, own = rng.normal(size=shape), rng.normal(size=(4, *shape))
    files, runs, labels = [], [], []
    for run in RUNS:
        for place, label in enumerate(OBJECTS):
            shared = common if run in "34" and label in ("bed", "chair") else 0
            data = own[place] + shared + rng.normal(0, 0.5, shape)
            data[0, 0, 0] = 0
            data[1, 1, 1] = np.nan if run == "5" else 1
            path = write_image(work / f"{run}{label}.nii.gz", data.astype("float32"))
            files.append(str(path))
            runs.append(run)
            labels.append(label)
    whole, part = np.ones(shape, np.uint8), np.zeros(shape, np.uint8)
    part[4:] = 1
    masks = [str(write_image(work / f"{name}.nii.gz", m)) for name, m in
             (("whole", whole), ("part", part))]  # fmt: skip
    return {
        "effect_files": files, "runs": runs, "labels": labels, "before_runs": ["3", "4"],
        "after_runs": ["5", "6"], "trained": ["chair", "bed"], "control": ["bench", "table"],
        "mask_files": masks, "region_names": ["whole", "part"], "subject": "0110171",
    }  # fmt: skip


def oracle(inputs, pair, inside):
    """Differentiation of a pair from the maps themselves."""
    import nibabel as nb

    maps = {
        (run, label): nb.load(path).get_fdata()[inside]
        for path, run, label in zip(
            inputs["effect_files"], inputs["runs"], inputs["labels"], strict=True
        )
    }
    values = []
    for one, two in (("3", "4"), ("5", "6")):
        d = [[correlation(maps[one, i], maps[two, j]) for j in pair] for i in pair]
        values.append((d[0][1] + d[1][0]) / 2 - (d[0][0] + d[1][1]) / 2)
    return values[1] - values[0]


def test_regions_of_one_participant_in_a_node(inputs, work):
    out = pe.Node(Differentiation(**inputs), name="d", base_dir=str(work)).run().outputs
    table = pd.read_csv(out.differentiation_file, sep="\t", dtype={"subject": str})
    table = table.set_index("region")
    assert table["subject"].tolist() == ["0110171"] * 2
    assert table["n_unusable"].tolist() == [2, 0] and table.loc["part", "n_voxels"] == 400
    inside = {"part": np.s_[4:], "whole": np.ones((9, 10, 8), bool)}
    inside["whole"][0, 0, 0] = inside["whole"][1, 1, 1] = False
    for region, where in inside.items():
        if region == "part":
            box = np.zeros((9, 10, 8), bool)
            box[where] = True
            where = box
        trained = oracle(inputs, ("chair", "bed"), where)
        control = oracle(inputs, ("bench", "table"), where)
        row = table.loc[region]
        assert row["differentiation_trained"] == pytest.approx(trained, abs=1e-6)
        assert row["differentiation_control"] == pytest.approx(control, abs=1e-6)
        assert row["difference"] == pytest.approx(trained - control, abs=1e-6)
        assert trained > 0.25 and abs(control) < 0.15
    parts = table.loc["part"]
    assert parts["differentiation_trained"] == pytest.approx(
        parts["between_after_trained"] - parts["within_after_trained"]
        - parts["between_before_trained"] + parts["within_before_trained"]
    )  # fmt: skip


def test_runs_of_no_phase_are_not_read(inputs, work):
    damaged = work / "damaged.nii.gz"
    damaged.write_bytes(b"")
    for name, value in (("effect_files", str(damaged)), ("runs", "1"), ("labels", "bed")):
        inputs[name] = [value, *inputs[name]]
    Differentiation(**inputs).run()


def test_all_that_is_wrong_with_the_lists_is_said_at_once(inputs):
    inputs["labels"][5] = "bed"
    inputs["region_names"] = ["whole"]
    inputs["control"] = ["bench", "bed"]
    with pytest.raises(InputError) as caught:
        Differentiation(**inputs).run()
    assert str(caught.value) == (
        "Differentiation: effect_files\n"
        "  expected: one map of each object in each run of both phases, four different objects, "
        "different runs, and a name for each mask\n"
        "  found:    2 mask_files, 1 region_names\n"
        "map of run and object bed of run 4 twice\n"
        "object bed twice\n"
        "no map of bench of run 4\n"
        "  do:       give runs and labels in the order of effect_files"
    )


def test_a_region_too_small_is_named(inputs, work):
    mask = np.zeros((9, 10, 8), np.uint8)
    mask[4, 4, :2] = 1
    inputs["mask_files"] = [str(write_image(work / "small.nii.gz", mask))]
    inputs["region_names"] = ["small"]
    with pytest.raises(InputError, match=r"2 voxels, 0 constant patterns \(in region small\)"):
        Differentiation(**inputs).run()


def test_another_grid_is_refused(inputs, work):
    inputs["effect_files"][7] = str(
        write_image(work / "other.nii.gz", np.ones((9, 10, 9), np.float32))
    )
    with pytest.raises(InputError, match=r"shape \(9, 10, 9\)"):
        Differentiation(**inputs).run()


def test_group_of_trimmed_means(work, rng):
    paths, values = [], rng.standard_t(3, size=(12, 2, 3)) + [[[1, 0, 1]], [[0, 0, 0]]][0]
    measures = ["differentiation_trained", "differentiation_control", "difference"]
    for number, rows in enumerate(values):
        table = pd.DataFrame(rows, columns=measures)
        table.insert(0, "region", ["V1", "V2"])
        table.insert(0, "subject", f"0{number}")
        paths.append(str(work / f"{number}.tsv"))
        table.to_csv(paths[-1], sep="\t", index=False)
    node = pe.Node(GroupDifferentiation(differentiation_files=paths), name="g",
                   base_dir=str(work))  # fmt: skip
    out = node.run().outputs
    table = pd.read_csv(out.differentiation_file, sep="\t").set_index(["region", "measure"])
    assert out.n_subjects == 12 and len(table) == 6
    for place, region in enumerate(["V1", "V2"]):
        for column, measure in enumerate(measures):
            row = table.loc[(region, measure)]
            assert row["mean"] == pytest.approx(trim_mean(values[:, place, column], 0.1))
            assert row["ci_low"] < row["mean"] < row["ci_high"] and row["n"] == 12
