"""Affine registration of a skull-stripped T1w image to a template of the same contrast.

Gauss-Newton least squares as in `fmriprod.algorithms.registration`, with twelve parameters
instead of six. What the two images differ in besides position is fitted along with it: an
offset, and a gain that varies over the head as a quadratic polynomial (the receive field), so
that brightness towards the coil does not pull. Voxels that fit badly (anatomy differs) get
less weight by Tukey's biweight.
"""

from itertools import combinations_with_replacement, permutations, product
from typing import Literal, NamedTuple

import numpy as np
from scipy import ndimage

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.registration import (
    smooth_volume,
    solve_weighted,
    spline_slope,
    spreading_step,
    tukey_weights,
)
from fmriprod.algorithms.resample import resample
from fmriprod.algorithms.transforms import check_affine, displacement, mask_points, rigid_matrix

Start = Literal["header", "search"]
_COARSE, _LEVELS = 12.0, (8.0, 5.0, 3.0)  # mm of smoothing
_COARSE_POINTS, _POINTS = 8_000, 40_000
_TURNS = np.deg2rad((-25.0, 0.0, 25.0))  # nodding, which heads do most
_REACH = 60.0  # mm, the unit of the polynomials
_MARGIN = 6.0  # mm around the template's brain: its edge tells most of the size
_VOLUME = (0.5e6, 2.9e6)  # mm3 of what is not 0 in an image of a brain alone
_LEAST_OVERLAP, _LEAST_CORRELATION = 0.6, 0.35  # good ones have 0.95 and 0.7
_MAX_STEPS, _TOLERANCE = 50, 0.01  # -, mm


class Normalization(NamedTuple):
    """An affine transform to a template and how well the images match after it.

    Attributes
    ----------
    transform : ndarray of float64, shape (4, 4)
        Template to image, RAS mm.
    correlation : float
        Of the two images more than 6 mm inside the template's brain, smoothed with 4 mm and with
        quadratic trends over space taken out (shading).
    overlap : float
        Dice coefficient of the two brains: 1 when they fill the same space.
    """

    transform: np.ndarray
    correlation: float
    overlap: float


class _Model(NamedTuple):
    """The template at one smoothness: where it is looked at, and how it changes."""

    points: np.ndarray  # (3, n)
    design: np.ndarray  # (n, 12 + 10 + 1): change of place, gain, offset
    center: np.ndarray
    fwhm: float


def normalize(
    image: np.ndarray,
    affine: np.ndarray,
    template: np.ndarray,
    template_affine: np.ndarray,
    template_mask: np.ndarray,
    start: Start = "header",
) -> Normalization:
    """Find the affine transform from a template to an image of one brain.

    Parameters
    ----------
    image : ndarray, shape (x, y, z)
        T1w image, 0 outside the brain.
    affine : ndarray, shape (4, 4)
        Its voxel to world (RAS, mm). Where it puts the origin does not matter; the head may be
        turned by some 30 degrees.
    template : ndarray, shape (x', y', z')
        Template of the same contrast.
    template_affine : ndarray, shape (4, 4)
        Its voxel to world (RAS, mm).
    template_mask : ndarray of bool, shape (x', y', z')
        Its brain.
    start : {'header', 'search'}
        Begin with the head the way up that the header says; or with each of the 24 ways that a
        cube can lie, for headers that are wrong. A mirrored head cannot be told from a right one.

    Returns
    -------
    Normalization

    Raises
    ------
    InputError
        If the image is no image of a brain alone, or none is found in it.
    """
    affine = check_affine(affine)
    template_affine = check_affine(template_affine, "template_affine")
    template = np.where(template_mask, template, 0).astype(np.float32)
    image, affine = _coarser(_checked(image, affine), affine, template_affine)
    own_center = mask_points(image > 0, affine).mean(axis=0)
    center = mask_points(template_mask, template_affine).mean(axis=0)
    near = ndimage.distance_transform_edt(~template_mask, sampling=_sizes(template_affine))
    near = near <= _MARGIN
    model = _model(template, template_affine, near, _COARSE, _COARSE_POINTS)
    smooth = smooth_volume(image, affine, _COARSE)
    found = []
    for turn in _turns(start, center):
        turn[:3, 3] += own_center - center
        found.append(_fit(model, smooth, affine, turn))
    transform = max(found, key=lambda fit: fit[1])[0]
    for fwhm in _LEVELS:
        model = _model(template, template_affine, near, fwhm, _POINTS)
        transform = _fit(model, smooth_volume(image, affine, fwhm), affine, transform)[0]
    quality = match(image, affine, template, template_affine, template_mask, transform)
    if not (quality.overlap > _LEAST_OVERLAP and quality.correlation > _LEAST_CORRELATION):
        raise InputError(
            "image",
            expected="one brain, T1-weighted as the template",
            found=f"after registration an overlap of {quality.overlap:.2f} with the template's "
            f"brain and a correlation of {quality.correlation:.2f} in it",
            hint="look at the image: is it skull-stripped and T1-weighted? If its header puts "
            "the head another way up, use start='search' or mend the header",
        )
    return quality


