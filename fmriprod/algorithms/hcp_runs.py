"""Runs and conditions of the Human Connectome Project's 3 T sessions, by name.

Names and order are those of the Neuromatch Academy's subset (WU-Minn HCP, Van Essen et al. 2013,
NeuroImage 80:62; tasks: Barch et al. 2013, NeuroImage 80:169).
"""

from fmriprod.algorithms.checks import InputError, suggest

TR = 0.72  # s
TASKS = ("MOTOR", "WM", "EMOTION", "GAMBLING", "LANGUAGE", "RELATIONAL", "SOCIAL")
RUN_NAMES = (
    *(f"rfMRI_REST{session}_{way}" for session in (1, 2) for way in ("LR", "RL")),
    *(f"tfMRI_{task}_{way}" for task in TASKS for way in ("RL", "LR")),
)
"""Run 1 is the first."""

N_VOLUMES = {
    "REST": 1200, "MOTOR": 284, "WM": 405, "EMOTION": 176, "GAMBLING": 253, "LANGUAGE": 316,
    "RELATIONAL": 232, "SOCIAL": 274,
}  # fmt: skip

_STIMULI = ("body", "faces", "places", "tools", "nir", "cor", "err")
CONDITIONS = {
    "MOTOR": ("cue", "lf", "lh", "rf", "rh", "t"),
    "WM": (*(f"{n}bk_{kind}" for n in (0, 2) for kind in _STIMULI), "all_bk_cor", "all_bk_err"),
    "EMOTION": ("fear", "neut"),
    "GAMBLING": ("loss", "win", "loss_event", "win_event", "neut_event"),
    "LANGUAGE": (
        "cue", "math", "story",
        *(f"{part}_{kind}" for part in ("present", "question", "response")
          for kind in ("math", "story")),
    ),
    "RELATIONAL": ("error", "match", "relation"),
    "SOCIAL": ("mental", "rnd", "mental_resp", "other_resp"),
}  # fmt: skip

MEANINGS = {
    "cue": "cue", "lf": "left foot", "rf": "right foot", "lh": "left hand", "rh": "right hand",
    "t": "tongue", "fear": "fearful and angry faces", "neut": "shapes",
}  # fmt: skip
"""What short names of conditions stand for; f is the foot (toes), though often read as finger."""


def run_numbers(name: str) -> list[int]:
    """Find the runs of an experiment (the seminar's ``get_image_ids``).

    Parameters
    ----------
    name : str
        Part of the runs' names in small or capital letters: ``rest``, ``motor``, ``REST1``.

    Returns
    -------
    list of int
        Numbers from 1, as in the names of files.

    Raises
    ------
    InputError
        If there is none.

    Examples
    --------
    >>> run_numbers("rest"), run_numbers("motor")
    ([1, 2, 3, 4], [5, 6])
    """
    found = [n for n, run in enumerate(RUN_NAMES, 1) if name and name.upper() in run]
    if not found:
        raise InputError(
            "name", expected="a part of the name of a run, such as rest or motor",
            found=repr(name), hint=suggest(name.upper(), ("REST", *TASKS)),
        )  # fmt: skip
    return found


def task_of(run: int) -> str:
    """Tell the experiment of a run: ``REST`` or one of `TASKS`.

    Raises
    ------
    InputError
        If there is no such run.

    Examples
    --------
    >>> task_of(1), task_of(18)
    ('REST', 'SOCIAL')
    """
    if not 1 <= run <= len(RUN_NAMES):
        raise InputError(
            "run", expected=f"1 to {len(RUN_NAMES)}, counted over all experiments",
            found=str(run), hint="run_numbers(name) gives the numbers of an experiment",
        )  # fmt: skip
    return RUN_NAMES[run - 1].split("_")[1].rstrip("12")
