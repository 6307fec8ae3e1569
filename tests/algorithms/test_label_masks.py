"""Masks of regions on a grid, against a slow loop over the points of every voxel."""

import itertools

import numpy as np
import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.label_expression import LEFT, RIGHT, Atom, read_regions
from fmriprod.algorithms.label_masks import (
    check_codes,
    count_codes,
    label_masks,
    region_counts,
    union,
)
from fmriprod.algorithms.transforms import rigid_matrix

NAMES = {
    "A": (Atom("code", 1, LEFT), Atom("code", 11, RIGHT)),
    "B": (Atom("code", 2, LEFT), Atom("code", 12, RIGHT)),
    "V": (Atom("surface", "lh.V", LEFT),),
    "task": (Atom("mask", "task"),),
}
TEXTS = ["AB = A | B", "W = A - V", "T = AB & task", "N = B - task"]
AFFINE = np.diag([1.0, 1.1, 0.9, 1])
GRID = rigid_matrix([-1, -1, 0.3, 0.1, -0.05, 0.2]) @ np.diag([2.1, 1.9, 2.0, 1])
SHAPE = (7, 8, 7)


@pytest.fixture
def labels(rng):
    small = rng.choice([0, 1, 2, 11, 12, 5], (6, 6, 6))
    return np.kron(small, np.ones((2, 2, 2), int)).astype(np.int32)


def at(text, side, v, task, label):
    """Work the four regions out at one point, one side at a time, by hand."""
    a, b = label == (1 if side == LEFT else 11), label == (2 if side == LEFT else 12)
    v = v and side == LEFT
    return {"AB": a or b, "W": a and not v, "T": (a or b) and task, "N": b and not task}[text]


@pytest.mark.parametrize(("n_points", "fraction"), [(1, 0.5), (2, 0.5), (3, 0.3), (2, 1.0)])
def test_every_voxel_is_what_its_points_say(labels, rng, n_points, fraction):
    v, task = rng.random((2, *SHAPE)) < 0.5
    given = {NAMES["V"][0]: v, NAMES["task"][0]: task}
    transform = rigid_matrix([0.4, 0.2, -0.3, 0.02, 0.1, 0])
    found = label_masks(
        labels, AFFINE, read_regions(TEXTS, NAMES), SHAPE, GRID, transform, given=given,
        n_points=n_points, min_fraction=fraction,
    )  # fmt: skip
    to = np.linalg.inv(AFFINE) @ transform @ GRID
    offsets = [(2 * i + 1 - n_points) / (2 * n_points) for i in range(n_points)]
    for text, mask in found.items():
        slow, left = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
        for voxel in itertools.product(*map(range, SHAPE)):
            hits = {LEFT: 0, RIGHT: 0}
            for offset in itertools.product(offsets, repeat=3):
                place = np.rint((to @ [*np.add(voxel, offset), 1])[:3]).astype(int)
                inside = (place >= 0).all() and (place < labels.shape).all()
                label = labels[tuple(place)] if inside else 0
                for side in hits:
                    hits[side] += at(text, side, v[voxel], task[voxel], label)
            slow[voxel] = sum(hits.values()) >= max(fraction * n_points**3 - 1e-9, 1)
            left[voxel] = slow[voxel] and hits[LEFT] and hits[LEFT] >= hits[RIGHT]
        np.testing.assert_array_equal(mask.mask, slow, err_msg=text)
        assert mask.left.sum() == left.sum() and slow.sum() > 3
        assert (mask.left | mask.right)[mask.chosen].all()


def test_the_union_is_what_regions_can_have_whatever_the_task_mask_is(labels, rng):
    regions = read_regions([*TEXTS, "only = V & task"], NAMES)
    v = rng.random(SHAPE) < 0.3
    args = (labels, AFFINE, regions, SHAPE, GRID)
    given = {NAMES["V"][0]: v}
    free = label_masks(*args, given=given, unknown=["task"])
    ab, w = free["AB"].mask, free["W"].mask
    np.testing.assert_array_equal(union(free), ab | w | v)
    assert not free["T"].chosen.any()  # nothing is known of it
    for _ in range(3):
        task = rng.random(SHAPE) < 0.5
        known = label_masks(
            *args, given={**given, NAMES["task"][0]: task}, unknown=["task"], n_points=2
        )
        for mask in known.values():
            assert (mask.chosen <= mask.most).all()
        np.testing.assert_array_equal(known["T"].mask, known["AB"].mask & task)
    alone = label_masks(*args[:2], read_regions(["X = task"], NAMES), *args[3:], unknown=["task"])
    assert union(alone).all()


def test_loc_without_v1_is_the_same_by_side_and_as_a_whole(labels, rng):
    """As long as no voxel of the left V1 is in the right LOC, as in a brain."""
    middle = rng.random(labels.shape) < 0.4
    v = {side: middle & np.isin(labels, codes) for side, codes in
         ((LEFT, (1, 2, 0)), (RIGHT, (11, 12, 0)))}  # fmt: skip
    names = {**NAMES, "V": (Atom("surface", "lh.V", LEFT), Atom("surface", "rh.V", RIGHT))}
    given = dict(zip(names["V"], v.values(), strict=True))
    found = label_masks(
        labels, AFFINE, read_regions(["LOC = A - V"], names), labels.shape, AFFINE, given=given
    )
    whole = np.isin(labels, (1, 11)) & ~(v[LEFT] | v[RIGHT])
    by_side = ((labels == 1) & ~v[LEFT]) | ((labels == 11) & ~v[RIGHT])
    np.testing.assert_array_equal(whole, by_side)
    np.testing.assert_array_equal(found["LOC"].mask, whole)


@pytest.mark.parametrize("shift", [0, -7, 1 << 21])
def test_codes_of_any_size_are_counted_and_found(labels, shift):
    labels = np.where(labels == 0, 0, labels + shift)
    counts = count_codes(labels)
    assert counts == {1 * c + shift: (labels == c + shift).sum() for c in (1, 2, 5, 11, 12)}
    names = {"A": (Atom("code", 1 + shift, LEFT), Atom("code", 11 + shift, RIGHT))}
    region = read_regions(["X = A"], names)[0]
    assert sum(region_counts(counts, region).values()) == (np.isin(labels - shift, (1, 11))).sum()
    found = label_masks(labels, AFFINE, [region], labels.shape, AFFINE)["X"].mask
    np.testing.assert_array_equal(found, np.isin(labels - shift, (1, 11)))


def test_codes_that_the_image_lacks_are_named(labels):
    names = {"F": (Atom("code", 1032, LEFT),), "A": NAMES["A"]}
    with pytest.raises(InputError) as error:
        check_codes(count_codes(labels), read_regions(["X = A | F", "Y = 77"], names),
                    {1032: "frontalpole"})  # fmt: skip
    text = str(error.value)
    assert "X = A | F: 1032 (frontalpole); Y = 77: 77 (no name)" in text
    assert "it has" not in text and "the image has 5 labels: 1, 2, 5, 11, 12" in text
