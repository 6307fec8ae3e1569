"""Files that hold an interactive part of a page, from the step that makes it to the report."""

import json

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.page_report import read_step_json
from fmriprod.reports.panels import Panel, check_pictures


def panel_text(panel: Panel) -> str:
    """Write a panel as JSON; the same panel gives the same text.

    Parameters
    ----------
    panel : Panel
        Of `run_panel`, `brain_panel` or `rdm_panel`.

    Returns
    -------
    str
        An object with name, label, how and data.
    """
    content = {"name": panel.name, "label": panel.label, "how": panel.how, "data": panel.data}
    return json.dumps(content, sort_keys=True, allow_nan=False, separators=(",", ":")) + "\n"


def read_panel(path: str) -> Panel:
    """Read a panel that a step wrote.

    Parameters
    ----------
    path : str
        JSON of `panel_text`.

    Returns
    -------
    Panel

    Raises
    ------
    InputError
        If it is something else.
    """
    content = read_step_json(path) or {}
    try:
        panel = Panel(*(content[key] for key in ("name", "data", "label", "how")))
        check_pictures(panel.data)
        return panel
    except (KeyError, TypeError) as err:
        found = f"{type(err).__name__}: {err}"
    except InputError as err:
        found = err.found
    raise InputError(
        "panel", expected="an interactive part as RunPanel and BrainPanel write it", found=found,
        hint="run the step that writes this file again", file=str(path),
    )  # fmt: skip
