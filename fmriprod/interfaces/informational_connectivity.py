"""Informational connectivity of regions over a group."""

from itertools import combinations

import numpy as np
import pandas as pd
from nipype.interfaces.base import File, TraitedSpec, isdefined, traits

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.algorithms.informational import (
    correlate_regions,
    correlation_tests,
    moving_correlations,
)
from fmriprod.algorithms.region_clusters import average_linkage, fuzzy_c_means
from fmriprod.algorithms.sign_flip import fdr
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.participant_tables import read_participant_tables

_TEXT = ("subject", "region", "phase", "scheme", "run", "label")
_SAMPLE = ["run", "trial", "time_point"]


class _InformationalConnectivityInputSpec(PythonInputSpec):
    evidence_files = traits.List(
        File(exists=True),
        mandatory=True,
        minlen=1,
        desc="evidence of participants (TSV), a row a sample: subject region phase scheme run "
        "label trial time_point trained logp_<label> target foil ...",
    )
    scheme = traits.Str(desc="scheme of the rows to take (default: the only one there is)")
    phase = traits.Str("drawing", usedefault=True, desc="phase of the rows to take")
    regions = traits.List(traits.Str, desc="regions in the order of the tables (default: all)")
    series = traits.Enum(
        "log_probability",
        "target_foil",
        usedefault=True,
        desc="log-probabilities of one trained object and then of the other; or target - foil",
    )
    fisher_z = traits.Bool(
        True, usedefault=True, desc="test arctanh(r); the published analysis tested r"
    )
    window = traits.Range(low=1, value=5, usedefault=True, desc="trials in the moving window")
    n_clusters = traits.Range(
        low=1, value=3, usedefault=True, desc="clusters of regions by average linkage of 1 - r"
    )
    fuzzy_clusters = traits.List(
        traits.Int, value=[2, 3, 4], usedefault=True, desc="numbers of fuzzy clusters to try"
    )
    seed = traits.Range(low=0, value=0, usedefault=True, desc="seed of the fuzzy clusters")


class _InformationalConnectivityOutputSpec(TraitedSpec):
    connectivity_file = File(
        exists=True,
        desc="TSV, a row a pair of regions: region_1 region_2 n mean_r ci_low ci_high (95 %) t dof "
        "p p_fdr (over pairs)",
    )
    subjects_file = File(exists=True, desc="TSV: subject region_1 region_2 r")
    windows_file = File(
        exists=True,
        desc="TSV, a row a pair and window (1: the first trials): n mean_r ci_low ci_high",
    )
    clusters_file = File(
        exists=True,
        desc="TSV: region method (average_linkage, fuzzy) n_clusters cluster membership (0 to 1)",
    )
    n_subjects = traits.Int(desc="number of participants")