def match(
    image: np.ndarray,
    affine: np.ndarray,
    template: np.ndarray,
    template_affine: np.ndarray,
    template_mask: np.ndarray,
    transform: np.ndarray,
) -> Normalization:
    """Tell how well an image matches a template under a given transform.

    Parameters
    ----------
    image, affine, template, template_affine, template_mask
        As `normalize` takes them.
    transform : ndarray, shape (4, 4)
        Template to image, RAS mm.

    Returns
    -------
    Normalization
    """
    image = np.nan_to_num(np.asarray(image, np.float32))
    to = (template.shape, template_affine, transform)
    brain = resample((image > 0).astype(np.float32), affine, *to) > 0.5
    overlap = (
        2 * np.count_nonzero(brain & template_mask) / max(brain.sum() + template_mask.sum(), 1)
    )
    depth = ndimage.distance_transform_edt(template_mask, sampling=_sizes(template_affine))
    inside = depth > _MARGIN
    trends = _trends(mask_points(inside, template_affine) / _REACH)
    parts = []
    for part in (resample(image, affine, *to), np.where(template_mask, template, 0)):
        values = smooth_volume(part, template_affine, 4.0)[inside].astype(np.float64)
        parts.append(values - trends @ np.linalg.lstsq(trends, values, rcond=None)[0])
    with np.errstate(invalid="ignore"):
        alike = np.corrcoef(parts)[0, 1] if parts[0].std() > 1e-9 else 0.0
    return Normalization(transform, float(np.nan_to_num(alike)), float(overlap))


def _checked(image: np.ndarray, affine: np.ndarray) -> np.ndarray:
    image = np.nan_to_num(np.asarray(image, np.float32), posinf=0, neginf=0)
    if image.ndim == 3:
        image = np.maximum(image, 0)
        volume = float((image > 0).sum() * abs(np.linalg.det(affine[:3, :3])))
        if _VOLUME[0] <= volume <= _VOLUME[1] and image.max() > image[image > 0].min():
            return np.minimum(image, np.percentile(image[image > 0], 99.5))
    raise InputError(
        "image",
        expected=f"a skull-stripped volume: {_VOLUME[0] / 1e6:g} to {_VOLUME[1] / 1e6:g} litres "
        "above 0, not constant",
        found=f"{volume / 1e6:.2f} litres" if image.ndim == 3 else f"shape {image.shape}",
        hint="strip the skull first (SkullStrip), or give the brain mask",
    )


def _turns(start: Start, center: np.ndarray) -> list[np.ndarray]:
    """Give rotations about a point to begin with."""
    nods = [rigid_matrix([0, 0, 0, nod, 0, 0], center) for nod in _TURNS]
    if start == "header":
        return nods
    ways = []
    for order, signs in product(permutations(range(3)), product((1, -1), repeat=3)):
        way = np.eye(4)
        way[:3, :3] = np.eye(3)[list(order)] * signs
        way[:3, 3] = center - way[:3, :3] @ center
        ways += [way] if np.linalg.det(way[:3, :3]) > 0 else []
    return [way @ nod for way in ways for nod in nods]


