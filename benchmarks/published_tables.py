"""Compute the tables of Fan et al. (2020) again from the scores of their participants.

Reads the accuracies and log odds of 31 participants from the ``results/csv`` folder of the
study's public repository, computes the group's tables with the bootstrap as published, and
puts published and new numbers side by side. Without the folder it simulates such scores, says
so, and shows what the tables look like.

    python benchmarks/published_tables.py --data results/csv --out published_tables
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from fmriprod.interfaces.group_evidence import GroupEvidence

# Rows of the accuracies. Tables made from them call rows 3 to 7 by other rows' names; these are
# the true ones, and tables are matched by the place of a name, not by the name.
REGIONS = ("V1", "V2", "LOC", "IT", "fusiform", "parahippo", "PRC", "ento", "hipp")
WRITTEN = ("V1", "V2", "LOC", "FUS", "PHC", "IT", "ENT", "PRC", "HC")
PHASES = {"pre": "pre", "post": "post", "drawing": "production"}
CONTRASTS = ("target-foil", "target-control", "foil-control")
STEM = "object_classifier_"

ACCURACY = """
V1        .3520 .3341 .3704  .3530 .3288 .3770  .3013 .2805 .3216
V2        .3528 .3337 .3730  .3603 .3375 .3835  .3135 .2899 .3376
LOC       .3052 .2913 .3202  .3113 .2954 .3284  .2806 .2655 .2945
IT        .2562 .2417 .2712  .2609 .2456 .2768  .2585 .2452 .2714
fusiform  .2613 .2456 .2774  .2772 .2613 .2940  .2635 .2478 .2784
parahippo .2546 -     -      .2520 -     -      .2535 -     -
PRC       .2502 -     -      .2526 -     -      .2516 -     -
ento      .2500 -     -      .2409 -     -      .2532 -     -
hipp      .2520 -     -      .2419 -     -      .2527 -     -
"""
CHANGE = """
V1        .0010 -.0234 .0244
fusiform  .0159 -.0038 .0371
"""
LOG_ODDS = """
V1        target_foil     .696  .472  .927
V2        target_foil     .792  .544 1.056
LOC       target_foil     .322  .227  .420
fusiform  target_foil     .159  .081  .235
V1        target_control  .247  .112  .387
V2        target_control  .291  .148  .440
LOC       target_control  .160  .066  .262
V1        foil_control   -.449 -.607 -.292
V2        foil_control   -.501 -.714 -.280
LOC       foil_control   -.162 -.255 -.067
"""
ODDS = {"V1": 2.533, "V2": 3.097, "LOC": 1.437, "fusiform": 1.199}
MODEL = {
    ("intercept", "estimate"): 0.349194,
    ("intercept", "standard_error"): 0.015371,
    ("intercept", "subject_variance"): 0.001094,
    ("intercept", "residual_variance"): 0.00623,
    ("phase", "estimate"): -0.004032,
    ("phase", "standard_error"): 0.020049,
    ("phase", "p"): 0.841,
    ("trained", "estimate"): 0.007661,
    ("trained", "p"): 0.703,
    ("phase:trained", "estimate"): 0.006048,
    ("phase:trained", "standard_error"): 0.028353,
    ("phase:trained", "p"): 0.832,
}


def published() -> Iterator[tuple[str, dict[str, str], str, float]]:
    """Give each published number: its table, its row, its column and the number."""
    ends = ("mean", "ci_low", "ci_high")
    for line in ACCURACY.split("\n")[1:-1]:
        region, *numbers = line.split()
        for place, phase in enumerate(PHASES):
            row = {"region": region, "phase": phase}
            for column, number in zip(ends, numbers[3 * place : 3 * place + 3], strict=True):
                if number != "-":
                    yield "accuracy", row, column, float(number)
    yield "accuracy", {"region": "fusiform", "phase": "post"}, "p", 0.0008
    yield "accuracy", {"region": "fusiform", "phase": "drawing"}, "p", 0.085
    for line in CHANGE.split("\n")[1:-1]:
        region, *numbers = line.split()
        for column, number in zip(ends, numbers, strict=True):
            yield "change", {"region": region, "measure": "accuracy"}, column, float(number)
    for line in LOG_ODDS.split("\n")[1:-1]:
        region, contrast, *numbers = line.split()
        for column, number in zip(ends, numbers, strict=True):
            row = {"region": region, "phase": "drawing", "contrast": contrast}
            yield "log_odds", row, column, float(number)
    for region, odds in ODDS.items():
        row = {"region": region, "phase": "drawing", "contrast": "target_foil"}
        yield "log_odds", row, "mean_exp", odds
    for (term, column), number in MODEL.items():
        yield "model", {"region": "V1", "term": term}, column, number


def read_scores(folder: Path) -> pd.DataFrame:
    """Read the published scores as one table, a row a participant, region and phase."""
    name = f"{STEM}logodds_{PHASES['drawing']}.csv"
    folder = next((f for f in (folder, folder / "results" / "csv") if (f / name).is_file()), None)
    if folder is None:
        raise SystemExit(f"--data: there is no {name}; give results/csv of the study's repository")
    odds = {
        phase: pd.read_csv(folder / f"{STEM}logodds_{name}.csv", dtype={"sub": str})
        for phase, name in PHASES.items()
    }
    subjects = list(dict.fromkeys(odds["drawing"]["sub"]))
    parts = []
    for phase, name in PHASES.items():
        accuracy = np.load(folder / f"{STEM}accuracy_{name}.npy")
        table = pd.DataFrame(accuracy.T, columns=list(REGIONS)).assign(subject=subjects)
        table = table.melt("subject", var_name="region", value_name="accuracy")
        columns = {c: "log_odds_" + c.replace("-", "_") for c in CONTRASTS}
        renamed = odds[phase].rename(columns={"roi": "region", "sub": "subject", **columns})
        table = table.merge(renamed, on=["subject", "region"], validate="one_to_one")
        parts.append(table.assign(phase=phase, scheme="4way"))
    split = pd.read_csv(folder / f"{STEM}prepost_accuracy.csv", dtype={"subj": str})
    split["subject"] = split["subj"].str.zfill(len(subjects[0]))  # one table lost the zeros
    split["region"] = split["roi_formatted"].map(dict(zip(WRITTEN, REGIONS, strict=True)))
    split["kind"] = np.where(split["trained"], "accuracy_trained", "accuracy_control")
    key = ["subject", "region", "phase"]
    split = split.pivot(index=key, columns="kind", values="correct").reset_index()
    table = pd.concat(parts, ignore_index=True).merge(split, how="left", on=key)
    return table.assign(p_target_trained=np.nan, p_target_control=np.nan)


def simulate_scores(n_subjects: int = 31, seed: int = 0) -> pd.DataFrame:
    """Simulate scores with the published means and independent participants."""
    rng = np.random.default_rng(seed)
    means = {tuple(row.values()): number for table, row, column, number in published()
             if (table, column) == ("accuracy", "mean")}  # fmt: skip
    rows = []
    for subject in range(1, n_subjects + 1):
        for (region, phase), mean in means.items():
            row = {"subject": f"sim{subject:02}", "region": region, "phase": phase,
                   "scheme": "4way", "accuracy": rng.normal(mean, 0.05)}  # fmt: skip
            row |= {f"accuracy_{kind}": np.nan if phase == "drawing" else rng.normal(mean, 0.08)
                    for kind in ("trained", "control")}  # fmt: skip
            foil, control = rng.normal(10 * (mean - 0.25), 0.6), rng.normal(2 * mean - 0.5, 0.4)
            row |= {"log_odds_target_foil": foil, "log_odds_target_control": control,
                    "log_odds_foil_control": control - foil,
                    "p_target_trained": np.nan, "p_target_control": np.nan}  # fmt: skip
            rows.append(row)
    return pd.DataFrame(rows)


def compare(scores: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Compute the group's tables in a folder; list published and new numbers."""
    scores_file = folder / "scores.tsv"
    scores.to_csv(scores_file, sep="\t", index=False, na_rep="n/a")
    out = GroupEvidence(scores_files=[str(scores_file)], method="published")
    files = out.run(cwd=str(folder)).outputs.get()
    tables = {name: pd.read_csv(files[f"{name}_file"], sep="\t")
              for name in ("accuracy", "change", "log_odds", "model")}  # fmt: skip
    rows = []
    for name, row, column, number in published():
        table = tables[name]
        here = np.all([table[key] == value for key, value in row.items()], axis=0)
        (ours,) = table.loc[here, column]
        what = " ".join(row.values())
        rows.append((name, what, column, number, ours, abs(ours - number)))
    names = ["table", "row", "column", "published", "ours", "difference"]
    return pd.DataFrame(rows, columns=names)


def main(arguments: list[str] | None = None) -> None:
    """Compare, print and save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of the published scores")
    parser.add_argument("--out", type=Path, default=Path("published_tables"), help="output folder")
    given = parser.parse_args(arguments)
    folder = given.out.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    scores = read_scores(given.data) if given.data else simulate_scores()
    table = compare(scores, folder)
    table.to_csv(folder / "published_and_ours.tsv", sep="\t", index=False, float_format="%.6g")
    print(table.to_string(index=False, float_format=lambda x: f"{x:.4f}"))
    if given.data:
        print(f"\nlargest difference of {len(table)} numbers: {table['difference'].max():.2g}")
    else:
        print("\nSimulated scores: equal to the published numbers by their planted means only.")
    print(f"tables are in {folder}")


if __name__ == "__main__":
    main()
