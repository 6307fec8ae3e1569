"""Where slices through a volume lie, and the values in them."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from scipy.ndimage import map_coordinates

# In-plane world axes (horizontal, vertical) for slices across x, y and z.
IN_PLANE = {"x": (1, 2), "y": (0, 2), "z": (0, 1)}
_SURROUNDINGS = 18.0  # mm shown around what is drawn on the volume
_BRAIN = 90.0  # mm; what is smaller along any axis is not a whole brain
_MARGIN = 4.0  # mm of air
_GAP = 4.0  # mm between columns


class SliceLayout(NamedTuple):
    """Rows of slices in the world and on a page; all lengths in mm.

    Parameters
    ----------
    positions : dict of str to ndarray, shape (n_slices,)
        For each plane (row), from the top, the world coordinates of its slices.
    lower, upper : ndarray, shape (3,)
        Corners in the world of the field that is shown.
    pitch : float
        Distance from one column to the next.
    step : float
        Size of a pixel.
    gutter : float
        Free height under each row.
    """

    positions: dict[str, np.ndarray]
    lower: np.ndarray
    upper: np.ndarray
    pitch: float
    step: float
    gutter: float

    def panels(self) -> Iterator[tuple[str, float, float, float]]:
        """Yield plane, position of the slice, and left and lower edge of its panel."""
        bottom = self.gutter
        for plane in reversed(self.positions):
            across, up = IN_PLANE[plane]
            width = self.upper[across] - self.lower[across]
            for i, position in enumerate(self.positions[plane]):
                yield plane, float(position), i * self.pitch + (self.pitch - width) / 2, bottom
            bottom += self.upper[up] - self.lower[up] + self.gutter

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of the page."""
        n_columns = max(len(p) for p in self.positions.values())
        heights = [(self.upper - self.lower)[IN_PLANE[plane][1]] for plane in self.positions]
        return n_columns * self.pitch, float(sum(heights)) + len(heights) * self.gutter


def arrange_slices(
    background: np.ndarray,
    affine: np.ndarray,
    drawn: Sequence[np.ndarray],
    *,
    planes: str,
    n_slices: int,
    width: int,
    gutter: int,
    mark: Sequence[float] | None = None,
) -> SliceLayout:
    """Choose where to cut a volume and which field to show.

    The cuts are spread evenly over what is drawn on the volume, or over the volume's bright
    part where nothing is. Where world and grid are parallel they fall on voxel centres.

    Parameters
    ----------
    background : ndarray, shape (x, y, z)
        The volume.
    affine : ndarray, shape (4, 4)
        Voxel to world (RAS, mm).
    drawn : sequence of ndarray of bool, shape (x, y, z)
        What is drawn on it; empty masks do not count.
    planes : str
        Of ``x``, ``y``, ``z``; one row each.
    n_slices : int
        Slices a row.
    width, gutter : int
        Width of the page and height under each row, in pixels.
    mark : sequence of 3 floats, optional
        World coordinate in mm through which one slice of each row shall go.

    Returns
    -------
    SliceLayout
        Positions, field and scale, the same in all rows.
    """
    sample, sample_affine = thinned(background, affine)
    head = _extent(bright(sample), sample_affine, trim=0.1)
    covered = [extent for mask in drawn if (extent := _content(mask, affine)) is not None]
    inner = head
    if covered:
        inner = np.array([np.min(covered, axis=0)[0], np.max(covered, axis=0)[1]])
    lower, upper = _field(head, inner)
    if mark is not None:
        lower = np.minimum(lower, np.asarray(mark) - _MARGIN)
        upper = np.maximum(upper, np.asarray(mark) + _MARGIN)
    positions = {}
    for plane in planes:
        axis = "xyz".index(plane)
        positions[plane] = _cuts(inner[:, axis], affine, axis, n_slices, mark)
    pitch = _GAP + float(max((upper - lower)[IN_PLANE[plane][0]] for plane in planes))
    step = n_slices * pitch / width
    return SliceLayout(positions, lower, upper, pitch, step, gutter * step)


