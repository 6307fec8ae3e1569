"""Cite works by their keys in ``fmriprod/data/references.bib``; list them on one page."""

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.addnodes import pending_xref
from sphinx.util.docutils import SphinxRole

from fmriprod.reports.references import bibliography


def entries() -> dict[str, dict[str, str]]:
    """Read every entry, by its key."""
    from importlib.resources import files

    text = (files("fmriprod") / "data" / "references.bib").read_text(encoding="utf-8")
    keys = [line.split("{")[1].rstrip(",") for line in text.splitlines() if line.startswith("@")]
    return {key: fields(bibliography([key])) for key in keys}


def fields(entry: str) -> dict[str, str]:
    """Take the fields of a BibTeX entry that has one a line."""
    found = {}
    for line in entry.splitlines()[1:]:
        name, equals, value = line.partition("=")
        if equals:
            found[name.strip()] = (
                value.strip().rstrip(",").strip("{}").replace("{", "").replace("}", "")
            )
    return found


def short(entry: dict[str, str]) -> str:
    """Name a work as in a text: Smith and Jones 2002."""
    names = [name.split(",")[0].split()[-1:] for name in entry.get("author", "").split(" and ")]
    if "," in entry.get("author", ""):
        names = [[name.split(",")[0].strip()] for name in entry["author"].split(" and ")]
    last = [name[0] for name in names if name]
    who = f"{last[0]} et al." if len(last) > 2 else " and ".join(last)
    return f"{who} {entry.get('year', '')}".strip()


def full(entry: dict[str, str]) -> str:
    """Write a work out as in a list of references."""
    place = entry.get("journal") or entry.get("booktitle") or entry.get("publisher") or ""
    place += f" {entry['volume']}" if "volume" in entry else ""
    place += f":{entry['pages'].replace('--', '-')}" if "pages" in entry else ""
    parts = [entry.get("author", "").replace(" and ", "; "), f"({entry.get('year', 'n.d.')})",
             entry.get("title", ""), place]  # fmt: skip
    return ". ".join(part.strip().rstrip(".") for part in parts if part.strip()) + "."


class Cite(SphinxRole):
    """``{cite}`key``` or ``{cite}`one, two```: the short names, each a link to its entry."""

    def run(self):
        """Make the links; an unknown key is an error."""
        known, made = entries(), []
        for place, key in enumerate(part.strip() for part in self.text.split(",")):
            if key not in known:
                raise ValueError(f"{self.get_location()}: no entry {key!r} in references.bib")
            if place:
                made.append(nodes.Text("; "))
            words = nodes.inline(text=short(known[key]))
            made.append(
                pending_xref(
                    "",
                    words,
                    refdomain="std",
                    reftype="ref",
                    reftarget=f"ref-{key}",
                    refexplicit=True,
                    refdoc=self.env.docname,
                    refwarn=True,
                )
            )
        return made, []


class Bibliography(Directive):
    """List all entries of the package's bibliography."""

    def run(self):
        """Write a paragraph an entry, with its label."""
        made = []
        env = self.state.document.settings.env
        known = entries()
        for key in sorted(known, key=lambda key: (short(known[key]).lower(), key)):
            label = f"ref-{key}"
            item = nodes.paragraph("", full(known[key]), ids=[label], names=[label])
            if doi := known[key].get("doi"):
                item += nodes.Text(" ")
                item += nodes.reference("", f"doi:{doi}", refuri=f"https://doi.org/{doi}")
            elif url := known[key].get("url"):
                item += nodes.Text(" ")
                item += nodes.reference("", url, refuri=url)
            std = env.domains.standard_domain
            std.labels[label] = (env.docname, label, short(known[key]))
            std.anonlabels[label] = (env.docname, label)
            made.append(item)
        return made


def setup(app):
    """Offer the role and the directive."""
    app.add_role("cite", Cite())
    app.add_directive("bibliography", Bibliography)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
