"""Maps of representational similarity of a group of participants, tested against 0."""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from scipy import stats

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.group_rsa_null import (
    flip_null,
    flip_statistic,
    one_sample_t,
    shuffled_p,
    shuffled_t,
)
from fmriprod.algorithms.group_rsa_rule import PUBLISHED, GroupRule, check_rule
from fmriprod.algorithms.layer_assignment import best_of
from fmriprod.algorithms.rsa_clusters import cluster_sizes, neighbour_table
from fmriprod.algorithms.sign_flip import fdr

__all__ = ["PUBLISHED", "GroupRSA", "GroupRule", "fisher_z", "group_rsa"]

_CLIP = 0.999999  # Fisher's z of 7.25
_DECIDES = {"max": "p_max", "cluster": "p_cluster", "fdr": "q", "none": "p"}


@dataclass(frozen=True)
class GroupRSA:
    """Tests of the maps of a group; arrays of shape ``(n_maps, n_voxels)`` unless said.

    Attributes
    ----------
    mean, t : ndarray of float32
        Mean over participants (Fisher's z where maps are correlations), and its t against 0; NaN
        where voxels are left out.
    p_t : ndarray of float32
        p of t by Student's distribution.
    p : ndarray of float32
        p of the voxel alone by the rule's method.
    q : ndarray of float32
        ``p`` adjusted for the voxels of a map (Benjamini & Hochberg).
    p_max, p_cluster : ndarray of float32, optional
        Corrected for all voxels; that of a cluster is NaN outside clusters.
    surviving : ndarray of bool
        Voxels that pass.
    cluster : ndarray of int32, optional
        Clusters of surviving voxels, from 1: those above 0, then those below, each from the largest
        to the smallest; 0 elsewhere.
    layer : ndarray of float32, shape (n_voxels,)
        Number, from 1, of the best map by the rule, of those that survive above 0; NaN where there
        is none.
    used : ndarray of bool, shape (n_voxels,)
        Voxels that are finite and not 0 in every map of every participant.
    n_subjects, n_not_finite, n_zero, n_clipped, n_permutations : int
        Participants; voxels left out; correlations of 1 or -1 that were clipped to .999999;
        flips or draws.
    rule : GroupRule
    """

    mean: np.ndarray
    t: np.ndarray
    p_t: np.ndarray
    p: np.ndarray
    q: np.ndarray
    p_max: np.ndarray | None
    p_cluster: np.ndarray | None
    surviving: np.ndarray
    cluster: np.ndarray | None
    layer: np.ndarray
    used: np.ndarray
    n_subjects: int
    n_not_finite: int
    n_zero: int
    n_clipped: int
    n_permutations: int
    rule: GroupRule

    @property
    def p_decides(self) -> np.ndarray:
        """What has to be at most the level by the rule's correction, (n_maps, n_voxels)."""
        return getattr(self, _DECIDES[self.rule.correction])


