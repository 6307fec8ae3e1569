"""What RSA and SearchlightRSA share: models, settings, and what they write."""

from collections.abc import Sequence
from typing import Any

import nibabel as nb
import numpy as np
from nipype.interfaces.base import File, InputMultiObject, TraitedSpec, isdefined, traits

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.algorithms.pair_subset import PairSubset, choose_pairs
from fmriprod.algorithms.rdm import n_pairs
from fmriprod.algorithms.rdm_compare import METHODS
from fmriprod.algorithms.rdm_permutation import ALTERNATIVES
from fmriprod.algorithms.rsa import P_METHODS, BlockwiseComparison, ComparedRDMs
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.rdm_file import read_rdms
from fmriprod.interfaces.rsa_file import Comparisons, write_rsa

_P_WORDS = {
    "permutation": "relabelling of conditions",
    "spearmanr": "Student's t, two-sided, as if pairs of conditions were independent: too small "
    "where they depend on each other",
    "none": "none",
}


class ComparisonInputSpec(PythonInputSpec):
    """Inputs that say which models RDMs are compared with, and how."""

    model_files = InputMultiObject(
        File(exists=True),
        mandatory=True,
        desc="HDF5 files of named RDMs, from ModelRDM, LayerRDM, FeatureRDM; conditions are "
        "matched by name",
    )
    models = traits.List(traits.Str, desc="names of the models to use (default: all)")
    method = traits.Enum(
        *METHODS,
        usedefault=True,
        desc="spearman (ties share ranks), pearson, kendall (tau-a), cosine; whitened: allowing "
        "for distances that share a condition",
    )
    within = traits.List(traits.Str, xor=["between"], desc="compare pairs of these conditions only")
    between = traits.List(
        traits.List(traits.Str),
        xor=["within"],
        desc="compare pairs of a condition in the first of two lists with one in the second only",
    )
    p_method = traits.Enum(
        *P_METHODS,
        usedefault=True,
        desc="permutation: relabel conditions; spearmanr: Student's t, two-sided, as a published "
        "analysis did: p is too small, since pairs that share a condition are not independent; "
        "none: no p",
    )
    n_permutations = traits.Range(
        low=1,
        value=1000,
        usedefault=True,
        desc="relabellings; all of them, each once, where there are no more (6 conditions: 719)",
    )
    alternative = traits.Enum(
        *ALTERNATIVES,
        usedefault=True,
        desc="relabellings that count: those that make an RDM as like the model, or as like or "
        "opposed",
    )
    seed = traits.Range(low=0, value=0, usedefault=True, desc="seed of the relabellings")


class ComparisonOutputSpec(TraitedSpec):
    """Outputs of comparisons."""

    rsa_file = File(
        exists=True,
        desc="HDF5: value, p, q (over RDMs, a model at a time), p_familywise (by the largest value "
        "over RDMs), float32 (n_models, n_rdms); NaN where an RDM cannot be compared",
    )
    value_map = File(
        exists=True, desc="NIfTI of searchlights, a volume a model; NaN where there is no sphere"
    )
    p_map = File(exists=True, desc="NIfTI: the same of p")
    q_map = File(exists=True, desc="NIfTI: the same of q")
    models = traits.List(traits.Str, desc="names of the models, in the order of rows and volumes")
    summary_file = File(
        exists=True,
        desc="JSON: numbers of RDMs, pairs, relabellings and RDMs without value; largest value and "
        "number with q of at most 0.05 of each model; settings",
    )


def comparison(
    inputs: ComparisonInputSpec, conditions: Sequence[str]
) -> tuple[BlockwiseComparison, list[str]]:
    """Read the models and prepare to compare RDMs of some conditions with them.

    Parameters
    ----------
    inputs : ComparisonInputSpec
        Inputs of an interface.
    conditions : list of str
        Those of the RDMs, in their order.

    Returns
    -------
    comparison : BlockwiseComparison
        Takes RDMs with all pairs of ``conditions``.
    models : list of str
        Names.

    Raises
    ------
    InputError
        If a model lacks a condition that is compared, two models have one name, or one is
        unknown or constant.
    """
    within = list(inputs.within) if isdefined(inputs.within) else None
    between = [list(some) for some in inputs.between] if isdefined(inputs.between) else None
    chosen = choose_pairs(conditions, within, between)
    names, rows = _read_models(inputs, conditions, chosen)
    return BlockwiseComparison(
        rows, names, chosen, inputs.method, p_method=inputs.p_method,
        n_permutations=inputs.n_permutations, alternative=inputs.alternative, seed=inputs.seed,
        n_threads=inputs.num_threads,
    ), names  # fmt: skip


