import math
import re
from pathlib import Path

import nipype.interfaces.fsl
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.fsf import (
    Word,
    missing_settings,
    named_paths,
    needed_settings,
    parse_fsf,
    render_fsf,
    three_columns,
)
from fmriprod.algorithms.fsf_levels import first_level_settings, higher_level_settings

OBJECTS = ["bed", "bench", "chair", "table"]


def first_level(titles=OBJECTS, contrasts=None, names=None, **changes):
    contrasts = np.eye(len(titles)) if contrasts is None else contrasts
    needed = {
        "output_dir": "/study/run.feat", "bold_file": "/study/bold.nii.gz",
        "highres_file": "/study/t1w_brain.nii.gz", "standard_file": "/std/MNI_brain.nii.gz",
        "tr": 1.5, "n_volumes": 240, "n_voxels": 152686080, "titles": titles,
        "event_files": [f"/study/ev{i}.txt" for i in range(len(titles))],
        "contrast_names": names or titles, "contrasts": contrasts,
    }  # fmt: skip
    return first_level_settings(**needed | changes)


def drawing():
    weights = [[1, 0], [0, 1], [0.5, 0.5]]
    return first_level(
        ["item1", "item2"], weights, ["item1", "item2", "drawing"], n_volumes=308,
        n_voxels=195947136, z_threshold=3.1, nonlinear=False,
    )  # fmt: skip


def higher(n=4, **changes):
    folders = [f"/study/run_{i}.feat" for i in range(n)]
    needed = {"output_dir": "/study/draw.gfeat", "feat_dirs": folders, "n_copes": 3,
              "standard_file": "/std/MNI_brain.nii.gz"}  # fmt: skip
    return higher_level_settings(**needed | changes)


def values(settings, **expected):
    found = {name: settings[f"fmri({name})"] for name in expected}
    assert found == expected


# What the published analysis set, value by value.
BOTH = {
    "version": "6.00", "level": 1, "analysis": 7, "tr": 1.5, "ndelete": 0, "multiple": 1,
    "inputtype": 2, "filtering_yn": 1, "brain_thresh": 10, "mc": 1, "sh_yn": 0, "regunwarp_yn": 0,
    "st": 5, "bet_yn": 1, "smooth": 3.0, "norm_yn": 0, "temphp_yn": 1, "templp_yn": 0,
    "melodic_yn": 0, "stats_yn": 1, "prewhiten_yn": 1, "motionevs": 0, "confoundevs": 0,
    "evs_vox": 0, "nftests_orig": 0, "nftests_real": 0, "poststats_yn": 1, "thresh": 3,
    "prob_thresh": 0.05, "reginitial_highres_yn": 0, "reghighres_yn": 1, "reghighres_search": 90,
    "reghighres_dof": "BBR", "regstandard_yn": 1, "regstandard_search": 90, "regstandard_dof": 12,
    "paradigm_hp": 100, "con_mode": "orig", "con_mode_old": "orig", "constcol": 0,
    "regstandard_nonlinear_warpres": 10, "ncopeinputs": 0, "critical_z": 5.3, "noise": 0.66,
    "noisear": 0.34, "overwrite_yn": 0,
}  # fmt: skip
EVENT = {"shape": 3, "convolve": 3, "convolve_phase": 0, "tempfilt_yn": 1, "deriv_yn": 1}


