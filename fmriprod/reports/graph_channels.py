"""Horizontal tracks between two rows, so that arrows do not run into each other.

Each arrow that must change its column gets a track for its horizontal part, as in the routing
of channels on circuit boards (Hashimoto & Stevens 1971; Yoshimura & Kuh 1982).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

NEAR = 2.0  # points: verticals nearer than this look like one


@dataclass
class Piece:
    """A part of an arrow between two rows: columns where it comes from and goes to, in points."""

    net: str
    tops: list[float] = field(default_factory=list)
    bottoms: list[float] = field(default_factory=list)

    @property
    def span(self) -> tuple[float, float]:
        """Where its horizontal part begins and ends."""
        return min(*self.tops, *self.bottoms), max(*self.tops, *self.bottoms)

    @property
    def straight(self) -> bool:
        """Tell whether it needs no horizontal part."""
        low, high = self.span
        return high - low < 1e-6


def tracks(pieces: Sequence[Piece]) -> list[int | None]:
    """Give each piece a track, counted from above; None to those that go straight down.

    Pieces on the same track do not meet. Where one comes down in the column in which another
    starts, the other turns off first; where that goes round in a circle it cannot be kept.
    """
    found: list[int | None] = [None] * len(pieces)
    todo = [i for i, piece in enumerate(pieces) if not piece.straight]
    first: dict[int, set[int]] = {i: set() for i in todo}
    for i in todo:
        for j in todo:
            if i != j and _lands_on(pieces[i], pieces[j]):
                first[i].add(j)
    track = 0
    while todo:
        ready = [i for i in todo if not first[i] & set(todo)] or todo[:1]
        ready.sort(key=lambda i: (pieces[i].span, i))
        end, placed = None, []
        for i in ready:
            low, high = pieces[i].span
            if end is None or low > end + 2 * NEAR:
                found[i], end = track, high
                placed.append(i)
        todo = [i for i in todo if i not in placed]
        track += 1
    return found


def _lands_on(piece: Piece, other: Piece) -> bool:
    """Tell whether a piece goes down where another one comes from above."""
    return any(abs(b - t) < NEAR for b in piece.bottoms for t in other.tops)
