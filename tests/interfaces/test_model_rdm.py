"""Models of dissimilarity from codes, tables and matrices."""

import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import squareform

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.model_codes import DIGITS_AND_OBJECTS, HUMAN_CODES, human_code
from fmriprod.interfaces.model_rdm import ModelRDM
from fmriprod.interfaces.rdm_file import read_rdms

NAMES = ["01", "02", "03"]


def run(**inputs):
    outputs = ModelRDM(**inputs).run().outputs
    return read_rdms(outputs.rdm_file)


def tsv(path, columns):
    pd.DataFrame(columns).to_csv(path, sep="\t", index=False)
    return str(path)


def matrix_csv(path, values, rows=NAMES, columns=None):
    table = pd.DataFrame(squareform(values), index=rows, columns=columns or rows)
    table.to_csv(path)
    return str(path)


def test_published_codes_in_a_node(work):
    node = pe.Node(ModelRDM(codes=list(HUMAN_CODES)), name="codes", base_dir=str(work))
    outputs = node.run().outputs
    rdms = read_rdms(outputs.rdm_file)
    assert rdms.distance == "code" and rdms.conditions == list(DIGITS_AND_OBJECTS)
    assert rdms.names == outputs.names == list(HUMAN_CODES) and outputs.n_models == 5
    assert rdms.dissimilarities.sum(axis=1).tolist() == [45, 15, 60, 9, 9]


def test_codes_go_by_the_names_of_conditions(work):
    order = sorted(DIGITS_AND_OBJECTS)
    rdms = run(codes=["animacy"], conditions=order, names=["alive"])
    np.testing.assert_array_equal(rdms.dissimilarities[0], human_code("animacy", order))
    assert rdms.names == ["alive"]


def test_all_sources_together_in_one_order(work):
    pairs = {"condition_1": ["02"], "condition_2": ["01"], "expected": ["alike"]}
    features = {"condition": ["03", "01", "02"], "size": [5, 1, 2], "kind": ["a", "b", "a"]}
    rdms = run(
        conditions=NAMES,
        pairs_files=[tsv("same.tsv", pairs)],
        features_file=tsv("features.tsv", features),
        matrix_files=[matrix_csv("measured.csv", [1.0, 2, 3], ["03", "02", "01"])],
    )
    assert rdms.names == ["same", "size", "kind", "measured"] and rdms.conditions == NAMES
    expected = [[0, 1, 1], [0.25, 1, 0.75], [1, 1, 0], [3, 2, 1]]
    np.testing.assert_allclose(rdms.dissimilarities, expected)


def test_conditions_are_those_of_the_first_table(work):
    pairs = {"condition_1": ["b", "c"], "condition_2": ["a", "a"], "expected": ["unlike"] * 2}
    rdms = run(pairs_files=[tsv("pairs.tsv", pairs)])
    assert rdms.conditions == ["b", "a", "c"]
    assert rdms.dissimilarities.tolist() == [[1, 0, 1]]


def test_features_can_be_combined(work):
    features = {"condition": NAMES, "size": [1, 2, 5], "kind": ["a", "b", "a"], "other": [3, 2, 1]}
    path = tsv("features.tsv", features)
    rdms = run(features_file=path, columns=["size", "kind"], combined="both")
    assert rdms.names == ["both"]
    np.testing.assert_allclose(rdms.dissimilarities, [[0.625, 0.5, 0.875]])


def test_matrices_without_names(work):
    np.save("square.npy", squareform([1.0, 2, 3]) + np.eye(3))
    np.save("pairs.npy", np.array([4.0, 5, 6]))
    rdms = run(conditions=NAMES, matrix_files=["square.npy", "pairs.npy"])
    assert rdms.dissimilarities.tolist() == [[1, 2, 3], [4, 5, 6]]


