import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from fmriprod.algorithms.joint_histogram import JointHistogram, normalised_information


def test_information_of_known_tables():
    assert normalised_information(np.eye(5)) == pytest.approx(2)
    assert normalised_information(np.outer([1, 2, 3], [4, 5])) == pytest.approx(1)
    assert normalised_information(np.array([[7.0]])) == 1


def test_information_agrees_with_scikit_learn(rng):
    counts = rng.integers(1, 50, (6, 4))
    a, b = np.repeat(np.arange(6), counts.sum(axis=1)), np.concatenate(
        [np.repeat(np.arange(4), row) for row in counts]
    )  # fmt: skip
    entropies = mutual_info_score(a, a), mutual_info_score(b, b)
    joint = sum(entropies) - mutual_info_score(a, b)
    assert normalised_information(counts) == pytest.approx(sum(entropies) / joint)


def test_counts_are_of_all_points_and_overlap_of_those_inside(rng):
    image = rng.uniform(size=(12, 12, 12)).astype(np.float32)
    mask = np.zeros((12, 12, 12), bool)
    mask[2:10, 2:10, 2:10] = True
    match = JointHistogram(image, np.eye(4), image, np.eye(4), mask, 10_000)
    shift = np.eye(4)
    shift[0, 3] = 6  # half of the points leave
    assert match.overlap(np.eye(4)) == 1 and match.overlap(shift) == 0.5
    assert match.counts(np.eye(4)).sum() == pytest.approx(512, rel=0.1)
    assert normalised_information(match.counts(np.eye(4))) > 1.3
    assert normalised_information(match.counts(shift)) < 1.15
