"""What is planted in the simulated production study, region by region."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import distance_transform_edt

from fmriprod.algorithms.noise import smooth_field
from fmriprod.algorithms.simulate_parcels import HIPPOCAMPUS, LEFT, RIGHT

_GUARD = 6.0  # mm that planted patterns keep from the regions that shall have none
_GRAIN = 6.0  # mm, full width at half maximum of the patterns


@dataclass(frozen=True)
class RegionEffect:
    """What a region does; strengths are fractions of its signal.

    Attributes
    ----------
    seen : float
        Response to every object that is shown, at its peak.
    pattern : float
        Standard deviation over the region of what is each object's own.
    drawn : float
        Response while any object is drawn.
    target : float
        How much of its own pattern an object that is drawn evokes, relative to one shown.
    foil : float
        The same of the other trained object's pattern; negative where it is suppressed.
    coupling : tuple of str
        Fluctuations that the region takes part in while drawing; of `COUPLING`.
    """

    seen: float = 0.0
    pattern: float = 0.0
    drawn: float = 0.0
    target: float = 0.0
    foil: float = 0.0
    coupling: tuple[str, ...] = ()


# Two fluctuations couple V1 and V2 with LOC, and V1 and V2 with parietal cortex, so that LOC
# and parietal cortex are not coupled with each other.
COUPLING = ("ventral", "dorsal")
EARLY, LATE = 0.0030, 0.0040  # standard deviation in drawing runs 1 and 2, and 3 and 4
# Tuned at 5 mm and a temporal SNR of 70 to the accuracies and log odds of Fan et al. (2020). After
# z-scoring over all drawing samples only the difference between the two drawn objects is left, so
# target-control and foil-control mirror each other but for the bend of the logarithm.
REGION_EFFECTS = {
    "V1": RegionEffect(0.012, 0.0021, 0.008, 0.55, -0.55, ("ventral", "dorsal")),
    "V2": RegionEffect(0.012, 0.0022, 0.008, 0.55, -0.55, ("ventral", "dorsal")),
    "LOC": RegionEffect(0.012, 0.0013, 0.008, 0.45, -0.45, ("ventral",)),
    "fusiform": RegionEffect(0.008, 0.0013, 0.0, 0.80, -0.80),
    "parietal": RegionEffect(drawn=0.010, coupling=("dorsal",)),
    "precentral": RegionEffect(drawn=0.010),
    "IT": RegionEffect(),
    "parahippo": RegionEffect(),
    "PRC": RegionEffect(),
    "ento": RegionEffect(),
    "hipp": RegionEffect(),
}
_PARCELS = {
    "LOC": (11,), "fusiform": (7,), "parietal": (8, 29), "precentral": (24,),
    "IT": (9,), "parahippo": (16,), "ento": (6,),
}  # fmt: skip
_AREAS = {"V1": "V1_exvivo", "V2": "V2_exvivo", "PRC": "perirhinal_exvivo"}


def study_regions(codes: np.ndarray, areas: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Find the regions of the study in numbered voxels and areas of the surface.

    Parameters
    ----------
    codes : ndarray of int, shape (x, y, z)
        FreeSurfer's numbers; `fmriprod.algorithms.simulate_parcels.parcellate`.
    areas : dict of str to ndarray of bool, shape (x, y, z)
        V1_exvivo, V2_exvivo and perirhinal_exvivo.

    Returns
    -------
    dict of str to ndarray of bool, shape (x, y, z)
        Regions by name of `REGION_EFFECTS`; LOC without V1 and V2. They may share voxels
        otherwise, as they do in the study.
    """
    masks = {"hipp": np.isin(codes, HIPPOCAMPUS)}
    masks |= {name: areas[area] for name, area in _AREAS.items()}
    for name, parcels in _PARCELS.items():
        masks[name] = np.isin(codes, [side + p for p in parcels for side in (LEFT, RIGHT)])
    masks["LOC"] &= ~(masks["V1"] | masks["V2"])
    return {name: masks[name] for name in REGION_EFFECTS}


def planted_masks(regions: dict[str, np.ndarray], zooms: np.ndarray) -> dict[str, np.ndarray]:
    """Share out the voxels among the regions that get something, away from those that do not.

    Parameters
    ----------
    regions : dict of str to ndarray of bool, shape (x, y, z)
        From `study_regions`.
    zooms : array_like, shape (3,)
        Voxel sizes in mm.

    Returns
    -------
    dict of str to ndarray of bool, shape (x, y, z)
        Where each effect is planted; no voxel twice.
    """
    nothing = RegionEffect()
    null = np.any([regions[k] for k, e in REGION_EFFECTS.items() if e == nothing], axis=0)
    free = distance_transform_edt(~null, sampling=zooms) > _GUARD
    masks = {}
    for name, effect in REGION_EFFECTS.items():
        if effect != nothing:
            masks[name] = regions[name] & free
            free = free & ~masks[name]
    return masks


def effect_maps(
    masks: dict[str, np.ndarray],
    zooms: np.ndarray,
    trained: tuple[int, int],
    *,
    n_objects: int,
    scales: dict[str, float],
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:
    """Draw what seeing and drawing each object changes at each place.

    Parameters
    ----------
    masks : dict of str to ndarray of bool, shape (x, y, z)
        From `planted_masks`.
    zooms : array_like, shape (3,)
        Voxel sizes in mm.
    trained : (int, int)
        Indices of the objects that are drawn.
    n_objects : int
        Objects that are shown.
    scales : dict of str to float
        Factors ``pattern``, ``drawing`` and ``connectivity`` of what is planted.
    rng : numpy.random.Generator
        Draws the patterns.

    Returns
    -------
    dict of str to ndarray of float32
        ``seen``, shape (n_objects, x, y, z); ``drawn``, shape (2, x, y, z), of the trained
        objects; ``coupled``, shape (2 * len(COUPLING), x, y, z), of unit standard deviation:
        for each trained object its pattern of each of `COUPLING`. All are fractions of the
        signal.
    """
    shape = next(iter(masks.values())).shape
    own = np.stack([smooth_field(shape, zooms, _GRAIN, rng) for _ in range(n_objects)])
    own -= own.mean(axis=0)
    coupling = [smooth_field(shape, zooms, _GRAIN, rng) for _ in range(2 * len(COUPLING))]
    seen, drawn = np.zeros_like(own), np.zeros((2, *shape), np.float32)
    coupled = np.zeros((len(coupling), *shape), np.float32)
    one, two = trained
    for name, mask in masks.items():
        effect = REGION_EFFECTS[name]
        pattern = own[:, mask] * (effect.pattern * scales["pattern"] / own[:, mask].std())
        seen[:, mask] = effect.seen + pattern
        target, foil = effect.target * scales["drawing"], effect.foil * scales["drawing"]
        drawn[0, mask] = effect.drawn + target * pattern[one] + foil * pattern[two]
        drawn[1, mask] = effect.drawn + target * pattern[two] + foil * pattern[one]
        for k, field in enumerate(coupling):
            if COUPLING[k % len(COUPLING)] in effect.coupling:
                coupled[k, mask] = scales["connectivity"] * field[mask] / field[mask].std()
    return {"seen": seen, "drawn": drawn, "coupled": coupled}
