"""Settings of FEAT's first level, of its higher levels, and what each means.

Defaults are those of the recognition runs of Fan et al. (2020) at the first level and of their
fixed effects over drawing runs at the second.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.fsf import Settings, Word

SLICE_TIMING = {"none": 0, "up": 1, "down": 2, "interleaved": 5}
MODELS = {"fixed": 3, "ols": 0, "flame1": 2, "flame12": 1}
THRESHOLDS = {"none": 0, "uncorrected": 1, "voxel": 2, "cluster": 3}
HRFS = {"none": 0, "gaussian": 1, "gamma": 2, "double-gamma": 3}


def first_level_settings(
    *,
    output_dir: str,
    bold_file: str,
    highres_file: str,
    standard_file: str,
    tr: float,
    n_volumes: int,
    n_voxels: int,
    titles: Sequence[str],
    event_files: Sequence[str],
    contrast_names: Sequence[str],
    contrasts: np.ndarray,
    fwhm: float = 3.0,
    high_pass: float = 100.0,
    slice_timing: str = "interleaved",
    motion_correction: bool = True,
    brain_extraction: bool = True,
    prewhiten: bool = True,
    motion_regressors: bool = False,
    hrf: str = "double-gamma",
    derivative: bool = True,
    temporal_filter: bool = True,
    intensity_normalization: bool = False,
    n_delete: int = 0,
    brain_threshold: float = 10.0,
    threshold: str = "cluster",
    z_threshold: float = 2.3,
    p_threshold: float = 0.05,
    highres_dof: str = "BBR",
    highres_search: int = 90,
    standard_dof: int = 12,
    standard_search: int = 90,
    nonlinear: bool = True,
    warp_resolution: float = 10.0,
    overwrite: bool = False,
) -> Settings:
    """Make the settings of a full first-level analysis of one run.

    Parameters
    ----------
    output_dir, bold_file, highres_file, standard_file : str
        Absolute paths: the folder to make (``.feat``), the 4-D series, the brain of the T1w
        image and the brain of the standard space.
    tr, n_volumes, n_voxels : float, int, int
        Repetition time in s, length of the run, voxels of all volumes together.
    titles, event_files : sequence of str
        Name of each condition and its file of three columns.
    contrast_names : sequence of str
        Title of each contrast.
    contrasts : ndarray, shape (n_contrasts, n_conditions)
        Weights of the conditions; derivatives get 0.
    fwhm, high_pass : float
        Smoothing in mm; cut-off period in s.
    slice_timing : {"none", "up", "down", "interleaved"}
        Order of the slices.
    motion_correction, brain_extraction, prewhiten, temporal_filter : bool
        MCFLIRT, BET, FILM prewhitening, and filtering of regressors as of the series.
    motion_regressors : bool
        Motion parameters in the design.
    hrf : {"double-gamma", "gamma", "gaussian", "none"}
        Convolution.
    derivative : bool
        Temporal derivative of each condition, not made orthogonal.
    intensity_normalization : bool
        Scale each volume by itself.
    n_delete : int
        Volumes to take off the beginning.
    brain_threshold : float
        In percent of the range of intensities.
    threshold, z_threshold, p_threshold : str, float, float
        Of the maps after the statistics: ``"none"``, ``"uncorrected"``, ``"voxel"`` or
        ``"cluster"``.
    highres_dof : {"BBR", "3", "6", "7", "9", "12"}
        Registration to the T1w image.
    highres_search, standard_search : {0, 90, 180}
        Range of the search in degrees.
    standard_dof : {3, 6, 7, 9, 12}
        Linear registration to the standard space.
    nonlinear, warp_resolution : bool, float
        Go on with FNIRT, at this resolution in mm.
    overwrite : bool
        Write into an output folder that is there, instead of beside it (``+.feat``).

    Returns
    -------
    dict
        All settings that FEAT needs.

    Raises
    ------
    InputError
        If lists differ in length or a choice is unknown.
    """
    _check_lists(titles, event_files, contrast_names, contrasts)
    settings = _general(output_dir, 1, [bold_file], len(titles), len(contrast_names))
    settings |= _named({
        "tr": tr, "npts": n_volumes, "ndelete": n_delete, "brain_thresh": brain_threshold,
        "mc": int(motion_correction), "st": _choose("slice_timing", slice_timing, SLICE_TIMING),
        "bet_yn": int(brain_extraction), "smooth": fwhm, "norm_yn": int(intensity_normalization),
        "temphp_yn": int(high_pass > 0), "paradigm_hp": high_pass, "prewhiten_yn": int(prewhiten),
        "motionevs": int(motion_regressors), "thresh": _choose("threshold", threshold, THRESHOLDS),
        "z_thresh": z_threshold, "prob_thresh": p_threshold, "poststats_yn": 1,
        "reghighres_yn": 1, "reghighres_search": highres_search,
        "reghighres_dof": Word("BBR") if highres_dof == "BBR" else int(highres_dof),
        "regstandard": standard_file,
        "regstandard_search": standard_search, "regstandard_dof": standard_dof,
        "regstandard_nonlinear_yn": int(nonlinear),
        "regstandard_nonlinear_warpres": warp_resolution, "totalVoxels": n_voxels,
        "evs_real": len(titles) * (1 + derivative), "overwrite_yn": int(overwrite),
    })  # fmt: skip
    settings["highres_files(1)"] = highres_file
    shape = {"shape": 3, "convolve": _choose("hrf", hrf, HRFS), "convolve_phase": 0,
             "tempfilt_yn": int(temporal_filter), "deriv_yn": int(derivative)}  # fmt: skip
    for i, (title, path) in enumerate(zip(titles, event_files, strict=True), 1):
        settings |= _event(i, len(titles), title, path, shape)
    contrasts = np.asarray(contrasts, float)
    settings |= _named({"con_mode_old": Word("orig"), "con_mode": Word("orig")})
    real = np.zeros((len(contrasts), len(titles) * (1 + derivative)))
    real[:, :: 1 + derivative] = contrasts
    return settings | _contrasts("real", contrast_names, real) | _contrasts(
        "orig", contrast_names, contrasts
    ) | _masking(len(contrast_names))  # fmt: skip


def higher_level_settings(
    *,
    output_dir: str,
    feat_dirs: Sequence[str],
    standard_file: str,
    n_copes: int,
    model: str = "fixed",
    post_statistics: bool = False,
    threshold: str = "cluster",
    z_threshold: float = 3.1,
    p_threshold: float = 0.05,
    overwrite: bool = False,
) -> Settings:
    """Make the settings of the mean over lower-level analyses: runs, or people.

    Parameters
    ----------
    output_dir : str
        Absolute path of the folder to make (``.gfeat``).
    feat_dirs : sequence of str
        Absolute paths of the lower level: ``.feat`` folders of runs, or ``cope<n>.feat``
        folders in each person's ``.gfeat``.
    standard_file : str
        Brain of the standard space.
    n_copes : int
        Contrasts of the lower level; each is averaged by itself.
    model : {"fixed", "ols", "flame1", "flame12"}
        Fixed effects, or one of the models of mixed effects.
    post_statistics : bool
        Threshold the maps as ``threshold``, ``z_threshold`` and ``p_threshold`` say. Without,
        no ``thresh_zstat1`` is written.
    threshold, z_threshold, p_threshold, overwrite
        As for `first_level_settings`.

    Returns
    -------
    dict
        All settings that FEAT needs.

    Raises
    ------
    InputError
        If there are less than two inputs, no contrast, or a choice is unknown.
    """
    if len(feat_dirs) < 2 or n_copes < 1:
        raise InputError(
            "feat_dirs",
            expected="at least two lower-level analyses with at least one contrast",
            found=f"{len(feat_dirs)} analyses, {n_copes} contrasts",
            hint="give the FEAT folders of all runs, or of all people",
        )
    settings = _general(output_dir, 2, feat_dirs, 1, 1)
    settings |= _named({
        "tr": 3, "npts": len(feat_dirs), "mc": 1, "st": 0, "bet_yn": 1, "smooth": 5,
        "mixed_yn": _choose("model", model, MODELS), "poststats_yn": int(post_statistics),
        "thresh": _choose("threshold", threshold, THRESHOLDS), "z_thresh": z_threshold,
        "prob_thresh": p_threshold, "reghighres_yn": 0, "regstandard": standard_file,
        "ncopeinputs": n_copes, "tsplot_yn": 0, "overwrite_yn": int(overwrite),
    })  # fmt: skip
    settings |= _named({f"copeinput.{i + 1}": 1 for i in range(n_copes)})
    shape = {"shape": 2, "convolve": 0, "convolve_phase": 0, "tempfilt_yn": 0, "deriv_yn": 0}
    settings |= _event(1, 1, "", "dummy", shape)
    n_inputs = len(feat_dirs)
    settings |= _named({f"evg{i + 1}.1": 1 for i in range(n_inputs)})
    settings |= _named({f"groupmem.{i + 1}": 1 for i in range(n_inputs)})
    settings |= _named({"con_mode_old": Word("real"), "con_mode": Word("real")})
    return settings | _contrasts("real", ["group mean"], np.ones((1, 1))) | _masking(1)


def _general(
    output_dir: str, level: int, inputs: Sequence[str], n_events: int, n_contrasts: int
) -> Settings:
    """List what does not depend on what is asked, in FEAT's order, and the inputs."""
    first = level == 1
    settings = _named({
        "version": Word("6.00"), "inmelodic": 0, "level": level, "analysis": 7 if first else 2,
        "relative_yn": 0, "help_yn": 1, "featwatcher_yn": 0, "sscleanup_yn": 0,
        "outputdir": output_dir, "tr": 0, "npts": 0, "ndelete": 0, "tagfirst": 1,
        "multiple": len(inputs), "inputtype": 2 if first else 1, "filtering_yn": int(first),
        "brain_thresh": 10, "critical_z": 5.3, "noise": 0.66, "noisear": 0.34, "mc": 1, "sh_yn": 0,
        "regunwarp_yn": 0, "gdc": "", "dwell": 0.7, "te": 35, "signallossthresh": 10,
        "unwarp_dir": Word("y-"), "st": 0, "st_file": "", "bet_yn": 1, "smooth": 0, "norm_yn": 0,
        "perfsub_yn": 0, "temphp_yn": 1, "templp_yn": 0, "melodic_yn": 0, "stats_yn": 1,
        "prewhiten_yn": 1, "motionevs": 0, "motionevsbeta": "", "scriptevsbeta": "",
        "robust_yn": 0, "mixed_yn": 2, "randomisePermutations": 5000, "evs_orig": n_events,
        "evs_real": n_events, "evs_vox": 0, "ncon_orig": n_contrasts, "ncon_real": n_contrasts,
        "nftests_orig": 0, "nftests_real": 0, "constcol": 0, "poststats_yn": 0, "threshmask": "",
        "thresh": 3, "prob_thresh": 0.05, "z_thresh": 2.3, "zdisplay": 0, "zmin": 2, "zmax": 8,
        "rendertype": 1, "bgimage": 1, "tsplot_yn": 1, "reginitial_highres_yn": 0,
        "reginitial_highres_search": 90, "reginitial_highres_dof": 3, "reghighres_yn": 0,
        "reghighres_search": 90, "reghighres_dof": Word("BBR"), "regstandard_yn": 1,
        "alternateReference_yn": 0, "regstandard": "", "regstandard_search": 90,
        "regstandard_dof": 12, "regstandard_nonlinear_yn": 0, "regstandard_nonlinear_warpres": 10,
        "paradigm_hp": 100, "ncopeinputs": 0,
    })  # fmt: skip
    settings |= {f"feat_files({i})": path for i, path in enumerate(inputs, 1)}
    return settings | _named({"confoundevs": 0})


