import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.informational_connectivity import InformationalConnectivity

REGIONS = ["V1", "V2", "LOC", "hipp", "ento"]


def evidence(rng, subject, regions=REGIONS):
    """Simulated: V1, V2 and LOC share evidence, hipp and ento another, weakly."""
    rows = []
    labels = ("bed", "chair") if subject % 2 else ("bench", "table")
    samples = [(run, trial, point) for run in (1, 2) for trial in range(6) for point in range(3)]
    shared, other = rng.normal(size=(2, len(samples)))
    for region in regions:
        mixed = shared if region in REGIONS[:3] else 0.5 * other
        odds = mixed + rng.normal(0, 0.7, len(samples))
        for (run, trial, point), value in zip(samples, odds, strict=True):
            first, second = -np.logaddexp(0, -value), -np.logaddexp(0, value)
            own = trial % 2
            rows.append({
                "subject": f"{subject:02}", "region": region, "phase": "drawing",
                "scheme": "2way_within", "task": "drawing", "run": f"0{run}",
                "label": labels[own], "trial": trial, "time_point": point + 1, "trained": 1,
                f"logp_{labels[0]}": first, f"logp_{labels[1]}": second,
                "target": second if own else first, "foil": first if own else second,
            })  # fmt: skip
    return pd.DataFrame(rows)


@pytest.fixture
def tables(rng):
    return [evidence(rng, subject) for subject in range(8)]


@pytest.fixture
def files(work, tables):
    return write(work, tables)


def write(work, tables):
    paths = []
    for number, table in enumerate(tables):
        paths.append(str(work / f"{number}.tsv"))
        table.to_csv(paths[-1], sep="\t", index=False, na_rep="n/a")
    return paths


def read(out, name):
    return pd.read_csv(getattr(out, f"{name}_file"), sep="\t", dtype={"subject": str})


def test_tables_in_a_node(files, tables, work):
    interface = InformationalConnectivity(evidence_files=files)
    out = pe.Node(interface, name="group", base_dir=str(work)).run().outputs
    group, each = read(out, "connectivity"), read(out, "subjects")
    assert len(group) == 10 and len(each) == 80 and out.n_subjects == 8
    correlations = []
    for table in tables:
        first, second = sorted(set(table["label"]))
        series = {
            name: np.r_[part[f"logp_{first}"], part[f"logp_{second}"]]
            for name, part in table.groupby("region")
        }
        correlations.append(np.corrcoef(series["V1"], series["LOC"])[0, 1])
    here = (each["region_1"] == "V1") & (each["region_2"] == "LOC")
    np.testing.assert_allclose(each.loc[here, "r"], correlations)
    row = group.set_index(["region_1", "region_2"]).loc[("V1", "LOC")]
    test = stats.ttest_1samp(np.arctanh(correlations), 0)
    assert row["t"] == pytest.approx(test.statistic) and row["n"] == 8
    assert row["mean_r"] == pytest.approx(np.tanh(np.arctanh(correlations).mean()))
    np.testing.assert_allclose(group["p_fdr"], stats.false_discovery_control(group["p"]))
    assert row["p_fdr"] < 1e-3 and row["ci_low"] > 0.3


def test_regions_that_go_together_are_one_cluster(files):
    out = InformationalConnectivity(evidence_files=files, n_clusters=2).run().outputs
    table = read(out, "clusters")
    hard = table[table["method"] == "average_linkage"].set_index("region")["cluster"]
    assert hard.loc[["V1", "V2", "LOC"]].tolist() == [1, 1, 1] and hard["hipp"] == 2
    fuzzy = table[(table["method"] == "fuzzy") & (table["n_clusters"] == 2)]
    share = fuzzy.pivot(index="region", columns="cluster", values="membership")
    assert (share.loc[["V1", "V2", "LOC"], 1] > 0.8).all() and share.loc["hipp", 1] < 0.5
    assert set(table.loc[table["method"] == "fuzzy", "n_clusters"]) == {2, 3, 4}


def test_windows_move_over_trials(files, tables):
    out = InformationalConnectivity(evidence_files=files[:2], window=5).run().outputs
    table = read(out, "windows")
    assert table["window"].max() == 12 - 5 + 1
    z = []
    for content in tables[:2]:
        first, second = sorted(set(content["label"]))
        number = content["run"].str[1:].astype(int) * 6 + content["trial"] - 6
        part = content[(number >= 2) & (number < 7)]
        v1, v2 = (part[part["region"] == name] for name in ("V1", "V2"))
        pair = [np.r_[p[f"logp_{first}"], p[f"logp_{second}"]] for p in (v1, v2)]
        z.append(np.arctanh(np.corrcoef(pair)[0, 1]))
    row = table.set_index(["region_1", "region_2", "window"]).loc[("V1", "V2", 3)]
    assert row["mean_r"] == pytest.approx(np.tanh(np.mean(z)))


def test_target_minus_foil_and_plain_r(files, tables):
    options = {"series": "target_foil", "fisher_z": False, "regions": ["LOC", "V1"]}
    out = InformationalConnectivity(evidence_files=files, **options).run().outputs
    r = []
    for table in tables:
        parts = dict(list(table.groupby("region")))
        odds = [parts[n]["target"].to_numpy() - parts[n]["foil"].to_numpy() for n in ("LOC", "V1")]
        r.append(np.corrcoef(odds)[0, 1])
    (row,) = read(out, "connectivity").itertuples()
    assert (row.region_1, row.region_2) == ("LOC", "V1")
    assert row.mean_r == pytest.approx(np.mean(r))
    assert row.t == pytest.approx(stats.ttest_1samp(r, 0).statistic)


def test_a_participant_without_a_region_is_left_out_of_its_pairs(work, rng, tables):
    tables[3] = tables[3][tables[3]["region"] != "hipp"]
    out = InformationalConnectivity(evidence_files=write(work, tables)).run().outputs
    n = read(out, "connectivity").set_index(["region_1", "region_2"])["n"]
    assert n["V1", "hipp"] == 7 and n["V1", "V2"] == 8


def refused(files, **options):
    with pytest.raises(InputError) as caught:
        InformationalConnectivity(evidence_files=files, **options).run()
    return str(caught.value)


def test_other_samples_in_a_region_are_refused(work, tables):
    gone = tables[2].index[(tables[2]["region"] == "LOC") & (tables[2]["trial"] == 4)]
    tables[2] = tables[2].drop(gone)
    assert (
        "found:    participant 02: other samples in region LOC than in V1\n"
        "  do:       give all evidence of one scheme, made together"
    ) in refused(write(work, tables))


def test_missing_evidence_is_refused(work, tables):
    tables[1].loc[5, "logp_bed"] = np.nan
    assert "participant 01: missing evidence in region V1" in refused(write(work, tables))


def test_names_that_the_evidence_lacks_are_refused(files):
    assert "found:    'LCO'\n  do:       did you mean 'LOC'?" in refused(
        files, regions=["V1", "LCO"]
    )
    assert "expected: one scheme of the evidence\n  found:    '2way'" in refused(
        files, scheme="2way"
    )
    assert "did you mean 'drawing'?" in refused(files, phase="drawin")
    assert "window\n  expected: from 1 to the 12 trials" in refused(files, window=13)
