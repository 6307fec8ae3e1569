"""The public data sets that can be fetched, and the files that each of them has."""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path, PurePosixPath
from urllib.parse import quote, urlencode
from xml.etree import ElementTree

import requests

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.interfaces.downloads import RemoteFile, get

_MD5 = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Part:
    """A part of a data set that can be asked for by its name."""

    about: str = ""
    prefix: str = ""
    default: bool = True


@dataclass(frozen=True)
class Source:
    """A public data set.

    Attributes
    ----------
    name, title, reference, licence : str
        What it is, what to cite, and on what terms it may be used.
    parts : dict of str to Part
        By name.
    files : tuple of RemoteFile
        Of a set whose files are known by address.
    bucket : str
        Address of a public bucket (Amazon S3) that lists itself.
    nilearn : str
        Name of a function of ``nilearn.datasets``.
    """

    name: str
    title: str
    reference: str
    licence: str
    parts: dict[str, Part] = field(default_factory=dict)
    files: tuple[RemoteFile, ...] = ()
    bucket: str = ""
    nilearn: str = ""


def known_sources(table: str | Path | None = None) -> dict[str, Source]:
    """Read the table of data sets; that of the package by default."""
    text = Path(table).read_text() if table else files("fmriprod.data").joinpath(
        "sources.toml").read_text()  # fmt: skip
    return {name: _source(name, entry) for name, entry in tomllib.loads(text).items()}


def find_source(name: str, table: str | Path | None = None) -> Source:
    """Find a data set by its name."""
    sources = known_sources(table)
    if name not in sources:
        raise InputError(
            "name", expected="a data set that can be fetched", found=repr(name),
            hint=suggest(name, sources),
        )  # fmt: skip
    return sources[name]


def list_files(source: Source, parts: Sequence[str] | None = None) -> list[RemoteFile]:
    """List the files of a data set; a bucket is asked over the network.

    Parameters
    ----------
    source : Source
        As `find_source` gives it.
    parts : sequence of str, optional
        Names of the parts; those that are marked as default without it.

    Returns
    -------
    list of RemoteFile
        Sorted by path.

    Raises
    ------
    InputError
        For an unknown part, without a network, or for an answer that is no listing.
    """
    chosen = list(parts or [name for name, part in source.parts.items() if part.default])
    for name in chosen:
        if name not in source.parts:
            raise InputError(
                "parts", expected=f"parts of {source.name}", found=repr(name),
                hint=suggest(name, source.parts),
            )  # fmt: skip
    if not source.bucket:
        return [file for file in source.files if file.part in chosen]
    found = [
        file
        for name in chosen
        for file in _list_bucket(source.bucket, source.parts[name].prefix, name)
    ]
    return sorted(found, key=lambda file: file.path)


def _source(name: str, entry: dict) -> Source:
    known = tuple(
        RemoteFile(path, about["url"], about.get("size"), about.get("md5"), about["part"])
        for path, about in entry.get("files", {}).items()
    )
    parts = {key: Part(**about) for key, about in entry.get("parts", {}).items()}
    parts |= {file.part: Part() for file in known}
    texts = {key: entry.get(key, "") for key in ("title", "reference", "licence", "bucket")}
    return Source(name, parts=parts, files=known, nilearn=entry.get("nilearn", ""), **texts)


def _list_bucket(bucket: str, prefix: str, part: str) -> list[RemoteFile]:
    """List a public bucket, page by page."""
    found, token = [], None
    while True:
        query = {"list-type": "2", "prefix": prefix}
        if token:
            query["continuation-token"] = token
        url = f"{bucket}/?{urlencode(query)}"
        page = _parse(get(url), url)
        space = page.tag.partition("}")[0] + "}" if page.tag.startswith("{") else ""
        for item in page.iter(f"{space}Contents"):
            key = item.findtext(f"{space}Key") or ""
            if key.endswith("/"):
                continue
            tag = (item.findtext(f"{space}ETag") or "").strip('"')
            size = int(item.findtext(f"{space}Size") or 0)
            md5 = tag if _MD5.fullmatch(tag) else None  # of files sent in pieces it is none
            found.append(RemoteFile(_safe(key), f"{bucket}/{quote(key)}", size, md5, part))
        token = page.findtext(f"{space}NextContinuationToken")
        if not token:
            return found


def _parse(answer: requests.Response, url: str) -> ElementTree.Element:
    if b"<!ENTITY" in answer.content.replace(b"\0", b""):  # it would grow when it is read
        raise _no_listing(url, "XML that declares entities")
    try:
        page = ElementTree.fromstring(answer.content)
    except ElementTree.ParseError as err:
        raise _no_listing(url, f"{err}") from None
    if not page.tag.endswith("ListBucketResult"):
        raise _no_listing(url, f"<{page.tag}>")
    return page


def _no_listing(url: str, found: str) -> InputError:
    hint = "the bucket may have moved or be closed: see the reference of the data set"
    return InputError(url, expected="a listing of the bucket", found=found, hint=hint)


def _safe(key: str) -> str:
    """Refuse a name that would lie outside the folder."""
    path = PurePosixPath(key)
    if path.is_absolute() or ".." in path.parts or "\\" in key:
        hint = "do not trust this listing"
        raise InputError(key, expected="a path inside the folder", found=key, hint=hint)
    return str(path)
