import nibabel as nb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nilearn.glm import ARModel
from nilearn.glm.first_level import FirstLevelModel
from scipy import stats
from support.noise import ar_noise

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.design import design_matrix
from fmriprod.algorithms.glm import fit_contrasts
from fmriprod.algorithms.single_trial import estimate_trials
from fmriprod.algorithms.trial_design import trial_design
from fmriprod.algorithms.trial_model import trial_model

N, TR = 150, 1.5


def make_events(rng, n_trials=20, labels="ab", soa=(6.0, 8.0, 9.5)):
    onset = 6 + np.cumsum(rng.choice(soa, n_trials))
    label = rng.permutation(np.resize(list(labels), n_trials))
    return pd.DataFrame({"onset": onset, "duration": 1.0, "trial_type": label})


def make_series(rng, n_voxels=40, n_volumes=N):
    return (800 + 10 * ar_noise(n_voxels, n_volumes, [0.4], rng)).astype(np.float32)


def one_model(design, index, *, method, others):
    """Columns of the model of one trial as one would write them down; its own column first."""
    x, nuisance = design.regressors, design.nuisance.to_numpy()
    rest = [i for i in range(len(x)) if i != index]
    if method == "lsa":
        return np.column_stack([x[index].T, *[x[i].T for i in rest], nuisance])
    label = design.trials["label"].to_numpy() if others == "label" else np.full(len(x), "one")
    groups = [[i for i in rest if label[i] == name] for name in sorted(set(label))]
    sums = [sum(x[i] for i in group).T for group in groups if group]
    return np.column_stack([x[index].T, *sums, nuisance])


def refit(series, design, *, statistics=True, **options):
    """Fit each trial's own model by least squares: beta, t, dof and variance inflation."""
    y, beta, t, dof, vif = series.T.astype(np.float64), [], [], [], []
    for index in range(len(design.trials)):
        x = one_model(design, index, **options)
        fit, _, rank, _ = np.linalg.lstsq(x, y, rcond=1e-10)
        error = ((y - x @ fit) ** 2).sum(axis=0) / (len(y) - rank)
        unscaled = np.linalg.pinv(x, rcond=1e-10)[0]
        explained = x[:, 1:] @ np.linalg.lstsq(x[:, 1:], x[:, 0], rcond=1e-10)[0]
        beta.append(fit[0])
        t.append(fit[0] / np.sqrt(error * (unscaled**2).sum()))
        dof.append(len(y) - rank)
        vif.append(len(y) * x[:, 0].var() / ((x[:, 0] - explained) ** 2).sum())
    return np.array(beta).T, np.array(t).T, np.array(dof), np.array(vif)


def close(found, truth, share):
    np.testing.assert_allclose(found, truth, atol=share * np.abs(truth).max(), rtol=0)


OPTIONS = [("lss", "all"), ("lss", "label"), ("lsa", "all")]


@pytest.mark.parametrize("hrf", ["spm", "spm + derivative", "glover + derivative + dispersion"])
@pytest.mark.parametrize(("method", "others"), OPTIONS)
def test_a_model_fitted_again_for_each_trial_gives_the_same(rng, method, others, hrf):
    confounds = pd.DataFrame(rng.normal(size=(N, 3)), columns=["u", "v", "w"])
    design = trial_design(make_events(rng), N, TR, hrf=hrf, confounds=confounds)
    series = make_series(rng)
    found = estimate_trials(series, design, method=method, others=others, statistics=True)
    beta, t, dof, vif = refit(series, design, method=method, others=others)
    close(found.beta, beta, 1e-5)
    close(found.t, t, 1e-4)
    np.testing.assert_array_equal(found.dof, dof)
    np.testing.assert_allclose(found.vif, vif, rtol=1e-6)


