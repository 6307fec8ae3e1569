import hashlib
import json
import re
from pathlib import Path

import nipype.pipeline.engine as pe
import numpy as np
import pytest
from nipype.interfaces.utility import Merge
from PIL import Image

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.report import SubjectReport

QUALITY = {
    "n_volumes": 156, "tr": 2.0, "tsnr_median": 70.4, "fd_median": 0.08, "fd_max": 0.3,
    "fd_mean": 0.1, "fd_threshold": 0.5, "n_fd_over_threshold": 0,
}  # fmt: skip
SUMMARY = {
    "labels": ["bed", "chair"], "accuracy": 0.8125, "chance": 0.5, "n_test_trials": 80,
    "n_voxels": 500, "n_voxels_dropped": 0,
    "accuracy_interval": {"low": 0.71, "high": 0.9, "level": 0.95},
    "permutation": {"p": 0.0002, "n_permutations": 5000},
}  # fmt: skip


def write(path, content):
    path.write_text(json.dumps(content))
    return str(path)


@pytest.fixture
def inputs(work):
    """Everything a report can take, for two runs and two questions."""

    def picture(name):
        pixels = np.full((30, 60, 3), sum(name.encode()) % 256, np.uint8)
        Image.fromarray(pixels).save(work / f"{name}.png", dpi=(150, 150))
        return str(work / f"{name}.png")

    bad = QUALITY | {"fd_mean": 0.9, "fd_max": 5.0, "n_voxels": 900, "n_analysed": 893}
    missing = {"missing_conditions": ["chair"]}
    weak = SUMMARY | {"accuracy": 0.52, "permutation": {"p": 0.4}}
    kinds = ("design", "motion", "carpet", "tsnr", "coregistration", "mask")
    return {
        "subject": "01",
        "dataset": "Objects & <b>drawings</b>",
        "simulated": True,
        "anat_figure": picture("anat"),
        "run_labels": ["recognition, run 1", "recognition, run 2"],
        "quality_files": [write(work / "q1.json", QUALITY), write(work / "q2.json", bad)],
        "audit_files": [write(work / "a1.json", {}), write(work / "a2.json", missing)],
        **{f"{kind}_figures": [picture(f"{kind}{i}") for i in (1, 2)] for kind in kinds},
        "contrast_names": [["bed-chair", "task"], ["task"]],
        "contrast_figures": [[picture("c1"), picture("c2")], [picture("c3")]],
        "roi_figures": [picture("roi")],
        "evidence_labels": ["seen", "drawn"],
        "evidence_summaries": [write(work / "e1.json", SUMMARY), write(work / "e2.json", weak)],
        "evidence_files": [write(work / "e1.tsv", {}), write(work / "e2.tsv", {})],
        "evidence_figures": [[picture("confusion"), picture("null")], [picture("confusion2")]],
        "truth_file": write(
            work / "truth.json",
            {
                "peak (mm)": {"expected": [42, -33, -20], "found": [43.0, -32.5, -20], "ok": True},
                "motion": {"expected": "below 0.3 mm", "found": 0.412, "unit": "mm", "ok": False},
            },
        ),
        "description": "Runs were aligned [@mcflirt]. a < b.",
        "decisions": ["bed-chair is not estimated in run 2"],
        "settings": ["smoothing: 5 mm: FWHM"],
    }


def plain(html):
    """What a reader sees."""
    body = re.sub(r"<(script|style)>.*?</\1>", "", html, flags=re.DOTALL)
    body = re.sub(r"data:image/[^\"]*", "", body)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", body))


def report(inputs):
    return Path(SubjectReport(**inputs).run().outputs.out_file).read_text(encoding="utf-8")


def test_the_first_screen_says_who_how_well_and_what_to_look_at(inputs):
    html = report(inputs)
    first = plain(html[: html.index("<section")])
    assert "Simulated data: no person was scanned" in first
    assert "sub-01" in first and "Objects &amp; &lt;b&gt;drawings&lt;/b&gt; · 2 runs" in first
    assert "81% correct" in first
    assert "95% interval 0.71 to 0.90; chance 0.50; p &lt; 0.001" in first
    assert "1 of 2" in first and "Not as planted: motion." in first
    assert "recognition, run 2: much motion: mean framewise displacement 0.90 mm" in first
    assert "no event of condition: chair" in first
    assert "drawn: not above chance (permutation p = 0.400)." in first
    assert "Contrast bed-chair, recognition, run 1." in first
    worst, weak = first.index("run 2: much motion"), first.index("drawn: not above chance")
    assert worst < weak


def test_voxels_that_are_left_out_are_counted(inputs):
    text = Path(SubjectReport(**inputs).run().outputs.out_file).read_text()
    assert "7 of 900" in text and "Voxels left out" in text


def test_each_figure_is_where_it_belongs(inputs):
    html = report(inputs)
    sections = dict(re.findall(r'<section id="([^"]+)">(.*?)</section>', html, re.DOTALL))
    assert list(sections) == [
        "planted-truth", "object-evidence", "region-of-interest", "anatomy",
        "run-recognition-run-1", "run-recognition-run-2", "methods", "settings-and-software",
    ]  # fmt: skip
    counts = {name: text.count("<img") for name, text in sections.items()}
    assert counts["object-evidence"] == 3
    assert counts["run-recognition-run-1"] == 6 + 2
    assert counts["run-recognition-run-2"] == 6 + 1
    assert counts["anatomy"] == counts["region-of-interest"] == 1
    methods = plain(sections["methods"])
    assert "Jenkinson M., Bannister P." in methods and "a &lt; b" in methods
    assert "bed-chair is not estimated in run 2" in methods
    software = plain(sections["settings-and-software"])
    assert "5 mm: FWHM" in software and "Python" in software and "nipype" in software
    truth = plain(sections["planted-truth"])
    assert "42, −33, −20 43, −32.5, −20 met" in truth
    assert "below 0.3 mm 0.412 mm not met" in truth


