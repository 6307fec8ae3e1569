"""Estimate the autocorrelation of noise from residuals, without the bias of the fit.

Fitting a design takes low-frequency noise along with the signal, so that residuals look
whiter than the noise is: with 19 regressors and 156 volumes, noise of AR(1) 0.4 leaves
residuals whose lag-1 correlation averages 0.21. Standard errors that rest on the raw
residuals are too small.
"""

import numpy as np

BINS = 100
"""Groups of an AR(1) coefficient per unit, and clusters of higher orders."""
_LARGEST = 0.99
_NO_RESIDUAL = 1e-6  # root mean square over that of the series: float32 rounding


def estimate_ar(
    series: np.ndarray,
    basis: np.ndarray,
    order: int,
    *,
    correct_bias: bool = True,
    block_size: int = 8192,
) -> tuple[np.ndarray, np.ndarray]:
    """Estimate autoregressive coefficients from the residuals of ordinary least squares.

    Parameters
    ----------
    series : ndarray, shape (n_voxels, n_volumes)
        Time series.
    basis : ndarray, shape (n_volumes, rank)
        Orthonormal basis of the design.
    order : int
        Order; 0 for white noise.
    correct_bias : bool
        Undo what the fit does to the autocorrelation: for order 1 by inverting
        `residual_correlation`, for higher orders by Worsley's linear correction, which
        takes correlations beyond the order for none. Without, as Nilearn does it.
    block_size : int
        Voxels in float64 at a time.

    Returns
    -------
    ar : ndarray of float64, shape (n_voxels, order)
        Coefficients, by the Yule-Walker equations.
    fitted : ndarray of bool, shape (n_voxels,)
        False where the design leaves no residual but rounding; the coefficients are 0.

    References
    ----------
    Worsley et al. (2002), NeuroImage 15, 1-15.
    """
    n_volumes = len(basis)
    ar = np.zeros((len(series), order))
    fitted = np.zeros(len(series), bool)
    scale = np.diag(1 / (n_volumes - np.arange(order + 1.0)))
    if correct_bias and order > 1:
        scale = np.linalg.inv(autocovariance_bias(basis, order))
    table = residual_correlation(basis) if correct_bias and order == 1 else None
    for start in range(0, len(series), block_size):
        rows = slice(start, start + block_size)
        products, fitted[rows] = _residual_products(series[rows], basis, order)
        if table is not None:
            ar[rows, 0] = np.interp(products[:, 1] / products[:, 0], table[1], table[0])
        elif order:
            ar[rows] = _yule_walker(products @ scale.T)
    ar[~fitted] = 0
    return ar, fitted


def residual_correlation(basis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lag-1 correlation that residuals have for each AR(1) coefficient of the noise.

    With residuals ``R e`` of noise with covariance ``V(rho)``, it is
    ``trace(R D R V) / trace(R V)``, where ``D`` shifts by one volume.

    Parameters
    ----------
    basis : ndarray, shape (n_volumes, rank)
        Orthonormal basis of the design.

    Returns
    -------
    rho : ndarray, shape (397,)
        Coefficients from -0.99 to 0.99.
    correlation : ndarray, shape (397,)
        Expected correlation of residuals, never falling.
    """
    n = len(basis)
    remove = np.eye(n) - basis @ basis.T
    shifted = remove @ np.eye(n, k=1) @ remove
    rho = np.linspace(-_LARGEST, _LARGEST, 397)
    powers = rho[:, None] ** np.arange(n)
    correlation = (powers @ _lag_sums(shifted)) / (powers @ _lag_sums(remove))
    return rho, np.maximum.accumulate(correlation)


def autocovariance_bias(basis: np.ndarray, order: int) -> np.ndarray:
    """Relate sums of products of residuals to the autocovariances of the noise.

    Parameters
    ----------
    basis : ndarray, shape (n_volumes, rank)
        Orthonormal basis of the design.
    order : int
        Highest lag.

    Returns
    -------
    ndarray, shape (order + 1, order + 1)
        Entry (k, j): weight of the noise's autocovariance at lag j in the expected sum of
        products of residuals at lag k (Worsley et al., 2002, appendix A).
    """
    n = len(basis)
    remove = np.eye(n) - basis @ basis.T
    weights = np.empty((order + 1, order + 1))
    for j in range(order + 1):
        cover = np.eye(n, k=j) + (np.eye(n, k=-j) if j else 0)
        expected = remove @ cover @ remove
        weights[:, j] = [np.trace(expected, offset=k) for k in range(order + 1)]
    return weights


def group_ar(ar: np.ndarray, fitted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Group voxels whose noise is alike, as Nilearn does it.

    Parameters
    ----------
    ar : ndarray, shape (n_voxels, order)
        Coefficients.
    fitted : ndarray of bool, shape (n_voxels,)
        Voxels to group.

    Returns
    -------
    labels : ndarray of int, shape (n_voxels,)
        Group of each voxel, -1 for those that are not fitted.
    centres : ndarray, shape (n_groups, order)
        Coefficients of each group: for order 1 truncated to 1/100, for higher orders the
        centres of at most 100 clusters (k-means with a fixed seed).
    """
    labels = np.full(len(ar), -1)
    if ar.shape[1] == 0 or not fitted.any():
        labels[fitted] = 0
        return labels, np.zeros((1, ar.shape[1]))
    if ar.shape[1] == 1:
        whole = (ar[fitted, 0] * BINS).astype(int)
        kinds, labels[fitted] = np.unique(whole, return_inverse=True)
        return labels, kinds[:, None] / BINS
    from sklearn.cluster import KMeans  # takes a second to import, and AR(1) does without

    some = ar[fitted][:: max(1, int(fitted.sum()) // 10000)]
    n_clusters = min(BINS, len(np.unique(some, axis=0)))
    clusters = KMeans(n_clusters, n_init=1, random_state=0).fit(some)
    labels[fitted] = clusters.predict(ar[fitted])
    return labels, clusters.cluster_centers_


def _residual_products(
    block: np.ndarray, basis: np.ndarray, order: int
) -> tuple[np.ndarray, np.ndarray]:
    """Sum lagged products of residuals, shape (n, order + 1), and tell if there are any."""
    rest = block.astype(np.float64)
    total = np.einsum("vt,vt->v", rest, rest)
    rest -= (rest @ basis) @ basis.T
    n_volumes = rest.shape[1]
    products = np.stack(
        [np.einsum("vt,vt->v", rest[:, : n_volumes - k], rest[:, k:]) for k in range(order + 1)],
        axis=1,
    )
    fitted = products[:, 0] > _NO_RESIDUAL**2 * total
    products[~fitted] = np.eye(order + 1)[0]
    return products, fitted


def _yule_walker(cover: np.ndarray) -> np.ndarray:
    """AR coefficients, shape (n, order), from autocovariances, shape (n, order + 1)."""
    order = cover.shape[1] - 1
    lags = np.abs(np.arange(order) - np.arange(order)[:, None])
    ar = np.linalg.solve(cover[:, lags], cover[:, 1:, None])[..., 0]
    return np.clip(ar, -_LARGEST, _LARGEST) if order == 1 else ar


def _lag_sums(matrix: np.ndarray) -> np.ndarray:
    """Sum the diagonals at each distance from the main one."""
    n = len(matrix)
    above = np.array([np.trace(matrix, offset=k) for k in range(n)])
    below = np.array([np.trace(matrix, offset=-k) for k in range(n)])
    below[0] = 0
    return above + below
