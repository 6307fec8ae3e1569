"""Simulated participants of the production study: anatomy, parcels, and what is planted."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from fmriprod.algorithms.phantom import Head, make_head
from fmriprod.algorithms.schedule import OBJECTS
from fmriprod.algorithms.simulate_effects import effect_maps, planted_masks, study_regions
from fmriprod.algorithms.simulate_head import epi_signal
from fmriprod.algorithms.simulate_parcels import parcellate
from fmriprod.algorithms.simulate_people import Participant, lie_down
from fmriprod.algorithms.simulate_surfaces import Surface, hemisphere, ribbon_masks
from fmriprod.algorithms.transforms import mask_points

_PERSON_SPREAD = 0.2  # standard deviation from person to person of the log of what is planted


@dataclass(frozen=True)
class Template:
    """The brain that all heads are made from.

    Attributes
    ----------
    brain : ndarray of float32, shape (x, y, z)
        Stripped T1-weighted brain in MNI space, axes towards right, anterior, superior.
    affine : ndarray, shape (4, 4)
        Its voxel to MNI mm.
    surfaces : dict of str to Surface
        Cortex of ``lh`` and ``rh`` in MNI space.
    """

    brain: np.ndarray
    affine: np.ndarray
    surfaces: dict[str, Surface]


@dataclass(frozen=True)
class ProductionParticipant(Participant):
    """A `Participant` with numbered parcels and surfaces; `changes` depends on the task.

    Attributes
    ----------
    codes : ndarray of int32, shape (x, y, z)
        FreeSurfer's numbers on the grid of the anatomical image.
    surfaces : dict of str to Surface
        Cortex of ``lh`` and ``rh`` in the world of the anatomical image, RAS mm.
    planted : dict of str to ndarray of bool, shape (x, y, z)
        Where effects are planted; `regions` holds whole regions.
    maps : dict of str to ndarray of float32
        What adds to the signal; `fmriprod.algorithms.simulate_effects.effect_maps`.
    trained : (str, str)
        The objects that are drawn, in alphabetical order.
    """

    codes: np.ndarray
    surfaces: dict[str, Surface]
    planted: dict[str, np.ndarray]
    maps: dict[str, np.ndarray]
    trained: tuple[str, str]


def make_template(brain: np.ndarray, affine: np.ndarray, *, subdivisions: int = 6) -> Template:
    """Lay the surfaces of the cortex around the brain that all heads are made from.

    Parameters
    ----------
    brain : ndarray, shape (x, y, z)
        Stripped T1-weighted brain in MNI space, 0 outside.
    affine : ndarray, shape (4, 4)
        Its voxel to MNI mm.
    subdivisions : int
        Fineness of the surfaces; `fmriprod.algorithms.simulate_surfaces.icosphere`.

    Returns
    -------
    Template
        The same for the same arguments.
    """
    brain = np.asarray(brain, np.float32)
    mask = ndimage.binary_fill_holes(brain > 0.1 * brain.max())
    sides = {s: hemisphere(mask, affine, s, subdivisions=subdivisions) for s in ("lh", "rh")}
    return Template(brain, np.asarray(affine), sides)


def make_production_participant(
    template: Template,
    trained: tuple[str, str],
    *,
    seed: Sequence[int],
    bold_shape: tuple[int, ...],
    bold_zoom: float,
    pattern: float = 1.0,
    drawing: float = 1.0,
    connectivity: float = 1.0,
    displacement: float = 3.0,
    warp: float = 1.5,
) -> ProductionParticipant:
    """Simulate a participant of the production study.

    Parameters
    ----------
    template : Template
        From `make_template`.
    trained : (str, str)
        The objects that are drawn.
    seed : sequence of int
        Seed of everything that is random.
    bold_shape : (int, int, int)
        Grid of the functional scans.
    bold_zoom : float
        Their voxel size in mm.
    pattern, drawing, connectivity : float
        Factors of the strengths in `fmriprod.algorithms.simulate_effects`: of what is each
        object's own, of how much of it drawing evokes, and of what couples regions.
    displacement : float
        Largest shift in mm along each axis, and largest rotation in degrees, between the
        anatomical and the functional scans.
    warp : float
        Root mean square of what no affine transform of the head takes out, mm.

    Returns
    -------
    ProductionParticipant
        The same for the same arguments.

    Raises
    ------
    InputError
        If the functional grid is too small for the brain.
    """
    rng = np.random.default_rng(seed)
    zooms = np.linalg.norm(template.affine[:3, :3], axis=0)
    head = make_head(template.brain, zooms, seed=int(rng.integers(2**31)), warp=warp)
    affine = head.affine(template.affine)
    mni = np.einsum("ij,j...->i...", template.affine[:3, :3], head.template_voxels)
    mni += template.affine[:3, 3].reshape(3, 1, 1, 1)
    codes = parcellate(mni, head.labels) * head.brain_mask
    areas = ribbon_masks(mni, template.surfaces)
    regions = study_regions(codes, {k: m & head.brain_mask for k, m in areas.items()})
    planted = planted_masks(regions, zooms)
    given = {"pattern": pattern, "drawing": drawing, "connectivity": connectivity}
    scales = {k: v * np.exp(_PERSON_SPREAD * rng.standard_normal()) for k, v in given.items()}
    one, other = sorted(trained)
    trained, which = (one, other), (OBJECTS.index(one), OBJECTS.index(other))
    maps = effect_maps(planted, zooms, which, n_objects=len(OBJECTS), scales=scales, rng=rng)
    signal = epi_signal(head.labels, mni)
    grid, centre, offset = lie_down(
        mask_points(head.brain_mask, affine), bold_shape, bold_zoom, displacement, rng
    )
    return ProductionParticipant(
        t1w=head.t1w,
        t1w_affine=affine,
        brain_mask=head.brain_mask,
        regions=regions,
        signal=signal,
        changes=np.zeros((0, *signal.shape), np.float32),
        bold_shape=tuple(bold_shape),
        bold_affine=grid,
        centre=centre,
        offset=offset,
        codes=codes,
        surfaces=_placed(template, head, mni, affine),
        planted=planted,
        maps={name: images * signal for name, images in maps.items()},
        trained=trained,
    )


def _placed(
    template: Template, head: Head, mni: np.ndarray, affine: np.ndarray
) -> dict[str, Surface]:
    """Carry the surfaces from MNI space to where the head has them, in its world."""
    some = mask_points(head.brain_mask, affine)[::50]
    there = np.column_stack([m[head.brain_mask][::50] for m in mni])
    back = np.linalg.lstsq(np.c_[there, np.ones(len(there))], some)[0]  # MNI to head, affine
    to_voxel = np.linalg.inv(affine)

    def carry(points: np.ndarray) -> np.ndarray:
        goal, places = points, np.c_[points, np.ones(len(points))] @ back
        for _ in range(8):  # the warp is gentle: the error shrinks several times each round
            voxels = places @ to_voxel[:3, :3].T + to_voxel[:3, 3]
            now = np.column_stack(
                [ndimage.map_coordinates(m, voxels.T, order=1, mode="nearest") for m in mni]
            )
            places = places + (goal - now) @ back[:3]
        return places

    return {
        side: Surface(s.faces, carry(s.pial), carry(s.white), s.areas)
        for side, s in template.surfaces.items()
    }
