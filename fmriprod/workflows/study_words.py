"""Words of a study file that stand for something: objects in braces, and the task mask."""

import re

from fmriprod.algorithms.label_expression import names_in
from fmriprod.workflows.study_model import Study

PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
TASK = "task"


def placeholders(study: Study) -> list[str]:
    """List the words in braces that stand for objects of a participant."""
    count = n_trained(study)
    if not count:
        return []
    n_control = len(study.objects.labels) - count
    return [f"trained_{i + 1}" for i in range(count)] + [
        f"control_{i + 1}" for i in range(n_control)
    ]


def fill(text: str, objects: dict[str, str]) -> str:
    """Put the objects of a participant in the place of the words in braces.

    Examples
    --------
    >>> fill("{trained_1} - baseline", {"trained_1": "bed"})
    'bed - baseline'
    """
    return PLACEHOLDER.sub(lambda match: objects[match[1]], text)


def n_trained(study: Study) -> int:
    """Count the trained objects of each participant."""
    given = [*study.objects.pairs.values()]
    return len(given[0]) if given else len(study.objects.trained)


def mentions_task(expression: str) -> bool:
    """Tell whether an expression uses the task mask itself."""
    return TASK in names_in(expression)


def task_regions(study: Study) -> list[str]:
    """List the regions that depend on the task mask, also through other regions."""
    definitions = study.regions.definitions
    found = [name for name, text in definitions.items() if mentions_task(text)]
    while True:
        more = [
            name
            for name, text in definitions.items()
            if name not in found and set(names_in(text)) & set(found)
        ]
        if not more:
            return [name for name in definitions if name in found]
        found += more
