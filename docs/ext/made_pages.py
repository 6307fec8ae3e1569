"""Parts of pages that are made from files: measured agreement, figures of sources, messages."""

import ast
import json
import re
import tomllib
from pathlib import Path

import specs
from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList


class _FromFile(Directive):
    """A directive that writes Markdown from a file beside the pages."""

    required_arguments = 1

    def run(self):
        """Read the file, write Markdown, and parse it."""
        env = self.state.document.settings.env
        path = Path(env.app.srcdir) / self.arguments[0]
        for part in sorted(path.rglob("*")) if path.is_dir() else [path]:
            env.note_dependency(str(part))
        text = self.markdown(path)
        section = nodes.section()
        section.document = self.state.document
        self.state.nested_parse(
            StringList(text.splitlines(), str(path)), 0, section, match_titles=1
        )
        return section.children

    def markdown(self, path: Path) -> str:
        """Write what stands in the page."""
        raise NotImplementedError


def _number(value: float) -> str:
    return "0" if value == 0 else f"{value:.1e}".replace("e-0", "e-").replace("e+0", "e+")


def _cell(text: object) -> str:
    return str(text).replace("|", "\\|").replace("\n", " ")


class Validation(_FromFile):
    """``{validation} FILE``: what was measured, from the JSON file of `validation/collect.py`."""

    def markdown(self, path: Path) -> str:
        """Write a table a subject."""
        content = json.loads(path.read_text(encoding="utf-8"))
        write = agreement_tables if "records" in content else plain_table
        return "\n".join(write(content))


def plain_table(content: dict) -> list[str]:
    """Write rows as they are, under the names of their columns."""
    columns = list(content["rows"][0])
    text = [f"Made by `{content['command']}`.", "",
            "| " + " | ".join(column.replace("_", " ") for column in columns) + " |",
            "|" + "---|" * len(columns)]  # fmt: skip
    text += ["| " + " | ".join(_cell(row[c]) for c in columns) + " |" for row in content["rows"]]
    return [*text, ""]


def agreement_tables(content: dict) -> list[str]:
    """Write what tests compared: a table a subject."""
    text = [f"Made by `{content['command']}` with " + ", ".join(content["software"]) + ".", ""]
    subjects = dict.fromkeys(record["subject"] for record in content["records"])
    for subject in subjects:
        text += [f"### {subject}", "", "| what is compared | with | numbers | largest difference | "
                 "of the largest number | test |", "|---|---|---|---|---|---|"]  # fmt: skip
        for one in content["records"]:
            if one["subject"] == subject:
                cells = [one["what"], one["reference"], f"{one['n_numbers']:,}",
                         _number(one["largest_difference"]), _number(one["relative_difference"]),
                         f"`{one['test']}`"]  # fmt: skip
                text.append("| " + " | ".join(map(_cell, cells)) + " |")
        text.append("")
    return text


class SourceFigures(_FromFile):
    """``{source-figures} figures.toml``: figures of the sources and their counterparts."""

    def markdown(self, path: Path) -> str:
        """Write a table a source."""
        text = []
        for source in tomllib.loads(path.read_text(encoding="utf-8"))["source"]:
            text += [f"## {source['name']}", "", source["about"], "",
                     "| figure of the source | ours |", "|---|---|"]  # fmt: skip
            for figure in source["figure"]:
                picture = figure["image"]
                shown = figure.get("data", "Simulated data.")
                ours = f"![{figure['alt']} {shown}](/images/figures/{picture}) <br>*{shown}*"
                text.append(f"| {_cell(figure['what'])} <br>{_cell(figure['made_by'])} | {ours} |")
            text.append("")
        return "\n".join(text)


class Messages(_FromFile):
    """``{messages} messages.toml``: questions and answers by message."""

    def markdown(self, path: Path) -> str:
        """Write a section a message, under the headings of the file."""
        text = []
        for group in tomllib.loads(path.read_text(encoding="utf-8"))["group"]:
            text += [f"## {group['name']}", ""]
            for one in group["message"]:
                text += [f"### {_plain(one['title'])}", "", "```text", one["shown"].strip()]
                text += ["```", "", one["answer"].strip(), ""]
        return "\n".join(text)


class Gallery(_FromFile):
    """``{gallery} gallery.toml``: what each example does, and its picture."""

    def markdown(self, path: Path) -> str:
        """Write a section an example."""
        listed = tomllib.loads(path.read_text(encoding="utf-8"))["example"]
        return "\n".join(gallery([*listed, *others(listed, path.parent.parent / "examples")]))


def others(listed: list[dict], folder: Path) -> list[dict]:
    """Describe examples that the gallery's file does not list, by their docstrings."""
    known = {one["script"] for one in listed}
    found = []
    for script in sorted(folder.glob("*.py")):
        if script.name not in known:
            words = ast.get_docstring(ast.parse(script.read_text(encoding="utf-8")))
            title = script.stem.replace("_", " ").capitalize()
            about = _plain(words.split("\n\n")[0])
            found.append({"title": title, "script": script.name, "about": about, "pictures": []})
    return found


def gallery(examples: list[dict]) -> list[str]:
    """Write title, words, command and pictures of examples."""
    text = []
    for one in examples:
        command = f"python examples/{one['script']} --out {one['script'][:-3]}"
        text += [f"## {one['title']}", "", one["about"].strip(), "", "```text", command, "```", ""]
        for picture in one["pictures"]:
            text += [f"![{picture['alt']} Simulated data.](/images/{picture['file']})", "",
                     f"*{picture['caption']} The data are simulated.*", ""]  # fmt: skip
    return text


class Interface(Directive):
    """``{interface} Name``: what an interface takes and gives, for pages of steps."""

    required_arguments = 1

    def run(self):
        """Write Markdown from the specification, and parse it."""
        name = self.arguments[0]
        lines = interface_tables(name, specs.interfaces()[name])
        holder = nodes.section()
        holder.document = self.state.document
        self.state.nested_parse(StringList(lines, f"{name}.md"), 0, holder)
        return holder.children


def interface_tables(name: str, interface: type) -> list[str]:
    """Write the summary and the inputs and outputs of an interface."""
    text = [f"**{{doc}}`{name} </api/interfaces/{name}>`.** {specs.summary(interface)}", "",
            "| input | type | default | meaning |", "|---|---|---|---|"]  # fmt: skip
    for row in specs.inputs(interface):
        default = "**required**" if row.required else _code(row.default)
        text.append(f"| `{row.name}` | {_plain(row.kind)} | {default} | {_plain(row.desc)} |")
    text += ["", "| output | meaning |", "|---|---|"]
    text += [f"| `{row.name}` | {_plain(row.desc)} |" for row in specs.outputs(interface)]
    return [*text, ""]


def _plain(text: str) -> str:
    """Escape what Markdown would read as markup; code in double backquotes stays code."""
    parts = re.split(r"(``[^`]+``)", _cell(text).replace("\\|", "|"))
    return "".join(
        part.replace("|", "\\|")
        if part.startswith("``")
        else re.sub(r"([\\`*_{}\[\]<>$|#])", r"\\\1", part)
        for part in parts
    )


def _code(text: str) -> str:
    return f"`{text}`".replace("|", "\\|") if text and "`" not in text else _plain(text)


def setup(app):
    """Offer the directives."""
    for name, directive in (
        ("validation", Validation), ("source-figures", SourceFigures), ("messages", Messages),
        ("gallery", Gallery), ("interface", Interface),
    ):  # fmt: skip
        app.add_directive(name, directive)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
