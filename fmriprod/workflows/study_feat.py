"""What a study file asks of FEAT of FSL, and what of it FEAT cannot do."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.transforms import MOTION_COLUMNS
from fmriprod.interfaces.problems import Problem
from fmriprod.workflows.study_model import Study

HRFS = {"spm": False, "spm + derivative": True}
"""Responses that are FEAT's double gamma, and whether with its temporal derivative."""
NOISE = {"ols": False, "ar1": True}
"""Noise models, and whether FILM prewhitens; it estimates the autocorrelation its own way."""
_UNFED = ("task_mask", "evidence", "connectivity", "differentiation")
_FILES = "`fmriprod fsf BIDS_DIR OUT_DIR --study FILE` writes FEAT's settings without running it"


def feat_options(study: Study) -> dict[str, Any]:
    """Turn the model of a study into options of `RenderFsf`.

    Parameters
    ----------
    study : Study
        As `read_study` reads it.

    Returns
    -------
    dict
        ``fwhm`` (mm), ``high_pass`` (s), ``derivative``, ``prewhiten``, ``motion_regressors``.

    Raises
    ------
    ExceptionGroup of InputError
        All settings that FEAT has no counterpart of.
    """
    wrong = list(_unknown(study))
    if wrong:
        raise ExceptionGroup("[glm]", wrong)
    glm = study.glm
    return {
        "fwhm": glm.fwhm,
        "high_pass": glm.high_pass,
        "derivative": HRFS[glm.hrf],
        "prewhiten": NOISE[glm.noise],
        "motion_regressors": bool(glm.confounds),
    }


def feat_problems(study: Study, place: str, *, only_files: bool = False) -> list[Problem]:
    """Find out whether FEAT can do what a study asks for.

    Parameters
    ----------
    study : Study
        As `read_study` reads it.
    place : str
        Path of its file.
    only_files : bool
        Settings are written, and FEAT does not run.

    Returns
    -------
    list of Problem
        None where the Python model is asked for.
    """
    if study.glm.engine != "fsl" and not only_files:
        return []
    problems = [Problem.of(err, file=f"{place}: {err.subject}") for err in _unknown(study)]
    if only_files:
        return problems
    where = f"{place}: glm.engine"
    unfed = [name for name in _UNFED if getattr(study, name)]
    unfed += ["features"] * (study.features.naming != "none")
    if unfed:
        names = ", ".join(f"[[{n}]]" if n == "evidence" else f"[{n}]" for n in unfed)
        hint = f'remove these tables, or say engine = "python"; {_FILES}'
        problems.append(Problem(
            "error", where, f'engine = "python" for {names}',
            'engine = "fsl": FEAT\'s maps and series are saved, but do not feed these', hint,
        ))  # fmt: skip
    if shutil.which("feat") is None:
        hint = f"install FSL and put its bin folder on the PATH; {_FILES}"
        problems.append(Problem(
            "error", where, "the program feat of FSL on the PATH", "feat not found", hint
        ))  # fmt: skip
    try:
        standard_brain()
    except InputError as err:
        problems.append(Problem.of(err, file=where))
    problems.append(Problem(
        "warning", where, 'engine = "python" for features of regions, quality and reports',
        'engine = "fsl", which makes the maps of FEAT alone', "nothing, if the maps are wanted",
    ))  # fmt: skip
    return problems


def standard_brain(given: str | Path | None = None) -> str:
    """Find the brain of the standard space: the given file, or that of FSL's installation.

    Raises
    ------
    InputError
        If there is none, or not the head beside it, which FNIRT needs.
    """
    home = os.environ.get("FSLDIR")
    path = given
    if given is None and home:
        path = Path(home, "data", "standard", "MNI152_T1_2mm_brain.nii.gz")
    if path is None or not Path(path).is_file():
        raise InputError(
            "--standard", expected="MNI152_T1_2mm_brain.nii.gz of FSL, with its head beside it",
            found="no FSLDIR in the environment" if path is None else f"no file {path}",
            hint="set FSLDIR; `fmriprod fsf` also takes --standard FILE",
        )  # fmt: skip
    brain = Path(path).absolute()
    head = brain.with_name(brain.name.replace("_brain", ""))
    if head == brain or not head.is_file():
        raise InputError(
            "--standard", expected="a brain NAME_brain.nii.gz with its head NAME.nii.gz beside it",
            found=f"no other file {head}", hint="take those of FSL's data/standard",
        )  # fmt: skip
    return str(brain)


def refuse_feat(study: Study) -> None:
    """Refuse a study whose model is FEAT, where only the Python model is done.

    Raises
    ------
    InputError
        It names the key.
    """
    if study.glm.engine == "fsl":
        raise InputError(
            "glm.engine", expected='engine = "python" for this analysis', found='engine = "fsl"',
            hint="init_production_feat_wf runs FEAT; its results are maps",
        )  # fmt: skip


def _unknown(study: Study) -> Iterator[InputError]:
    """List the settings that FEAT has no counterpart of."""
    glm = study.glm
    for key, value, known in (("hrf", glm.hrf, HRFS), ("noise", glm.noise, NOISE)):
        if value not in known:
            yield InputError(
                f"glm.{key}", expected=f"{' or '.join(known)}, as FEAT does it", found=value,
                hint='choose one of these, or engine = "python"',
            )  # fmt: skip
    if glm.confounds and set(glm.confounds) != set(MOTION_COLUMNS):
        yield InputError(
            "glm.confounds", expected=f"none, or all of {', '.join(MOTION_COLUMNS)} for FEAT",
            found=", ".join(glm.confounds), hint='choose these, or engine = "python"',
        )  # fmt: skip
