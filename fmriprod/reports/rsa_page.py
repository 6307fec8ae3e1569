"""The report on representational similarity: its first screen, and all sections below."""

from fmriprod.reports.page import Block, Page, Tiles
from fmriprod.reports.remarks import lead_remarks
from fmriprod.reports.rsa_results import RSAResult
from fmriprod.reports.rsa_sections import figure_block, lead_figure, rsa_sections
from fmriprod.reports.rsa_tiles import rsa_tiles
from fmriprod.reports.rsa_verdicts import rsa_notices


def rsa_page(result: RSAResult) -> Page:
    """Arrange an analysis: what is similar to what, where, and what to mind; then all.

    Parameters
    ----------
    result : RSAResult
        What there is; sections without content are left out.

    Returns
    -------
    Page
        To be given to `render_page`.
    """
    about = [result.subtitle]
    if result.rdms:
        about.append(f"{result.rdms[0].n_conditions} conditions")
    figure = lead_figure(result)
    return Page(
        title=result.title,
        subtitle=" · ".join(part for part in about if part),
        lead=_lead(result) + ([figure_block(figure)] if figure else []),
        sections=rsa_sections(result, figure),
        banner="Simulated data: no person was scanned for this report." if result.simulated else "",
        footer="Limits used for remarks exclude nothing from the analysis.",
    )


def _lead(result: RSAResult) -> list[Block]:
    tiles = rsa_tiles(result)
    blocks: list[Block] = [Tiles(tiles)] if tiles else []
    return blocks + lead_remarks(rsa_notices(result), result.truth, judged=bool(tiles))
