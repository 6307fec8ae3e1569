"""L2-penalised logistic classifiers in sample space, many label vectors at once.

Features outnumber samples in fMRI, so that the weights ``w = X' a`` are found through the
dual coefficients ``a`` (representer theorem) and only the samples' Gram matrix is needed.
Permuted labels share that matrix: one matrix product serves all of them.
"""

from typing import Literal, NamedTuple

import numpy as np
from scipy.special import expit, log_expit, log_softmax, logsumexp

Classifier = Literal["logistic_ovr", "logistic"]
_MAX_NEWTON = 100
_MAX_CG = 500


class _Loss(NamedTuple):
    """Loss of each problem, and probabilities of shape (n_samples, n_problems, k)."""

    value: np.ndarray
    probability: np.ndarray


def gram(rows: np.ndarray, columns: np.ndarray | None = None, chunk: int = 8192) -> np.ndarray:
    """Compute inner products of samples in float64, voxels in chunks.

    Parameters
    ----------
    rows : ndarray, shape (n_rows, n_voxels)
        Samples.
    columns : ndarray, shape (n_columns, n_voxels), optional
        Other samples; the same ones by default.
    chunk : int
        Voxels that are turned to float64 at a time.

    Returns
    -------
    ndarray of float64, shape (n_rows, n_columns)
        ``rows @ columns.T + 1``: the 1 is the intercept, penalised as liblinear's.
    """
    product = np.ones((len(rows), len(rows if columns is None else columns)))
    for start in range(0, rows.shape[1], chunk):
        left = rows[:, start : start + chunk].astype(np.float64)
        right = left if columns is None else columns[:, start : start + chunk].astype(np.float64)
        product += left @ right.T
    return product


def fit_dual(
    kernel: np.ndarray,
    codes: np.ndarray,
    n_labels: int,
    *,
    classifier: Classifier = "logistic_ovr",
    C: float = 1.0,
    tolerance: float = 1e-6,
) -> np.ndarray:
    r"""Fit logistic classifiers to one or many label vectors of the same samples.

    Minimises ``|w|^2 / 2 + C * loss`` with the intercept penalised as a further weight.
    ``logistic_ovr`` fits one binary problem per label, as liblinear does [1]_; ``logistic``
    is the multinomial (softmax) model. The solver is Newton's with conjugate gradients in
    the inner product of the kernel [2]_. The objective is strongly convex with modulus 1,
    so that ``sqrt(k(x, x)) * |gradient|`` bounds the error of a decision value: iterations
    stop when this bound is below ``tolerance`` for all training samples.

    Parameters
    ----------
    kernel : ndarray of float64, shape (n_samples, n_samples)
        From `gram`.
    codes : ndarray of int, shape (n_fits, n_samples)
        Label numbers from 0 of each fit (the true labels, or permuted ones).
    n_labels : int
        Number of labels, 2 or more.
    classifier : {"logistic_ovr", "logistic"}
        Model.
    C : float
        Inverse of the penalty.
    tolerance : float
        Largest error of a decision value; raised to the rounding error of float64 where
        features are so large that this is above it.

    Returns
    -------
    ndarray of float64, shape (n_samples, n_fits, n_labels)
        Dual coefficients; decision values of new samples are
        ``gram(new, train) @ dual[:, fit]``.

    References
    ----------
    .. [1] Fan et al. (2008). LIBLINEAR: a library for large linear classification.
       Journal of Machine Learning Research 9, 1871-1874.
    .. [2] Chapelle (2007). Training a support vector machine in the primal.
       Neural Computation 19, 1155-1178.
    """
    codes = np.atleast_2d(codes)
    target = (codes.T[:, :, None] == np.arange(n_labels)).astype(np.float64)
    if classifier == "logistic_ovr":  # every label of every fit is a problem of its own
        target = target.reshape(len(kernel), -1, 1)
    dual = np.zeros_like(target)
    scores = np.zeros_like(target)
    active = np.arange(target.shape[1])
    scale = np.sqrt(kernel.diagonal().max())
    rounding = 64 * np.finfo(float).eps * scale**2 * C * np.sqrt(len(kernel))
    tolerance = max(tolerance, rounding)
    for _ in range(_MAX_NEWTON):
        now, goal, there = dual[:, active], target[:, active], scores[:, active]
        loss = _loss(there, goal)
        gradient = now - C * (goal - loss.probability)
        steepness = _apply(kernel, gradient)
        norm = np.sqrt(np.maximum(np.einsum("ipk,ipk->p", gradient, steepness), 0))
        open_ = scale * norm > tolerance
        if not open_.any():
            break
        active, now, goal, there = active[open_], now[:, open_], goal[:, open_], there[:, open_]
        loss = _Loss(loss.value[open_], loss.probability[:, open_])
        step, step_scores = _newton_direction(
            kernel, gradient[:, open_], steepness[:, open_], loss.probability, C
        )
        length = _step_length(now, there, goal, step, step_scores, loss.value, C)
        dual[:, active] = now + length[:, None] * step
        scores[:, active] = there + length[:, None] * step_scores
    else:
        raise RuntimeError(f"logistic fit did not converge in {_MAX_NEWTON} Newton steps")
    return dual.reshape(len(kernel), len(codes), n_labels)


