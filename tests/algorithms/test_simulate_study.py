from ast import literal_eval
from dataclasses import fields

import numpy as np
import pytest
from nilearn.datasets import load_mni152_template
from nilearn.glm.contrasts import compute_contrast
from nilearn.glm.first_level import make_first_level_design_matrix, run_glm
from scipy import stats
from sklearn.linear_model import LogisticRegression

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.schedule import OBJECTS
from fmriprod.algorithms.score import place_region
from fmriprod.algorithms.simulate_people import make_participant
from fmriprod.algorithms.simulate_study import TRAINED, simulate_run
from fmriprod.algorithms.transforms import displacement, mask_points, rigid_matrix

N, TR, SHAPE, ZOOM = 130, 2.0, (44, 56, 42), 4.0


@pytest.fixture(scope="module")
def template():
    image = load_mni152_template(resolution=3)
    return np.asarray(image.dataobj, np.float32), image.affine


@pytest.fixture(scope="module")
def person(template):
    return make_participant(*template, seed=(5, 0), bold_shape=SHAPE, bold_zoom=ZOOM)


@pytest.fixture(scope="module")
def runs(person):
    tasks = ("recognition", "recognition", "production")
    return [simulate_run(person, t, seed=(5, i), n_volumes=N, tr=TR) for i, t in enumerate(tasks)]


@pytest.fixture(scope="module")
def masks(person):
    grid = (SHAPE, person.bold_affine, rigid_matrix(person.offset, person.centre))
    regions = {**person.regions, "brain": person.brain_mask}
    return {k: place_region(m, person.t1w_affine, *grid) for k, m in regions.items()}


def z_map(run, mask):
    """Map the mean response to all objects with Nilearn, head motion as known as confounds."""
    design = make_first_level_design_matrix(
        np.arange(N) * TR + TR / 2,
        run.events,
        hrf_model="glover",
        high_pass=0.01,
        add_regs=run.motion,
    )
    labels, results = run_glm(run.series[mask].T.astype(float), design.to_numpy())
    weights = np.array([c in OBJECTS for c in design.columns], float)
    z = np.zeros(SHAPE)
    z[mask] = compute_contrast(labels, results, weights, stat_type="t").z_score()
    return z


