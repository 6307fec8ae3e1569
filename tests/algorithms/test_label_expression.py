import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.expression_syntax import names_in
from fmriprod.algorithms.label_expression import BOTH, LEFT, RIGHT, Atom, read_regions
from fmriprod.algorithms.label_table import name_labels, name_surface_labels

TABLE = pd.DataFrame(
    [(1007, "ctx-lh-fusiform"), (2007, "ctx-rh-fusiform"), (1011, "ctx-lh-lateraloccipital"),
     (2011, "ctx-rh-lateraloccipital"), (17, "Left-Hippocampus"), (53, "Right-Hippocampus"),
     (16, "Brain-Stem"), (9, "G & S")],
    columns=["index", "name"],
)  # fmt: skip
NAMES = {
    **name_labels(TABLE),
    **name_surface_labels(["lh.V1_exvivo.label", "rh.V1_exvivo.label", "lh.V2.thresh.label"]),
    "task": (Atom("mask", "task"),),
}
LETTERS = "ABCD"


def atoms_of(text):
    return set(read_regions([f"X = {text}"], NAMES)[0].atoms)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fusiform", {("code", 1007, LEFT), ("code", 2007, RIGHT)}),
        ("ctx-lh-fusiform", {("code", 1007, LEFT)}),
        ("rh.fusiform", {("code", 2007, RIGHT)}),
        ("1007", {("code", 1007, LEFT)}),
        ("4242", {("code", 4242, BOTH)}),
        ("hippocampus", {("code", 17, LEFT), ("code", 53, RIGHT)}),
        ("Hippocampus", {("code", 17, LEFT), ("code", 53, RIGHT)}),
        ("lh.hippocampus", {("code", 17, LEFT)}),
        ("Left-Hippocampus", {("code", 17, LEFT)}),
        ("Brain-Stem", {("code", 16, BOTH)}),
        ("`G & S`", {("code", 9, BOTH)}),
        ("V1_exvivo", {("surface", "lh.V1_exvivo", LEFT), ("surface", "rh.V1_exvivo", RIGHT)}),
        ("lh.V2.thresh", {("surface", "lh.V2.thresh", LEFT)}),
        ("task", {("mask", "task", BOTH)}),
    ],
)
def test_names_mean_labels_of_one_side_or_both(text, expected):
    assert atoms_of(text) == {Atom(*e) for e in expected}


def test_the_name_in_the_table_wins_over_a_shortened_one():
    table = pd.DataFrame(
        [(77, "WM-hypointensities"), (78, "Left-WM-hypointensities")], columns=["index", "name"]
    )
    assert name_labels(table)["WM-hypointensities"] == (Atom("code", 77),)
    sided = table.assign(name=["A", "B"], hemisphere=["L", "R"])
    assert name_labels(sided)["rh.B"] == (Atom("code", 78, RIGHT),)


def texts():
    """Expressions as text, all of it in brackets."""

    def join(parts):
        return st.tuples(parts, st.sampled_from("|&-"), parts).map(
            lambda p: f"({p[0]}) {p[1]} ({p[2]})"
        )

    return st.recursive(st.sampled_from(LETTERS), join, max_leaves=8)


@given(texts(), st.lists(st.sets(st.integers(0, 9)), min_size=4, max_size=4))
def test_an_expression_is_worked_out_as_pythons_sets_do(text, sets):
    names = {n: (Atom("mask", n),) for n in LETTERS}
    region = read_regions([f"R = {text}"], names)[0]
    held = dict(zip(LETTERS, sets, strict=True))

    def value(atom):
        return (np.isin(np.arange(10), list(held[atom.key])) * np.uint8(BOTH))[None]

    found = set(np.flatnonzero(region.evaluate(value)[0]).tolist())
    assert found == eval(text, {}, held)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("A - B - C", "(A - B) - C"),
        ("A | B & C", "A | (B & C)"),
        ("A - B & C", "A - (B & C)"),
        ("A | B - C", "(A | B) - C"),
        ("A - B | C", "(A - B) | C"),
        ("A & B | C & D", "(A & B) | (C & D)"),
        ("A&B|C", "(A & B) | C"),
        ("(A)-(B)", "A - B"),
        ("((A))", "A"),
    ],
)
def test_binding(text, same):
    names = {n: (Atom("mask", n),) for n in LETTERS}
    one, two = read_regions([f"X = {text}", f"Y = {same}"], names)
    assert one.steps == two.steps


