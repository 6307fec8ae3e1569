"""The simulated data set has the layout of the real one, and what was planted in it."""

import json
import re
from pathlib import Path

import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.hrf import regressors
from fmriprod.interfaces.neuromatch_layout import (
    list_runs,
    list_subjects,
    read_experiment,
    read_run,
    read_run_events,
)
from fmriprod.interfaces.neuromatch_regions import read_atlas, read_regions
from fmriprod.interfaces.parcel_timeseries import ParcelTimeseries
from fmriprod.interfaces.simulate_parcel_dataset import SimulateParcelDataset


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    node = pe.Node(SimulateParcelDataset(n_subjects=4, effect=2.0), name="simulate",
                   base_dir=str(tmp_path_factory.mktemp("simulated")))  # fmt: skip
    return node.run().outputs


def test_readers_read_it(simulated):
    folder = simulated.dataset_dir
    assert list_subjects(folder) == simulated.subjects == ["0", "1", "2", "3"]
    assert simulated.runs == [1, 2, 3, 4, 5, 6, 9, 10]
    there, lacking = list_runs(folder, "rest")
    assert len(there) == 16 and lacking.empty
    assert there["series_file"][0] == simulated.series_files[0][0]
    parcels = read_regions(folder, 40)
    table = pd.read_csv(simulated.parcels_file, sep="\t")
    assert parcels["name"].tolist() == table["name"].tolist()
    assert parcels["network"].tolist() == table["network"].tolist()
    atlas = read_atlas(folder, 40)
    np.testing.assert_array_equal(atlas["coords"], table[list("xyz")])
    for side in "LR":
        own = table["hemisphere"][atlas[f"labels_{side}"]]
        assert len(own) == 10242 and set(own) == {side}
    shapes = [np.load(f, mmap_mode="r").shape for f in simulated.series_files[3]]
    assert shapes == [(40, 1200)] * 4 + [(40, 284)] * 2 + [(40, 176)] * 2
    run = ParcelTimeseries(
        in_file=simulated.series_files[0][0], regions_file=simulated.regions_file,
        parcels_file=simulated.parcels_file, tr=0.72,
    ).run(cwd=str(Path(folder).parent)).outputs  # fmt: skip
    np.testing.assert_array_equal(
        np.load(run.series_file), read_run(folder, 0, 1, remove_mean=False)
    )


def test_it_says_that_it_is_simulated(simulated):
    truth = json.loads(Path(simulated.truth_file).read_text())
    assert truth["Simulated"] is True and "no person was scanned" in truth["Description"]
    assert truth["Conditions"]["lf"] == "left foot" and truth["RepetitionTime"] == 0.72
    assert truth["Runs"]["5"] == "tfMRI_MOTOR_RL" and truth["Parameters"]["effect"] == 2.0
    assert Path(simulated.truth_file).parent == Path(simulated.dataset_dir)


def test_networks_share_signals_at_rest(simulated):
    networks = read_regions(simulated.dataset_dir)["network"].to_numpy()
    same = np.equal.outer(networks, networks) & ~np.eye(40, dtype=bool)
    other = ~np.equal.outer(networks, networks)
    found = [np.corrcoef(read_experiment(simulated.dataset_dir, s, "rest")) for s in range(4)]
    assert np.mean([r[same].mean() for r in found]) == pytest.approx(0.4, abs=0.03)
    assert np.mean([r[other].mean() for r in found]) == pytest.approx(0.1, abs=0.03)


def fitted(folder, subject, runs):
    """Ordinary least squares with the known response, a slow check."""
    effects = {}
    for run in runs:
        series = read_run(folder, subject, run).astype(float)
        events = read_run_events(folder, subject, run)
        times = np.arange(series.shape[1]) * 0.72
        names = sorted(set(events["trial_type"]))
        own = [events[events["trial_type"] == n] for n in names]
        columns = [regressors(e["onset"].to_numpy(), e["duration"].to_numpy(), times, "spm")[""]
                   for e in own]  # fmt: skip
        x = np.column_stack([*columns, np.ones_like(times)])
        beta = np.linalg.lstsq(x, series.T, rcond=None)[0]
        for name, row in zip(names, beta, strict=False):
            effects.setdefault(name, []).append(row)
    return {name: np.mean(rows, axis=0) for name, rows in effects.items()}


def test_planted_effects_are_found_where_they_are_and_nowhere_else(simulated):
    names = read_regions(simulated.dataset_dir)["name"].tolist()
    planted = pd.read_csv(simulated.effects_file, sep="\t")
    per_subject = pd.read_csv(simulated.subject_effects_file, sep="\t")
    assert len(per_subject) == 4 * len(planted) and planted["effect"].max() == 100
    for task, runs in (("MOTOR", (5, 6)), ("EMOTION", (9, 10))):
        found = [fitted(simulated.dataset_dir, s, runs) for s in range(4)]
        for condition in set(found[0]) - {"cue"}:
            truth = np.zeros(40)
            own = planted[(planted["task"] == task) & (planted["condition"] == condition)]
            truth[[names.index(p) for p in own["parcel"]]] = own["effect"]
            mean = np.mean([f[condition] for f in found], axis=0)
            assert np.corrcoef(mean, truth)[0, 1] > (0.9 if truth.max() == 100 else 0.7), condition
            assert np.abs(mean - truth)[truth > 0].mean() < 25
            assert np.abs(mean[truth == 0]).mean() < 15
    own = per_subject.groupby(["task", "condition", "parcel"])["effect"]
    assert own.std().mean() > 5


def test_the_same_seed_gives_the_same_bytes_and_another_gives_others(work):
    small = {"n_subjects": 1, "n_volumes": 140, "tasks": ["MOTOR"]}
    files = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        (work / name).mkdir()
        out = SimulateParcelDataset(seed=seed, **small).run(cwd=str(work / name)).outputs
        files.append([Path(f).read_bytes() for f in (out.series_files[0][0], out.atlas_file)])
        assert out.runs == [5, 6] and np.load(out.series_files[0][1]).shape == (40, 140)
    assert files[0] == files[1] and files[0][0] != files[2][0]


def test_parcels_may_come_from_a_table(work, simulated):
    table = pd.read_csv(simulated.parcels_file, sep="\t")[["name", "network"]][::-1]
    table.to_csv("mine.tsv", sep="\t", index=False)
    few = {"n_subjects": 1, "n_volumes": 64, "tasks": ["EMOTION"]}
    given = {"parcels_file": str(work / "mine.tsv")} | few
    out = SimulateParcelDataset(**given).run().outputs
    parcels = read_regions(out.dataset_dir, 40)
    assert parcels["name"].tolist() == table["name"].tolist() and not parcels["myelin"].any()
    table[table["name"] != "R_FFC"].to_csv("mine.tsv", sep="\t", index=False)
    with pytest.raises(InputError, match="1 lacking: R_FFC") as caught:
        SimulateParcelDataset(**given).run()
    assert "mine.tsv" in str(caught.value)
    table.assign(network="n/a").to_csv("mine.tsv", sep="\t", index=False)
    with pytest.raises(InputError, match="a network for each parcel"):
        SimulateParcelDataset(**given).run()
    with pytest.raises(InputError, match=re.escape("44 s for all conditions of EMOTION")):
        SimulateParcelDataset(**few | {"n_volumes": 50}).run()
    with pytest.raises(InputError, match="an even number from 28 on"):
        SimulateParcelDataset(n_parcels=20, **few).run()
