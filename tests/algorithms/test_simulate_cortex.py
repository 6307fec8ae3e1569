import numpy as np
import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.response_contrast import two_sample_t
from fmriprod.algorithms.simulate_cortex import AREAS, make_cortex
from fmriprod.algorithms.simulate_sessions import measure_responses, plan_sessions
from fmriprod.algorithms.simulate_signal import layer_shares, planted_signal

NINE = [f"layer{k}" for k in range(1, 10)]
AFFINE = np.array([[3.0, 0, 0, -60], [0, 3, 0, -110], [0, 0, 3, -30], [0, 0, 0, 1]])
MASK = np.ones((41, 21, 30), bool)
KINDS = np.array(["natural"] * 80 + ["face"] * 20 + ["place"] * 20)


@pytest.fixture(scope="module")
def cortex():
    return make_cortex(MASK, AFFINE, NINE, n_voxels=700)


def make_features(seed=0):
    """Independent layers: four with places (6 channels of 8 x 8), five without."""
    rng = np.random.default_rng(seed)
    shapes = dict.fromkeys(NINE[:4], (6, 8, 8))
    features = {
        name: rng.standard_normal((120, 384 if name in shapes else 60)).astype(np.float32) * 3 + 5
        for name in NINE
    }
    return features, shapes


def test_areas_have_the_layers_of_the_source(cortex):
    """Layers 1, 2, 2, 4-5 and the last ones of nine; all areas in both hemispheres."""
    drives = cortex.groupby("area")["layer"].agg(lambda x: sorted({int(n[5:]) for n in x}))
    assert drives["V1"] == [1] and drives["V2"] == [2] and drives["V3"] == [2]
    assert drives["V4"] == [4, 5]
    assert drives["V3A"] == drives["V3B"] == [7, 8, 9] and drives["LOC"] == [8, 9]
    assert set(zip(cortex["area"], cortex["hemisphere"], strict=True)) == {
        (area, side) for area in AREAS for side in "LR"
    }


@pytest.mark.parametrize("n_layers", [2, 3, 5, 8, 16])
def test_any_number_of_layers_keeps_the_order_of_areas(n_layers):
    names = [f"{k}" for k in range(n_layers)]
    table = make_cortex(MASK, AFFINE, names, n_voxels=300)
    mean = table["layer"].astype(int).groupby(table["area"]).mean()
    assert mean["V1"] == 0 and mean["V2"] == mean["V3"] >= 1
    assert mean["V2"] <= mean["V4"] <= mean["V3A"] + 0.5 and mean["LOC"] > n_layers * 0.4


def test_retinotopy_and_categories_are_where_they_belong(cortex):
    seeing = np.isfinite(cortex["sigma"])
    np.testing.assert_array_equal(seeing, cortex["area"].isin(["V1", "V2", "V3", "V4"]))
    np.testing.assert_array_equal(seeing, np.isfinite(cortex["angle"]))
    assert set(cortex["area"][cortex["kind"] != ""]) == {"LOC"}
    for _, rows in cortex[cortex["area"] == "LOC"].groupby("hemisphere"):
        z = rows.groupby("kind")["z"]
        assert z.max()["face"] <= z.min()[""] and z.max()[""] <= z.min()["place"]
        assert (rows["kind"] == "face").sum() == round(len(rows) / 3)


