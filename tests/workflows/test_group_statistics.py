import pandas as pd
import pytest

from fmriprod.workflows.group_statistics import init_group_statistics_wf

SCORES = ["accuracy_trained", "accuracy_control", "p_target_trained", "p_target_control",
          "log_odds_target_foil", "log_odds_target_control", "log_odds_foil_control"]  # fmt: skip


def save(path, rows):
    pd.DataFrame(rows).to_csv(path, sep="\t", index=False, na_rep="n/a")
    return str(path)


@pytest.fixture
def tables(work, rng):
    """Simulated tables of four participants."""
    files = {name: [] for name in ("scores", "connectivity", "differentiation", "evidence")}
    for subject in ("01", "02", "03", "04"):
        rows = {name: [] for name in files}
        for region in ("V1", "V2", "LOC"):
            who = {"subject": subject, "region": region}
            for phase in ("pre", "post", "drawing"):
                values = dict(zip(SCORES, rng.normal(0.3, 0.05, 7), strict=True))
                cell = {"phase": phase, "scheme": "4way", "accuracy": rng.normal(0.3, 0.05)}
                rows["scores"].append(who | cell | values)
            change = dict(zip(
                ("differentiation_trained", "differentiation_control", "difference"),
                rng.normal(size=3), strict=True,
            ))  # fmt: skip
            rows["differentiation"].append(who | change)
            for trial in range(8):
                odds, own = rng.normal(), trial % 2
                rows["evidence"].append(who | {
                    "phase": "drawing", "scheme": "2way_within", "run": 1, "trial": trial,
                    "label": ("bed", "chair")[own], "time_point": 1, "trained": 1,
                    "logp_bed": odds, "logp_chair": -odds, "target": odds, "foil": -odds,
                })  # fmt: skip
                rows["connectivity"].append({
                    "subject": subject, "region_1": region, "region_2": "IT", "run": 1,
                    "features": "connectivity", "scheme": "phase", "half": 1 + trial // 4,
                    "trial": trial, "log_odds": odds,
                })  # fmt: skip
        for name, content in rows.items():
            files[name].append(save(work / f"{name}_{subject}.tsv", content))
    return files


def run(work, tables, **options):
    workflow = init_group_statistics_wf(n_bootstrap=100, **options)
    workflow.base_dir = str(work)
    for name, files in tables.items():
        setattr(workflow.get_node("inputnode").inputs, f"{name}_files", files)
    graph = workflow.run()
    return workflow, {node.name: node.result.outputs for node in graph.nodes}


def test_every_table_is_made(work, tables):
    _, made = run(work, tables)
    assert set(made) == {"evidence", "connectivity", "differentiation", "informational"}
    n_rows = {
        "accuracy": made["evidence"].accuracy_file,
        "connectivity": made["connectivity"].models_file,
        "differentiation": made["differentiation"].differentiation_file,
        "informational": made["informational"].connectivity_file,
    }
    found = {name: len(pd.read_csv(path, sep="\t")) for name, path in n_rows.items()}
    assert found == {"accuracy": 9, "connectivity": 3, "differentiation": 9, "informational": 3}


def test_scores_alone_are_enough(work, tables):
    options = {"connectivity": False, "differentiation": False, "informational": None}
    workflow, made = run(work, {"scores": tables["scores"]}, method="published", **options)
    assert set(made) == {"evidence"}
    text = workflow.__desc__
    assert "with the published seeds" in text and "onnectivity" not in text
    assert "100 bootstrap" in text and "@lmertest" in text