@pytest.mark.parametrize(("method", "others"), OPTIONS)
def test_columns_that_depend_on_each_other_change_nothing(rng, method, others):
    """A confound twice, one that is constant, a label with one trial, and all trials together."""
    events = make_events(rng)
    events.loc[3, "trial_type"] = "alone"
    events["duration"] = 2.0
    confounds = pd.DataFrame(rng.normal(size=(N, 1)), columns=["u"]).assign(v=7.0)
    confounds["twice"] = confounds["u"] * 1e4
    series = make_series(rng, 10)
    design = trial_design(events, N, TR, confounds=confounds)
    found = estimate_trials(series, design, method=method, others=others, statistics=True)
    beta, t, dof, _ = refit(series, design, method=method, others=others)
    close(found.beta, beta, 1e-5)
    close(found.t, t, 1e-4)
    np.testing.assert_array_equal(found.dof, dof)


def test_a_label_whose_sum_is_in_the_nuisance_leaves_the_others(rng):
    """Sums that are zero but for rounding do not enter the models of the trials that remain."""
    events = make_events(rng, 12)
    design = trial_design(events, N, TR)
    of_b = (design.trials["label"] == "b").to_numpy()
    whole = pd.DataFrame({"whole": design.regressors[of_b].sum(axis=(0, 1))})
    with pytest.raises(InputError, match="explain it wholly") as caught:
        trial_model(trial_design(events, N, TR, confounds=whole), others="label")
    assert "'b'" in str(caught.value) and "'a'" not in str(caught.value)


@pytest.mark.parametrize("others", ["all", "label"])
def test_nilearn_refitted_for_each_trial_gives_the_same(rng, others):
    shape = (5, 4, 3)
    events = make_events(rng, 12)
    series = make_series(rng, int(np.prod(shape)))
    image = nb.Nifti1Image(series.reshape(*shape, N), np.eye(4))
    mask = nb.Nifti1Image(np.ones(shape, np.uint8), np.eye(4))
    design = trial_design(events, N, TR)
    found = estimate_trials(series, design, others=others, statistics=True)
    for index in (0, 5, 11):
        renamed = events.copy()
        if others == "all":
            renamed["trial_type"] = "other"
        renamed.loc[index, "trial_type"] = "this"
        matrix = design_matrix(renamed, N, TR, hrf="spm")
        model = FirstLevelModel(
            mask_img=mask, noise_model="ols", signal_scaling=False, minimize_memory=False
        )
        model.fit(image, design_matrices=matrix)
        maps = model.compute_contrast(
            np.eye(len(matrix.columns))[matrix.columns.get_loc("this")], output_type="all"
        )
        close(found.beta[:, index], maps["effect_size"].get_fdata().ravel(), 1e-4)
        close(found.t[:, index], maps["stat"].get_fdata().ravel(), 1e-4)


def test_lsa_with_autoregressive_noise_is_the_model_of_all_trials(rng):
    design = trial_design(make_events(rng), N, TR)
    series = make_series(rng)
    found = estimate_trials(series, design, method="lsa", noise="ar1", statistics=True)
    x = np.column_stack([design.regressors[:, 0].T, design.nuisance])
    truth = fit_contrasts(series, x, np.eye(x.shape[1])[: len(design.trials)], noise="ar1")
    np.testing.assert_allclose(found.ar, truth.ar, atol=1e-6)
    assert len(np.unique(found.ar)) > 10
    close(found.beta, truth.effect.T, 1e-5)
    close(found.t, truth.t.T, 1e-4)


@pytest.mark.parametrize("others", ["all", "label"])
def test_lss_with_autoregressive_noise_is_nilearns_model_of_each_trial(rng, others):
    design = trial_design(make_events(rng, hrf := 15), N, TR)
    series = make_series(rng, 12)
    found = estimate_trials(series, design, noise="ar1", others=others, statistics=True)
    assert hrf == len(design.trials)
    for index in range(hrf):
        x = one_model(design, index, method="lss", others=others)
        for voxel in range(len(series)):
            fit = ARModel(x, found.ar[voxel]).fit(series[voxel, :, None].astype(float))
            test = fit.Tcontrast(np.eye(x.shape[1])[0])
            assert found.beta[voxel, index] == pytest.approx(test.effect.item(), rel=1e-4, abs=1e-4)
            assert found.t[voxel, index] == pytest.approx(test.t.item(), rel=1e-3, abs=1e-3)