def log_probabilities(scores: np.ndarray, classifier: Classifier = "logistic_ovr") -> np.ndarray:
    """Turn decision values into log-probabilities of the labels.

    Parameters
    ----------
    scores : ndarray, shape (..., n_labels)
        Decision values.
    classifier : {"logistic_ovr", "logistic"}
        ``logistic_ovr``: each label's sigmoid, divided by their sum; ``logistic``: softmax.

    Returns
    -------
    ndarray, shape (..., n_labels)
        Natural logarithms; their exponentials sum to 1 over the labels.
    """
    if classifier == "logistic":
        return log_softmax(scores, axis=-1)
    single = log_expit(scores)
    return single - logsumexp(single, axis=-1, keepdims=True)


def _apply(kernel: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    """Multiply the kernel with the coefficients of all problems in one product."""
    return (kernel @ coefficients.reshape(len(kernel), -1)).reshape(coefficients.shape)


def _loss(scores: np.ndarray, target: np.ndarray) -> _Loss:
    """Value per problem and probabilities; one column is a sigmoid, several are a softmax."""
    if scores.shape[2] == 1:
        value = -log_expit(np.where(target > 0, scores, -scores)).sum(axis=(0, 2))
        return _Loss(value, expit(scores))
    log_p = log_softmax(scores, axis=2)
    return _Loss(-(log_p * target).sum(axis=(0, 2)), np.exp(log_p))


def _curvature(probability: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """Multiply the Hessian of the loss with a vector."""
    if probability.shape[2] == 1:
        return probability * (1 - probability) * vector
    mean = (probability * vector).sum(axis=2, keepdims=True)
    return probability * (vector - mean)


def _newton_direction(
    kernel: np.ndarray,
    gradient: np.ndarray,
    kernel_gradient: np.ndarray,
    probability: np.ndarray,
    C: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Solve ``(I + H K) d = -g`` for all problems, and give ``K d`` too.

    The operator is self-adjoint in the inner product ``u' K v``. The accuracy rises with
    that of the outer iteration (Dembo & Steihaug's forcing terms), which keeps Newton's
    superlinear convergence.
    """
    solution, kernel_solution = np.zeros_like(gradient), np.zeros_like(gradient)
    residual, kernel_residual = -gradient, -kernel_gradient
    power = np.einsum("ipk,ipk->p", residual, kernel_residual)
    size = np.sqrt(np.maximum(power, 0))
    goal = (np.minimum(0.1, size / (1 + size)) * size) ** 2
    direction, kernel_direction = residual.copy(), kernel_residual.copy()
    for _ in range(_MAX_CG):
        running = power > goal
        if not running.any():
            break
        image = direction + C * _curvature(probability, kernel_direction)
        bend = np.einsum("ipk,ipk->p", kernel_direction, image)
        length = np.where(running & (bend > 0), power / np.where(bend > 0, bend, 1), 0)[:, None]
        solution += length * direction
        kernel_solution += length * kernel_direction
        residual = residual - length * image
        kernel_residual = _apply(kernel, residual)
        new = np.maximum(np.einsum("ipk,ipk->p", residual, kernel_residual), 0)
        ratio = np.where(running & (power > 0), new / np.where(power > 0, power, 1), 0)[:, None]
        direction = residual + ratio * direction
        kernel_direction = kernel_residual + ratio * kernel_direction
        power = np.where(running, new, power)
    return solution, kernel_solution


def _step_length(
    dual: np.ndarray,
    scores: np.ndarray,
    target: np.ndarray,
    step: np.ndarray,
    step_scores: np.ndarray,
    loss: np.ndarray,
    C: float,
) -> np.ndarray:
    """Halve the Newton step of a problem until its objective falls (Armijo's rule)."""
    length = np.ones(dual.shape[1])
    slope = np.einsum("ipk,ipk->p", dual, step_scores) + C * np.einsum(
        "ipk,ipk->p", _loss(scores, target).probability - target, step_scores
    )
    inner = np.einsum("ipk,ipk->p", dual, step_scores)
    square = np.einsum("ipk,ipk->p", step, step_scores)
    slack = 1e-12 * (1 + C * loss)  # near the optimum the change is below rounding
    for _ in range(30):
        there = _loss(scores + length[:, None] * step_scores, target).value
        change = C * (there - loss) + length * inner + length**2 / 2 * square
        failed = change > 1e-4 * length * slope + slack
        if not failed.any():
            break
        length = np.where(failed, length / 2, length)
    return length