def group_rsa(
    maps: np.ndarray,
    *,
    mask: np.ndarray | None = None,
    rule: GroupRule | None = None,
    seed: int = 0,
    memory_mb: float = 256.0,
) -> GroupRSA:
    """Test maps of participants against 0, voxel by voxel.

    Parameters
    ----------
    maps : ndarray, shape (n_subjects, n_maps, n_voxels)
        Correlations, -1 to 1, of each participant with each layer or code.
    mask : ndarray of bool, shape (x, y, z), optional
        Where the voxels lie, in C order; needed for clusters.
    rule : GroupRule, optional
        By default sign flips with the largest t over voxels; `PUBLISHED` is the other.
    seed : int
        Seed of flips and draws.
    memory_mb : float
        Memory of a block of flips, in MB.

    Returns
    -------
    GroupRSA

    Raises
    ------
    InputError
        If there are fewer than three participants, or too few for any flip to reach the level; no
        voxel is left; values are no correlations; or the rule makes no sense.

    Notes
    -----
    ``voxel_shuffling`` compares a place with other places of the same map, not with no effect,
    and corrects for nothing. In noise of 15 participants and 2,352 voxels it kept 4.9 % of voxels;
    80 % of studies had a false cluster of 20 voxels (neighbours 2) where noise was smooth, by 3
    voxels, and none where it was white. With an effect in a fifth of the voxels, whose values are
    in the null of all, it kept 11 % of the others, nearly all below 0. Sign flips assume that
    values of a participant without effect are spread alike about 0; with them 4 to 5 % of those
    studies had a false voxel by the largest t, and 1 to 5 % a false cluster: sizes are whole
    numbers, so that small clusters are tested below the level.
    """
    rule = rule or GroupRule()
    maps = np.asarray(maps)
    _check_maps(maps, rule)
    z, used, counts = _usable(maps, rule.fisher)
    table = None
    if mask is not None:
        _check_mask(mask, maps.shape[2])
        inside = np.zeros(mask.shape, dtype=bool)
        inside[mask] = used
        table = neighbour_table(inside, rule.neighbours)
    check_rule(rule, len(maps), has_mask=table is not None)
    found = _tests(z, rule, table, seed, memory_mb)
    found["q"] = np.stack([fdr(row) for row in found["p"]])
    surviving, cluster = _survivors(found, rule, table)
    found |= {"surviving": surviving, "cluster": cluster}
    whole: dict[str, Any] = {
        name: _spread(values, used) for name, values in found.items() if name != "n"
    }
    layer = best_of(np.where(whole["surviving"], whole[rule.best], 0))
    return GroupRSA(
        **whole, layer=layer, used=used, n_subjects=len(maps), **counts,
        n_permutations=found["n"], rule=rule,
    )  # fmt: skip


def fisher_z(r: np.ndarray) -> tuple[np.ndarray, int]:
    """Fisher's z of correlations, with 1 and -1 clipped to .999999 and counted.

    Ranks of few pairs, such as the nine of two sets of three conditions, do reach 1; leaving
    such a voxel out would lose the best ones, and infinity would lose the test.

    Parameters
    ----------
    r : ndarray
        From -1 to 1; NaN stays.

    Returns
    -------
    z : ndarray of float32
    n_clipped : int
        Values that were clipped.

    Raises
    ------
    InputError
        If values lie beyond 1 by more than rounding.
    """
    size = np.abs(r)
    largest = np.nanmax(size, initial=0, where=np.isfinite(size))
    if largest > 1 + 1e-5:
        raise InputError(
            "maps", expected="correlations, -1 to 1", found=f"values up to {largest:.4g} in size",
            hint="give maps of rho or r before any transform, or switch fisher off",
        )  # fmt: skip
    z = np.clip(np.asarray(r, dtype=np.float64), -_CLIP, _CLIP)
    n_clipped = int(np.count_nonzero(size > _CLIP))
    return np.arctanh(z, out=z).astype(np.float32), n_clipped


def _usable(maps: np.ndarray, fisher: bool) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """Leave out voxels, and transform the others: (n_subjects, n_maps, n_used) float32."""
    finite = np.isfinite(maps).all(axis=(0, 1))
    nonzero = (maps != 0).all(axis=(0, 1))
    used = finite & nonzero
    counts = {"n_not_finite": int((~finite).sum()), "n_zero": int((finite & ~nonzero).sum())}
    if not used.any():
        raise InputError(
            "maps", expected="voxels that are finite and not 0 in every map of every participant",
            found=f"none of {len(used):,}: {counts['n_not_finite']:,} not finite and "
            f"{counts['n_zero']:,} 0 in some", hint="compare the masks of the participants",
        )  # fmt: skip
    z, counts["n_clipped"] = maps[:, :, used].astype(np.float32), 0
    if fisher:
        z, counts["n_clipped"] = fisher_z(z)
    return z, used, counts