def test_a_node_gives_the_same_bytes_twice(inputs):
    sums = set()
    for run in ("one", "two"):
        node = pe.Node(SubjectReport(**inputs), name="report", base_dir=run)
        out = Path(node.run().outputs.out_file)
        assert out.name == "sub-01.html"
        sums.add(hashlib.sha256(out.read_bytes()).hexdigest())
    assert len(sums) == 1


@pytest.mark.parametrize("n_runs", [1, 2])
def test_lists_by_run_arrive_through_a_workflow(inputs, work, n_runs):
    workflow = pe.Workflow("report_wf", base_dir=str(work))
    report = pe.Node(SubjectReport(subject="01"), name="report")
    report.inputs.run_labels = inputs["run_labels"][:n_runs]
    for field in ("contrast_figures", "contrast_names", "quality_files"):
        merge = pe.Node(Merge(n_runs, no_flatten=True), name=field)
        for i in range(n_runs):
            setattr(merge.inputs, f"in{i + 1}", inputs[field][i])
        workflow.connect(merge, "out", report, field)
    workflow.run()
    html = (work / "report_wf" / "report" / "sub-01.html").read_text(encoding="utf-8")
    sections = dict(re.findall(r'<section id="([^"]+)">(.*?)</section>', html, re.DOTALL))
    assert sections["run-recognition-run-1"].count("<img") == 2
    assert ("run-recognition-run-2" in sections) == (n_runs == 2)


def test_all_but_the_subject_may_be_absent(work):
    text = plain(report({"subject": "sub-07"}))
    assert "sub-07" in text and "Simulated" not in text
    assert "%" not in text and "Evidence" not in text and "Nothing stands out" not in text


def test_numbers_that_were_not_measured_are_dashes(work):
    files = [write(work / "q.json", {"n_volumes": 10, "tsnr_median": None})]
    html = report({"subject": "1", "run_labels": ["a"], "quality_files": files})
    rows = re.findall(r"<tr>(.*?)</tr>", html)
    cells = re.findall(r"<td[^>]*>(.*?)</td>", rows[1])
    assert cells == ["a", "10", "–", "–", "–", "–", "–", "–", "not measured"]
    assert "Nothing stands out" not in html


def test_flat_contrasts_get_a_section_of_their_own(inputs):
    flat = [*inputs["contrast_figures"][0], *inputs["contrast_figures"][1]]
    inputs |= {
        "contrast_figures": flat,
        "contrast_names": ["bed-chair", "task", "task"],
        "contrast_labels": ["run 1", "run 1", "run 2"],
    }
    html = report(inputs)
    sections = dict(re.findall(r'<section id="([^"]+)">(.*?)</section>', html, re.DOTALL))
    assert sections["contrasts"].count("<img") == 3
    assert "task, run 2." in plain(sections["contrasts"])


def test_the_only_contrast_of_a_run_may_come_without_a_list(inputs):
    """Nipype unwraps lists of one file."""
    inputs |= {"contrast_figures": [inputs["roi_figures"][0]] * 2, "contrast_names": [["a"], ["b"]]}
    sections = dict(re.findall(r'<section id="([^"]+)">(.*?)</section>', report(inputs), re.DOTALL))
    assert "contrasts" not in sections
    assert "Contrast a:" in plain(sections["run-recognition-run-1"])
    assert "Contrast b:" in plain(sections["run-recognition-run-2"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"quality_files": 1}, r"expected: one for each of run_labels \(2\).*\n  found:    1"),
        ({"evidence_summaries": 1}, r"one for each of evidence_labels \(2\)"),
        ({"contrast_names": 1}, r"one for each of run_labels \(2\)"),
    ],
)
def test_lists_that_do_not_go_together_are_refused(inputs, change, words):
    for field, length in change.items():
        inputs[field] = inputs[field][:length]
    with pytest.raises(InputError, match=words) as caught:
        SubjectReport(**inputs).run()
    assert str(caught.value).startswith(f"SubjectReport: {next(iter(change))}")


def test_unreadable_inputs_are_named(inputs, work):
    (work / "q1.json").write_text('{"n_volumes": ')
    with pytest.raises(InputError, match="JSONDecodeError") as caught:
        SubjectReport(**inputs).run()
    assert str(work / "q1.json") in str(caught.value)
    write(work / "q1.json", QUALITY)
    write(work / "truth.json", {"peak": {"expected": 1, "ok": True}})
    with pytest.raises(InputError, match="expected, found and ok"):
        SubjectReport(**inputs).run()
    write(work / "truth.json", {})
    with pytest.raises(InputError, match="'name: value'"):
        SubjectReport(**inputs | {"settings": ["smoothing 5 mm"]}).run()
    with pytest.raises(InputError, match="did you mean 'mcflirt'"):
        SubjectReport(**inputs | {"description": "With [@mcflrt]."}).run()


def test_a_figure_of_the_first_screen_is_not_repeated_below(inputs):
    figure = inputs["roi_figures"][0]
    html = report({"subject": "01", "roi_figures": [figure], "lead_figure": figure})
    lead, section = html.split("<section", 1)
    assert lead.count("<img src") == 1 and "Lines are the borders" in plain(lead)
    assert "<img src" not in section.split("<dialog")[0]
    assert "The figure is in the summary above." in plain(section)
