import json
from pathlib import Path

import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from nipype.interfaces.base import Undefined
from support.parcel_runs import NAMES, TR, N, task_inputs, write_task

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.condition_average import ConditionAverage


@pytest.fixture
def task(work, rng):
    write_task(work, rng)
    return work


def message(task, **changes):
    with pytest.raises(InputError) as caught:
        ConditionAverage(**task_inputs(task, **changes)).run()
    return str(caught.value)


def test_planted_hands_in_a_node(task):
    node = pe.Node(ConditionAverage(skip=6), name="average", base_dir=str(task))
    node.inputs.trait_set(**task_inputs(task))
    out = node.run().outputs
    table = pd.read_csv(out.effects_file, sep="\t")
    assert list(table) == ["parcel", "condition", "effect"]
    assert (
        table.parcel.tolist() == NAMES * 2 and table.condition.tolist() == ["lh"] * 5 + ["rh"] * 5
    )
    wide = table.pivot(index="parcel", columns="condition", values="effect")
    for own, other, parcel in (("lh", "rh", "R_4"), ("rh", "lh", "L_4")):
        assert wide.loc[parcel, own] - wide.loc[parcel, other] == pytest.approx(2.7, abs=0.5)
    assert wide.loc["R_V1"].abs().max() < 0.4 and wide.loc["L_24"].isna().all()
    counts = pd.read_csv(out.counts_file, sep="\t")
    assert counts.n_frames.tolist() == [22] * 4, "two trials of 17 volumes less 6"
    summary = json.loads(Path(out.summary_file).read_text())
    assert out.n_excluded == 1 and summary["parcels"]["excluded_names"] == ["L_24"]
    assert summary["settings"]["tr"] == TR


def test_skip_moves_the_average_and_the_order_of_conditions_is_kept(task):
    tables = [
        pd.read_csv(
            ConditionAverage(**task_inputs(task, skip=skip, conditions=["rh", "lh"]))
            .run().outputs.effects_file, sep="\t",
        )
        for skip in (0, 6)
    ]  # fmt: skip
    assert tables[0].condition.iloc[0] == "rh"
    assert tables[1].effect[1] > tables[0].effect[1] + 0.5, "the response comes late"


def test_means_of_runs_and_of_trials_by_choice(task):
    """The first trial of lh is cut to 3 volumes: it counts as much as a long one, or less."""
    cut = pd.read_csv("events0.tsv", sep="\t")
    cut.loc[0, "duration"] = 3 * TR
    cut.to_csv("events0.tsv", sep="\t", index=False)
    found = {}
    for name, options in (
        ("frames", {}),
        ("trials", {"average": "trials"}),
        ("raw", {"remove_mean": False}),
    ):
        out = ConditionAverage(**task_inputs(task, **options)).run().outputs
        found[name] = pd.read_csv(out.effects_file, sep="\t").effect[0]
    runs = [np.load(f"run{i}.npy").astype(float)[0] for i in range(2)]
    first = [(11, 3), (100, 17)], [(55, 17), (144, 17)]  # 8 s, 72 s; 40 s, 104 s
    trials = [run[a : a + n] for run, rows in zip(runs, first, strict=True) for a, n in rows]
    centred = [t - runs[i // 2].mean() for i, t in enumerate(trials)]
    assert found["raw"] == pytest.approx(np.concatenate(trials).mean(), abs=1e-3)
    assert found["frames"] == pytest.approx(np.concatenate(centred).mean(), abs=1e-3)
    assert found["trials"] == pytest.approx(np.mean([t.mean() for t in centred]), abs=1e-3)
    assert abs(found["trials"] - found["frames"]) > 0.05


def test_bad_input(task):
    assert "found:    none" in message(task, tr=Undefined)
    for tr in (0.0, -2.0, np.nan):
        assert "above 0 s" in message(task, tr=tr)
    assert "did you mean 'lh'" in message(task, conditions=["lhh"])
    assert "a file for each of 2 runs" in message(task, events_files=[str(task / "events0.tsv")])
    text = message(task, tr=0.5)
    assert f"after the end of the run ({N * 0.5:g} s) in row 4" in text and "events0.tsv" in text
    late = pd.read_csv("events1.tsv", sep="\t").assign(trial_type="t")
    late.to_csv("events1.tsv", sep="\t", index=False)
    assert "none of lh, rh, t (skip 17" in message(task, skip=17)
    dead = [str(task / "dead.npy")] * 2
    np.save(dead[0], np.full((5, N), np.nan))
    assert "none of 5: 5 not finite" in message(task, series_files=dead)
