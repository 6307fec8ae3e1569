"""Positions of the items of a row: in their order, apart, and near where they want to be."""

from collections.abc import Sequence


def spread(
    wanted: Sequence[float],
    widths: Sequence[float],
    weights: Sequence[float],
    *,
    gap: float,
    limit: float,
) -> list[float]:
    """Place items in a row, in their order, without overlap.

    The sum of squared distances to the wanted centres, times weights, is the smallest there is:
    without widths this is isotonic regression, solved by pooling adjacent violators (Barlow et
    al. 1972); bounds are met by clipping its solution.

    Parameters
    ----------
    wanted, widths, weights : sequence of float
        Centre, width and weight of each item, in order.
    gap : float
        Space between neighbours.
    limit : float
        The row goes from 0 to here; where items need more room, it goes as far as they need.

    Returns
    -------
    list of float
        Centres.
    """
    if not wanted:
        return []
    offsets, total = [], 0.0
    for width in widths:
        offsets.append(total + width / 2)
        total += width + gap
    free = max(0.0, limit - (total - gap))
    blocks: list[list[float]] = []  # mean, weight, number of items
    for centre, offset, weight in zip(wanted, offsets, weights, strict=True):
        blocks.append([centre - offset, weight, 1])
        while len(blocks) > 1 and blocks[-2][0] >= blocks[-1][0]:
            mean, heavy, n = blocks.pop()
            last = blocks[-1]
            last[0] = (last[0] * last[1] + mean * heavy) / (last[1] + heavy)
            last[1] += heavy
            last[2] += n
    left = [min(max(mean, 0.0), free) for mean, _, n in blocks for _ in range(int(n))]
    return [start + offset for start, offset in zip(left, offsets, strict=True)]
