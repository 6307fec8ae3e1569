import json
from pathlib import Path

import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from nipype.interfaces.base import Undefined
from support.parcel_runs import NAMES, N, task_inputs, write_task

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.parcel_glm import ParcelGLM


@pytest.fixture
def task(work, rng):
    write_task(work, rng)
    return work


def message(task, **changes):
    with pytest.raises(InputError) as caught:
        ParcelGLM(**task_inputs(task, **changes)).run()
    return str(caught.value)


def test_planted_hands_in_a_node(task):
    node = pe.Node(ParcelGLM(contrasts=["lh-rh"]), name="model", base_dir=str(task))
    node.inputs.trait_set(**task_inputs(task))
    out = node.run().outputs
    table = pd.read_csv(out.effects_file, sep="\t")
    assert list(table) == ["parcel", "condition", "effect", "variance", "t", "dof"]
    assert table.parcel.tolist() == NAMES * 3
    assert table.condition.unique().tolist() == ["lh", "rh", "lhMinusRh"]
    wide = table.set_index(["condition", "parcel"])
    for name, parcel, planted in (("lh", "R_4", 3), ("rh", "L_4", 3), ("lhMinusRh", "L_4", -3)):
        row = wide.loc[(name, parcel)]
        assert row.effect == pytest.approx(planted, abs=4 * np.sqrt(row.variance))
        assert abs(row.t) > 8
    assert wide.loc[("lh", "R_V1")].t < 4 and table[table.parcel == "L_24"].effect.isna().all()
    assert (out.contrast_names, out.n_excluded) == (["lhMinusRh"], 1)
    audit = json.loads(Path(out.audit_file).read_text())
    assert audit["parcels"]["excluded_names"] == ["L_24"]
    assert [run["n_events"] for run in audit["runs"]] == [{"lh": 2, "rh": 2}] * 2
    assert sum(run["dof"] for run in audit["runs"]) == table.dof[0]
    designs = [pd.read_csv(path, sep="\t") for path in out.design_files]
    assert [len(matrix) for matrix in designs] == [N, N]
    assert list(designs[0])[:4] == ["lh", "lh_derivative", "rh", "rh_derivative"]


def test_confounds_leave_the_design_and_the_error(task, rng):
    nuisance = 20 * rng.normal(size=(2, N))
    for i in range(2):
        run = np.load(f"run{i}.npy")
        run[:4] += nuisance[i].astype("f4")
        np.save(f"run{i}.npy", run)
        pd.DataFrame({"trans_x": nuisance[i]}).to_csv(f"confounds{i}.tsv", sep="\t", index=False)
    files = [str(task / f"confounds{i}.tsv") for i in range(2)]
    found = {}
    for name, extra in (("without", {}), ("with", {"confounds_files": files})):
        columns = {"confounds": ["trans_x"]} if extra else {}
        out = ParcelGLM(**task_inputs(task, **extra, **columns)).run().outputs
        found[name] = pd.read_csv(out.effects_file, sep="\t")
    assert found["with"].t[0] > 8 > 4 > abs(found["without"].t[0])
    assert "trans_x" in pd.read_csv(out.design_files[1], sep="\t")


def test_percent_of_the_mean(task):
    plain, percent = (
        pd.read_csv(
            ParcelGLM(**task_inputs(task, grand_mean_scaling=scaled)).run().outputs.effects_file,
            sep="\t",
        )
        for scaled in (False, True)
    )
    assert percent.effect[0] == pytest.approx(plain.effect[0], rel=0.02), "the mean is about 100"
    assert percent.effect[0] != plain.effect[0]
    assert percent.t[0] == pytest.approx(plain.t[0], rel=1e-3)


def test_bad_input(task):
    assert "found:    none" in message(task, tr=Undefined)
    assert "-0.72 s" in message(task, tr=-0.72)
    assert "did you mean 'rh'" in message(task, contrasts=["lh-rhh"])
    assert "after the end of the run" in message(task, tr=0.5)
    text = message(task, confounds=["trans_x"])
    assert "0 tables and 1 columns" in text and "each of 2 runs" in text
    (task / "c.tsv").write_text("trans_x\n1\n2\n")
    text = message(task, confounds=["trans_x"], confounds_files=[str(task / "c.tsv")] * 2)
    assert "c.tsv" in text and "200 volumes" in text
    short = task / "short.npy"
    np.save(short, np.load("run0.npy")[:, :7])
    pd.DataFrame({"onset": [0.5, 2], "duration": 1.0, "trial_type": ["lh", "rh"]}).to_csv(
        "early.tsv", sep="\t", index=False
    )
    few = {"series_files": [str(short)], "events_files": [str(task / "early.tsv")]}
    text = message(task, **few, hrf="spm + derivative + dispersion")
    assert "short.npy" in text and "fewer regressors than volumes (7)" in text
    lone = pd.read_csv("events1.tsv", sep="\t").query("trial_type == 'rh'")
    lone.to_csv("events1.tsv", sep="\t", index=False)
    text = message(task)
    assert "run 2: 'lh': no event of lh" in text and "missing_conditions='skip'" in text
    out = ParcelGLM(**task_inputs(task, missing_conditions="skip")).run().outputs
    assert pd.read_csv(out.effects_file, sep="\t").groupby("condition").dof.first().lh < 200
    np.save("run0.npy", np.ones((5, N), "f4"))
    assert "none of 5: 0 not finite, 5 constant" in message(task)
    np.save("run0.npy", np.ones((4, N), "f4"))
    assert "5 parcels, as" in message(task)
