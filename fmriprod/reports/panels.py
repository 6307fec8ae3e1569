"""Interactive parts of a page: data in, and a script in the page that draws them.

A panel repeats what a figure of the page shows, so that values can be read off. Without a script
and in print it is absent, and the figure stays. Nilearn's `view_img` was weighed for slices: a page
of its own (280 kB) that needs a frame and a mouse; these share the page's colours, work from
the keyboard, and bring 10 to 400 kB.
"""

import base64
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from markupsafe import Markup
from PIL import Image

from fmriprod.algorithms.checks import InputError

NEEDED = {
    "rdm": {"conditions", "groups", "names", "rdms", "limits", "colours", "what", "lower"},
    "run": {"tr", "n", "threshold", "traces", "carpet", "range"},
    "brain": {"shape", "origin", "step", "ground", "maps", "start", "colours"},
}


@dataclass(frozen=True)
class Panel:
    """An interactive part: what draws it, its data, its name, and how it is used.

    Parameters
    ----------
    name : {"rdm", "run", "brain"}
        Which script draws it.
    data : mapping
        What that script needs, see `NEEDED`; it can be written as JSON.
    label : str
        What it is, for those who do not see it.
    how : str
        One sentence on how it is used.

    Raises
    ------
    InputError
        If there is no such panel, or its data are not whole.
    """

    name: str
    data: Mapping[str, Any]
    label: str
    how: str
    kind: str = field(default="panel", init=False)

    def __post_init__(self) -> None:
        if self.name not in NEEDED:
            raise InputError(
                "panel", expected=f"one of {', '.join(NEEDED)}", found=repr(self.name),
                hint="make it with the functions of fmriprod.reports that give panels",
            )  # fmt: skip
        lacking = NEEDED[self.name] - set(self.data)
        if lacking:
            raise InputError(
                "panel", expected=f"for {self.name!r}: {', '.join(sorted(NEEDED[self.name]))}",
                found=f"no {', '.join(sorted(lacking))}", hint="run the step that writes it again",
            )  # fmt: skip

    @property
    def text(self) -> Markup:
        """The data as they stand in the page."""
        return inside_script(self.data)


def inside_script(data: Mapping[str, Any]) -> Markup:
    r"""Write JSON so that no name in it can end the script that it stands in.

    Parameters
    ----------
    data : mapping
        Finite numbers, text, lists and mappings.

    Returns
    -------
    markupsafe.Markup
        The same data give the same text.

    Examples
    --------
    >>> print(inside_script({"name": "</script>"}))
    {"name":"\u003c/script\u003e"}
    """
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)


def grey_uri(values: np.ndarray) -> str:
    """Give whole numbers as a lossless grey picture that a page holds.

    Parameters
    ----------
    values : ndarray of uint8, shape (height, width)
        Numbers, from the first row of the picture.

    Returns
    -------
    str
        A ``data:`` URI (PNG); a canvas gives the same numbers back.
    """
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(values, dtype=np.uint8)).save(stream, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


def check_pictures(data: Any) -> None:
    """See that all text that a script would load as a picture is within the page.

    Parameters
    ----------
    data : mapping, list or text
        Data of a panel.

    Raises
    ------
    InputError
        If a picture is elsewhere.
    """
    parts = data.items() if isinstance(data, Mapping) else ()
    for key, value in parts:
        inside = isinstance(value, str) and value.startswith("data:image/png;base64,")
        if key in ("carpet", "ground", "mask", "picture") and value is not None and not inside:
            raise InputError(
                "panel", expected="pictures inside it", found=f"{key}: {value!r:.60}",
                hint="run the step that writes it again",
            )  # fmt: skip
        check_pictures(value)
    for value in data if isinstance(data, list) else ():
        check_pictures(value)


def rounded(values: Sequence[float] | np.ndarray, digits: int = 4) -> list[float | None]:
    """Give numbers with so many significant digits; None where there is none.

    Examples
    --------
    >>> rounded([0.123456, float("nan"), 1234567.0], 3)
    [0.123, None, 1230000.0]
    """
    return [float(f"{v:.{digits}g}") if np.isfinite(v) else None for v in np.asarray(values)]


def palette(colours: Any, n: int = 256) -> list[str]:
    """Give colours of a Matplotlib map, from its low to its high end, as ``#rrggbb``."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    return [to_hex(colour) for colour in colormaps.get_cmap(colours)(np.linspace(0, 1, n))]
