"""Settings of the documentation: built by ``make docs``, loads nothing from the network."""

import os
import sys
from pathlib import Path

os.environ.setdefault("NO_ET", "1")  # Nipype asks the network for its newest version otherwise
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "ext"))

import fmriprod  # noqa: E402

project = "fmriprod"
author = "The fmriprod developers"
copyright = "the fmriprod developers"
version = release = fmriprod.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "mathml",  # the rest are in ext/
    "citations",
    "api_pages",
    "graphs",
    "made_pages",
]
exclude_patterns = ["_build", "validation", "images", "ext"]
default_role = "py:obj"
nitpicky = False
suppress_warnings = ["myst.header"]  # pages that are included begin at their own level

myst_enable_extensions = ["dollarmath", "deflist", "colon_fence"]
myst_heading_anchors = 3

napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_custom_sections = [("Inputs", "params_style"), ("Outputs", "params_style")]
autodoc_typehints = "none"  # docstrings give them with shapes and units
autodoc_preserve_defaults = True

html_theme = "furo"
html_title = f"fmriprod {version}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_math_renderer = "mathml"
pygments_style = "default"
pygments_dark_style = "native"
