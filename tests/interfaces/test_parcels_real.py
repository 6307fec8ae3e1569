"""Parcels of measured data: rest and task of the HCP, a motor task of the Midnight Scan Club.

The notes of the HCP data state t over 30 participants; six are here, so what is compared is
where the largest values lie.
"""

import json

import h5py
import numpy as np
import pandas as pd
import pytest
from nilearn.glm.contrasts import compute_contrast
from nilearn.glm.first_level import run_glm

from fmriprod.algorithms.fixed_effects import t_to_z
from fmriprod.interfaces.parcel_connectivity import ParcelConnectivity
from fmriprod.interfaces.parcel_contrast import ParcelContrast
from fmriprod.interfaces.parcel_glm import ParcelGLM

pytestmark = pytest.mark.realdata


@pytest.fixture
def hcp(real_data, work):
    """Folder of the data, names of parcels (written as parcels.tsv too), subjects."""
    folder = real_data("hcp_glasser360")
    names = pd.read_csv(folder / "parcels.csv").label.str.removesuffix("_ROI").tolist()
    (work / "parcels.tsv").write_text("name\n" + "\n".join(names) + "\n")
    with h5py.File(folder / "taskactivations_subset.h5") as file:
        subjects = json.loads(file.attrs["subjects"])
    return folder, names, subjects


def rest(folder, subject):
    with h5py.File(folder / f"HCP_example_restrun1_subj{subject}_data.h5") as file:
        np.save(f"{subject}.npy", file["restdata"][:].astype("f4"))
    return f"{subject}.npy"


def edges(matrix):
    return matrix[np.triu_indices(len(matrix), 1)]


def test_connectivity_at_rest_resembles_that_of_others(hcp):
    folder, names, subjects = hcp
    found = []
    for subject in subjects:
        inputs = {"series_files": [rest(folder, subject)], "parcels_file": "parcels.tsv"}
        out = ParcelConnectivity(**inputs).run().outputs
        assert out.n_excluded == 0
        found.append(np.load(out.connectivity_file))
    expected = np.corrcoef(np.load(f"{subjects[-1]}.npy").astype(float))
    np.testing.assert_allclose(edges(found[-1]), edges(expected), atol=1e-5)
    similarity = np.corrcoef([edges(matrix) for matrix in found])
    assert edges(similarity).mean() == pytest.approx(0.66, abs=0.01)
    pairs = [(names.index(n), names.index("R" + n[1:])) for n in names if n[0] == "L"]
    homotopic = [matrix[left, right] for matrix in found for left, right in pairs]
    assert len(pairs) == 180 and np.mean(homotopic) == pytest.approx(0.41, abs=0.01)
    # The notes say 0.155, which no subset that was tried gives; NumPy agrees with 0.135.
    assert np.mean([edges(matrix).mean() for matrix in found]) == pytest.approx(0.135, abs=0.001)


def test_partial_correlation_keeps_neighbours_in_function(hcp):
    """Given all others, hardly any pair is left, but homotopic parcels are."""
    folder, names, subjects = hcp
    inputs = {"series_files": [rest(folder, subjects[0])], "parcels_file": "parcels.tsv"}
    out = ParcelConnectivity(kind="partial correlation", **inputs).run().outputs
    matrix = np.load(out.connectivity_file)
    pairs = [(names.index(n), names.index("R" + n[1:])) for n in names if n[0] == "L"]
    homotopic = np.mean([matrix[pair] for pair in pairs])
    assert abs(edges(matrix).mean()) < 0.01 and homotopic > 10 * abs(edges(matrix).mean())


def contrast(hcp, expression):
    """Give values of a contrast of measured effects, a row a subject, a column a parcel."""
    folder, names, subjects = hcp
    with h5py.File(folder / "taskactivations_subset.h5") as file:
        effects, conditions = file["taskbeta"][:], json.loads(file.attrs["conditions"])
    values = []
    for person in range(len(subjects)):
        wide = pd.DataFrame(effects[:, :, person], index=names, columns=conditions)
        long = wide.rename_axis("parcel").reset_index()
        long = long.melt("parcel", var_name="condition", value_name="effect")
        long.to_csv("effects.tsv", sep="\t", index=False)
        out = ParcelContrast(effects_file="effects.tsv", contrast=expression).run().outputs
        values.append(pd.read_csv(out.contrast_file, sep="\t").set_index("parcel").value)
    return pd.DataFrame(values)


def group_t(values):
    return values.mean() / values.std() * np.sqrt(len(values))