def _sizes(affine: np.ndarray) -> np.ndarray:
    return np.linalg.norm(affine[:3, :3], axis=0)


def _coarser(
    image: np.ndarray, affine: np.ndarray, like: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Smooth and thin out an image that is finer than the template."""
    parts = np.maximum(np.round(_sizes(like).mean() / _sizes(affine)), 1).astype(int)
    if (parts == 1).all():
        return image, affine
    mean = ndimage.uniform_filter(image, parts, mode="constant", origin=tuple(-(parts // 2)))
    coarse = affine.copy()
    coarse[:3, :3] = affine[:3, :3] * parts
    coarse[:3, 3] += affine[:3, :3] @ ((parts - 1) / 2)
    every = tuple(slice(0, n - k + 1, k) for n, k in zip(image.shape, parts, strict=True))
    return mean[every], coarse


def _trends(place: np.ndarray) -> np.ndarray:
    """Polynomials up to the second degree over space, the constant first; (n, 10)."""
    pairs = combinations_with_replacement(range(3), 2)
    squares = [place[:, i] * place[:, j] for i, j in pairs]
    return np.column_stack([np.ones(len(place)), place, *squares])


def _model(
    template: np.ndarray, affine: np.ndarray, near: np.ndarray, fwhm: float, max_points: int
) -> _Model:
    """Smooth the template and differentiate it by the twelve parameters and the gain."""
    smooth = smooth_volume(template, affine, fwhm).astype(np.float64)
    index = np.argwhere(near)
    index = index[:: spreading_step(len(index), near.shape, max_points)]
    at = tuple(index.T)
    slopes = np.stack([spline_slope(smooth, axis)[at] for axis in range(3)], axis=1)
    slopes = slopes @ np.linalg.inv(affine[:3, :3])
    points = index @ affine[:3, :3].T + affine[:3, 3]
    center = points.mean(axis=0)
    place = (points - center) / _REACH
    values = smooth[at]
    moves = [slopes, *(slopes * place[:, [i]] for i in range(3))]
    design = np.column_stack([*moves, values[:, None] * _trends(place), np.ones(len(values))])
    return _Model(points.T.copy(), design, center, fwhm)


def _fit(
    model: _Model, values: np.ndarray, affine: np.ndarray, transform: np.ndarray
) -> tuple[np.ndarray, float]:
    """Improve a transform until no point of the brain moves; give it and the fit's r squared."""
    to_voxel, corners = np.linalg.inv(affine), model.points[:, ::50].T
    explained = -np.inf
    for _ in range(_MAX_STEPS):
        to = to_voxel @ transform
        at = to[:3, :3] @ model.points + to[:3, 3:]
        seen = ndimage.map_coordinates(values, at, order=1, mode="constant", output=np.float64)
        solution = solve_weighted(model.design, seen, None)
        for _ in range(2):
            residual = seen - model.design @ solution
            solution = solve_weighted(model.design, seen, tukey_weights(residual))
        residual = seen - model.design[:, 12:] @ solution[12:]
        explained = 1 - residual.var() / max(seen.var(), 1e-30)
        if not solution[12] > 1e-9:
            return transform, -np.inf
        step = _step_matrix(solution[:12].reshape(4, 3) / solution[12], model.center)
        if step is None:
            return transform, -np.inf
        transform = transform @ np.linalg.inv(step)
        if displacement(step, np.eye(4), corners).max() < _TOLERANCE:
            break
    return transform, float(explained)


def _step_matrix(change: np.ndarray, center: np.ndarray) -> np.ndarray | None:
    """Matrix of a small affine change, its shift first; None when it would turn inside out."""
    step = np.eye(4)
    step[:3, :3] += change[1:].T / _REACH
    step[:3, 3] = change[0] - change[1:].T @ center / _REACH
    return step if np.linalg.det(step[:3, :3]) > 0.1 else None
