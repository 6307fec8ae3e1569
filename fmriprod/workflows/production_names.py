"""Names under which a participant's results lie, for those who save them and who look for them."""

from dataclasses import dataclass
from pathlib import Path

from fmriprod.algorithms.bids_names import build_name, parse_name
from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.template import SPACE as TEMPLATE
from fmriprod.workflows.parts import FEATURES
from fmriprod.workflows.plan_production import ProductionPlan
from fmriprod.workflows.production_parts import MAPS, differentiation_phases, questions
from fmriprod.workflows.study_model import Study

SPACE, LABEL = "T1w", "regions"
TABLES = {
    "evidence_file": "evidence",
    "scores_file": "scores",
    "time_courses_file": "timecourses",
}


@dataclass(frozen=True)
class ParticipantResults:
    """Files of a participant that the group needs; what was not made is None or empty."""

    subject: str
    t1w_file: str
    template_transform: str
    features: tuple[tuple[str, str, str], ...]
    tables: dict[str, str]
    task_maps: dict[str, str]
    differentiation_file: str | None = None


def find_results(study: Study, plan: ProductionPlan, out_dir: str | Path) -> ParticipantResults:
    """Find what the analysis of a participant left in the derivatives dataset.

    What is there from an earlier analysis, and the plan does not ask for, does not count.

    Parameters
    ----------
    study : Study
        As `read_study` reads it.
    plan : ProductionPlan
        Of the participant.
    out_dir : path
        Derivatives dataset.

    Returns
    -------
    ParticipantResults
        Files that are there.

    Raises
    ------
    InputError
        If a file is absent that every participant has.
    """
    home = Path(out_dir, f"sub-{plan.subject}").absolute()
    used = {key for keys in plan.phases.values() for key in keys}
    runs = [run for run in plan.runs if run.key in used]
    features = tuple(
        tuple(
            str(_place(home, run.bold_file, "func", field.removesuffix("_file"), extension,
                       {"space": SPACE, "label": LABEL}))
            for field, extension in zip(FEATURES, (".npy", ".tsv", ".tsv"), strict=True)
        )
        for run in runs
    )  # fmt: skip
    t1w = _place(home, plan.t1w_file, "anat", "T1w", ".nii.gz", {"desc": "preproc"})
    transform = home / "anat" / f"sub-{plan.subject}_from-T1w_to-{TEMPLATE}_mode-image_xfm.txt"
    needed = [t1w, transform, *(Path(file) for files in features for file in files)]
    absent = [str(path) for path in needed if not path.is_file()]
    if absent:
        raise InputError(
            f"sub-{plan.subject}", expected="results of `fmriprod run ... participant`",
            found=f"{len(absent)} files absent, such as {absent[0]}"
            if len(absent) < len(needed)
            else "none",
            file=absent[0],
            hint="run the participant level first, with the same study file",
        )  # fmt: skip
    own = {"sub": plan.subject, "space": SPACE}
    tables = {
        field: home / "func" / str(build_name({**own, "label": LABEL}, suffix, ".tsv"))
        for field, suffix in TABLES.items()
    }
    maps = {kind: home / "func" / name for kind, name in task_map_names(study, plan).items()}
    asked = bool(questions(study, plan, with_task=False))
    differentiation = home / "func" / str(build_name(own, "differentiation", ".tsv"))
    compared = differentiation_phases(study, plan) is not None
    return ParticipantResults(
        plan.subject,
        str(t1w),
        str(transform),
        features,
        {field: str(path) for field, path in tables.items() if asked and path.is_file()},
        {kind: str(p) for kind, p in maps.items()} if all(map(Path.is_file, maps.values())) else {},
        str(differentiation) if compared and differentiation.is_file() else None,
    )


def task_map_names(study: Study, plan: ProductionPlan) -> dict[str, str]:
    """Names of effect and variance of the task mask's contrast in the template's space."""
    if study.task_mask is None or not plan.runs_of(study.task_mask.task):
        return {}
    entities = {"sub": plan.subject, "space": TEMPLATE, "contrast": study.task_mask.contrast}
    return {
        kind: str(build_name({**entities, "stat": kind, "desc": "fixed"}, "statmap", ".nii.gz"))
        for kind in MAPS
    }


def _place(
    home: Path, source: str, datatype: str, suffix: str, extension: str, more: dict[str, str]
) -> Path:
    """Path of a result of one raw file."""
    entities = dict(parse_name(Path(source).name).entities)
    folder = home / f"ses-{entities['ses']}" if "ses" in entities else home
    return folder / datatype / str(build_name({**entities, **more}, suffix, extension))
