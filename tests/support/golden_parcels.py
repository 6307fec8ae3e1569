"""Numbers of the interfaces of parcels for a fixed small group: rest and a task."""

import numpy as np
import pandas as pd

N_SUBJECTS, TR = 5, 1.0
NAMES = [f"{side}_{name}" for side in "LR" for name in ("V1", "V2", "4", "3b", "PFC", "46")]
NETWORKS = ["Visual", "Visual", "Motor", "Motor", "Control", "Control"] * 2


def run_parcels(run, folder):
    """Run every numeric interface of parcels; ``run`` records what it gives."""
    rng = np.random.default_rng(5)
    table = pd.DataFrame({"name": NAMES, "network": NETWORKS})
    parcels = _table(folder / "parcels.tsv", table)
    turned = _table(folder / "turned.tsv", table.iloc[::-1])
    matrices, contrasts, effects = [], [], []
    for subject in range(N_SUBJECTS):
        files = [_series(run, folder / f"{subject}{k}.npy", rng, parcels, turned) for k in "ab"]
        matrices.append(_connectivity(run, files, turned))
        given = {"series_files": files, "parcels_file": turned}
        found = _task(run, given, [_events(folder / f"{subject}{k}.tsv", k) for k in "ab"])
        effects.append(found[0])
        contrasts.append(found[1])
    _summaries(run, turned, matrices, contrasts, effects)


def _table(path, table):
    table.to_csv(path, sep="\t", index=False)
    return str(path)


def _series(run, path, rng, parcels, turned):
    from fmriprod.interfaces.parcel_timeseries import ParcelTimeseries

    shared = {network: rng.normal(size=90) for network in sorted(set(NETWORKS))}
    series = np.array([shared[n] for n in NETWORKS]) + rng.normal(size=(len(NAMES), 90)) + 100
    np.save(path, series.astype(np.float32))
    out = run(
        ParcelTimeseries, "series_file", in_file=str(path), regions_file=parcels,
        parcels_file=turned, tr=TR,
    )  # fmt: skip
    return out.series_file


def _events(path, kind):
    onsets = np.arange(5.0, 80, 15)
    names = (["lh", "rh"] if kind == "a" else ["rh", "lh"]) * 3
    table = pd.DataFrame({"onset": onsets, "duration": 6.0, "trial_type": names[: len(onsets)]})
    return _table(path, table)


def _connectivity(run, files, parcels):
    from fmriprod.interfaces.parcel_connectivity import ParcelConnectivity

    given = {"series_files": files, "parcels_file": parcels}
    for kind in ("partial correlation", "covariance"):
        out = run(ParcelConnectivity, "connectivity_file", of=kind, kind=kind, **given)
    given["reference_file"] = out.connectivity_file
    given["series_files"] = files[:1]
    run(ParcelConnectivity, "connectivity_file", of="tangent", kind="tangent", **given)
    given = {"series_files": files, "parcels_file": parcels}
    run(ParcelConnectivity, "connectivity_file", of="mean z", fisher=True, combine="average",
        **given)  # fmt: skip
    return run(ParcelConnectivity, "connectivity_file", **given).connectivity_file


def _task(run, given, events):
    from fmriprod.interfaces.condition_average import ConditionAverage
    from fmriprod.interfaces.parcel_contrast import ParcelContrast
    from fmriprod.interfaces.parcel_glm import ParcelGLM

    given = {**given, "events_files": events, "tr": TR}
    run(ConditionAverage, "effects_file", "counts_file", skip=3, **given)
    effects = run(ParcelGLM, "effects_file", contrasts=["lh-rh"], **given).effects_file
    out = run(ParcelContrast, "contrast_file", effects_file=effects, contrast="lh-rh")
    return effects, out.contrast_file


def _summaries(run, parcels, matrices, contrasts, effects):
    from fmriprod.interfaces.network_summary import NetworkSummary
    from fmriprod.interfaces.parcel_features import ParcelFeatures
    from fmriprod.interfaces.parcel_group import ParcelGroup
    from fmriprod.interfaces.parcel_ranking import ParcelRanking

    given = {"parcels_file": parcels}
    run(NetworkSummary, "table_file", contrast_file=contrasts[0], **given)
    run(NetworkSummary, "table_file", "matrix_file", of="connectivity", fisher=True,
        connectivity_file=matrices[0], **given)  # fmt: skip
    run(ParcelRanking, "ranking_file", "top_file", contrast_files=contrasts[0], n_top=3, **given)
    run(ParcelGroup, "group_file", contrast_files=contrasts, **given)
    run(
        ParcelGroup, "group_file", "r_file", "t_file", "p_max_file", "q_file", "d_file",
        of="connectivity", connectivity_files=matrices, **given,
    )  # fmt: skip
    run(
        ParcelFeatures, "features_file", "predictions_file", effects_files=effects,
        conditions=["lh", "rh"], n_folds=2, n_permutations=5, **given,
    )  # fmt: skip
    run(
        ParcelFeatures, "features_file", of="connectivity", connectivity_files=matrices,
        kinds=["edges", "edge_networks", "graph"], **given,
    )  # fmt: skip