def test_earlier_regions_are_used_and_sides_stay_apart():
    v1, loc, both = read_regions(
        ["V1 = V1_exvivo", "LOC = lateraloccipital - V1", "fusiform = fusiform & task"], NAMES
    )
    assert v1.sided and loc.sided and both.sided
    assert not read_regions(["X = fusiform | task"], NAMES)[0].sided
    sides = {
        Atom("code", 1011, LEFT): [1, 1, 0, 0], Atom("code", 2011, RIGHT): [0, 0, 2, 2],
        Atom("surface", "lh.V1_exvivo", LEFT): [1, 0, 1, 0],
        Atom("surface", "rh.V1_exvivo", RIGHT): [0, 2, 0, 2],
    }  # fmt: skip
    found = loc.evaluate(lambda atom: np.uint8(sides[atom])[None])
    # the left V1 is taken from the left LOC only: voxels 1 and 2 stay
    np.testing.assert_array_equal(found, [[0, 1, 2, 0]])


def test_least_and_most_of_what_is_not_known():
    bounds = {"A": [[3, 3, 0], [3, 3, 0]], "task": [[0, 0, 0], [3, 3, 3]]}
    names = {n: (Atom("mask", n),) for n in bounds}
    for text, least, most in [
        ("A & task", [0, 0, 0], [3, 3, 0]),
        ("A - task", [0, 0, 0], [3, 3, 0]),
        ("A | task", [3, 3, 0], [3, 3, 3]),
        ("A - (A - task)", [0, 0, 0], [3, 3, 0]),
    ]:
        region = read_regions([f"X = {text}"], names)[0]
        found = region.evaluate(lambda atom: np.uint8(bounds[atom.key]))
        np.testing.assert_array_equal(found, [least, most], err_msg=text)


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        ("LOC = latraloccipital", "did you mean 'lateraloccipital'?"),
        ("LOC = lateraloccipital-fusiform", "did you mean 'lateraloccipital - fusiform'? A minus"),
        ("LOC = fusiform -task", "'-task': a minus needs a space on both sides"),
        ("LOC = fusiform- task", "'fusiform-': a minus needs a space on both sides"),
        ("LOC = LOC | fusiform", "LOC is made of itself"),
        ("LOC = fusiform fusiform", "'fusiform' where an operator | & - should be"),
        ("LOC = fusiform |", "it ends where a name should be"),
        ("LOC = | fusiform", "'|' where a name should be"),
        ("LOC = ()", "')' where a name should be"),
        ("LOC = (fusiform", "a ( without its )"),
        ("LOC = fusiform)", "a ) without its ("),
        ("LOC = fusiform ^ task", "the character '^'"),
        ("LOC = `fusiform", "the character '`'"),
        ("LOC = fusiform | `|`", "the name `|` has no letter and no digit"),
        ("LOC = __import__('os')", "'(' where an operator | & - should be"),
        ("LOC fusiform", "write NAME = EXPRESSION"),
        ("LOC =", "write NAME = EXPRESSION"),
        ("../x = fusiform", "the name '../x'"),
        ("12 = fusiform", "the name '12'"),
        ("task = fusiform", "'task' twice"),
        ("X = quite_other", "known are, among others: fusiform"),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_to_do(definition, message):
    with pytest.raises(InputError) as error:
        read_regions([definition], NAMES)
    assert message in str(error.value)


def test_circles_later_regions_and_twins_are_told_apart():
    with pytest.raises(InputError) as error:
        read_regions(["A = B & task", "B = C | task", "C = A", "a = task", "E = F", "F = task"],
                     NAMES)  # fmt: skip
    text = str(error.value)
    assert "A needs B needs C needs A: they go in a circle" in text
    assert "F is defined further down: move it up" in text
    assert "'a' twice" in text and "mend all of these" in text


@settings(max_examples=500)
@given(st.lists(st.sampled_from([*"AB|&-() `.\n=x1", "A | B", "`-`", " - "]), max_size=12))
def test_any_text_is_read_or_refused(parts):
    names = {n: (Atom("mask", n),) for n in "AB"}
    try:
        region = read_regions(["R = " + "".join(parts)], names)[0]
    except InputError:
        return
    assert region.evaluate(lambda atom: np.uint8([[3]])).shape == (1, 1)


def test_depth_does_not_matter():
    text = "(" * 5000 + "task" + ")" * 5000
    assert read_regions([f"X = {text}"], NAMES)[0].steps == (NAMES["task"],)
    assert names_in("A - `b c` & (") == []


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"index": [1], "label": ["A"]}, "no name; columns index, label"),
        ({"index": [1, 1.5], "name": ["A", "B"]}, "none in line 3"),
        ({"index": [1, 2], "name": ["A", None]}, "none in line 3"),
        ({"index": ["x"], "name": ["A"]}, "none in line 2"),
    ],
)
def test_tables_that_are_none_are_refused(table, message):
    with pytest.raises(InputError, match=message):
        name_labels(pd.DataFrame(table))
    with pytest.raises(InputError, match=r"begins with lh. or rh."):
        name_surface_labels(["V1.label"])