def test_recognition_runs_are_set_as_published():
    found = parse_fsf(render_fsf(first_level()))
    values(found, **BOTH, npts=240, z_thresh=2.3, evs_orig=4, evs_real=8, ncon_orig=4, ncon_real=4,
           regstandard_nonlinear_yn=1, totalVoxels=152686080)  # fmt: skip
    assert found["feat_files(1)"] == "/study/bold.nii.gz"
    assert found["highres_files(1)"] == "/study/t1w_brain.nii.gz"
    for i, name in enumerate(OBJECTS, 1):
        values(found, **{f"{key}{i}": value for key, value in EVENT.items()})
        values(found, **{f"evtitle{i}": name, f"custom{i}": f"/study/ev{i - 1}.txt"})
        values(found, **{f"ortho{i}.{j}": 0 for j in range(5)})
        values(found, **{f"con_orig{i}.{j}": int(i == j) for j in range(1, 5)})
        values(found, **{f"con_real{i}.{j}": int(2 * i - 1 == j) for j in range(1, 9)})
        values(found, **{f"conname_real.{i}": name, f"conname_orig.{i}": name})
        values(found, **{f"conpic_real.{i}": 1, f"conpic_orig.{i}": 1})
    assert "fmri(ortho1.5)" not in found and "fmri(con_real1.9)" not in found


def test_drawing_runs_are_set_as_published():
    found = parse_fsf(render_fsf(drawing()))
    values(found, **BOTH, npts=308, z_thresh=3.1, evs_orig=2, evs_real=4, ncon_orig=3, ncon_real=3,
           regstandard_nonlinear_yn=0)  # fmt: skip
    real = [[1, 0, 0, 0], [0, 0, 1, 0], [0.5, 0, 0.5, 0]]
    orig = [[1, 0], [0, 1], [0.5, 0.5]]
    for kind, rows in (("real", real), ("orig", orig)):
        for i, row in enumerate(rows, 1):
            values(found, **{f"con_{kind}{i}.{j}": w for j, w in enumerate(row, 1)})
    values(found, **{"conname_real.3": "drawing", "evtitle2": "item2", "conmask3_2": 0})


def test_the_mean_over_drawing_runs_is_set_as_published():
    found = parse_fsf(render_fsf(higher()))
    values(found, level=2, analysis=2, npts=4, multiple=4, inputtype=1, filtering_yn=0, mixed_yn=3,
           evs_orig=1, evs_real=1, ncon_real=1, poststats_yn=0, thresh=3, z_thresh=3.1,
           prob_thresh=0.05, smooth=5, st=0, reghighres_yn=0, regstandard_yn=1, ncopeinputs=3,
           con_mode="real", shape1=2, convolve1=0, custom1="dummy", deriv_yn1=0)  # fmt: skip
    values(found, **{f"copeinput.{i}": 1 for i in (1, 2, 3)})
    values(found, **{f"evg{i}.1": 1 for i in (1, 2, 3, 4)})
    values(found, **{f"groupmem.{i}": 1 for i in (1, 2, 3, 4)})
    values(found, **{"conname_real.1": "group mean", "con_real1.1": 1})
    assert found["feat_files(4)"] == "/study/run_3.feat"
    assert parse_fsf(render_fsf(higher(30, n_copes=1)))["fmri(npts)"] == 30


@pytest.mark.parametrize("settings", [first_level(), drawing(), higher(), higher(30, n_copes=1)])
def test_files_are_complete_and_have_nothing_else(settings):
    assert missing_settings(settings) == []
    assert sorted(needed_settings(settings)) == sorted(settings)
    assert parse_fsf(render_fsf(settings)) == settings
    for name in ("fmri(mc)", "fmri(con_real1.1)", "fmri(conmask1_1)", "feat_files(1)"):
        without = {k: v for k, v in settings.items() if k != name}
        assert missing_settings(without) == [name]


@pytest.mark.parametrize(
    ("template", "settings"),
    [("feat_header_l1", drawing()), ("feat_fe_header", higher()), ("feat_nongui", drawing()),
     ("feat_fe_footer", higher())],
)  # fmt: skip
def test_all_that_nipypes_templates_of_feat_set_is_set(template, settings):
    """They are for FEAT 5.98, which had three settings that 6.00 has no more."""
    folder = Path(nipype.interfaces.fsl.__file__).parent / "model_templates"
    names = re.findall(r"^set (\S+)", (folder / f"{template}.tcl").read_text(), re.M)
    retired = {"fmri(newdir_yn)", "fmri(reg_yn)", "fmri(alternative_example_func)"}
    assert names and set(names) - set(settings) <= retired


