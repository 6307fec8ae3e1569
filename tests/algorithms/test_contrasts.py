import hypothesis.strategies as st
import pytest
from hypothesis import given

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.contrasts import label, parse_contrasts

CONDITIONS = ["face", "house", "body", "item1", "item2", "2bk_body", "face left", "1"]


def weights(text):
    return parse_contrasts([text], CONDITIONS)[0].weights


def message(*texts, conditions=CONDITIONS):
    with pytest.raises(InputError) as caught:
        parse_contrasts(texts, conditions)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("face", {"face": 1}),
        ("face-house", {"face": 1, "house": -1}),
        ("items = 0.5*item1+.5*item2", {"item1": 0.5, "item2": 0.5}),
        ("(face+body)/2 - house", {"face": 0.5, "body": 0.5, "house": -1}),
        ("face*2/4 - -(house)", {"face": 0.5, "house": 1}),
        ("-(face - (body + house))", {"face": -1, "body": 1, "house": 1}),
        ("2*(face-0.5*(house+body))", {"face": 2, "house": -1, "body": -1}),
        ("2bk_body - `face left`", {"2bk_body": 1, "face left": -1}),
        ("face left", {"face left": 1}),
        ("1", {"1": 1}),
        ("`1` - face", {"1": 1, "face": -1}),
        ("face + house - house", {"face": 1}),
    ],
)
def test_expressions(text, expected):
    assert weights(text) == pytest.approx(expected)


numbers = st.floats(-8, 8).filter(lambda x: abs(x) > 1e-3).map(lambda x: float(f"{x:.4f}"))
leaves = st.sampled_from(["face", "house", "body"]).map(lambda n: (n, {n: 1.0}))


def combine(children):
    def add(pair):
        (a, wa), (b, wb) = pair
        return f"({a}) - {b}", {n: wa.get(n, 0) - wb.get(n, 0) for n in ("face", "house", "body")}

    def scale(pair):
        (a, wa), number = pair
        return f"{number:.4f}*({a})", {n: number * w for n, w in wa.items()}

    left = children.map(lambda c: (f"({c[0]})", c[1]))
    return st.one_of(st.tuples(children, left).map(add), st.tuples(children, numbers).map(scale))


@given(st.recursive(leaves, combine, max_leaves=8))
def test_any_expression_has_the_weights_that_it_was_built_from(pair):
    text, expected = pair
    kept = {n: w for n, w in expected.items() if abs(w) > 1e-9}
    if kept and all(abs(w) > 1e-6 for w in kept.values()):
        assert weights(text) == pytest.approx(kept, rel=1e-6)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("face-hosue", "'face-hosue': no condition 'hosue'"),
        ("face-face", "no condition is left: all weights are zero"),
        ("face-1", "a constant -1 that multiplies no condition"),
        ("face*house", "may only be multiplied or divided by numbers"),
        ("1/face", "may only be multiplied or divided by numbers"),
        ("face/0", "a division by zero"),
        ("(face", "a parenthesis is not closed"),
        ("face)", "unexpected ')'"),
        ("face house", "unexpected 'house'"),
        ("face$", "unexpected '$'"),
        ("face-", "the expression ends too early"),
        ("", "the expression ends too early"),
        ("= face", "a name without letters or digits"),
        ("__import__('os')", "unexpected"),
    ],
)
def test_what_cannot_be_read_is_refused(text, part):
    assert part in message(text)


def test_a_misspelling_is_recognised_and_all_conditions_are_listed():
    text = message("face-hosue", conditions=["face", "house"])
    assert "did you mean 'house'? known: face, house" in text and "backquotes" not in text
    assert "written in backquotes" in message("face-hosue")


@pytest.mark.parametrize(
    "texts",
    [
        ("face-house", "face - house"),
        ("(face+body)/2", "face+body/2"),
        ("Face=face", "face=house"),
    ],
)
def test_contrasts_whose_file_names_collide_are_refused(texts):
    text = message(*texts)
    assert "all become" in text and "'name=expression'" in text


def test_names_keep_their_order():
    specs = parse_contrasts(["house", "a=face", "face-house"], CONDITIONS)
    assert [s.name for s in specs] == ["house", "a", "faceMinusHouse"]
    assert [s.expression for s in specs] == ["house", "a=face", "face-house"]


@given(st.text(max_size=30))
def test_labels_are_letters_and_digits_only(text):
    assert label(text) == "" or label(text).isalnum()
