"""The report on an encoding analysis: its first screen, and all sections below."""

from collections.abc import Mapping
from typing import Any

from fmriprod.reports.encoding_results import EncodingResult
from fmriprod.reports.encoding_sections import encoding_sections, lead_figure
from fmriprod.reports.encoding_tables import region_table
from fmriprod.reports.encoding_tiles import encoding_tiles
from fmriprod.reports.encoding_verdicts import encoding_notices
from fmriprod.reports.page import Block, Page, Tiles
from fmriprod.reports.remarks import lead_remarks


def encoding_page(result: EncodingResult) -> Page:
    """Arrange an analysis: how much is predicted, by which layer, and what to mind; then all.

    Parameters
    ----------
    result : EncodingResult
        What there is; sections without content are left out.

    Returns
    -------
    Page
        To be given to `render_page`.
    """
    encode = result.encode or {}
    about = [result.subtitle]
    for n, word in ((encode.get("n_samples"), "sample"), (_count(encode, "folds"), "fold"),
                    (_count(encode, "layers"), "layer")):  # fmt: skip
        about.append(f"{n:,} {word}{'s' if n != 1 else ''}" if n else "")
    figure = lead_figure(result)
    return Page(
        title=result.title,
        subtitle=" · ".join(part for part in about if part),
        lead=_lead(result) + ([figure[1]] if figure else []),
        sections=encoding_sections(result, [figure[0]] if figure else []),
        banner="Simulated data: no person was scanned for this report." if result.simulated else "",
        footer="Scores are of samples that the models did not see. Limits used for remarks exclude "
        "nothing from the analysis.",
    )


def _count(encode: Mapping[str, Any], name: str) -> int:
    return len(encode.get(name, ()))


def _lead(result: EncodingResult) -> list[Block]:
    tiles = encoding_tiles(result)
    blocks: list[Block] = [Tiles(tiles)] if tiles else []
    blocks += lead_remarks(encoding_notices(result), result.truth, judged=bool(result.encode))
    return blocks + region_table(result)
