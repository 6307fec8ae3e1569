"""Orthogonal matching pursuit of many targets, each among voxels of its own."""

import numpy as np

_EPSILON = np.finfo(np.float64).eps
_DEPENDENT = 1e-10  # share of a voxel's variance that the others leave, by which it is one of them


def matching_pursuit(
    features: np.ndarray, products: np.ndarray, chosen: np.ndarray, n_nonzero: int
) -> tuple[np.ndarray, np.ndarray]:
    """Explain each target by a few voxels: time and again the one most like what is left.

    All targets take their next voxel together. A column of the Gram matrix is made when the
    first target takes its voxel, and serves every target that takes the voxel later; the
    whole matrix is never needed.

    Parameters
    ----------
    features : ndarray of float64, shape (n_voxels, n_samples)
        Standardised voxels: mean 0, sum of squares ``n_samples``.
    products : ndarray of float64, shape (n_targets, n_chosen)
        Inner products of the centred target with its voxels.
    chosen : ndarray of int, shape (n_targets, n_chosen)
        Voxels that each target may take.
    n_nonzero : int
        How many voxels each target takes.

    Returns
    -------
    voxels : ndarray of int, shape (n_targets, n_nonzero)
        In the order in which they were taken; -1 where a target was explained with fewer,
        or the next voxel depended on those that it had.
    weights : ndarray of float64, shape (n_targets, n_nonzero)
        Least-squares weights of the standardised voxels; 0 for voxel -1.

    Notes
    -----
    Memory: ``8 * n_targets * n_nonzero * (n_chosen + n_voxels)`` bytes at most, less where
    targets share voxels.

    References
    ----------
    Rubinstein, Zibulevsky & Elad (2008), Efficient implementation of the K-SVD algorithm using
    batch orthogonal matching pursuit, Technion CS-2008-08. The rules for stopping early are
    those of `sklearn.linear_model.orthogonal_mp_gram`, but that a voxel's dependence on others
    is judged in relation to its variance, above rounding.
    """
    n_targets, n_chosen = chosen.shape
    voxels = np.full((n_targets, n_nonzero), -1)
    weights = np.zeros((n_targets, n_nonzero))
    places = np.zeros((n_targets, n_nonzero), dtype=int)
    rows = np.zeros((n_targets, n_nonzero, n_chosen))  # of the Gram matrix, for voxels taken
    columns: dict[int, np.ndarray] = {}
    running = np.arange(n_targets)
    rest = products.copy()
    for step in range(n_nonzero):
        place = np.abs(rest).argmax(axis=1)
        size = rest[np.arange(len(running)), place]
        go_on = size**2 >= _EPSILON
        running, place = running[go_on], place[go_on]
        if not len(running):
            break
        taken = chosen[running, place]
        _add_columns(columns, features, taken)
        for target, voxel in zip(running, taken, strict=True):
            rows[target, step] = columns[voxel][chosen[target]]
        free = _independent(rows, places, running, place, step)
        running, place, taken = running[free], place[free], taken[free]
        voxels[running, step], places[running, step] = taken, place
        if not len(running):
            break
        rest = _refit(rows, places, products, weights, running, step)
    return voxels, weights


def _add_columns(columns: dict[int, np.ndarray], features: np.ndarray, taken: np.ndarray) -> None:
    """Make the columns of the Gram matrix that are not there yet, by one product."""
    new = [voxel for voxel in np.unique(taken) if voxel not in columns]
    if new:
        columns.update(zip(new, features[new] @ features.T, strict=True))


def _inner_gram(
    rows: np.ndarray, places: np.ndarray, running: np.ndarray, n_taken: int
) -> np.ndarray:
    """Gram matrices of the voxels that each target has taken."""
    return np.take_along_axis(
        rows[running, :n_taken], places[running, None, :n_taken].repeat(n_taken, 1), axis=2
    )


def _independent(
    rows: np.ndarray, places: np.ndarray, running: np.ndarray, place: np.ndarray, step: int
) -> np.ndarray:
    """Tell which new voxels are no combination of those taken before."""
    own = rows[running, step, place]
    if not step:
        return own > 0
    cross = np.take_along_axis(rows[running, step], places[running, :step], axis=1)
    explained = np.linalg.solve(_inner_gram(rows, places, running, step), cross[..., None])
    return own - (cross * explained[..., 0]).sum(axis=1) > _DEPENDENT * own


def _refit(
    rows: np.ndarray, places: np.ndarray, products: np.ndarray, weights: np.ndarray,
    running: np.ndarray, step: int,
) -> np.ndarray:  # fmt: skip
    """Fit the voxels that were taken anew; give the products of all voxels with what is left."""
    n_taken = step + 1
    gram = _inner_gram(rows, places, running, n_taken)
    wanted = np.take_along_axis(products[running], places[running, :n_taken], axis=1)
    fit = np.linalg.solve(gram, wanted[..., None])[..., 0]
    weights[running, :n_taken] = fit
    return products[running] - (fit[:, None] @ rows[running, :n_taken])[:, 0]
