from dataclasses import fields, replace
from itertools import pairwise

import numpy as np
import pytest
from nilearn.datasets import load_mni152_template
from scipy.ndimage import map_coordinates

from fmriprod.algorithms.phantom import make_head
from fmriprod.algorithms.schedule import OBJECTS, response_courses, slice_times
from fmriprod.algorithms.score import place_region
from fmriprod.algorithms.simulate import acquire
from fmriprod.algorithms.simulate_effects import COUPLING, EARLY, LATE, REGION_EFFECTS, RegionEffect
from fmriprod.algorithms.simulate_expected import CONNECTED, coupled
from fmriprod.algorithms.simulate_production import make_production_participant, make_template
from fmriprod.algorithms.simulate_production_runs import (
    TR,
    coupling_courses,
    plan_drawing,
    plan_recognition,
    simulate_drawing,
    simulate_recognition,
)
from fmriprod.algorithms.transforms import rigid_matrix

GRID = {"bold_shape": (26, 30, 25), "bold_zoom": 7.0}
PAIR = ("bench", "table")
STILL = {"tsnr": np.inf, "motion": 0.0, "shift": 0.0}
NOTHING = [name for name, effect in REGION_EFFECTS.items() if effect == RegionEffect()]


@pytest.fixture(scope="module")
def template():
    image = load_mni152_template(resolution=3)
    return make_template(np.asarray(image.dataobj), image.affine, subdivisions=4)


@pytest.fixture(scope="module")
def person(template):
    return make_production_participant(template, PAIR, seed=(5, 0), **GRID)


@pytest.fixture(scope="module")
def there(person):
    """Regions on the grid of the scans, where the head lies still."""
    grid = (person.bold_shape, person.bold_affine, rigid_matrix(person.offset, person.centre))
    return {k: place_region(m, person.t1w_affine, *grid) for k, m in person.regions.items()}


def courses_of(person, events, names, seed):
    """Time courses as they were planted: the gains of the trials are the first draw."""
    n_volumes = 308 if len(events) == 10 else 240
    gains = 1 + 0.2 * np.random.default_rng(seed).standard_normal(len(events))
    within = slice_times(person.bold_shape[2], TR)
    times = np.arange(n_volumes)[:, None] * TR + within
    return response_courses(events, names, times, gains=gains), times


def fitted(series, courses):
    """Fit a constant and the courses by least squares, slice by slice."""
    betas = np.zeros((len(courses), *series.shape[:3]))
    for k in range(series.shape[2]):
        design = np.column_stack([np.ones(series.shape[3]), courses[:, :, k].T])
        flat = series[:, :, k].reshape(-1, series.shape[3]).T
        betas[:, :, :, k] = np.linalg.lstsq(design, flat)[0][1:].reshape(-1, *series.shape[:2])
    return betas


def sampled(image, person):
    """What a scanner voxel sees of an image of the head that lies still."""
    pose = rigid_matrix(person.offset, person.centre)[None]
    empty = np.zeros((0, *image.shape), np.float32)
    courses = np.zeros((0, 1, person.bold_shape[2]))
    grid = (person.bold_shape, person.bold_affine)
    one = acquire(image, person.t1w_affine, *grid, pose, changes=empty, courses=courses)
    return one[..., 0]


def test_the_plans_hold_the_facts_of_the_study(rng):
    events = plan_recognition(rng)
    assert len(events) == 80
    assert events["trial_type"].value_counts().to_dict() == dict.fromkeys(OBJECTS, 20)
    assert events["onset"].iloc[0] == 12.0 and events["onset"].max() <= 348
    steps = (events["onset"].diff().dropna() / TR).round(6)
    np.testing.assert_allclose([(steps == n).mean() for n in (2, 3, 4)], [0.4, 0.4, 0.2], atol=0.01)
    drawn = plan_drawing(PAIR, rng)
    assert drawn["onset"].tolist() == [12.0 + 45 * i for i in range(10)]
    assert set(drawn["duration"]) == {23 * TR}
    order = drawn["trial_type"].tolist()
    assert set(order) == set(PAIR) and all(a != b for a, b in pairwise(order))


def test_regions_are_those_of_the_study_and_large_enough(person, there):
    assert set(person.regions) == set(REGION_EFFECTS)
    assert not (person.regions["LOC"] & (person.regions["V1"] | person.regions["V2"])).any()
    ml = {name: mask.sum() * 27 / 1000 for name, mask in person.regions.items()}
    assert ml["V1"] > 60 * 0.125 and ml["hipp"] > 25 * 0.125  # voxels of 5 mm
    assert there["hipp"].sum() >= 8
    for name, mask in person.regions.items():
        assert person.brain_mask[mask].mean() > 0.99, name