def test_cross_validated_matrices_may_be_negative(work):
    path = matrix_csv("cv.csv", [1.0, -2, 3])
    assert run(matrix_files=[path], distances=False).dissimilarities.tolist() == [[1, -2, 3]]
    with pytest.raises(InputError, match=r"(?s)cv\.csv.*1 of 3 pairs below 0 \(least -2"):
        run(matrix_files=[path])


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, r"(?s)codes, pairs_files, features_file or matrix_files.*none"),
        ({"codes": ["digit"], "conditions": NAMES}, "(?s)published codes are for.*lacking: 'zero'"),
        ({"conditions": ["a", "b", "a"], "codes": ["digit"]}, "'a' more than once"),
        ({"conditions": ["a", "b"], "codes": ["digit"]}, "at least 3 conditions"),
        ({"matrix_files": ["asymmetric.csv"]}, r"(?s)asymmetric\.csv.*symmetric matrix.*9 in row"),
        ({"matrix_files": ["twice.csv"]}, r"(?s)twice\.csv.*'01' more than once"),
        ({"matrix_files": ["two.csv"]}, r"(?s)two\.csv.*at least 3 conditions"),
        ({"matrix_files": ["other.csv"]}, r"(?s)other names .*'01' and 'x'"),
        ({"matrix_files": ["words.csv"]}, r"(?s)words\.csv.*matrix of numbers.*could not convert"),
        ({"matrix_files": ["good.csv"], "conditions": [*NAMES, "04"]}, "lacking: '04'"),
        ({"matrix_files": ["good.csv"], "conditions": ["01", "02", "x"]}, "lacking: 'x'"),
        ({"matrix_files": ["good.csv", "four.csv"]}, r"(?s)four\.csv.*lacking: '04'"),
        ({"matrix_files": ["flat.csv"]}, r"(?s)models.*'flat' 2 for all pairs"),
        ({"matrix_files": ["holes.csv"]}, r"(?s)models.*'holes' with NaN"),
        ({"matrix_files": ["good.npy"]}, "names of conditions, which a .npy file does not hold"),
        ({"matrix_files": ["good.npy"], "conditions": list("abcd")}, r"(?s)shape \(3, 3\).*4 x 4"),
        ({"matrix_files": ["words.npy"], "conditions": NAMES}, "(?s)matrix of numbers.*type <U1"),
        ({"pairs_files": ["features.tsv"]}, "(?s)columns condition_1, condition_2, expected.*size"),
        ({"features_file": "pairs.tsv"}, "(?s)columns condition.*condition_1"),
        ({"features_file": "features.tsv", "columns": ["siz"]}, "(?s)features of.*mean 'size'"),
        ({"features_file": "features.tsv"}, r"(?s)features\.tsv.*'hole' for each.*1 lacking"),
        ({"matrix_files": ["good.csv"], "names": ["a", "b"]}, "(?s)each of 1 models.*a, b"),
        ({"matrix_files": ["good.csv", "good.csv"]}, "(?s)different name for each of 2 models"),
    ],
)  # fmt: skip
def test_bad_input(work, inputs, message):
    matrix_csv("good.csv", [1.0, 2, 3])
    matrix_csv("flat.csv", [2.0, 2, 2])
    matrix_csv("holes.csv", [2.0, np.nan, 3])
    matrix_csv("twice.csv", [1.0, 2, 3], ["01", "01", "02"])
    matrix_csv("other.csv", [1.0, 2, 3], NAMES, ["x", "02", "03"])
    matrix_csv("two.csv", [1.0], ["a", "b"])
    matrix_csv("four.csv", np.arange(6.0), [*NAMES, "04"])
    asymmetric = pd.DataFrame([[0, 1, 2], [1, 0, 3], [9, 3, 0]], index=NAMES, columns=NAMES)
    asymmetric.to_csv("asymmetric.csv")
    pd.DataFrame([["a"] * 3] * 3, index=NAMES, columns=NAMES).to_csv("words.csv")
    np.save("good.npy", squareform([1.0, 2, 3]))
    np.save("words.npy", np.full((3, 3), "a"))
    tsv("pairs.tsv", {"condition_1": ["b"], "condition_2": ["a"], "expected": ["alike"]})
    tsv("features.tsv", {"condition": NAMES, "size": [1, 2, 3], "hole": ["a", "n/a", "b"]})
    with pytest.raises(InputError, match=message):
        run(**inputs)
