"""Statistics of a group on evidence in the connectivity of regions."""

from nipype.interfaces.base import File, TraitedSpec, traits

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.group_models import CONNECTION, connectivity_models
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.participant_tables import read_participant_tables


class _GroupConnectivityInputSpec(PythonInputSpec):
    evidence_files = traits.List(
        File(exists=True),
        mandatory=True,
        minlen=1,
        desc="connectivity evidence of participants (TSV), a row a trial: subject region_1 "
        "region_2 features scheme run half trial log_odds ...",
    )
    phase = traits.Str(
        "half",
        usedefault=True,
        desc="column of numbers for the phase of production: 1 first half, 2 second half",
    )
    n_bootstrap = traits.Range(
        low=1, value=1000, usedefault=True, desc="simulations for the intervals of the slopes"
    )
    seed = traits.Range(low=0, value=0, usedefault=True, desc="seed of the simulations")


class _GroupConnectivityOutputSpec(TraitedSpec):
    models_file = File(
        exists=True,
        desc="TSV, a row a pair of regions, kind of features and scheme: slope (log odds a phase) "
        "standard_error ci_low ci_high (95 %) chi2 p aic aic_null weight n_subjects n_trials "
        "p_fdr (over pairs)",
    )
    n_subjects = traits.Int(desc="number of participants")


class GroupConnectivity(PythonInterface):
    """Test whether connectivity says more about the drawing as production goes on.

    For each pair of regions, a mixed model ``log_odds ~ phase + (1|subject)`` over trials:
    slope by REML with a parametric bootstrap interval, and the likelihood ratio against the
    model without phase.

    Examples
    --------
    >>> GroupConnectivity(phase="run").inputs.n_bootstrap
    1000
    """

    input_spec = _GroupConnectivityInputSpec
    output_spec = _GroupConnectivityOutputSpec
    _libraries = ("numpy", "scipy")

    def _process(self) -> None:
        values = self.inputs
        rows = read_participant_tables(
            values.evidence_files,
            "evidence_files",
            text=("subject", *CONNECTION, "run"),
            numbers=tuple(dict.fromkeys((values.phase, "trial", "log_odds"))),
            key=("subject", *CONNECTION, "run", "trial"),
        )
        for cell, part in rows.groupby(list(CONNECTION), sort=False):
            if part[values.phase].nunique() < 2:
                raise InputError(
                    "phase",
                    expected=f"two phases or more in column {values.phase}",
                    found=f"one in {' '.join(cell)}",
                    hint="give the trials of all runs, or another column as phase",
                )
        options = {"n_bootstrap": values.n_bootstrap, "seed": values.seed}
        table = connectivity_models(rows, values.phase, **options)
        self.save_table("models_file", "connectivity_model.tsv", table)
        self.result("n_subjects", rows["subject"].nunique())
