import json
from pathlib import Path

import nipype.pipeline.engine as pe
import numpy as np
import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.parcel_connectivity import parcel_connectivity
from fmriprod.interfaces.network_summary import NetworkSummary
from fmriprod.interfaces.parcel_connectivity import ParcelConnectivity
from fmriprod.interfaces.parcel_group import ParcelGroup
from fmriprod.interfaces.parcel_values import read_scaled_connectivity


@pytest.fixture
def subject(work, rng):
    """Write two runs of five parcels, of which one is dead in the second run."""
    runs = [rng.normal(size=(5, n)).astype("f4") for n in (40, 50)]
    runs[1][3] = np.nan
    for i, run in enumerate(runs):
        run[1] += run[0]
        np.save(work / f"run{i}.npy", run)
    names = ["R_V1", "L_V1", "R_FEF", "L_FEF", "L_4"]
    (work / "parcels.tsv").write_text("name\n" + "\n".join(names) + "\n")
    return runs


def inputs(**changes):
    files = {"series_files": ["run0.npy", "run1.npy"], "parcels_file": "parcels.tsv"}
    return files | changes


def message(**changes):
    with pytest.raises(InputError) as caught:
        ParcelConnectivity(**inputs(**changes)).run()
    return str(caught.value)


def test_correlation_in_a_node(subject, work):
    node = pe.Node(ParcelConnectivity(), name="connectivity", base_dir=str(work))
    node.inputs.series_files = [str(work / f"run{i}.npy") for i in range(2)]
    node.inputs.parcels_file = str(work / "parcels.tsv")
    out = node.run().outputs
    matrix = np.load(out.connectivity_file)
    joined = np.hstack([run - run.mean(axis=1, keepdims=True) for run in subject])
    assert matrix[0, 1] == pytest.approx(np.corrcoef(joined[:2])[0, 1], abs=1e-6)
    assert np.isnan(matrix[3]).all() and out.n_excluded == 1
    summary = json.loads(Path(out.summary_file).read_text())
    assert summary["parcels"] == {
        "total": 5, "used": 4, "excluded_nonfinite": 1, "excluded_constant": 0,
        "excluded_names": ["L_FEF"],
    }  # fmt: skip
    assert (summary["runs"], summary["volumes"]) == (2, 90)


def test_tangent_with_the_groups_covariance_as_a_file(subject):
    own = ParcelConnectivity(**inputs(kind="covariance")).run().outputs.connectivity_file
    reference = np.load(own)
    np.save("group.npy", reference * 2)
    out = ParcelConnectivity(**inputs(kind="tangent", reference_file="group.npy")).run().outputs
    found, used = np.load(out.connectivity_file), [0, 1, 2, 4]
    np.testing.assert_allclose(found[np.ix_(used, used)], -np.log(2) * np.eye(4), atol=1e-4)
    np.save("group.npy", np.eye(5))
    text = message(kind="tangent", reference_file="group.npy")
    assert "1 that are not usable: L_FEF" in text and "all parcels of the reference" in text


@pytest.mark.parametrize(
    "options",
    [{"fisher": True}, {"combine": "average"}, {"kind": "partial correlation"}],
)
def test_every_choice_reaches_the_numbers(subject, options):
    found = np.load(ParcelConnectivity(**inputs(**options)).run().outputs.connectivity_file)
    np.testing.assert_array_equal(found, parcel_connectivity(subject, **options).matrix)
    plain = parcel_connectivity(subject).matrix
    assert np.nanmax(np.abs(found - plain)) > 1e-3


@pytest.mark.parametrize("combine", ["concatenate", "average"])
def test_the_diagonal_tells_z_from_correlations(subject, combine):
    """So that the next step knows, wherever the file went."""
    for fisher, expected in ((False, np.nan), (True, np.inf)):
        step = ParcelConnectivity(**inputs(fisher=fisher, combine=combine))
        path = step.run().outputs.connectivity_file
        diagonal = np.diag(np.load(path))
        np.testing.assert_array_equal(diagonal[[0, 1, 2, 4]], expected)
        assert np.isnan(diagonal[3]), "not usable"
        matrix, scale = read_scaled_connectivity(path, 5)
        assert scale == ("Fisher's z" if fisher else "correlations")
        assert np.isnan(np.diag(matrix)).all()
    summary = NetworkSummary(connectivity_file=path, parcels_file="parcels.tsv", fisher=True)
    with pytest.raises(InputError, match="Fisher's z, by the diagonal"):
        summary.run()
    path = ParcelConnectivity(**inputs(kind="covariance")).run().outputs.connectivity_file
    assert read_scaled_connectivity(path)[1] == "other values"


def test_bad_input(subject, work):
    assert "kind 'tangent' without a reference" in message(kind="tangent")
    (work / "broken.npy").write_text("no array")
    text = message(kind="tangent", reference_file=str(work / "broken.npy"))
    assert "broken.npy" in text and "expected: a covariance" in text
    np.save("short.npy", subject[0][:3])
    text = message(series_files=["run0.npy", "short.npy"])
    assert "short.npy" in text and "5 parcels" in text and "found:    3" in text
    np.save("dead.npy", np.zeros((5, 9)))
    assert "none of 5: 0 not finite, 5 constant" in message(series_files=["dead.npy"])


def test_the_mean_of_covariances_of_a_group_is_a_reference(subject, work):
    runs, files = ["run0.npy", "run1.npy"], []
    for i, name in enumerate(runs):
        out = ParcelConnectivity(**inputs(series_files=[name], kind="covariance")).run()
        files.append(str(Path(out.outputs.connectivity_file).rename(work / f"cov{i}.npy")))
    group = ParcelGroup(
        connectivity_files=files, parcels_file="parcels.tsv", fisher=False, n_permutations=0
    ).run()
    mean = np.nanmean([np.load(path) for path in files], axis=0)
    np.testing.assert_allclose(np.load(group.outputs.mean_file), mean, rtol=1e-5)
    tangent = inputs(kind="tangent", series_files=["run0.npy"])
    found = ParcelConnectivity(**tangent, reference_file=group.outputs.mean_file).run().outputs
    assert np.isfinite(np.load(found.connectivity_file)).all()
    assert "no number on its diagonal" in message(
        **tangent, reference_file=group.outputs.t_file
    )  # fmt: skip