def _tests(
    z: np.ndarray, rule: GroupRule, table: np.ndarray | None, seed: int, memory_mb: float
) -> dict[str, Any]:
    t = one_sample_t(z)
    dof = len(z) - 1
    p_t = 2 * stats.t.sf(np.abs(t), dof) if rule.two_sided else stats.t.sf(t, dof)
    found: dict[str, Any] = {"mean": z.mean(axis=0, dtype=np.float64), "t": t, "p_t": p_t}
    found |= {"p_max": None, "p_cluster": None}
    if rule.method == "voxel_shuffling":
        p = [
            shuffled_p(t[k], shuffled_t(z[:, k], rule.n_draws, [seed, k]), rule.two_sided)
            for k in range(z.shape[1])
        ]
        return found | {"p": np.stack(p), "n": rule.n_draws}
    cut = stats.t.isf(rule.cluster_p / (1 + rule.two_sided), dof)
    wanted = table is not None and rule.correction == "cluster"
    null = flip_null(
        z, two_sided=rule.two_sided, n_permutations=rule.n_permutations,
        cluster_t=cut if wanted else None, neighbours=table, seed=seed, memory_mb=memory_mb,
    )  # fmt: skip
    size = flip_statistic(z).sum(axis=0)
    size = np.abs(size) if rule.two_sided else size
    found |= {"p": null.p, "p_max": null.corrected(size, null.largest, rule.together)}
    if table is not None and wanted:
        _, sizes = _signed_clusters(t, np.abs(t) > cut, table, rule.two_sided)
        found["p_cluster"] = null.corrected(sizes, cast(np.ndarray, null.cluster), rule.together)
    return found | {"n": len(null.largest)}


def _survivors(
    found: dict[str, Any], rule: GroupRule, table: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray | None]:
    surviving = found[_DECIDES[rule.correction]] <= rule.level
    if table is None:
        return surviving, None
    cluster, size = _signed_clusters(found["t"], surviving, table, rule.two_sided)
    surviving &= size >= rule.min_voxels
    for row, inside in zip(cluster, surviving, strict=True):
        row[~inside] = 0
        row[inside] = np.unique(row[inside], return_inverse=True)[1] + 1
    return surviving, cluster


def _signed_clusters(
    t: np.ndarray, chosen: np.ndarray, table: np.ndarray, two_sided: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Clusters of chosen voxels, those of either sign apart; their numbers and sizes.

    Both have shape (n_maps, n_voxels); outside clusters the number is 0 and the size NaN.
    """
    label = np.zeros(t.shape, dtype=np.int32)
    size = np.full(t.shape, np.nan, dtype=np.float32)
    for row in range(len(t)):
        for sign in (1, -1)[: 1 + two_sided]:
            numbers, sizes = cluster_sizes(chosen[row] & (sign * t[row] > 0), table)
            inside = numbers > 0
            label[row, inside] = numbers[inside] + label[row].max()
            size[row, inside] = sizes[numbers[inside] - 1]
    return label, size


def _spread(values: np.ndarray | None, used: np.ndarray) -> np.ndarray | None:
    """Put values of used voxels among all; NaN, False or 0 elsewhere."""
    if values is None:
        return None
    kind = values.dtype if values.dtype.kind in "bi" else np.float32
    whole = np.full((len(values), len(used)), np.nan if kind == np.float32 else 0, dtype=kind)
    whole[:, used] = values
    return whole


def _check_maps(maps: np.ndarray, rule: GroupRule) -> None:
    if maps.ndim != 3:
        raise InputError(
            "maps", expected="participants x maps x voxels", found=f"shape {maps.shape}",
            hint="stack the maps of participants",
        )  # fmt: skip
    if len(maps) < 3:
        raise InputError(
            "maps", expected="at least 3 participants", found=f"{len(maps)}",
            hint="the scatter of one or two says nothing of others; show their own maps instead",
        )  # fmt: skip


def _check_mask(mask: np.ndarray, n_voxels: int) -> None:
    if mask.ndim != 3 or mask.sum() != n_voxels:
        raise InputError(
            "mask", expected=f"a volume with {n_voxels:,} voxels set, as the maps have",
            found=f"{mask.sum():,} set in shape {mask.shape}",
            hint="give the mask that the maps were taken with",
        )  # fmt: skip