def sample_slice(
    volume: np.ndarray,
    affine: np.ndarray,
    layout: SliceLayout,
    plane: str,
    position: float,
    *,
    step: float,
    order: int,
) -> np.ndarray:
    """Read the values of a volume in a plane of the world.

    Parameters
    ----------
    volume : ndarray, shape (x, y, z)
        Finite values; booleans as ``uint8``.
    affine : ndarray, shape (4, 4)
        Voxel to world (RAS, mm).
    layout : SliceLayout
        Gives the field.
    plane, position : str, float
        Which plane, and its coordinate in mm.
    step : float
        Size of a pixel in mm.
    order : {0, 1}
        Nearest voxel, or linear.

    Returns
    -------
    ndarray of float32, shape (height, width)
        Values from the lower left corner on; 0 outside the volume.
    """
    across, up = IN_PLANE[plane]
    size = np.maximum(np.rint((layout.upper - layout.lower) / step), 1).astype(int)
    world = np.empty((3, size[up], size[across]))
    world["xyz".index(plane)] = position
    world[across] = layout.lower[across] + (np.arange(size[across]) + 0.5) * step
    world[up] = (layout.lower[up] + (np.arange(size[up]) + 0.5) * step)[:, None]
    inverse = np.linalg.inv(affine)
    voxels = np.tensordot(inverse[:3, :3], world, 1) + inverse[:3, 3, None, None]
    # An outermost voxel is half a voxel wide on its outer side too: "constant" would halve it.
    outside = [(c < -0.5) | (c > n - 0.5) for c, n in zip(voxels, volume.shape, strict=True)]
    values = map_coordinates(volume, voxels, np.float32, order=order, mode="nearest")
    values[np.logical_or.reduce(outside)] = 0
    return values


def bright(volume: np.ndarray) -> np.ndarray:
    """Mark what is not air: above 15 % of the 98th percentile."""
    return volume > 0.15 * np.percentile(volume, 98)


def thinned(volume: np.ndarray, affine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Take every n-th voxel of a large volume: enough to find extents and percentiles."""
    stride = int(np.ceil((volume.size / 1e6) ** (1 / 3)))
    return volume[::stride, ::stride, ::stride], affine @ np.diag([stride, stride, stride, 1])


def _content(mask: np.ndarray, affine: np.ndarray) -> np.ndarray | None:
    """Extent of a mask, or None where it is empty."""
    sample, sample_affine = thinned(mask, affine)
    if np.count_nonzero(sample) < 1000:  # too small to be thinned
        sample, sample_affine = mask, affine
    return _extent(sample, sample_affine, trim=0.5) if sample.any() else None


def _extent(mask: np.ndarray, affine: np.ndarray, trim: float) -> np.ndarray:
    """Lower and upper world corner (mm) of a mask without ``trim`` per cent at each end."""
    voxels = np.argwhere(mask)
    if len(voxels) == 0:
        voxels = np.array(list(np.ndindex(2, 2, 2))) * (np.array(mask.shape) - 1)
    world = voxels @ affine[:3, :3].T + affine[:3, 3]
    return np.percentile(world, [trim, 100 - trim], axis=0)


def _field(head: np.ndarray, inner: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Corners of what is shown: a small thing with all of the head, to see where it lies.

    Around a whole brain, not more of neck and air than helps to judge its outline.
    """
    near = inner + np.array([[-_SURROUNDINGS], [_SURROUNDINGS]])
    if (np.ptp(inner, axis=0) < _BRAIN).any():
        near = head
    lower = np.minimum(np.maximum(head[0], near[0]), inner[0])
    upper = np.maximum(np.minimum(head[1], near[1]), inner[1])
    return lower - _MARGIN, upper + _MARGIN


def _cuts(
    extent: np.ndarray, affine: np.ndarray, axis: int, n_slices: int, mark: Sequence[float] | None
) -> np.ndarray:
    steps = np.abs(affine[axis, :3])
    step = steps.max()
    # Never closer than the voxels are, however small the thing is that is drawn.
    centre, length = extent.mean(), max(extent[1] - extent[0], step * (n_slices + 1))
    cuts = centre + length * (np.arange(1, n_slices + 1) / (n_slices + 1) - 0.5)
    if np.sort(steps)[1] < 1e-3 * step:  # not oblique: no interpolation across slices
        cuts = affine[axis, 3] + step * np.round((cuts - affine[axis, 3]) / step)
    if mark is not None:
        cuts[np.argmin(np.abs(cuts - mark[axis]))] = mark[axis]
    return cuts
