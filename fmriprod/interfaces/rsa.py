"""Compare RDMs with models."""

import numpy as np
import pandas as pd
from nipype.interfaces.base import File, InputMultiObject, isdefined, traits

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.rdm_ceiling import rdm_ceiling
from fmriprod.algorithms.rdm_ranks import row_blocks
from fmriprod.algorithms.rsa import BlockwiseComparison
from fmriprod.interfaces.base import PythonInterface
from fmriprod.interfaces.rdm_file import RDMs, read_rdms
from fmriprod.interfaces.rsa_file import Comparisons
from fmriprod.interfaces.rsa_inputs import (
    ComparisonInputSpec,
    ComparisonOutputSpec,
    comparison,
    save_comparisons,
)

_AT_ONCE = 1 << 24  # dissimilarities read together: 64 MB


class _RSAInputSpec(ComparisonInputSpec):
    rdm_file = File(
        exists=True,
        mandatory=True,
        desc="HDF5 of RDMs, from SearchlightRDM, RegionRDM or another step",
    )
    participant_files = InputMultiObject(
        File(exists=True),
        desc="rdm_file of every participant, with the same names, for noise ceilings of named "
        "RDMs; a single file: its RDMs are the participants",
    )


class _RSAOutputSpec(ComparisonOutputSpec):
    table_file = File(
        exists=True,
        desc="TSV of named RDMs, a row an RDM and model: rdm model value p q p_familywise "
        "ceiling_lower ceiling_upper p_method",
    )
    n_without_value = traits.Int(desc="RDMs that hold a NaN or are constant, which have no value")


class RSA(PythonInterface):
    """Tell how alike RDMs and models are, with p and, over participants, noise ceilings.

    Conditions are matched by name. p comes from relabelling conditions, one-sided unless
    ``alternative`` says otherwise; q is over RDMs, a model at a time.

    Examples
    --------
    >>> RSA(method="kendall", within=["bed", "cat", "dog"]).inputs.n_permutations
    1000
    """

    input_spec = _RSAInputSpec
    output_spec = _RSAOutputSpec
    _libraries = ("numpy", "scipy")

    def _process(self) -> None:
        rdms = read_rdms(self.inputs.rdm_file)
        compare, models = comparison(self.inputs, rdms.conditions)
        for block in row_blocks(*rdms.dissimilarities.shape, _AT_ONCE):
            compare.add(rdms.dissimilarities[block])
        found = compare.result()
        ceilings = self._ceilings(rdms, compare)
        where = {n: getattr(rdms, n) for n in ("names", "voxels", "n_voxels", "shape", "affine")}
        more = {"n_pairs": len(compare.chosen.pairs)}
        content = save_comparisons(self, models, found, where, more)
        if rdms.voxels is None:
            table = _table(content, ceilings)
            if content.p is not None:
                table["p_method"] = self.inputs.p_method
            self.save_table("table_file", "rsa.tsv", table)
        self.result("n_without_value", found.n_without_value)

    def _ceilings(self, rdms: RDMs, compare: BlockwiseComparison) -> np.ndarray | None:
        """Give lower and upper ceilings: shape (n_rdms, 2)."""
        if not isdefined(self.inputs.participant_files):
            return None
        files = list(self.inputs.participant_files)
        names = _names(rdms)
        if len(files) == 1:  # its RDMs are participants
            values = _participant(files[0], rdms.conditions, None)[:, None]
        else:
            values = np.stack([_participant(path, rdms.conditions, names) for path in files])
        found = []
        for number in range(values.shape[1]):
            ceiling = rdm_ceiling(compare.chosen.of(values[:, number]), self.inputs.method)
            found.append((ceiling.lower, ceiling.upper))
        return np.broadcast_to(np.array(found), (len(names), 2))


def _names(rdms: RDMs) -> list[str]:
    if rdms.names is not None:
        return rdms.names
    return [str(number + 1) for number in range(len(rdms.dissimilarities))]


def _participant(path: str, conditions: list[str], names: list[str] | None) -> np.ndarray:
    """Read one participant's RDMs of these names."""
    rdms = read_rdms(path, "participant_files")
    try:
        values = rdms.in_order(conditions, "participant_files")
    except InputError as err:
        err.file = path
        raise
    if names is None:
        return np.asarray(values)
    own = _names(rdms)
    lacking = [name for name in names if name not in own]
    if lacking:
        raise InputError(
            "participant_files", expected=f"RDMs named {', '.join(names)}",
            found=f"{', '.join(own)}; lacking: {', '.join(lacking)}",
            hint="give files of the same regions", file=path,
        )  # fmt: skip
    return np.asarray(values)[[own.index(name) for name in names]]


def _table(content: Comparisons, ceilings: np.ndarray | None) -> pd.DataFrame:
    """Write comparisons as rows: RDMs, and the models of each."""
    n_models, n_rdms = content.value.shape
    names = content.names or [str(number + 1) for number in range(n_rdms)]
    table = pd.DataFrame({
        "rdm": np.repeat(names, n_models),
        "model": content.models * n_rdms,
    })  # fmt: skip
    for name in ("value", "p", "q", "p_familywise"):
        values = getattr(content, name)
        if values is not None:
            table[name] = values.T.ravel()
    if ceilings is not None:
        table["ceiling_lower"], table["ceiling_upper"] = np.repeat(ceilings, n_models, axis=0).T
    return table