class InformationalConnectivity(PythonInterface):
    """Correlate the evidence of regions over samples, test it over participants, and cluster.

    Participants who lack a region are left out of its pairs. Windows are numbered over the
    trials of the participant with the fewest.

    Examples
    --------
    >>> InformationalConnectivity(scheme="2way_within", fisher_z=False).inputs.window
    5
    """

    input_spec = _InformationalConnectivityInputSpec
    output_spec = _InformationalConnectivityOutputSpec
    _algorithm_version = "2"
    _libraries = ("numpy", "scipy")

    def _process(self) -> None:
        values = self.inputs
        rows = self._rows()
        regions = self._regions(rows)
        pairs = list(combinations(range(len(regions)), 2))
        subjects, whole, moving = [], [], []
        for subject, part in rows.groupby("subject", sort=False):
            series, trial = _series(str(subject), part, regions, values.series)
            subjects.append(str(subject))
            whole.append(correlate_regions(series))
            moving.append(moving_correlations(series, trial, window=values.window))
        first, second = np.array(pairs).T
        names = {"region_1": np.array(regions)[first], "region_2": np.array(regions)[second]}
        r = np.array(whole)[:, first, second]
        tested = correlation_tests(r, fisher_z=values.fisher_z)
        table = pd.DataFrame(names | tested | {"p_fdr": fdr(tested["p"])})
        self.save_table("connectivity_file", "informational_connectivity.tsv", table)
        each = [pd.DataFrame({"subject": s, **names, "r": row})
                for s, row in zip(subjects, r, strict=True)]  # fmt: skip
        self.save_table(
            "subjects_file", "informational_subjects.tsv", pd.concat(each, ignore_index=True)
        )
        windows = []
        for number in range(min(map(len, moving))):
            found = correlation_tests(
                np.array([m[number][first, second] for m in moving]), fisher_z=values.fisher_z
            )
            kept = {name: found[name] for name in ("n", "mean_r", "ci_low", "ci_high")}
            windows.append(pd.DataFrame(names | {"window": number + 1} | kept))
        self.save_table(
            "windows_file", "informational_windows.tsv", pd.concat(windows, ignore_index=True)
        )
        self.save_table("clusters_file", "clusters.tsv", self._clusters(regions, pairs, tested))
        self.result("n_subjects", len(subjects))

    def _rows(self) -> pd.DataFrame:
        """Rows of the phase and scheme, of all participants."""
        values = self.inputs
        rows = read_participant_tables(
            values.evidence_files, "evidence_files", text=_TEXT,
            numbers=("trial", "time_point", "target", "foil"),
            key=("subject", "region", "phase", "scheme", *_SAMPLE),
        )  # fmt: skip
        for name in ("phase", "scheme"):
            there = list(dict.fromkeys(rows[name]))
            wanted = getattr(values, name)
            if not isdefined(wanted):
                wanted = there[0] if len(there) == 1 else ""
            if wanted not in there:
                raise InputError(
                    name,
                    expected=f"one {name} of the evidence",
                    found=repr(wanted) if wanted else f"{len(there)} and none chosen",
                    hint=suggest(wanted, there),
                )
            rows = rows[rows[name] == wanted]
        return rows

    def _regions(self, rows: pd.DataFrame) -> list[str]:
        there = list(dict.fromkeys(rows["region"]))
        wanted = list(self.inputs.regions) if isdefined(self.inputs.regions) else there
        absent = [name for name in wanted if name not in there]
        if absent or len(set(wanted)) < 2 or len(set(wanted)) < len(wanted):
            raise InputError(
                "regions",
                expected="two or more different regions of the evidence",
                found=", ".join(map(repr, absent or wanted)),
                hint=suggest((absent or wanted or [""])[0], there),
            )
        return wanted

    def _clusters(
        self, regions: list[str], pairs: list[tuple[int, int]], tested: dict[str, np.ndarray]
    ) -> pd.DataFrame:
        """Cluster regions by their mean correlations; those without any are left out."""
        mean = np.eye(len(regions))
        for (i, j), r in zip(pairs, tested["mean_r"], strict=True):
            mean[i, j] = mean[j, i] = r
        known = np.flatnonzero(np.isfinite(mean).all(axis=0))
        mean, parts = mean[np.ix_(known, known)], []
        names = np.array(regions)[known]
        if len(known) >= self.inputs.n_clusters:
            found = average_linkage(1 - mean, self.inputs.n_clusters)
            content = {"method": "average_linkage", "n_clusters": self.inputs.n_clusters}
            parts.append(pd.DataFrame({"region": names, **content, "cluster": found,
                                       "membership": 1.0}))  # fmt: skip
        for n_clusters in self.inputs.fuzzy_clusters:
            if len(known) < n_clusters:
                continue
            share = fuzzy_c_means(mean, n_clusters, seed=self.inputs.seed).membership
            for number, column in enumerate(share.T, start=1):
                content = {"method": "fuzzy", "n_clusters": n_clusters, "cluster": number}
                parts.append(pd.DataFrame({"region": names, **content, "membership": column}))
        columns = ["region", "method", "n_clusters", "cluster", "membership"]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def _series(
    subject: str, rows: pd.DataFrame, regions: list[str], kind: str
) -> tuple[np.ndarray, np.ndarray]:
    """Evidence, regions x samples (NaN rows for absent regions), and trial of each sample."""
    trained = rows["trained"].astype(str).str.lower().isin(["true", "1", "1.0"])
    labels = sorted(set(rows.loc[trained, "label"]))
    columns = [f"logp_{label}" for label in labels]
    rows = rows.assign(difference=rows["target"] - rows["foil"])
    wanted = columns if kind == "log_probability" else ["difference"]
    lacking = [name for name in wanted if name not in rows.columns]
    parts = {name: part[part["label"].isin(labels)] for name, part in rows.groupby("region")}
    parts = {name: parts[name] for name in regions if name in parts}
    samples = None
    problems = [f"no column {name}" for name in lacking] + ([] if labels else ["no trained row"])
    for name, part in parts.items():
        here = part[_SAMPLE].reset_index(drop=True)
        samples = here if samples is None else samples
        if not here.equals(samples):
            problems.append(f"other samples in region {name} than in {next(iter(parts))}")
        elif not lacking and part[wanted].isna().any(axis=None):
            problems.append(f"missing evidence in region {name}")
    if problems:
        raise InputError(
            "evidence_files",
            expected="the same samples in each region, with evidence for the trained objects",
            found=f"participant {subject}: {'; '.join(problems)}",
            hint="give all evidence of one scheme, made together",
        )
    series = np.full((len(regions), len(samples) * len(wanted)), np.nan)
    for place, name in enumerate(regions):
        if name in parts:
            series[place] = parts[name][wanted].to_numpy(float).T.ravel()
    trial = samples.groupby(["run", "trial"], sort=False).ngroup().to_numpy()
    return series, np.tile(trial, len(wanted))
