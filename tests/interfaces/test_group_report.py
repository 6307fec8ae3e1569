"""Figures and report of a group, from files to files."""

import re
from pathlib import Path

import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from support import group_tables as simulated
from support.images import write_image

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.group_figures import GroupFigures
from fmriprod.interfaces.group_report import GroupReport

MISSING = pd.DataFrame(
    {"subject": ["02"], "region": ["LOC"], "phase": ["drawing"], "scheme": ["4way"]}
)
PAIRS = pd.DataFrame({
    "region_1": ["V1", "V1"], "region_2": ["LOC", "hipp"], "features": "correlation",
    "scheme": "phase", "slope": [0.473, 0.1], "standard_error": 0.1, "ci_low": [0.156, -0.2],
    "ci_high": [0.762, 0.3], "chi2": 9.08, "p": [0.0026, 0.3], "aic": 10.0, "aic_null": 12.0,
    "weight": 0.7, "n_subjects": 6, "n_trials": 240, "p_fdr": 0.01,
})  # fmt: skip


def log_odds(table):
    names = ["log_odds_target_foil", "log_odds_target_control", "log_odds_foil_control"]
    rows = table.melt(["subject", "region", "phase", "scheme"], names, var_name="contrast")
    rows["contrast"] = rows["contrast"].str.removeprefix("log_odds_")
    return simulated.means(rows, ["region", "phase", "scheme", "contrast"], chance=0.0)


@pytest.fixture
def tables(work):
    """Files of a group of six."""
    scores = simulated.scores()
    scores = scores.drop(scores.index[(scores["subject"] == "02") & (scores["region"] == "LOC")
                                      & (scores["phase"] == "drawing")])  # fmt: skip

    def each(name, table):
        return [simulated.write(work, f"sub-{s}_{name}", part)
                for s, part in table.groupby("subject")]  # fmt: skip

    return {
        "scores_files": each("scores", scores),
        "time_courses_files": each("courses", simulated.courses()),
        "connectivity_files": each("connectivity", simulated.connectivity()),
        "accuracy_file": simulated.write(work, "accuracy", simulated.accuracy(scores)),
        "split_file": simulated.write(work, "split", simulated.split(scores)),
        "log_odds_file": simulated.write(work, "log_odds", log_odds(scores)),
        "missing_file": simulated.write(work, "missing", MISSING),
        "connectivity_file": simulated.write(work, "connectivity_model", PAIRS),
    }


def figure_inputs(tables):
    names = ("scores_files", "time_courses_files", "connectivity_files", "accuracy_file",
             "split_file")  # fmt: skip
    return {name: tables[name] for name in names}


def draw(work, name="figures", **inputs):
    node = pe.Node(GroupFigures(n_bootstrap=50, **inputs), name=name, base_dir=str(work))
    return node.run().outputs


def report(work, name="report", **inputs):
    inputs.pop("time_courses_files", None), inputs.pop("connectivity_files", None)
    node = pe.Node(GroupReport(study="Objects & drawings", **inputs), name=name, base_dir=str(work))
    return Path(node.run().outputs.out_file)


def plain(html):
    """What a reader sees."""
    body = re.sub(r"<(script|style)>.*?</\1>", "", html, flags=re.DOTALL)
    body = re.sub(r"data:image/[^\"]*", "", body)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", body))


def test_all_figures_are_drawn_and_keep_their_text(work, tables):
    found = draw(work, simulated=True, formats=["svg"], **figure_inputs(tables))
    names = [
        "accuracy", "trainedaccuracy", "trainedprobability", "drawing", "coursestimepoint",
        "coursestimepointdifference", "coursesrepetition", "coursesrepetitiondifference",
        "coursesrun", "coursesrundifference", "connectivityhalf", "connectivityrepetition",
        "connectivityhalf2", "connectivityrepetition2",
    ]  # fmt: skip
    assert found.preview_names == found.figure_names == names
    assert [Path(path).name for path in found.previews] == [f"{name}.png" for name in names]
    for path in found.figures:
        svg = Path(path).read_text()
        for text in ("simulated data", "95 %", "participants"):
            assert text in svg, path
        assert "dc:date" not in svg