def _event(number: int, n_events: int, title: str, path: str, shape: dict[str, int]) -> Settings:
    settings = {"evtitle": title} | shape | {"custom": path}
    ortho = {f"ortho{number}.{other}": 0 for other in range(n_events + 1)}
    return _named({f"{name}{number}": value for name, value in settings.items()} | ortho)


def _contrasts(kind: str, names: Sequence[str], weights: np.ndarray) -> Settings:
    settings: Settings = {}
    for i, (name, row) in enumerate(zip(names, weights, strict=True), 1):
        settings |= {f"conpic_{kind}.{i}": 1, f"conname_{kind}.{i}": name}
        settings |= {f"con_{kind}{i}.{j}": float(w) for j, w in enumerate(row, 1)}
    return _named(settings)


def _masking(n: int) -> Settings:
    pairs = [(i, j) for i in range(1, n + 1) for j in range(1, n + 1) if i != j]
    settings: Settings = {"conmask_zerothresh_yn": 0}
    settings |= {f"conmask{i}_{j}": 0 for i, j in [*pairs, (1, 1)]}
    ends = ("alternative_mask", "init_initial_highres", "init_highres", "init_standard")
    return _named(settings | dict.fromkeys(ends, ""))


def _named(settings: dict[str, Any]) -> Settings:
    return {f"fmri({name})": value for name, value in settings.items()}


def _choose(subject: str, value: str, known: dict[str, int]) -> int:
    if value not in known:
        raise InputError(
            subject, expected=", ".join(known), found=repr(value), hint="choose one of these"
        )
    return known[value]


def _check_lists(
    titles: Sequence[str], files: Sequence[str], names: Sequence[str], contrasts: np.ndarray
) -> None:
    shape = np.shape(contrasts)
    if not titles or len(files) != len(titles) or shape != (len(names), len(titles)) or not names:
        raise InputError(
            "contrasts",
            expected="a file for each condition, and a weight for each condition in each contrast",
            found=f"{len(titles)} conditions, {len(files)} files, {len(names)} names of "
            f"contrasts, weights {shape}",
            hint="give lists in one order",
        )