def test_signal_is_explained_by_its_own_layer_only(cortex):
    """Exactly so: noise-free, in the span of the driving layer, unrelated to the others."""
    features, shapes = make_features()
    signal = planted_signal(features, shapes, cortex, KINDS)
    assert signal.dtype == np.float32 and signal.shape == (120, 700)
    np.testing.assert_allclose(signal.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(signal.std(axis=0), 1, rtol=1e-4)
    for name in NINE[6:]:  # 60 features, 120 stimuli: a fit can fail
        x = np.c_[features[name], np.ones(120)].astype(np.float64)
        rest = signal - x @ np.linalg.lstsq(x, signal, rcond=None)[0]
        own = (cortex["layer"] == name) & (cortex["area"] != "V4")
        assert np.abs(rest[:, own]).max() < 1e-3
        others = (cortex["layer"] != name) & (cortex["area"] != "V4")
        assert np.sqrt((rest[:, others] ** 2).mean()) > 0.5


def test_a_voxel_with_a_receptive_field_sees_its_part_of_the_image(cortex):
    """Light a place at a time: the response is largest where the truth says."""
    _, shapes = make_features()
    flashes = np.zeros((64, 6, 64), np.float32)
    flashes[np.arange(64), :, np.arange(64)] = 1
    features = {n: flashes.reshape(64, -1) if n in shapes else np.eye(64) for n in NINE}
    kinds = np.array(["face", "place"] * 32)
    signal = planted_signal(features, shapes, cortex, kinds)
    row, column = np.divmod(np.arange(64), 8)
    right, up = (column + 0.5) / 4 - 1, 1 - (row + 0.5) / 4
    early = np.flatnonzero(cortex["area"].isin(["V1", "V2", "V3"]))
    best = signal[:, early].argmax(axis=0)
    far, angle = (cortex[c].to_numpy()[early] for c in ("eccentricity", "angle"))
    miss = np.hypot(right[best] - far * np.cos(angle), up[best] - far * np.sin(angle))
    assert miss.max() < 0.25 / np.sqrt(2) + 1e-6  # the place that holds the centre


def test_planted_categories_respond_to_their_own(cortex):
    """Also where layers know nothing of categories but for one direction."""
    features, shapes = make_features()
    for name in NINE[7:]:
        features[name][80:100, :10] += 4
        features[name][100:, :10] -= 4
    signal = planted_signal(features, shapes, cortex, KINDS)
    t = two_sample_t(signal, KINDS == "face", KINDS == "place")
    assert t[cortex["kind"] == "face"].min() > 3
    assert t[cortex["kind"] == "place"].max() < -3
    assert np.abs(t[cortex["area"] == "V1"]).mean() < 2


def test_shares_of_layers_add_up(cortex):
    shares = layer_shares(cortex, NINE)
    np.testing.assert_allclose(shares.sum(axis=0), 1)
    own = np.array(NINE)[shares.argmax(axis=0)]
    np.testing.assert_array_equal(own, cortex["layer"])
    assert (shares[:, cortex["area"] != "V4"].max(axis=0) == 1).all()


def test_the_layer_that_drives_is_the_one_that_scikit_learn_finds(cortex):
    from sklearn.linear_model import RidgeCV
    from sklearn.model_selection import KFold

    features, shapes = make_features()
    signal = planted_signal(features, shapes, cortex, KINDS)
    plan = plan_sessions(120, 0)
    late = np.flatnonzero(cortex["layer"].isin(NINE[6:]) & (cortex["area"] != "V4"))[::4]
    y = measure_responses(signal[:, late], plan, np.full(len(late), 0.8), seed=1)
    noise = measure_responses(signal[:, late], plan, np.zeros(len(late)), seed=1)

    def scores(responses):
        """Correlation within folds: means that training leaves are anticorrelated over folds."""
        found = np.zeros((3, len(late)))
        for k, name in enumerate(NINE[6:]):
            x = features[name][plan["number"]]
            for train, test in KFold(5).split(x):
                model = RidgeCV(np.logspace(0, 4, 5), alpha_per_target=True)
                seen = model.fit(x[train], responses[train]).predict(x[test])
                pairs = zip(seen.T, responses[test].T, strict=True)
                found[k] += [np.corrcoef(p, r)[0, 1] / 5 for p, r in pairs]
        return found

    best = np.array(NINE[6:])[scores(y).argmax(axis=0)]
    assert (best == cortex["layer"].to_numpy()[late]).mean() > 0.95
    assert abs(scores(noise).mean()) < 0.05


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda f, s, k: (f.pop("layer9"), f, s, k)[1:], "layer9"),
        (lambda f, s, k: (f, {}, k), "retinotopy needs"),
        (lambda f, s, k: (f, s | {"layer1": (6, 8, 7)}, k), "layer1's 384 features"),
        (lambda f, s, k: (f | {"layer8": f["layer8"][:5]}, s, k), r"\(5, 60\)"),
        (lambda f, s, k: (f | {"layer8": np.ones((120, 60))}, s, k), "0 of 60 features"),
        (lambda f, s, k: (f | {"layer8": np.full((120, 60), np.nan)}, s, k), "are finite"),
        (lambda f, s, k: (f, s, np.where(k == "face", "natural", k)), "0 and 20"),
    ],
)
def test_features_that_do_not_fit_are_refused(cortex, change, text):
    features, shapes, kinds = change(*make_features(), KINDS)
    with pytest.raises(InputError, match=text):
        planted_signal(features, shapes, cortex, kinds)


def test_layers_need_names_of_their_own():
    with pytest.raises(InputError, match="at least two layers"):
        make_cortex(MASK, AFFINE, ["a"])
    with pytest.raises(InputError, match="names of their own"):
        make_cortex(MASK, AFFINE, ["a", "a"])