def test_the_same_tables_give_the_same_bytes(work, tables):
    given = {name: tables[name] for name in ("accuracy_file", "scores_files")}
    first, again = draw(work, **given), draw(work, "again", **given)
    assert first.figure_names == ["accuracy"] * 2 + ["drawing"] * 2
    for one, two in zip([*first.figures, *first.previews], [*again.figures, *again.previews],
                        strict=True):  # fmt: skip
        assert Path(one).read_bytes() == Path(two).read_bytes(), one
    pdf = Path(first.figures[1]).read_bytes()
    assert pdf.startswith(b"%PDF") and b"CreationDate" not in pdf
    assert b"/TrueType" in pdf or b"/Type0" in pdf  # letters, not outlines


def test_only_what_is_given_is_drawn_in_the_formats_asked_for(work, tables):
    found = draw(work, accuracy_file=tables["accuracy_file"], formats=["png", "pdf"])
    assert found.preview_names == ["accuracy"]
    assert [Path(path).name for path in found.figures] == ["accuracy.png", "accuracy.pdf"]
    assert not draw(work, "none").figures


def test_tables_without_a_row_give_figures_that_say_so(work):
    empty = {
        "scores_files": [simulated.write(work, "scores", simulated.scores().iloc[:0])],
        "time_courses_files": [simulated.write(work, "courses", simulated.courses().iloc[:0])],
        "connectivity_files": [simulated.write(work, "trials", simulated.connectivity().iloc[:0])],
        "accuracy_file": simulated.write(work, "accuracy",
                                         simulated.accuracy(simulated.scores().iloc[:0])),
        "split_file": simulated.write(work, "split", simulated.split(simulated.scores().iloc[:0])),
    }  # fmt: skip
    found = draw(work, formats=["svg"], **empty)
    assert len(found.figures) == 12
    for path in found.figures:
        assert ">No " in Path(path).read_text().replace("<!-- ", ">"), path
    page = report(work, figures=found.previews, figure_names=found.preview_names,
                  scores_files=empty["scores_files"], accuracy_file=empty["accuracy_file"],
                  split_file=empty["split_file"])  # fmt: skip
    assert "no row" in plain(page.read_text())


def test_chance_of_the_courses_is_that_of_their_scheme(work, tables):
    table = simulated.accuracy(simulated.scores())
    table.loc[table["phase"] == "drawing", "chance"] = 1 / 3
    path = simulated.write(work, "thirds", table)
    found = draw(work, formats=["svg"], accuracy_file=path,
                 time_courses_files=tables["time_courses_files"])  # fmt: skip
    svg = Path(found.figures[found.figure_names.index("coursesrun")]).read_text()
    assert "chance 0.333" in svg and "chance 0.25" not in svg


def test_task_mask_is_drawn_with_the_number_of_maps(work):
    z = np.zeros((12, 14, 10), np.float32)
    z[2:10, 2:12, 2:8] = 1.0
    z[4:7, 4:7, 4:6] = 5.0
    summary = pd.DataFrame({"subject": ["01", "all"], "has_map": [1, 5]})
    found = draw(
        work,
        group_z_file=str(write_image(work / "z.nii.gz", z)),
        group_mask=str(write_image(work / "mask.nii.gz", (z > 3).astype(np.uint8))),
        task_summary_file=simulated.write(work, "summary", summary),
        formats=["svg"],
        simulated=True,
    )
    assert found.figure_names == ["taskmask"]
    svg = Path(found.figures[0]).read_text()
    assert "n = 5 participants" in svg and "simulated data" in svg