def test_planted_amplitudes_come_back(rng):
    events = make_events(rng)
    design = trial_design(events, N, TR)
    planted = rng.normal(10, 4, (30, len(events)))
    drift = rng.normal(size=(30, design.nuisance.shape[1])) @ design.nuisance.to_numpy().T
    clean = planted @ design.regressors[:, 0] + 50 * drift + 900
    close(estimate_trials(clean, design, method="lsa").beta, planted, 1e-4)
    separate = estimate_trials(clean, design).beta
    assert np.corrcoef(separate.ravel(), planted.ravel())[0, 1] > 0.9


def test_separate_models_are_better_where_trials_follow_fast(rng):
    """Mumford et al. (2012): close trials and noise; also tells LSS from LSA."""
    events = make_events(rng, 60, soa=(3.0, 3.5))
    design = trial_design(events, N, TR)
    planted = rng.normal(10, 2, (200, 60))
    noisy = planted @ design.regressors[:, 0] + 2 * rng.normal(size=(200, N))
    kinship = {
        method: np.corrcoef(estimate_trials(noisy, design, method=method).beta.ravel(),
                            planted.ravel())[0, 1]
        for method in ("lss", "lsa")
    }  # fmt: skip
    assert kinship["lss"] > kinship["lsa"] + 0.05


@given(seed=st.integers(0, 10**6), scale=st.sampled_from([1e-3, 0.1, 7.0, 1e4]))
def test_order_scale_and_nuisance_do_not_matter(seed, scale):
    rng = np.random.default_rng(seed)
    events, series = make_events(rng, 8), make_series(rng, 4, 70)
    first = estimate_trials(series, trial_design(events, 70, TR), statistics=True)
    shuffled = events.sample(frac=1, random_state=seed).reset_index(drop=True)
    design = trial_design(shuffled, 70, TR)
    added = 1000 * rng.normal(size=(4, 1)) * design.nuisance["drift_1"].to_numpy()
    second = estimate_trials(scale * (series + added), design, statistics=True, block_size=3)
    close(second.beta / scale, first.beta, 2e-4)
    close(second.t, first.t, 2e-3)
    pd.testing.assert_frame_equal(design.trials, trial_design(events, 70, TR).trials)


@pytest.mark.parametrize("method", ["lss", "lsa"])
def test_t_values_of_white_noise_follow_their_distribution(rng, method):
    design = trial_design(make_events(rng), N, TR)
    series = 100 + rng.normal(size=(4000, N))
    found = estimate_trials(series, design, method=method, statistics=True)
    for trial in (0, 10, 19):
        assert stats.kstest(found.t[:, trial], stats.t(found.dof[trial]).cdf).pvalue > 1e-3


def test_t_values_of_autocorrelated_noise_reject_as_often_as_they_should(rng):
    design = trial_design(make_events(rng), N, TR)
    series = 100 + ar_noise(4000, N, [0.5], rng)
    limit = stats.t(N - 20).ppf(0.975)
    rate = {
        noise: np.mean(np.abs(estimate_trials(series, design, noise=noise, statistics=True).t)
                       > limit)
        for noise in ("ols", "ar1")
    }  # fmt: skip
    assert rate["ar1"] == pytest.approx(0.05, abs=0.006)
    assert rate["ols"] > 0.07


def test_a_series_without_residual_has_no_t(rng):
    design = trial_design(make_events(rng), N, TR)
    clean = 500 + np.outer([2.0, 3.0], design.regressors.sum(axis=(0, 1)))
    found = estimate_trials(clean, design, statistics=True)
    assert (found.t == 0).all() and found.beta == pytest.approx(
        np.repeat([[2.0], [3.0]], 20, 1), rel=1e-3
    )


