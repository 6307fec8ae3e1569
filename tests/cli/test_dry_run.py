"""What ``--dry-run`` says of the steps that would run."""

from fmriprod.cli.dry_run import summary_lines
from fmriprod.workflows.cache_plan import ALWAYS, DEPENDS, RUNS, UP_TO_DATE, Step


def steps(label, *verdicts, reason="never run"):
    return [
        Step(f"wf.sub_{label}_wf.part_wf.n{i}", v, (reason,) if v == RUNS else ())
        for i, v in enumerate(verdicts)
    ]


def test_participants_with_nothing_yet_share_a_line():
    listed = [s for label in ("01", "02") for s in steps(label, RUNS, DEPENDS, ALWAYS)]
    assert summary_lines(listed) == ["sub-01, sub-02: nothing has run yet, 3 steps"]


def test_many_participants_are_counted():
    listed = [s for label in "123456" for s in steps(label, RUNS)]
    (line,) = summary_lines(listed)
    assert line == "sub-1, sub-2, sub-3 and 3 more: nothing has run yet, 1 step"


def test_all_up_to_date():
    (line,) = summary_lines(steps("01", UP_TO_DATE, UP_TO_DATE, ALWAYS))
    assert line == "sub-01: all is up to date, 2 steps; 1 step only save, and always look"


def test_reasons_are_told_with_their_steps():
    listed = steps("01", UP_TO_DATE, RUNS, RUNS, DEPENDS, reason="fwhm: 5 -> 6")
    listed += [Step("wf.sub_01_wf.last", RUNS, ("seed: 0 -> 1",))]
    assert summary_lines(listed) == [
        "sub-01: 3 steps to run, up to 1 more because of that, 1 step up to date",
        "    part: n1, part: n2: fwhm: 5 -> 6",
        "    last: seed: 0 -> 1",
    ]


def test_steps_of_the_group_are_the_group_s():
    assert summary_lines([Step("group_wf.x", UP_TO_DATE)]) == ["group: all is up to date, 1 step"]