def _read_models(
    inputs: ComparisonInputSpec, conditions: Sequence[str], chosen: PairSubset
) -> tuple[list[str], np.ndarray]:
    """Read models as rows of all pairs; those of conditions that are not compared are NaN."""
    used = np.sort(np.concatenate(chosen.exchangeable))
    needed = [conditions[index] for index in used]
    whole = choose_pairs(conditions, within=needed).pairs
    names: list[str] = []
    rows = []
    for path in inputs.model_files:
        models = read_rdms(path, "model_files")
        if models.names is None:
            raise InputError(
                "model_files", expected="RDMs with names", found="RDMs of searchlights",
                hint="give rdm_file of ModelRDM, LayerRDM, RegionRDM or FeatureRDM", file=path,
            )  # fmt: skip
        try:
            values = models.in_order(needed, "model_files")
        except InputError as err:
            err.file = str(path)
            raise
        names += models.names
        rows.append(np.full((len(values), n_pairs(len(conditions))), np.nan, dtype=np.float32))
        rows[-1][:, whole] = values
    return _select(inputs, names, np.concatenate(rows))


def _select(
    inputs: ComparisonInputSpec, names: list[str], rows: np.ndarray
) -> tuple[list[str], np.ndarray]:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(
            "model_files", expected="a different name for each model",
            found=f"{', '.join(map(repr, twice))} more than once",
            hint="give names to ModelRDM, or leave a file out",
        )  # fmt: skip
    if not isdefined(inputs.models):
        return names, rows
    wanted = list(inputs.models)
    unknown = [name for name in wanted if name not in names]
    if unknown or not wanted or len(set(wanted)) < len(wanted):
        raise InputError(
            "models", expected="names of models, each once", found=", ".join(wanted) or "none",
            hint=suggest(unknown[0] if unknown else "", names),
        )  # fmt: skip
    return wanted, rows[[names.index(name) for name in wanted]]


def save_comparisons(
    interface: PythonInterface,
    models: list[str],
    found: ComparedRDMs,
    where: dict[str, Any],
    more: dict[str, Any] | None = None,
) -> Comparisons:
    """Write what was found as HDF5, maps and a summary.

    Parameters
    ----------
    interface : PythonInterface
        RSA or SearchlightRSA.
    models : list of str
        Names.
    found : ComparedRDMs
        Values and p.
    where : dict
        ``names``, or ``voxels``, ``n_voxels``, ``shape`` and ``affine`` of the RDMs.
    more : dict, optional
        What else the summary says.
    """
    inputs = interface.inputs
    settings = _settings(inputs)
    content = Comparisons(
        found.value, models, inputs.method, found.p, found.q, found.p_familywise, found.among,
        found.n_permutations, about=settings, **where,
    )  # fmt: skip
    with interface.writing("rsa_file", "rsa.h5") as path:
        write_rsa(path, content)
    if content.voxels is not None:
        like = nb.Nifti1Image(np.zeros(content.shape[:3], np.uint8), content.affine)
        for name in ("value", "p", "q"):
            values = getattr(content, name)
            if values is not None:
                file_name = f"rsa_{name}.nii.gz"
                interface.save_image(f"{name}_map", file_name, content.volumes(values), like)
    interface.result("models", models)
    summary = {
        "n_rdms": found.value.shape[1],
        "n_rdms_without_value": found.n_without_value,
        "n_permutations": found.n_permutations,
        "all_relabellings": found.exhaustive,
        "models": {
            name: _of_model(found, row) for row, name in enumerate(models)
        },
        "settings": settings,
        **(more or {}),
    }  # fmt: skip
    interface.save_json("summary_file", "rsa.json", summary)
    return content


def _of_model(found: ComparedRDMs, row: int) -> dict[str, Any]:
    values = found.value[row]
    known = values[np.isfinite(values)]
    return {
        "largest": float(known.max()) if len(known) else None,
        "mean": float(known.mean(dtype=float)) if len(known) else None,
        "n_significant": None if found.q is None else int((found.q[row] <= 0.05).sum()),
    }


def _settings(inputs: ComparisonInputSpec) -> dict[str, Any]:
    names = ("method", "within", "between", "p_method")
    if inputs.p_method == "permutation":
        names += ("alternative", "seed")
    settings = {n: getattr(inputs, n) for n in names if isdefined(getattr(inputs, n))}
    return {**settings, "p": _P_WORDS[inputs.p_method]}