@pytest.mark.parametrize(
    ("expression", "top", "bottom"),
    [
        (
            "`MOTOR:lh`-`MOTOR:rh`",
            ["R_3a", "R_1", "R_6d", "R_3b", "R_OP1", "R_2", "R_7PC", "R_4"],
            ["L_5m", "L_3b", "L_4", "L_3a", "L_1", "L_6d"],
        ),
        ("`EMOTION:fear`-`EMOTION:neut`", ["R_FFC", "L_FFC"], []),
        ("`SOCIAL:mental`-`SOCIAL:rnd`", ["R_STSdp", "R_STSda"], []),
        ("`WM 0bk:places`-`WM 0bk:faces`", ["L_V3CD", "L_VMV1", "R_VMV2", "R_V3CD"], ["R_FFC"]),
    ],
)
def test_ranked_contrasts_of_six_participants(hcp, expression, top, bottom):
    """The same regions lead as over 30 participants, if not in the same order."""
    t = group_t(contrast(hcp, expression)).sort_values(ascending=False)
    assert t.index[: len(top)].tolist() == top
    assert t.index[::-1][: len(bottom)].tolist() == bottom


def test_feet_are_medial_and_crossed_as_feet_are(hcp):
    """lf and rf are feet: the largest mean difference is on the paracentral lobule (5m)."""
    mean = contrast(hcp, "`MOTOR:lf`-`MOTOR:rf`").mean()
    assert (mean.idxmax(), mean.idxmin()) == ("R_5m", "L_5m")
    hands = contrast(hcp, "`MOTOR:lh`-`MOTOR:rh`").mean()
    assert hands.idxmin() == "L_3b" and abs(hands["R_5m"]) < 0.5 * mean["R_5m"]


def test_fear_of_six_participants_resembles_that_of_the_seminar(hcp):
    """The four largest of |fear - neut| are those of 339 participants: FFC and PIT."""
    mean = contrast(hcp, "`EMOTION:fear`-`EMOTION:neut`").mean().abs()
    assert set(mean.nlargest(4).index) == {"R_FFC", "L_FFC", "R_PIT", "L_PIT"}


MOTOR = ["RHand", "RFoot", "LFoot", "Tongue", "LHand"]


@pytest.fixture
def motor(real_data, work):
    """Write the vertices of a left cortex as parcels; give the inputs of the model."""
    folder = real_data("msc_motor_surface")
    data = np.load(folder / "motor1_3k_LH.npz")
    np.save("series.npy", data["data"].T)
    rows = [f"L_{vertex}" for vertex in range(data["data"].shape[1])]
    (work / "parcels.tsv").write_text("name\n" + "\n".join(rows) + "\n")
    others = {name: "+".join(n for n in MOTOR if n != name) for name in MOTOR}
    return {
        "series_files": ["series.npy"],
        "parcels_file": "parcels.tsv",
        "events_files": [str(folder / "motor1_events.tsv")],
        "tr": float(data["tr"]),
        "contrasts": [f"{name}Only={name}-({others[name]})/4" for name in MOTOR],
    }


def largest_z(**inputs):
    table = pd.read_csv(ParcelGLM(**inputs).run().outputs.effects_file, sep="\t")
    best = table.groupby("condition")[["t", "dof"]].max()
    return {name: t_to_z(row.t, row.dof).item() for name, row in best.iterrows()}


def test_the_right_side_of_the_body_is_on_the_left_cortex(motor):
    """Each movement against the others, first with the model that the notes' numbers are of."""
    nilearns = {"hrf": "glover", "start_time": 0.0, "correct_bias": False}
    noted = {"Tongue": 10.5, "RFoot": 8.5, "RHand": 7.9, "LHand": 4.3, "LFoot": 3.7}
    z = largest_z(**motor, **nilearns)
    for name, value in noted.items():
        assert z[f"{name}Only"] == pytest.approx(value, abs=0.4)
    z = largest_z(**motor)
    assert z["TongueOnly"] == pytest.approx(10.5, abs=0.3), "unchanged by hrf and bias"
    assert min(z["RHandOnly"], z["RFootOnly"]) > 8 > 5 > max(z["LHandOnly"], z["LFootOnly"])


def test_the_model_of_measured_vertices_as_nilearn(motor):
    out = ParcelGLM(**motor, correct_bias=False, hrf="glover").run().outputs
    table = pd.read_csv(out.effects_file, sep="\t").set_index("condition")
    matrix = pd.read_csv(out.design_files[0], sep="\t")
    series = np.load("series.npy").astype(float)
    labels, results = run_glm(series.T, matrix.to_numpy(), noise_model="ar1")
    for name in ("Tongue", "LHand"):
        weights = (matrix.columns == name).astype(float)
        theirs = compute_contrast(labels, results, weights).stat().ravel()
        ours = table.loc[name].t.to_numpy()
        assert np.corrcoef(ours, theirs)[0, 1] > 0.9999
        assert np.abs(ours - theirs).max() < 0.1
    assert out.n_excluded == 0
