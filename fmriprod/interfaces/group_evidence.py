"""Statistics of a group on decoding scores."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from nipype.interfaces.base import File, TraitedSpec, isdefined, traits

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.algorithms.group_models import trained_models
from fmriprod.algorithms.group_tables import (
    LOG_ODDS,
    SCORE_KEY,
    SPLIT_MEASURES,
    Resampling,
    changes,
    long_form,
    mean_table,
    missing_participants,
    scheme_chance,
    selectivity_table,
)
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.participant_tables import read_participant_tables

_MEASURES = ("accuracy", *SPLIT_MEASURES, *LOG_ODDS)


class ResamplingInputSpec(PythonInputSpec):
    """Inputs of interfaces that resample participants."""

    method = traits.Enum(
        "fast",
        "published",
        usedefault=True,
        desc="draws of participants: all from one generator; or, as Fan et al. (2020), resample "
        "i from a generator with seed i, with p as published (0 where no resample is beyond)",
    )
    n_permutations = traits.Range(
        low=1, value=10_000, usedefault=True, desc="sign flips of participants for p_flip"
    )
    seed = traits.Range(low=0, value=0, usedefault=True, desc="seed of all random draws")


class _GroupEvidenceInputSpec(ResamplingInputSpec):
    scores_files = traits.List(
        File(exists=True),
        mandatory=True,
        minlen=1,
        desc="scores of participants (TSV): subject region phase scheme accuracy ...",
    )
    before = traits.Str("pre", usedefault=True, desc="phase of recognition before drawing")
    after = traits.Str("post", usedefault=True, desc="phase of recognition after drawing")
    production = traits.Str("drawing", usedefault=True, desc="phase of drawing")
    chance = traits.Range(
        low=0.0,
        high=0.5,
        value=0.25,
        exclude_low=True,
        usedefault=True,
        desc="accuracy by guessing of a classifier of all labels: 1 / number of labels; that of "
        "the schemes 2way, 2way_within, 3way and 4way_independent follows from it",
    )
    scheme_chance = traits.List(
        traits.Str, desc="accuracy by guessing of schemes of one's own, such as: concat=0.5"
    )
    n_bootstrap = traits.Range(
        low=1, value=10_000, usedefault=True, desc="draws of participants for accuracies"
    )
    n_bootstrap_log_odds = traits.Range(
        low=1, value=3000, usedefault=True, desc="draws of participants for log odds"
    )


class _GroupEvidenceOutputSpec(TraitedSpec):
    accuracy_file = File(
        exists=True,
        desc="TSV: region phase scheme n mean ci_low ci_high p p_fdr (against chance; 95 %; "
        "false discovery rate over regions), p_flip p_flip_max (sign flips, largest statistic), "
        "chance",
    )
    split_file = File(
        exists=True,
        desc="TSV, the same by measure for trained and control objects: accuracy and probability "
        "of the target",
    )
    change_file = File(
        exists=True, desc="TSV, by measure: after minus before, against 0; columns as accuracy"
    )
    log_odds_file = File(
        exists=True,
        desc="TSV, by contrast, against 0: columns as accuracy, and mean over participants of "
        "exp(log odds) with interval (mean_exp exp_low exp_high)",
    )
    model_file = File(
        exists=True,
        desc="TSV: accuracy ~ phase * trained + (1|subject) by region and scheme (REML, p by "
        "Satterthwaite): term estimate standard_error dof t p p_fdr",
    )
    selectivity_file = File(
        exists=True,
        desc="TSV: correlation over participants of log odds target-foil in drawing with each "
        "change: region measure n r ci_low ci_high p p_fdr",
    )
    missing_file = File(
        exists=True, desc="TSV: subject region phase scheme that others have and this one lacks"
    )
    n_subjects = traits.Int(desc="number of participants with any score")
    n_missing = traits.Int(desc="rows of missing_file")


class GroupEvidence(PythonInterface):
    """Means over participants of decoding scores, with intervals, tests and mixed models.

    Participants who lack a region or phase are left out there, listed in ``missing_file``
    and not counted in ``n``. With ``method="published"`` intervals and p are those of Fan et
    al. (2020) to the last digit; ``p_flip`` keeps its level in small groups, which the
    percentile bootstrap does not quite.

    Examples
    --------
    >>> GroupEvidence(method="published", scheme_chance=["concat=0.5"]).inputs.n_bootstrap
    10000
    """

    input_spec = _GroupEvidenceInputSpec
    output_spec = _GroupEvidenceOutputSpec
    _algorithm_version = "2"
    _libraries = ("numpy", "scipy")

    def _process(self) -> None:
        values = self.inputs
        scores = read_participant_tables(
            values.scores_files, "scores_files", text=SCORE_KEY, numbers=_MEASURES, key=SCORE_KEY
        )
        chance = self._chance(set(scores["scheme"]))
        accuracies, odds = self._resampling(values.n_bootstrap), self._resampling(
            values.n_bootstrap_log_odds
        )  # fmt: skip
        cell = ["region", "phase", "scheme"]

        table = mean_table(
            long_form(scores, ("accuracy",)), cell, resampling=accuracies, criterion=chance
        )
        table["chance"] = chance(table)
        self.save_table("accuracy_file", "accuracy.tsv", table)
        table = mean_table(
            long_form(scores, SPLIT_MEASURES), [*cell, "measure"], resampling=accuracies,
            criterion=chance,
        )  # fmt: skip
        table["chance"] = chance(table)
        self.save_table("split_file", "trained_and_control.tsv", table)
        differences = changes(long_form(scores, _MEASURES), values.before, values.after)
        by = ["region", "scheme", "measure"]
        table = mean_table(differences, by, resampling=accuracies)
        self.save_table("change_file", "change.tsv", table)
        table = _log_odds_table(long_form(scores, LOG_ODDS), odds)
        self.save_table("log_odds_file", "log_odds.tsv", table)
        models = trained_models(scores, values.before, values.after)
        self.save_table("model_file", "accuracy_model.tsv", models)
        related = selectivity_table(scores, differences, values.production)
        self.save_table("selectivity_file", "selectivity.tsv", related)
        missing = missing_participants(scores)
        self.save_table("missing_file", "missing.tsv", missing)
        self.result("n_subjects", scores["subject"].nunique())
        self.result("n_missing", len(missing))

    def _resampling(self, n_bootstrap: int) -> Resampling:
        values = self.inputs
        return Resampling(values.method, n_bootstrap, values.n_permutations, seed=values.seed)

    def _chance(self, schemes: set[str]) -> Callable[[pd.DataFrame], np.ndarray]:
        """Give a function from rows to the accuracy by guessing of their schemes."""
        given = {}
        texts = self.inputs.scheme_chance if isdefined(self.inputs.scheme_chance) else []
        for text in texts:
            scheme, _, share = text.rpartition("=")
            try:
                given[scheme] = float(share)
                usable = 0 <= given[scheme] <= 1
            except ValueError:
                usable = False
            if not usable or scheme not in schemes:
                raise InputError(
                    "scheme_chance",
                    expected="scheme=chance, with a scheme of the scores and a share from 0 to 1",
                    found=repr(text),
                    hint=suggest(scheme, sorted(schemes)),
                )
        default = self.inputs.chance
        return lambda rows: np.array([scheme_chance(s, given, default) for s in rows["scheme"]])


def _log_odds_table(rows: pd.DataFrame, resampling: Resampling) -> pd.DataFrame:
    """Log odds against 0, and the mean of their exponentials."""
    rows = rows.rename(columns={"measure": "contrast"})
    rows["contrast"] = rows["contrast"].str.removeprefix("log_odds_")
    by = ["region", "phase", "scheme", "contrast"]
    table = mean_table(rows, by, resampling=resampling)
    odds = mean_table(rows.assign(value=np.exp(rows["value"])), by, resampling=resampling)
    names = {"mean": "mean_exp", "ci_low": "exp_low", "ci_high": "exp_high"}
    return table.join(odds[list(names)].rename(columns=names))