def test_without_derivatives_and_with_other_choices():
    found = first_level(derivative=False, hrf="gamma", slice_timing="none", highres_dof="6",
                        motion_correction=False, threshold="voxel", high_pass=0.0)  # fmt: skip
    values(found, evs_real=4, deriv_yn1=0, convolve1=2, st=0, reghighres_dof=6, mc=0, thresh=2,
           temphp_yn=0)  # fmt: skip
    assert missing_settings(found) == []
    values(higher(model="flame1", post_statistics=True), mixed_yn=2, poststats_yn=1)


def test_paths_are_found_and_words_are_not_quoted():
    text = render_fsf(drawing())
    assert "set fmri(con_mode) orig\n" in text and "set fmri(version) 6.00\n" in text
    assert 'set feat_files(1) "/study/bold.nii.gz"\n' in text
    assert "set fmri(reghighres_dof) BBR\n" in text and 'set fmri(st_file) ""\n' in text
    assert sorted(named_paths(drawing())) == [
        "feat_files(1)", "fmri(custom1)", "fmri(custom2)", "fmri(outputdir)",
        "fmri(regstandard)", "highres_files(1)",
    ]  # fmt: skip
    assert "fmri(custom1)" not in named_paths(higher())


@given(
    st.dictionaries(
        st.from_regex(r"fmri\([a-z]{1,9}[0-9]{0,2}(\.[0-9])?\)", fullmatch=True).filter(
            lambda name: not named_paths({name: "x"}) and name != "fmri(version)"
        ),
        st.one_of(
            st.integers(-(10**9), 10**9),
            st.floats(-1e6, 1e6).map(lambda x: float(f"{x:.10g}")),
            st.text(st.sampled_from("abc XYZ.-_/019;,'")),
            st.sampled_from(["orig", "BBR", "y-"]).map(Word),
        ),
    )
)
def test_what_is_written_is_read_back(settings):
    found = parse_fsf("# comment\n\n" + render_fsf(settings))
    assert found == settings
    for name, value in settings.items():
        assert isinstance(found[name], str) == isinstance(value, str)
        assert isinstance(value, str) or math.isclose(found[name], value)


def refused(function, *arguments, **options):
    with pytest.raises(InputError) as caught:
        function(*arguments, **options)
    return str(caught.value)


@pytest.mark.parametrize("title", ['a"b', "$x", "[exit]", "a\\b", "a\nb", "{"])
def test_text_that_feat_would_act_on_is_refused(title):
    text = refused(render_fsf, first_level([title, "b"]))
    assert "fmri(evtitle1)" in text and "plain text" in text


@pytest.mark.parametrize("path", ["/a b/bold.nii.gz", "bold.nii.gz", "/a$b"])
def test_paths_that_feat_cannot_read_are_refused(path):
    text = refused(render_fsf, first_level(bold_file=path))
    assert "feat_files(1)" in text and "absolute path without spaces" in text


def test_lines_that_are_no_settings_are_refused():
    assert "line 2: 'exec rm'" in refused(parse_fsf, "set fmri(tr) 2\nexec rm\n")
    assert "again" in refused(parse_fsf, "set fmri(tr) 2\nset fmri(tr) 3\n")


def test_choices_and_lists_are_checked():
    assert "none, up, down, interleaved" in refused(first_level, slice_timing="odd")
    assert "4 conditions, 3 files" in refused(first_level, event_files=["/a", "/b", "/c"])
    assert "1 analyses" in refused(higher, 1)
    assert "fixed, ols" in refused(higher, model="mixed")


def test_events_are_written_in_three_columns():
    assert three_columns([0.1 + 0.2, 348], [1.0, 0]) == "0.3\t1\t1\n348\t0\t1\n"