def test_nothing_at_all_is_planted_where_nothing_shall_be(person):
    for name in NOTHING:
        for images in person.maps.values():
            assert not images[:, person.regions[name]].any(), name
    assert "hipp" in NOTHING and len(NOTHING) == 5


def test_no_voxel_is_planted_twice_and_each_in_its_region(person):
    assert np.sum(list(person.planted.values()), axis=0).max() == 1
    for name, mask in person.planted.items():
        assert mask.any() and not (mask & ~person.regions[name]).any()


@pytest.fixture(scope="module")
def plain(template):
    """A person with responses, but with nothing that tells objects apart."""
    return make_production_participant(
        template, PAIR, seed=(5, 0), pattern=0.0, connectivity=0.0, **GRID
    )


@pytest.mark.parametrize("name", ["V1", "V2", "LOC", "fusiform"])
def test_patterns_have_the_strengths_that_are_told(person, plain, name):
    """Closed form on the maps, the spread between persons taken out by their ratio."""
    mask, effect = person.planted[name], REGION_EFFECTS[name]
    signal = person.signal[mask]
    seen = person.maps["seen"][:, mask] / signal
    np.testing.assert_allclose(seen.mean(axis=0), effect.seen, rtol=1e-4)
    own = seen - effect.seen
    spread = own.std() / effect.pattern
    assert 0.5 < spread < 2
    drawn = person.maps["drawn"][:, mask] / signal
    one, two = (own[OBJECTS.index(label)] for label in PAIR)
    design = np.column_stack([np.ones(len(one)), one, two])
    first, second = (np.linalg.lstsq(design, image)[0] for image in drawn)
    np.testing.assert_allclose(first[0], effect.drawn, atol=1e-6)
    np.testing.assert_allclose(first[1:], second[:0:-1], rtol=1e-3)
    assert first[1] > 0 > first[2]
    assert first[2] / first[1] == pytest.approx(effect.foil / effect.target, rel=1e-3)
    assert not plain.maps["coupled"].any()
    assert plain.maps["seen"][:, mask].std(axis=0).max() < 1e-6


def test_seen_objects_are_measured_back_from_a_run_without_noise(person, there):
    events = plan_recognition(np.random.default_rng(3))
    run = simulate_recognition(person, events, seed=(8,), **STILL)
    courses, _ = courses_of(person, events, OBJECTS, (8,))
    betas = fitted(run.series.astype(float), courses)
    for beta, image in zip(betas, person.maps["seen"], strict=True):
        np.testing.assert_allclose(beta, sampled(image, person), atol=0.02)
    own = betas - betas.mean(axis=0)
    assert own[:, there["V1"]].std() > 20 * own[:, there["hipp"]].std()
    assert np.abs(betas[:, there["hipp"]]).max() < 0.01


def test_target_and_foil_are_measured_back_from_drawing_without_noise(template):
    """With coupling off, what is left is the drawn maps times their courses."""
    person = make_production_participant(template, PAIR, seed=(5, 0), connectivity=0.0, **GRID)
    events = plan_drawing(PAIR, np.random.default_rng(4))
    run = simulate_drawing(person, events, late=True, seed=(9,), **STILL)
    courses, _ = courses_of(person, events, PAIR, (9,))
    betas = fitted(run.series.astype(float), courses)
    for beta, image in zip(betas, person.maps["drawn"], strict=True):
        np.testing.assert_allclose(beta, sampled(image, person), atol=0.02)
    grid = (person.bold_shape, person.bold_affine, rigid_matrix(person.offset, person.centre))
    strength = {}
    for name in ("V1", "parietal", "precentral", "hipp"):
        mask = place_region(person.regions[name], person.t1w_affine, *grid)
        strength[name] = betas.mean(axis=0)[mask].mean()
    assert min(strength["V1"], strength["parietal"], strength["precentral"]) > 2
    assert abs(strength["hipp"]) < 0.01


def test_coupling_lives_in_the_windows_of_its_object():
    events = plan_drawing(PAIR, np.random.default_rng(4))
    times = np.arange(308)[:, None] * TR + np.zeros((1, 2))
    courses = coupling_courses(events, PAIR, times, np.random.default_rng(1))
    assert courses.shape == (4, 308, 2)
    outside = np.ones(308, bool)
    for onset, label in events[["onset", "trial_type"]].itertuples(index=False):
        window = slice(int(onset / TR) + 3, int(onset / TR) + 26)
        outside[window] = False
        mine = [len(COUPLING) * PAIR.index(label) + k for k in range(len(COUPLING))]
        inside = courses[:, window, 0]
        np.testing.assert_allclose(inside[mine].mean(axis=1), 0, atol=1e-9)
        np.testing.assert_allclose(inside[mine].std(axis=1), 1, rtol=1e-9)
        assert not np.delete(inside, mine, axis=0).any()
    assert not courses[:, outside].any()