def test_chosen_labels_only_and_the_others_in_the_nuisance(rng):
    events = make_events(rng, labels="abc")
    design = trial_design(events, N, TR, labels=["a", "b"])
    assert set(design.trials["label"]) == {"a", "b"} and "c" in design.nuisance.columns
    series = make_series(rng, 5)
    close(
        estimate_trials(series, design).beta,
        refit(series, design, method="lss", others="all")[0],
        1e-5,
    )


def refused(function, *arguments, **options):
    with pytest.raises(InputError) as caught:
        function(*arguments, **options)
    return str(caught.value)


def test_a_trial_that_cannot_be_estimated_is_named(rng):
    events = make_events(rng, 6)
    late = pd.DataFrame({"onset": [N * TR - 0.1], "duration": 1.0, "trial_type": "late"})
    text = refused(trial_model, trial_design(pd.concat([events, late]), N, TR))
    assert "trial 6 ('late', onset 224.9 s): no volume shows a response" in text
    assert "leave these trials out" in text
    twin = events.iloc[[2]].assign(trial_type="twin")
    design = trial_design(pd.concat([events, twin]), N, TR)
    text = refused(trial_model, design, method="lsa")
    assert "trial 2 (" in text and "trial 3 (" in text and "explain it wholly" in text
    assert "trial 1 (" not in text
    assert trial_model(design).vif[2] < 10  # separate models can tell them from the others


def test_a_design_without_freedom_is_refused(rng):
    design = trial_design(make_events(rng, 30, soa=(2.0,)), 46, TR, hrf="spm + derivative")
    text = refused(trial_model, design, method="lsa")
    assert "fewer regressors than volumes (46)" in text and "take method='lss'" in text
    assert (trial_model(design).dof > 30).all()


def test_names_and_lengths_are_checked(rng):
    design = trial_design(make_events(rng, 6), N, TR)
    series = make_series(rng, 3)
    assert "lss or lsa" in refused(estimate_trials, series, design, method="both")
    assert "all or label" in refused(estimate_trials, series, design, others="none")
    assert "ols or ar1" in refused(estimate_trials, series, design, noise="ar2")
    assert "expected: 150 volumes" in refused(estimate_trials, series[:, 1:], design)
    assert "known: a, b" in refused(trial_design, make_events(rng, 6), N, TR, labels=["x"])


@pytest.mark.realdata
def test_every_trial_of_the_published_recognition_runs_can_be_estimated(real_data, rng):
    """80 trials every 2 to 4 volumes in 240: alone against the others well, all at once less."""
    folder = real_data("neurosketch") / "metadata" / "regressors"
    inflation = {"lss": [], "lsa": []}
    runs = sorted(folder.glob("*/run_?"))
    assert len(runs) == 186
    for run in runs[::6]:
        onset = {path.stem: np.loadtxt(path)[:, 0] for path in run.glob("*.txt")}
        events = pd.concat(
            [pd.DataFrame({"onset": x, "duration": 1.0, "trial_type": k}) for k, x in onset.items()]
        ).reset_index(drop=True)
        design = trial_design(events, 240, 1.5)
        assert len(design.trials) == 80
        for method, found in inflation.items():
            found.append(trial_model(design, method=method, others="label").vif)
    lss, lsa = np.array(inflation["lss"]), np.array(inflation["lsa"])
    assert lss.max() < 2 < np.median(lsa)
    planted = rng.normal(1, 0.5, (100, 80))
    noisy = planted @ design.regressors[:, 0] + 0.3 * rng.normal(size=(100, 240))
    alone, at_once = (estimate_trials(noisy, design, method=m).beta for m in ("lss", "lsa"))
    kinship = [np.corrcoef(b.ravel(), planted.ravel())[0, 1] for b in (alone, at_once)]
    assert kinship[0] > kinship[1] + 0.02 > 0.2, kinship
    close(alone, refit(noisy, design, method="lss", others="all")[0], 1e-5)
