"""The record of a run from the command line."""

import argparse
import json
from pathlib import Path

from rich.console import Console

from fmriprod.cli import production
from fmriprod.cli.main import main
from fmriprod.cli.run_record import asked_for, record_run, save_methods
from fmriprod.workflows.glm import init_first_level_wf
from fmriprod.workflows.group_statistics import init_group_statistics_wf
from fmriprod.workflows.outcome import Failure, Outcome


def arguments(work, **more):
    settings = {
        "bids_dir": work, "out_dir": work / "out", "work_dir": None, "level": "participant",
        "n_procs": 4, "mem_gb": 2.0, "omp_nthreads": None, "engine": "dask", "run": print,
        "dask_scheduler": "tcp://user:secret@host:1", "slurm_args": "--account=x", "fwhm": 5.0,
        "contrast": ["a-b"], "task": None, "dry_run": False, "participant_label": ["01"],
    }  # fmt: skip
    return argparse.Namespace(**settings | more)


def record(args):
    outcome = Outcome(["a", "b"], ["c"], [Failure("d", "no", "crash")], ["e"], 3.0)
    return record_run(args, outcome, notes_dir=str(args.out_dir / "notes"), raw_directory=None,
                      console=Console())  # fmt: skip


def test_what_was_asked_for_is_what_decides_about_numbers(work):
    assert asked_for(vars(arguments(work))) == {"contrast": ["a-b"], "fwhm": 5.0, "task": None}


def test_no_password_stands_in_a_record(work, monkeypatch):
    monkeypatch.setattr("sys.argv", ["fmriprod", "run", "--dask-scheduler", "tls://me:word@host:1"])
    text = record(arguments(work)).read_text()
    assert "me:word" not in text and "tls://...@host:1" in text


def test_a_record_says_how_the_run_ended(work):
    content = json.loads(record(arguments(work)).read_text())["ThisRun"]
    assert (content["StepsRun"], content["StepsFromCache"]) == (2, 1)
    assert content["Failed"] == ["d"] and content["NotReached"] == ["e"]
    assert content["Finished"] is False and content["Engine"] == "dask"


def test_a_record_that_cannot_be_written_does_not_fail_the_run(work, capsys):
    Path("out").write_text("a file where the folder should be")
    assert record(arguments(work)) is None
    assert "could not be written" in capsys.readouterr().out


def test_the_text_for_the_methods_section_is_left_in_three_formats(work, capsys):
    workflow = init_first_level_wf(contrasts=["face-house"], fwhm=6.0)
    save_methods(workflow, work, Console())
    for form in ("md", "tex", "html"):
        assert "6" in (work / "logs" / f"methods.{form}").read_text()
    assert "nilearn" in (work / "logs" / "methods.bib").read_text().lower()
    (work / "file").write_text("where the folder should be")
    save_methods(workflow, work / "file", Console())
    assert "could not be written" in capsys.readouterr().out


def test_the_text_keeps_both_levels_with_one_list_of_works(work, capsys):
    levels = {"participant": init_first_level_wf(contrasts=["a-b"], fwhm=6.0),
              "group": init_group_statistics_wf()}  # fmt: skip
    for level in ("group", "participant", "group"):  # whichever comes first or last
        save_methods(levels[level], work, Console(), level=level)
    text = (work / "logs" / "methods.md").read_text()
    assert 0 < text.index("6 mm FWHM") < text.index("bootstrap resamples of participants")
    for of in ("participants", "the group"):
        assert text.count(f"The analysis of {of} was made with fmriprod") == 1
    assert text.count("# Methods") == 1 and text.count("bibliography: methods.bib") == 1
    references = (work / "logs" / "methods.bib").read_text()
    assert references.count("{nilearn,") == references.count("{lme4,") == 1
    assert main(["methods", str(work), "--format", "html"]) == 0
    page = capsys.readouterr().out
    assert "6 mm FWHM" in page and "Satterthwaite" in page and page.count("References") == 1
    (work / "logs" / "methods.html").unlink()  # what is lacking comes back without a step run
    save_methods(levels["participant"], work, Console(), anew=False)
    assert "Satterthwaite" in (work / "logs" / "methods.html").read_text()


def test_the_group_of_a_study_says_that_it_is_one(monkeypatch):
    prepare = "fmriprod.workflows.prepare_group.prepare_members"
    monkeypatch.setattr(prepare, lambda *_: (["member"], []))
    monkeypatch.setattr("fmriprod.workflows.group_parts.why_no_task_mask", lambda *_: "")
    seen = {}
    monkeypatch.setattr(production, "execute_study", lambda *_, **more: seen.update(more) or 0)
    assert production._group(argparse.Namespace(out_dir="out"), argparse.Namespace(study=None),
                             Console()) == 0  # fmt: skip
    assert seen == {"level": "group"}
