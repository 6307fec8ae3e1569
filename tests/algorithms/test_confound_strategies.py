"""Sets of confounds are those that Nilearn loads, and every refusal says what there is."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest
from nilearn.interfaces.fmriprep import load_confounds
from support.fmriprep import confounds, confounds_metadata, write_confounds

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.confound_strategies import choose_confounds, parse_strategy, uses_set


def nilearn_columns(work, table, **options):
    """Load with Nilearn; where it copies the second value into a missing first one, put 0."""
    write_confounds(work, "sub-01_task-x", table, confounds_metadata())
    image = work / "sub-01_task-x_space-MNI152NLin2009cAsym_desc-preproc_bold.nii.gz"
    image.touch()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loaded, kept = load_confounds(str(image), demean=False, **options)
    first = [name for name in loaded if name in table and np.isnan(table[name].iloc[0])]
    loaded.loc[0, first] = 0.0
    return loaded, kept


@pytest.mark.parametrize(
    ("strategy", "options"),
    [
        ("motion6", {"strategy": ["motion"], "motion": "basic"}),
        ("motion12", {"strategy": ["motion"], "motion": "derivatives"}),
        ("motion24", {"strategy": ["motion"], "motion": "full"}),
        ("wm_csf", {"strategy": ["wm_csf"], "wm_csf": "basic"}),
        ("wm_csf8", {"strategy": ["wm_csf"], "wm_csf": "full"}),
        ("global_signal", {"strategy": ["global_signal"], "global_signal": "basic"}),
        ("global_signal4", {"strategy": ["global_signal"], "global_signal": "full"}),
        ("ica_aroma", {"strategy": ["ica_aroma"], "ica_aroma": "basic"}),
        ("cosine", {"strategy": ["high_pass"]}),
        (
            "cosine+acompcor:4",
            {"strategy": ["high_pass", "compcor"], "compcor": "anat_combined", "n_compcor": 4},
        ),
        (
            "cosine+tcompcor:5",
            {"strategy": ["high_pass", "compcor"], "compcor": "temporal", "n_compcor": 5},
        ),
        (
            "motion24+wm_csf+global_signal+cosine",
            {
                "strategy": ["motion", "wm_csf", "global_signal", "high_pass"],
                "motion": "full",
                "wm_csf": "basic",
                "global_signal": "basic",
            },
        ),
    ],
)
def test_same_columns_and_values_as_nilearn(work, strategy, options):
    table = confounds(seed=3)
    chosen = choose_confounds(table, strategy, confounds_metadata())
    expected, _ = nilearn_columns(work, table, **options)
    assert set(chosen.table) == set(expected)
    np.testing.assert_allclose(chosen.table, expected[list(chosen.table)], atol=1e-12)
    missing = {name for name in expected if table[name].isna().any()}
    assert chosen.filled == dict.fromkeys(missing, 1)


@pytest.mark.parametrize("seed", range(8))
def test_same_volumes_are_scrubbed_as_by_nilearn(work, seed):
    table, rng = confounds(80, seed=seed), np.random.default_rng(seed)
    table.loc[rng.choice(80, 5, replace=False), "framewise_displacement"] = 0.9
    table.loc[rng.choice(80, 3, replace=False), "std_dvars"] = 2.5
    chosen = choose_confounds(table, "motion6+scrub:0.4:2:5")
    options = {"scrub": 5, "fd_threshold": 0.4, "std_dvars_threshold": 2.0}
    _, kept = nilearn_columns(work, table, strategy=["motion", "scrub"], **options)
    scrubbed = sorted(set(range(80)) - set(kept))
    assert list(chosen.scrubbed) == scrubbed and 8 <= len(scrubbed) < 60
    one_hot = chosen.table.filter(like="scrub_").to_numpy()
    assert one_hot.sum(axis=0).tolist() == [1] * len(scrubbed)
    assert one_hot.argmax(axis=0).tolist() == scrubbed


def test_components_that_explain_a_share():
    table, about = confounds(), confounds_metadata()
    for strategy, n in (("acompcor", 3), ("acompcor:50%", 3), ("tcompcor:20%", 1),
                        ("tcompcor:21%", 2)):  # fmt: skip
        kind = strategy[0]
        names = list(choose_confounds(table, strategy, about).table)
        assert names == [f"{kind}_comp_cor_{i:02d}" for i in range(n)], strategy


def test_volumes_before_the_steady_state_have_one_column_each():
    table = confounds(non_steady=2)
    table.loc[:1, "a_comp_cor_00"] = np.nan
    table.loc[1, "framewise_displacement"] = 3.0
    chosen = choose_confounds(table, "non_steady_state+acompcor:1+scrub", confounds_metadata())
    assert chosen.filled == {"a_comp_cor_00": 2}
    names = list(chosen.table)
    assert names[:2] == ["non_steady_state_outlier00", "non_steady_state_outlier01"]
    assert chosen.scrubbed == () and not any(name.startswith("scrub") for name in names)
    assert np.linalg.matrix_rank(chosen.table) == chosen.table.shape[1]
    assert choose_confounds(confounds(), "non_steady_state").table.shape == (60, 0)


def test_none_and_single_columns():
    table = confounds()
    assert choose_confounds(table, "none").table.shape == (60, 0)
    assert list(choose_confounds(table, "csf+motion6").table)[:2] == ["csf", "trans_x"]
    assert list(choose_confounds(table, "csf+wm_csf").table) == ["csf", "white_matter"]
    assert uses_set("cosine+scrub", "cosine") and not uses_set("cosine00", "cosine")


@pytest.mark.parametrize(
    ("strategy", "parts"),
    [
        ("motion25", ["'motion25'", "did you mean 'motion24'?", "columns of the file: global"]),
        ("motion6+", ["names of sets or columns, joined by +", "''"]),
        ("motion6+motion6", ["motion6 twice"]),
        ("motion6:3", ["options that motion6 takes", "write motion6"]),
        ("scrub:x", ["scrub:0.5:1.5:5 (mm, standardised DVARS, volumes)"]),
        ("scrub:1:1:1:1", ["options that scrub takes"]),
        ("acompcor:0", ["acompcor:5 or acompcor:50%"]),
        ("acompcor:9", ["9 components of acompcor", "8", "a_comp_cor_00"]),
        ("tcompcor:300%", ["explain 300 %", "155 % by all 8", "tcompcor:5"]),
        ("gone", ["'gone'"]),
    ],
)
def test_refusals(strategy, parts):
    with pytest.raises(InputError) as caught:
        choose_confounds(confounds(), strategy, confounds_metadata())
    for part in parts:
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("strategy", "drop", "parts"),
    [
        ("motion24", "rot_z_power2", ["no rot_z_power2", "the file has: global_signal"]),
        ("ica_aroma", "aroma_motion", ["columns of ica_aroma", "none"]),
        ("cosine", "cosine", ["columns of cosine", "none"]),
        ("scrub", "std_dvars", ["no std_dvars", "the file has"]),
        ("acompcor", "a_comp_cor_01", ["no a_comp_cor_01"]),
    ],
)
def test_columns_that_are_not_there(strategy, drop, parts):
    table = confounds()
    table = table[[name for name in table if drop not in name]]
    with pytest.raises(InputError) as caught:
        choose_confounds(table, strategy, confounds_metadata())
    for part in parts:
        assert part in str(caught.value)


def test_components_need_the_json_file():
    with pytest.raises(InputError, match=re.escape("the JSON file beside the table")):
        choose_confounds(confounds(), "acompcor")


@pytest.mark.parametrize("row", [1, 30])
def test_a_missing_value_elsewhere_is_refused(row):
    table = confounds()
    table.loc[row, "csf"] = np.nan
    with pytest.raises(InputError, match=f"no number in csf, volume {row + 1}"):
        choose_confounds(table, "wm_csf")


def test_names_are_checked_without_a_table():
    assert [part.name for part in parse_strategy("motion6 + scrub:0.2")] == ["motion6", "scrub"]
    with pytest.raises(InputError, match="known: none, motion6"):
        parse_strategy("csf")


def test_words_in_a_column_are_no_numbers():
    table = confounds().assign(csf=pd.Series(["a"] * 60))
    with pytest.raises(InputError, match="no number in csf"):
        choose_confounds(table, "wm_csf")