def test_page_says_who_what_and_how_well(work, tables):
    given = {name: tables[name] for name in ("accuracy_file", "scores_files")}
    figures = draw(work, simulated=True, formats=["png"], **given)
    path = report(
        work, **tables, figures=figures.previews, figure_names=figures.preview_names,
        simulated=True, description="Drawn [@fan2020]. a < b.", decisions=["run 2 is left out"],
        settings=["smoothing: 3 mm"], file_names=["accuracy=group/accuracy.tsv"],
    )  # fmt: skip
    html, text = path.read_text(), plain(path.read_text())
    accuracy = simulated.accuracy(pd.concat(pd.read_csv(f, sep="\t", dtype={"subject": str})
                                            for f in tables["scores_files"]))  # fmt: skip
    row = accuracy[(accuracy["region"] == "V1") & (accuracy["phase"] == "drawing")].iloc[0]
    for wanted in (
        "Objects &amp; drawings", "Group of 6 participants", "Simulated data: no person",
        "02 lacks drawing (LOC).", "1 of them lack a region or phase",
        f"{row['mean']:.1%}".replace("%", " %"), f"{row['ci_low']:.3f} to {row['ci_high']:.3f}",
        "With 6 participants, bootstrap intervals are too narrow",
        "0.47 a phase", "0.16 to 0.76; p = 0.003; above 0 in 1 of 2 pairs",
        "group/accuracy.tsv", "connectivity_model.tsv", "run 2 is left out", "3 mm",
        "a &lt; b", "Fan J.",
    ):  # fmt: skip
        assert wanted in text, wanted
    assert text.count("is below 0 even where no foil is suppressed") == 2  # above, and beside it
    assert (
        html.count("<img src") == len(figures.previews) and 'alt=""' not in html.split("<dialog")[0]
    )
    links = re.findall(r'(?:src|href)="([^"#][^"]*)"', html)
    assert all(x.startswith(("data:", "https://doi.org/")) for x in links)
    loaded = re.findall(r'src="([^"]*)"|url\(([^)]*)\)|<link|@import', html)
    assert all(src.startswith("data:") for src, _ in loaded)
    same = report(work, "again", **tables, figures=figures.previews,
                  figure_names=figures.preview_names, simulated=True,
                  description="Drawn [@fan2020]. a < b.", decisions=["run 2 is left out"],
                  settings=["smoothing: 3 mm"],
                  file_names=["accuracy=group/accuracy.tsv"])  # fmt: skip
    assert same.read_bytes() == path.read_bytes()


def test_foil_is_explained_only_where_test_samples_are_standardised_alone(work, tables):
    page = report(work, log_odds_file=tables["log_odds_file"], standardize="train")
    assert "no foil is suppressed" not in plain(page.read_text())


def test_every_participant_has_a_row_and_missing_ones_a_dash(work, tables):
    text = plain(report(work, **tables).read_text())
    scores = pd.read_csv(tables["scores_files"][1], sep="\t", dtype={"subject": str})
    drawn = scores[scores["phase"] == "drawing"].set_index("region")["accuracy"]
    assert f"02 {drawn['V1']:.3f} – {drawn['hipp']:.3f}" in text


def test_study_alone_is_enough(work):
    assert "Objects &amp; drawings" in report(work).read_text()


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"log_odds_file": "accuracy_file"}, ["no contrast", "accuracy.tsv", "statistics"]),
        ({"file_names": ["accuracies=a.tsv"]}, ["accuracies=a.tsv", "accuracy, split"]),
        ({"figures": ["accuracy_file"]}, ["a name for each of 1 figures", "preview_names"]),
        ({"settings": ["no colon"]}, ["no colon", "name: value"]),
    ],
)
def test_wrong_inputs_of_the_report_are_refused(tables, inputs, said):
    inputs = {
        field: [tables.get(v, v) for v in value] if isinstance(value, list) else tables[value]
        for field, value in inputs.items()
    }
    with pytest.raises(InputError) as caught:
        GroupReport(study="x", **inputs).run()
    for words in said:
        assert words in str(caught.value)


def test_wrong_tables_of_the_figures_are_refused(tables):
    with pytest.raises(InputError) as caught:
        GroupFigures(time_courses_files=tables["scores_files"]).run()
    for words in ("time_courses_files", "no column by", "sub-01_scores.tsv"):
        assert words in str(caught.value)