def samples(run, mask):
    """Take single volumes 4 to 6 s after each onset, drift and motion removed."""
    nuisance = np.column_stack([
        np.ones(N), run.motion, *[np.cos(np.pi * k * (np.arange(N) + 0.5) / N) for k in range(1, 6)]
    ])  # fmt: skip
    series = run.series[mask].T.astype(float)
    series -= nuisance @ np.linalg.lstsq(nuisance, series)[0]
    series /= series.std(axis=0)
    length = 1 if run.events["duration"].iloc[0] < TR else 10
    slots = ((run.events["onset"] + 4.5) // TR).astype(int).to_numpy()
    rows = (slots[:, None] + np.arange(length)).ravel()
    return series[rows], np.repeat(run.events["trial_type"].to_numpy(), length)


def test_seen_objects_are_found_where_they_are_planted_and_drawing_where_it_is(runs, masks):
    for run in runs[:2]:
        z = z_map(run, masks["brain"])
        # Single runs, unsmoothed, drawn on 4-mm voxels: strong, but not stronger than life.
        assert masks["visual"][np.unravel_index(z.argmax(), SHAPE)]
        assert 5 < z.max() < 15
        assert z[masks["visual"]].mean() > 2
        assert abs(z[masks["motor"]].mean()) < 1
    z = z_map(runs[2], masks["brain"])
    assert masks["motor"][np.unravel_index(z.argmax(), SHAPE)]
    assert z[masks["motor"]].mean() > 3
    assert 0.5 < z[masks["visual"]].mean() < z[masks["motor"]].mean()


def test_where_nothing_is_planted_nothing_is_found(runs, masks):
    null = masks["brain"] & ~masks["visual"] & ~masks["motor"]
    for run in runs:
        z = z_map(run, masks["brain"])
        assert abs(z[null].mean()) < 0.5  # smooth noise: few independent places
        # An AR(1) model does not hold all of the noise, as with real data.
        assert 0.9 < z[null].std() < 1.35
        assert (np.abs(z[null]) > stats.norm.isf(0.0005)).mean() < 0.02


def test_objects_are_told_apart_in_the_visual_region_alone(runs, masks):
    """Chance is 0.25; 40 trials, so that 0.42 and more has p < 0.02 by chance."""
    accuracy = {}
    for name in ("visual", "motor", "control"):
        (x1, y1), (x2, y2) = (samples(run, masks[name]) for run in runs[:2])
        classify = LogisticRegression(max_iter=1000)
        accuracy[name] = (
            classify.fit(x1, y1).score(x2, y2) + classify.fit(x2, y2).score(x1, y1)
        ) / 2
    assert 0.55 < accuracy["visual"] < 0.98
    assert accuracy["motor"] < 0.42
    assert accuracy["control"] < 0.42


def test_what_is_drawn_can_be_told_from_what_was_seen(runs, masks):
    def accuracy(name):
        x, y = (
            np.concatenate(a)
            for a in zip(*(samples(r, masks[name]) for r in runs[:2]), strict=True)
        )
        classify = LogisticRegression(max_iter=1000).fit(x, y)
        x, y = samples(runs[2], masks[name])
        chosen = classify.predict_log_proba(x)[
            :, [list(classify.classes_).index(t) for t in TRAINED]
        ]
        return np.mean(np.array(TRAINED)[chosen.argmax(axis=1)] == y)

    assert accuracy("visual") > 0.75
    assert accuracy("control") < 0.75


def test_the_head_moves_as_it_is_told(runs, person):
    points = mask_points(person.brain_mask, person.t1w_affine)[::50]
    for run in runs:
        poses = rigid_matrix(run.motion, person.centre)
        within = [displacement(poses[0], p, points).mean() for p in poses]
        assert 0.2 < max(within) < 3
        offset = displacement(poses[0], rigid_matrix(person.offset, person.centre), points).mean()
        assert 0 < offset < 2
    assert len({tuple(run.motion[0]) for run in runs}) == len(runs)


def test_a_still_head_keeps_its_pose(person):
    run = simulate_run(
        person, "recognition", seed=(1,), n_volumes=50, tr=2.0, motion=0.0, shift=0.0
    )
    np.testing.assert_array_equal(run.motion, np.broadcast_to(person.offset, (50, 6)))


def test_the_same_seed_gives_the_same_participant_and_another_does_not(template, person):
    again = make_participant(*template, seed=(5, 0), bold_shape=SHAPE, bold_zoom=ZOOM)
    for field in fields(person):
        one, two = getattr(person, field.name), getattr(again, field.name)
        if field.name == "regions":
            assert all((one[k] == two[k]).all() for k in one)
        else:
            np.testing.assert_array_equal(one, two)
    other = make_participant(*template, seed=(5, 1), bold_shape=SHAPE, bold_zoom=ZOOM)
    assert (other.brain_mask != person.brain_mask).any()
    run, same = (simulate_run(person, "production", seed=(9,), n_volumes=50, tr=2.0) for _ in "ab")
    np.testing.assert_array_equal(run.series, same.series)


def test_the_brain_lies_in_the_field_of_view(person, masks):
    """The brain is not cut: its volume is the same on both grids."""
    volume = person.brain_mask.sum() * 27
    assert masks["brain"].sum() * 64 == pytest.approx(volume, rel=0.03)


def test_a_grid_that_cuts_the_brain_is_refused_with_one_that_does_not(template):
    with pytest.raises(InputError, match="which hold") as err:
        make_participant(*template, seed=(5, 0), bold_shape=(20, 56, 42), bold_zoom=4.0)
    enough = literal_eval(err.value.expected.split("about ")[1].split(" voxels")[0])
    make_participant(*template, seed=(5, 0), bold_shape=enough, bold_zoom=4.0)


def test_an_unknown_task_is_refused(person):
    with pytest.raises(InputError, match="recognition or production"):
        simulate_run(person, "rest", seed=(1,), n_volumes=50, tr=2.0)
