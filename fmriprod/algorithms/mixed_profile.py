"""Likelihood of a random-intercept model over the ratio of its two variances."""

import numpy as np

_LARGEST = np.log(1e8)
_GOLDEN = (np.sqrt(5) - 1) / 2


class Profile:
    """Likelihood of many data sets with one design, profiled over the variance ratio.

    Parameters
    ----------
    design : ndarray, shape (n_rows, n_coefficients)
        Fixed effects, of full rank.
    subject : ndarray of int, shape (n_rows,)
        Participant of each row, from 0 without gaps.
    restricted : bool
        Restricted likelihood, or the likelihood itself.

    Notes
    -----
    A vector is split into its participants' means and what is left; the weight of a mean of
    n rows is n / (1 + n g) and that of the rest 1, with g the ratio of the variance between
    participants to that within. Columns of the design are made orthonormal first.
    """

    def __init__(self, design: np.ndarray, subject: np.ndarray, *, restricted: bool) -> None:
        self._basis, self._triangle = np.linalg.qr(design)
        self._subject = subject
        self._size = np.bincount(subject).astype(float)
        self._restricted = restricted
        self.n_subjects = len(self._size)
        self.n_rows, self.n_coefficients = design.shape
        self._free = self.n_rows - self.n_coefficients if restricted else self.n_rows
        self._sums = self._sum(self._basis)
        outer = self._sums[:, :, None] * self._sums[:, None, :] / self._size[:, None, None]
        self._outer = outer.reshape(self.n_subjects, -1)
        self._within = self._basis.T @ self._basis - outer.sum(axis=0)

    def _sum(self, rows: np.ndarray) -> np.ndarray:
        total = np.zeros((self.n_subjects, rows.shape[1]))
        np.add.at(total, self._subject, rows)
        return total

    def residuals(self, values: np.ndarray) -> np.ndarray:
        """Take out what the design explains by least squares; shape as ``values``."""
        return values - self._basis @ (self._basis.T @ values)

    def best_ratio(self, values: np.ndarray) -> np.ndarray:
        """Find the variance ratio of the largest likelihood of each column.

        A grid over ``log(1 + ratio)`` brackets the maximum, golden sections close in on it.

        Parameters
        ----------
        values : ndarray, shape (n_rows, n_sets)
            Measurements, one data set a column.

        Returns
        -------
        ndarray, shape (n_sets,)
            0 or more.
        """
        moments = self._moments(values)
        grid = np.linspace(0, _LARGEST, 38)
        heights = np.array([self._deviance(moments, point) for point in grid])
        best = heights.argmin(axis=0)
        low, high = grid[np.maximum(best - 1, 0)], grid[np.minimum(best + 1, len(grid) - 1)]
        inner = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        left, right = (self._deviance(moments, point) for point in inner)
        for _ in range(50):
            lower = left < right
            low, high = np.where(lower, low, inner[0]), np.where(lower, inner[1], high)
            new = np.where(lower, high - _GOLDEN * (high - low), low + _GOLDEN * (high - low))
            inner = np.where(lower, new, inner[1]), np.where(lower, inner[0], new)
            height = self._deviance(moments, new)
            left, right = np.where(lower, height, right), np.where(lower, left, height)
        middle = (low + high) / 2
        at_zero = heights[0] <= self._deviance(moments, middle)
        return np.expm1(np.where(at_zero, 0, middle))

    def solve(
        self, values: np.ndarray, ratio: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Coefficients, residual variance and log-likelihood at a variance ratio.

        Parameters
        ----------
        values : ndarray, shape (n_rows, n_sets)
            Measurements.
        ratio : ndarray, shape (n_sets,)
            Variance between participants over variance within.

        Returns
        -------
        coefficients : ndarray, shape (n_coefficients, n_sets)
        scale : ndarray, shape (n_sets,)
        log_likelihood : ndarray, shape (n_sets,)
        """
        moments, point = self._moments(values), np.log1p(ratio)
        change, squares, _ = self._normal_equations(moments, point)
        rotated = self._basis.T @ values + change.T
        coefficients = np.linalg.solve(self._triangle, rotated)
        return coefficients, squares / self._free, -self._deviance(moments, point) / 2

    def unscaled_covariance(self, ratio: float) -> np.ndarray:
        """Covariance of the coefficients for a residual variance of 1."""
        weight = 1 / (1 + self._size * ratio)
        cross = self._within + (weight @ self._outer).reshape(self._within.shape)
        inverse = np.linalg.inv(self._triangle)
        return inverse @ np.linalg.inv(cross) @ inverse.T

    def cross_products(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Split the cross products of basis and residuals within and between participants.

        Returns
        -------
        within : ndarray, shape (n_coefficients + 1, n_coefficients + 1)
            The last row and column belong to the values.
        between : ndarray, shape (n_subjects, n_coefficients + 1, n_coefficients + 1)
        size : ndarray, shape (n_subjects,)
            Rows of each participant.
        """
        joined = np.column_stack([self._basis, self.residuals(values[:, None])])
        sums = self._sum(joined)
        between = sums[:, :, None] * sums[:, None, :] / self._size[:, None, None]
        return joined.T @ joined - between.sum(axis=0), between, self._size

    def contrasts(self) -> np.ndarray:
        """Rows that turn coefficients of the basis into those of the design."""
        return np.linalg.inv(self._triangle)

    def _moments(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rest = self.residuals(values)
        sums = self._sum(rest)
        means = sums / np.sqrt(self._size[:, None])
        within_squares = np.maximum((rest**2).sum(axis=0) - (means**2).sum(axis=0), 0)
        root = self._sums / np.sqrt(self._size[:, None])
        return means.T, within_squares, root

    def _normal_equations(
        self, moments: tuple[np.ndarray, ...], point: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Change of the coefficients, weighted squares left, log determinant; per data set."""
        means, within_squares, root = moments
        ratio = np.broadcast_to(np.expm1(point), len(means))
        weight = 1 / (1 + self._size * ratio[:, None])
        cross = self._within + (weight @ self._outer).reshape(-1, *self._within.shape)
        # rest is orthogonal to the basis: within and between parts of their product cancel
        right = (means * (weight - 1)) @ root
        change = np.linalg.solve(cross, right[..., None])[..., 0]
        squares = within_squares + (weight * means**2).sum(axis=1) - (change * right).sum(axis=1)
        return change, squares, np.linalg.slogdet(cross)[1]

    def _deviance(self, moments: tuple[np.ndarray, ...], point: np.ndarray) -> np.ndarray:
        """Minus twice the log-likelihood, residual variance and coefficients at their best."""
        _, squares, log_cross = self._normal_equations(moments, point)
        ratio = np.broadcast_to(np.expm1(point), squares.shape)
        spread = np.log1p(self._size * ratio[:, None]).sum(axis=1)
        if self._restricted:
            log_triangle = 2 * np.log(np.abs(self._triangle.diagonal())).sum()
            spread = spread + log_cross + log_triangle
        squares = np.maximum(squares, np.finfo(float).tiny)
        return spread + self._free * (1 + np.log(2 * np.pi * squares / self._free))


def satterthwaite_dof(
    profile: Profile, values: np.ndarray, residual: float, between: float
) -> np.ndarray:
    """Satterthwaite's degrees of freedom of each coefficient.

    Parameters
    ----------
    profile : Profile
        Design and participants.
    values : ndarray, shape (n_rows,)
        Measurements.
    residual, between : float
        Estimated variances.

    Returns
    -------
    ndarray, shape (n_coefficients,)
        Twice the squared variance of a coefficient over the variance of that variance; the
        latter by the delta method, with the inverse of the exact Hessian of the restricted
        deviance in the two variances.
    """
    n_residual = profile.n_rows - profile.n_coefficients
    if between <= 1e-8 * residual:
        return np.full(profile.n_coefficients, float(n_residual))
    within, groups, size = profile.cross_products(values)
    total = residual + size * between

    def weighted(weights: np.ndarray, within_weight: float = 0.0) -> np.ndarray:
        return within_weight * within + np.tensordot(weights, groups, axes=1)

    moment = weighted(1 / total, 1 / residual)
    first = [weighted(-1 / total**2, -1 / residual**2), weighted(-size / total**2)]
    second = {
        (0, 0): weighted(2 / total**3, 2 / residual**3),
        (0, 1): weighted(2 * size / total**3),
        (1, 1): weighted(2 * size**2 / total**3),
    }
    log_det = {
        (0, 0): -(size - 1).sum() / residual**2 - (1 / total**2).sum(),
        (0, 1): -(size / total**2).sum(),
        (1, 1): -(size**2 / total**2).sum(),
    }
    inverse = np.linalg.inv(moment[:-1, :-1])
    direction = np.append(-inverse @ moment[:-1, -1], 1.0)
    slopes = [inverse @ part[:-1, :-1] for part in first]
    pulls = [(part @ direction)[:-1] for part in first]
    hessian = np.empty((2, 2))
    for (i, j), part in second.items():
        of_trace = np.trace(inverse @ part[:-1, :-1]) - np.trace(slopes[i] @ slopes[j])
        of_squares = direction @ part @ direction - 2 * pulls[i] @ inverse @ pulls[j]
        hessian[i, j] = hessian[j, i] = log_det[i, j] + of_trace + of_squares
    rows = profile.contrasts()
    variance = np.einsum("ci,ij,cj->c", rows, inverse, rows)
    gradient = np.array([-np.einsum("ci,ij,cj->c", rows, s @ inverse, rows) for s in slopes])
    spread = 2 * np.einsum("ic,ij,jc->c", gradient, np.linalg.inv(hessian), gradient)
    return 2 * variance**2 / spread
