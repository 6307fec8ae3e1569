"""How maps of a group of participants are tested."""

from dataclasses import dataclass

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.layer_assignment import check_level

METHODS = ("sign_flip", "voxel_shuffling")
CORRECTIONS = ("max", "cluster", "fdr", "none")
BEST = ("mean", "t")


@dataclass(frozen=True)
class GroupRule:
    """How maps of a group are tested.

    Attributes
    ----------
    method : {"sign_flip", "voxel_shuffling"}
        Where p of a voxel comes from. ``sign_flip``: if there is no effect, a participant's map
        is as likely to be seen with the other sign. ``voxel_shuffling`` is the published null:
        t over participants of values each from another random voxel, all voxels pooled. See
        `group_rsa` for what it assumes.
    correction : {"max", "cluster", "fdr", "none"}
        What a voxel has to pass: p of the largest statistic over voxels; p of the size of its
        cluster; q (Benjamini-Hochberg over the voxels of a map); or p of itself alone, as
        published. The first two need sign flips.
    level : float
        Largest p or q that survives.
    two_sided : bool
        Whether similarity below 0 counts too, as published.
    n_permutations : int
        Sign flips; all ``2 ** n_subjects`` where they are no more.
    n_draws : int
        Draws of ``voxel_shuffling`` for each map.
    cluster_p : float
        p of t that a voxel of a cluster has to be below.
    neighbours : {1, 2, 3}
        Voxels that touch: by faces, edges, corners.
    min_voxels : int
        Smallest cluster of surviving voxels that stays; 1 keeps all. Published: 20.
    best : {"mean", "t"}
        What has to be largest, of the maps that survive above 0, for a voxel to get a map's
        number: the mean over participants, or its t, as published. A layer that is less like a
        place, but alike in all participants, can have the larger t: in simulated areas with one
        layer each, neighbouring layers having rho of .5 or so, t gave 75 to 90 % of the voxels
        their layer, and the mean all of them.
    together : bool
        Correct the largest statistic or cluster for all maps at once, not for each alone.
    fisher : bool
        Whether maps are correlations, to be made Fisher's z.
    """

    method: str = "sign_flip"
    correction: str = "max"
    level: float = 0.05
    two_sided: bool = True
    n_permutations: int = 10_000
    n_draws: int = 1_000_000
    cluster_p: float = 0.001
    neighbours: int = 2
    min_voxels: int = 1
    best: str = "mean"
    together: bool = False
    fisher: bool = True


PUBLISHED = GroupRule(method="voxel_shuffling", correction="none", min_voxels=20, best="t")
"""The rule of the published maps."""


def check_rule(rule: GroupRule, n_subjects: int, has_mask: bool) -> None:
    """Refuse a rule that makes no sense, or that so few participants cannot pass.

    Raises
    ------
    InputError
        If so.
    """
    check_level(rule.level)
    known = rule.method in METHODS and rule.correction in CORRECTIONS and rule.best in BEST
    if not known:
        raise InputError(
            "rule", expected=f"method {' or '.join(METHODS)}; correction {', '.join(CORRECTIONS)}; "
            f"best {' or '.join(BEST)}",
            found=f"method {rule.method!r}, correction {rule.correction!r}, best {rule.best!r}",
            hint="by default sign_flip, max and mean",
        )  # fmt: skip
    flips = rule.method == "sign_flip"
    if not flips and rule.correction in ("max", "cluster"):
        raise InputError(
            "correction", expected="none or fdr with voxel_shuffling, which pools voxels",
            found=repr(rule.correction), hint="use sign_flip for p corrected over voxels",
        )  # fmt: skip
    if not has_mask and (rule.correction == "cluster" or rule.min_voxels > 1):
        raise InputError(
            "mask", expected="a mask, to know which voxels touch", found="none",
            hint="give the mask of the maps, or use no clusters",
        )  # fmt: skip
    least = (1 + rule.two_sided) / 2**n_subjects
    if flips and max(least, 1 / (rule.n_permutations + 1)) > rule.level:
        raise InputError(
            "level", expected="a p that sign flips can reach",
            found=f"{rule.level:g}, but {n_subjects} participants and {rule.n_permutations:,} "
            f"flips give none below {max(least, 1 / (rule.n_permutations + 1)):.3g}",
            hint="scan more participants, or flip more often",
        )  # fmt: skip
