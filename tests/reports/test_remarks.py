"""Remarks on the first screen: the gravest first, and silence is no praise of nothing."""

from fmriprod.reports.page import Notice
from fmriprod.reports.remarks import FINE, lead_remarks

LOST = {"peak": {"ok": False}, "mask": {"ok": True}, "motion": {}}


def test_the_gravest_come_first_and_equals_stay_in_order():
    levels = ["info", "problem", "good", "warning", "problem"]
    found = lead_remarks([Notice(str(i), v) for i, v in enumerate(levels)], {}, judged=True)
    assert [n.text for n in found] == ["1", "4", "3", "0", "2"]


def test_what_was_planted_and_not_found_is_a_problem():
    found = lead_remarks([Notice("a", "info")], LOST, judged=False)
    assert [(n.level, n.text) for n in found] == [
        ("problem", "Not as planted: peak; motion."), ("info", "a"),
    ]  # fmt: skip


def test_nothing_stands_out_only_where_there_are_numbers():
    assert lead_remarks([], {"mask": {"ok": True}}, judged=True) == [FINE]
    assert lead_remarks([], {}, judged=False) == []
