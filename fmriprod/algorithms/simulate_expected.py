"""What an analysis of the simulated production study should find, and what it should not."""

from dataclasses import asdict
from itertools import combinations
from typing import Any

from fmriprod.algorithms.simulate_effects import (
    COUPLING,
    EARLY,
    LATE,
    REGION_EFFECTS,
    RegionEffect,
)

PHASES = ("pre", "post", "drawing")
CONTRASTS = {"target_foil": 1, "target_control": 1, "foil_control": -1}
CONNECTED = ("V1", "V2", "LOC", "parietal", "precentral")  # regions of the connectivity analysis
_WEAK = ("fusiform",)  # planted too weakly to be found for sure in few people


def planted_effects() -> dict[str, Any]:
    """Tell the strengths that are planted, before any factor, as a dictionary for JSON."""
    return {
        "regions": {name: asdict(effect) for name, effect in REGION_EFFECTS.items()},
        "coupling": {"fluctuations": list(COUPLING), "early": EARLY, "late": LATE},
    }


def expected_findings(
    pattern: float = 1.0, drawing: float = 1.0, connectivity: float = 1.0
) -> dict[str, Any]:
    """Tell what a good analysis finds: 1 above, -1 below, 0 no different from no effect.

    Parameters
    ----------
    pattern, drawing, connectivity : float
        Factors of what is planted; 0 plants nothing.

    Returns
    -------
    dict
        ``accuracy`` by region and phase, ``log_odds`` (of drawing) by region and contrast,
        ``connectivity`` (change from the first to the second half) by pair such as ``V1-V2``.
        What is planted too weakly to be found for sure is not in it.
    """
    accuracy, log_odds = {}, {}
    for region, effect in REGION_EFFECTS.items():
        seen = bool(effect.pattern * pattern)
        drawn = bool(seen and drawing)
        if (region in _WEAK and seen) or (region in CONNECTED and not effect.pattern):
            continue
        accuracy[region] = {phase: int(drawn if phase == "drawing" else seen) for phase in PHASES}
        log_odds[region] = {name: sign * drawn for name, sign in CONTRASTS.items()}
    pairs = {
        f"{one}-{two}": int(connectivity > 0 and coupled(one, two))
        for one, two in combinations(CONNECTED, 2)
    }
    return {"accuracy": accuracy, "log_odds": log_odds, "connectivity": pairs}


def coupled(one: str, two: str) -> bool:
    """Tell whether two regions share a fluctuation.

    Examples
    --------
    >>> coupled("V1", "parietal"), coupled("LOC", "parietal")
    (True, False)
    """
    effects = (REGION_EFFECTS.get(name, RegionEffect()) for name in (one, two))
    first, second = (set(effect.coupling) for effect in effects)
    return bool(first & second)
