"""Citations in methods texts: which works they name, and how they are printed."""

import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

from markupsafe import Markup, escape

from fmriprod.algorithms.checks import InputError, suggest

CITATION = re.compile(r"\[(@[\w-]+(?:\s*;\s*@[\w-]+)*)\]|(?<![\w@.])@([\w-]+)")
CODE = re.compile(r"`([^`]+)`")
_ENTRY = re.compile(r"^@(\w+)\{([\w-]+),\n(.*?)\n\}$", re.MULTILINE | re.DOTALL)
_FIELD = re.compile(r"^\s*(\w+) = \{(.*)\},?$", re.MULTILINE)
_SHOWN_AUTHORS = 6


def citations(text: str) -> list[str]:
    """List the keys that a text cites, each once, in the order of first mention.

    Parameters
    ----------
    text : str
        With citations as ``[@key]``, ``[@one; @two]`` or ``@key``; what is in backticks is code.

    Returns
    -------
    list of str

    Examples
    --------
    >>> citations("Motion [@mcflirt; @fsl] as in @fan2020 and again [@fsl].")
    ['mcflirt', 'fsl', 'fan2020']
    """
    matches = CITATION.finditer(CODE.sub(" ", text))
    found = [key for match in matches for key in _keys(match)]
    return list(dict.fromkeys(found))


def bibliography(keys: Iterable[str]) -> str:
    """Return the BibTeX entries of the cited works, in the order of the keys.

    Parameters
    ----------
    keys : iterable of str
        Keys of ``data/references.bib``.

    Returns
    -------
    str
        BibTeX text; empty without keys.

    Raises
    ------
    InputError
        If a key is unknown; the message names the nearest one.
    """
    entries = [_entry(key)[0] for key in keys]
    return "\n\n".join(entries) + ("\n" if entries else "")


def describe_html(text: str) -> Markup:
    """Turn a methods text into HTML with numbered citations and the list of references.

    Parameters
    ----------
    text : str
        Plain text; paragraphs are parted by blank lines. It is escaped.

    Returns
    -------
    markupsafe.Markup
        Paragraphs and, where something is cited, an ordered list.

    Raises
    ------
    InputError
        If a cited key is unknown.
    """
    keys = citations(text)
    number = {key: i for i, key in enumerate(keys, start=1)}
    references = [_reference(key) for key in keys]

    def numbered(match: re.Match) -> str:
        links = (f'<a href="#ref-{number[key]}">{number[key]}</a>' for key in _keys(match))
        return f"[{', '.join(links)}]"

    def marked(paragraph: str) -> str:
        # Escaping leaves @, brackets, semicolons, backticks and the letters of keys as they are.
        parts = CODE.split(str(escape(paragraph)))
        return "".join(
            f"<code>{part}</code>" if i % 2 else CITATION.sub(numbered, part)
            for i, part in enumerate(parts)
        )

    html = [f"<p>{marked(paragraph)}</p>" for paragraph in paragraphs_of(text)]
    if references:
        items = [f'<li id="ref-{i}">{item}</li>' for i, item in enumerate(references, start=1)]
        html += ["<h3>References</h3>", "<ol>", *items, "</ol>"]
    return Markup("\n".join(html))


def paragraphs_of(text: str) -> list[str]:
    """Cut a text at blank lines."""
    return [part.strip() for part in re.split(r"\n\s*\n", text) if part.strip()]


def _keys(match: re.Match) -> list[str]:
    if match[2]:
        return [match[2]]
    return [key.strip().removeprefix("@") for key in match[1].split(";")]


@cache
def _library() -> dict[str, tuple[str, dict[str, str]]]:
    """Entries of the shipped file: the text of each, and its fields."""
    text = files("fmriprod.data").joinpath("references.bib").read_text(encoding="utf-8")
    return {m[2]: (m[0], dict(_FIELD.findall(m[3]))) for m in _ENTRY.finditer(text)}


def _entry(key: str) -> tuple[str, dict[str, str]]:
    library = _library()
    if key not in library:
        raise InputError(
            "citation",
            expected="a key of data/references.bib",
            found=f"@{key}",
            hint=suggest(key, sorted(library)),
        )
    return library[key]


def _reference(key: str) -> str:
    """Print one work as HTML."""
    plain = str.maketrans("", "", "{}")  # braces keep capitals in BibTeX
    fields = _entry(key)[1].items()
    entry = {name: str(escape(value.translate(plain))) for name, value in fields}
    entry = {name: v if name == "doi" else v.replace("--", "–") for name, v in entry.items()}
    place = entry.get("journal", entry.get("howpublished", ""))
    if "volume" in entry:
        issue = f"({entry['number']})" if "number" in entry else ""
        place = f"<i>{place}</i> {entry['volume']}{issue}, {entry['pages']}"
    text = f"{_authors(entry['author'])} ({entry['year']}). {entry['title']}. {place}."
    if "doi" in entry:
        text += f' <a href="https://doi.org/{entry["doi"]}">doi:{entry["doi"]}</a>'
    return text


def _authors(field: str) -> str:
    names = []
    for author in field.split(" and "):
        family, _, given = author.partition(", ")
        initials = "".join(f"{part[0]}." for part in re.split(r"[\s-]+", given) if part)
        names.append(f"{family} {initials}".strip())
    if "others" in names or len(names) > _SHOWN_AUTHORS:
        shown = [n for n in names if n != "others"][: _SHOWN_AUTHORS if "others" in names else 3]
        return ", ".join(shown) + " et al."
    return ", ".join(names)
