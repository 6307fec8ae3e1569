"""Write a page for every interface and builder from its specification and docstring."""

import re
from pathlib import Path

import specs
from sphinx.util.rst import escape

_HEAD = """.. This page is made from the code when the documentation is built.

"""


def _title(text: str) -> str:
    return f"{text}\n{'=' * len(text)}\n\n"


def _literal(text: str) -> str:
    return f"``{text}``" if text and "`" not in text else escape(text)


def _words(text: str) -> str:
    """Escape a description; what stands in double backquotes stays as code."""
    parts = re.split(r"(``[^`]+``)", text)
    return "".join(part if part.startswith("``") else escape(part) for part in parts)


def _table(rows: list[specs.Row], columns: tuple[str, ...]) -> str:
    if not rows:
        return "None.\n\n"
    lines = [".. list-table::", "   :header-rows: 1", "   :class: specification", ""]
    table = [columns]
    for row in rows:
        default = "**required**" if row.required else _literal(row.default)
        cells = {"name": _literal(row.name), "type": escape(row.kind), "default": default,
                 "meaning": _words(row.desc)}  # fmt: skip
        table.append(tuple(cells[column] for column in columns))
    for cells in table:
        for place, cell in enumerate(cells):
            lines.append(f"   {'*' if place == 0 else ' '} - {cell}".rstrip())
    return "\n".join(lines) + "\n\n"


def interface_page(name: str, interface: type) -> str:
    """Write the page of an interface (reStructuredText)."""
    text = _HEAD + _title(name)
    text += f".. autoclass:: {interface.__module__}.{name}\n\n"
    text += "Inputs\n------\n\n"
    text += _table(specs.inputs(interface), ("name", "type", "default", "meaning"))
    text += "Also ``num_threads``, as every interface has it.\n\n" if _is_ours(interface) else ""
    text += "Outputs\n-------\n\n"
    text += _table(specs.outputs(interface), ("name", "type", "meaning"))
    if _is_ours(interface):
        libraries = ", ".join(interface._libraries) or "none but NumPy"
        text += (
            "What a cached result depends on, besides its inputs: version "
            f"{interface._algorithm_version} of this step's code, and the versions of "
            f"{libraries}.\n"
        )
    return text


def _is_ours(interface: type) -> bool:
    return hasattr(interface, "_algorithm_version")


def builder_page(name: str, builder) -> str:
    """Write the page of a builder of a workflow (reStructuredText)."""
    text = _HEAD + _title(name)
    text += f".. workflow-graph:: {name}\n\n"
    text += f".. autofunction:: {builder.__module__}.{name}\n"
    return text


def _index(title: str, words: str, items: dict) -> str:
    text = _HEAD + _title(title) + words + "\n\n.. list-table::\n   :header-rows: 1\n\n"
    text += "   * - name\n     - what it does\n"
    for name, thing in items.items():
        text += f"   * - :doc:`{name} <{name}>`\n     - {_words(specs.summary(thing))}\n"
    names = "\n   ".join(items)
    return text + f"\n.. toctree::\n   :hidden:\n\n   {names}\n"


def pages() -> dict[str, str]:
    """Make every page, by its place in ``api/``."""
    steps, graphs = specs.interfaces(), specs.builders()
    made = {f"interfaces/{name}.rst": interface_page(name, step) for name, step in steps.items()}
    made |= {f"workflows/{name}.rst": builder_page(name, it) for name, it in graphs.items()}
    made["interfaces/index.rst"] = _index(
        "Interfaces",
        "One step each: files in, files out. Run one by itself (``Smooth(in_file=...).run()``), or "
        "put it into a node. All of our own take ``num_threads``: threads that the numerics may "
        "use, which changes neither result nor cache.",
        steps,
    )
    made["workflows/index.rst"] = _index(
        "Workflows",
        "Graphs of steps with an ``inputnode`` and an ``outputnode``; each function builds one.",
        graphs,
    )
    return made


def write(app) -> None:
    """Write what changed, and remove pages of what is gone."""
    folder = Path(app.srcdir) / "api"
    made = pages()
    for place, text in made.items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
    for path in folder.rglob("*.rst"):
        if path.relative_to(folder).as_posix() not in made:
            path.unlink()


def setup(app):
    """Write the pages before Sphinx looks for them."""
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