def test_pairs_of_regions_share_fluctuations_as_told(person):
    """Largest product of patterns over the fluctuations; regions without one in common have 0."""
    for one in CONNECTED:
        for two in CONNECTED:
            if one == two:
                continue
            sizes = [
                [np.abs(image[person.planted[name]]).max() for image in person.maps["coupled"]]
                for name in (one, two)
            ]
            assert (np.max(np.prod(sizes, axis=0)) > 0) == coupled(one, two)
    v1 = person.maps["coupled"][:, person.planted["V1"]]
    assert np.abs(np.corrcoef(v1)[np.triu_indices(4, 1)]).max() < 0.4


def test_coupling_is_stronger_in_late_runs(person):
    """The same seed gives the same run but for the strength; differences are the coupling."""
    events = plan_drawing(PAIR, np.random.default_rng(4))
    none = replace(person, maps=person.maps | {"coupled": 0 * person.maps["coupled"]})
    run = {
        (who, late): simulate_drawing(p, events, late=late, seed=(9,), **STILL).series
        for who, p in (("with", person), ("without", none))
        for late in (False, True)
    }
    added = [run["with", late] - run["without", late] for late in (False, True)]
    assert added[0].std() > 0
    assert added[1].std() / added[0].std() == pytest.approx(LATE / EARLY, rel=1e-3)


def test_surfaces_lie_in_the_head_where_they_lie_in_the_template(template, person):
    """Back from the head to MNI space by the head's own field, made again from the seed."""
    seed = int(np.random.default_rng((5, 0)).integers(2**31))
    zooms = np.linalg.norm(template.affine[:3, :3], axis=0)
    head = make_head(template.brain, zooms, seed=seed, warp=1.5)
    np.testing.assert_array_equal(head.t1w, person.t1w)
    to_voxel = np.linalg.inv(person.t1w_affine)
    for side, surface in person.surfaces.items():
        for name in ("white", "pial"):
            points = getattr(surface, name)
            places = points @ to_voxel[:3, :3].T + to_voxel[:3, 3]
            voxels = [map_coordinates(f, places.T, order=1) for f in head.template_voxels]
            mni = np.column_stack(voxels) @ template.affine[:3, :3].T + template.affine[:3, 3]
            np.testing.assert_allclose(mni, getattr(template.surfaces[side], name), atol=0.1)


def test_responses_follow_a_small_motion_to_first_order(person):
    """Against sampling anew: most of what the motion changes is there."""
    steps = np.random.default_rng(0).normal(0, 0.15, (6, 6)) / [1, 1, 1, 50, 50, 50]
    pose = rigid_matrix(person.offset + steps, person.centre)
    image = person.maps["seen"][:1]
    courses = np.ones((1, 6, person.bold_shape[2]), np.float32)
    head = (np.zeros_like(person.signal), person.t1w_affine, person.bold_shape, person.bold_affine)
    anew, linear = (
        acquire(*head, pose, changes=image, courses=courses, exact=e) for e in (True, False)
    )
    moved = (anew - sampled(image[0], person)[..., None]).std()
    assert (anew - linear).std() < 0.15 * moved
    assert moved < 0.1 * anew.std()


def test_the_same_seed_gives_the_same_person_and_run(template, person):
    again = make_production_participant(template, PAIR, seed=(5, 0), **GRID)
    for field in fields(person):
        one, two = getattr(person, field.name), getattr(again, field.name)
        if isinstance(one, np.ndarray):
            np.testing.assert_array_equal(one, two)
    for name, image in person.maps.items():
        np.testing.assert_array_equal(image, again.maps[name])
    other = make_production_participant(template, PAIR, seed=(5, 1), **GRID)
    assert (other.t1w != person.t1w).any()
    events = plan_drawing(PAIR, np.random.default_rng(4))
    runs = [simulate_drawing(person, events, late=False, seed=(s,)) for s in (1, 1, 2)]
    np.testing.assert_array_equal(runs[0].series, runs[1].series)
    assert (runs[0].series != runs[2].series).any()
    assert runs[0].series.dtype == np.int16
