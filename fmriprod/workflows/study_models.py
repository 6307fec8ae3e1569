"""Put what BIDS Stats Models files say into a study."""

from collections.abc import Callable
from pathlib import Path

from fmriprod.algorithms.checks import suggest
from fmriprod.interfaces.problems import Problem
from fmriprod.workflows.stats_model import RunModel, read_stats_model
from fmriprod.workflows.study_model import Study, Task


def with_models(
    study: Study, folder: Path, place: Callable[..., str]
) -> tuple[Study, list[Problem]]:
    """Take contrasts, response, high-pass and confounds from the study's model files.

    Parameters
    ----------
    study : Study
        With ``glm.models``.
    folder : path
        That the paths are relative to.
    place : callable
        Says where a key of the study file stands.

    Returns
    -------
    study : Study
        With the settings of the models.
    problems : list of Problem
        Of the model files, of settings that are given twice, and of models that disagree.
    """
    problems: list[Problem] = []
    tasks, settings = dict(study.tasks), []
    for key in ("hrf", "high_pass", "confounds"):
        if key in study.glm.model_fields_set:
            problems.append(_twice(place("glm", key)))
    for name in study.glm.models:
        path = folder / name
        model, found = read_stats_model(path)
        problems += found
        if model is None:
            continue
        settings.append((model.hrf, model.high_pass, model.confounds))
        for task in model.tasks or tuple(tasks):
            if task not in tasks:
                expected, hint = "a task of [tasks] in Input.task", suggest(task, tasks)
                problems.append(Problem("error", str(path), expected, repr(task), hint))
            elif tasks[task].contrasts:
                problems.append(_twice(place("tasks", task, "contrasts")))
            else:
                tasks[task], more = _with_model(tasks[task], model, str(path))
                problems += more
    if len(set(settings)) > 1:
        expected = "models with one response, high-pass and confounds"
        found = "; ".join(str(values) for values in dict.fromkeys(settings))
        hint = "make them alike: all runs of a study are modelled alike"
        problems.append(Problem("error", place("glm", "models"), expected, found, hint))
    if settings:
        hrf, high_pass, confounds = settings[0]
        update = {"hrf": hrf, "confounds": confounds}
        if high_pass is not None:
            update["high_pass"] = high_pass
        study = study.model_copy(update={"glm": study.glm.model_copy(update=update)})
    return study.model_copy(update={"tasks": tasks}), problems


def _with_model(task: Task, model: RunModel, path: str) -> tuple[Task, list[Problem]]:
    problems = [
        Problem("error", path, "trial types of the task in the study file", repr(label),
                suggest(label, task.labels))
        for label in model.labels
        if label not in task.labels
    ]  # fmt: skip
    return task.model_copy(update={"contrasts": dict(model.contrasts)}), problems


def _twice(place: str) -> Problem:
    hint = "remove it here, or the model file from glm.models"
    return Problem("error", place, "to be given once", "here and in a model file", hint)
