"""RSA of measured RDMs: 92 objects, 90 actions, digits.

What the data sets' own notes state is of all participants, of whom only some are here; values
are compared with those notes where the participants here allow it, and with SciPy and
rsatoolbox everywhere.
"""

import numpy as np
import pandas as pd
import pytest
from scipy.io import loadmat
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr
from support.class_images import DIGITS, write_digits

from fmriprod.algorithms.rdm import condensed
from fmriprod.algorithms.rdm_ceiling import rdm_ceiling
from fmriprod.algorithms.rdm_compare import compare_rdms
from fmriprod.algorithms.rdm_regression import partition_variance
from fmriprod.interfaces.feature_rdm import FeatureRDM
from fmriprod.interfaces.layer_features import LayerFeatures
from fmriprod.interfaces.model_rdm import ModelRDM
from fmriprod.interfaces.network_training import NetworkTraining
from fmriprod.interfaces.rdm_file import RDMs, read_rdms, write_rdms
from fmriprod.interfaces.rsa import RSA
from fmriprod.interfaces.rsa_file import read_rsa

pytestmark = pytest.mark.realdata
SESSIONS = ["hIT_BE_Session1", "hIT_BE_Session2", "hIT_SN_Session1", "hIT_SN_Session2"]


@pytest.fixture
def objects(real_data, work):
    """Human IT of two participants as RDM files, and models of 92 objects."""
    folder = real_data("kriegeskorte92")
    stimuli = pd.read_csv(folder / "stimuli.csv")
    names = [file.removesuffix(".png") for file in stimuli.file]
    measured = np.load(folder / "hIT_RDMs.npz")
    sessions = np.array([condensed(measured[name]) for name in SESSIONS])
    people = sessions.reshape(2, 2, -1).mean(axis=1)
    write_rdms("people.h5", RDMs(people.astype("f4"), names, "correlation", ["BE", "SN"]))
    mean = people.mean(axis=0, keepdims=True)
    write_rdms("mean.h5", RDMs(mean.astype("f4"), names, "correlation", ["mean"]))
    ready = loadmat(folder / "92_modelRDMs.mat")["Models"].ravel()
    models = {str(entry["name"][0]): condensed(entry["RDM"]) for entry in ready}
    rows = np.array(list(models.values()), dtype="f4")
    write_rdms("ready.h5", RDMs(rows, names, "code", list(models)))
    alive = np.where(stimuli.human | stimuli.animal, "animate", "inanimate")
    table = pd.DataFrame({"condition": names, "animate": alive}).sample(frac=1, random_state=0)
    table.to_csv("features.tsv", sep="\t", index=False)
    return folder, names, sessions, models


def test_animacy_of_92_objects_in_human_it(objects):
    """Animacy from the table of stimuli, by name, is the ready model and leads by far."""
    _, names, sessions, models = objects
    code = ModelRDM(features_file="features.tsv", conditions=names).run().outputs.rdm_file
    assert read_rdms(code).dissimilarities[0].tolist() == models["animacy"].tolist()
    inputs = {"model_files": [code, "ready.h5"], "participant_files": ["people.h5"]}
    outputs = RSA(rdm_file="mean.h5", **inputs).run().outputs
    table = pd.read_csv(outputs.table_file, sep="\t").set_index("model")
    for name, model in models.items():
        expected = spearmanr(sessions.mean(axis=0), model).statistic
        assert table.value[name] == pytest.approx(expected, abs=1e-5)
    assert table.value["animate"] == table.value["animacy"]
    # The notes say 0.59 and 0.44 over four participants.
    assert table.value["animacy"] == pytest.approx(0.606, abs=1e-3)
    assert table.value["monkeyIT"] == pytest.approx(0.44, abs=0.011)
    assert set(table.value.nlargest(4).index) == {
        "animate", "animacy", "monkeyIT", "FaceBodyManmadeNatobj"
    }  # fmt: skip
    assert table.p["animacy"] == pytest.approx(1 / 1001)
    assert 0.30 < table.ceiling_lower["animacy"] < 0.45  # 0.433; the notes' range
    kendall = RSA(rdm_file="mean.h5", method="kendall", **inputs, models=["animacy", "V1"])
    found = read_rsa(kendall.run().outputs.rsa_file)
    assert found.value[0, 0] > found.value[1, 0] and found.p[0, 0] < 0.002


def test_categories_explain_what_pixels_do_not(objects):
    folder, _, sessions, models = objects
    image = pytest.importorskip("PIL.Image")
    pixels = np.array([
        np.asarray(image.open(folder / "stimuli" / f"stim_{n:02d}.png").convert("RGB"))
        for n in range(1, 93)
    ])  # fmt: skip
    of_pixels = pdist(pixels.reshape(92, -1).astype(np.float64), "correlation")
    both = np.array([of_pixels, models["animacy"]])
    mean = sessions.mean(axis=0)[None]
    values = compare_rdms(mean, both)
    assert values[0, 0] == pytest.approx(spearmanr(of_pixels, mean[0]).statistic, abs=1e-6)
    assert values[:, 0] == pytest.approx([0.121, 0.606], abs=1e-3)
    # low-level models hold what pixels do, animacy does not
    lowlevel = compare_rdms(np.array([models["V1"], models["RADON"]]), of_pixels[None])[0]
    assert lowlevel.min() > 0.3 and abs(compare_rdms(both[1:], of_pixels[None])[0, 0]) < 0.05
    parts = partition_variance(values, compare_rdms(both, both))
    assert parts[(1,)][0] == pytest.approx(0.606**2, abs=0.01) and parts[(0,)][0] < 0.02


@pytest.fixture
def actions(real_data):
    folder = real_data("action_geometry_rdms")
    people = sorted({path.name.split("_")[2] for path in (folder / "cv_rdm").iterdir()})

    def region(name):
        files = [folder / "cv_rdm" / f"cv_rdm_{who}_lh_{name}-v2.npy" for who in people]
        return np.array([condensed(np.load(file), distance=False) for file in files])

    models = {p.name.removesuffix("_rdm.npy"): np.load(p) for p in folder.glob("model_rdms/*.npy")}
    return region, models


def test_ceilings_of_actions(actions):
    """The notes say 0.49, 0.64, 0.22 over 23 participants; fewer of others make them lower."""
    region, _ = actions
    found = {name: rdm_ceiling(region(name)) for name in ("EV", "VT", "PMC")}
    assert [round(ceiling.lower, 3) for ceiling in found.values()] == [0.381, 0.513, 0.068]
    assert all(ceiling.lower < ceiling.upper for ceiling in found.values())
    # What 22 others would give, if all pairs of participants agree alike.
    for (name, ceiling), said in zip(found.items(), (0.49, 0.64, 0.22), strict=True):
        k, low = 5, ceiling.lower**2
        r = ((k - 1) * low + np.sqrt(((k - 1) * low) ** 2 + 4 * k * low)) / (2 * k)
        assert r * np.sqrt(22 / (1 + 21 * r)) == pytest.approx(said, abs=0.11), name


@pytest.mark.parametrize("method", [("spearman", "spearman"), ("cosine", "cosine")])
def test_ceilings_of_actions_are_those_of_rsatoolbox(actions, method):
    rsatoolbox = pytest.importorskip("rsatoolbox")
    values = actions[0]("VT")
    theirs = rsatoolbox.inference.boot_noise_ceiling(rsatoolbox.rdm.RDMs(values), method=method[1])
    found = rdm_ceiling(values, method[0])
    np.testing.assert_allclose((found.lower, found.upper), theirs, atol=1e-6)


def test_models_of_actions_by_region(actions):
    """Motion leads in early visual cortex; what is done, with what and whom, in ventral."""
    region, models = actions
    rows = np.array(list(models.values()))
    means = {}
    for name in ("EV", "VT"):
        values = compare_rdms(region(name), rows).mean(axis=1)
        means[name] = dict(zip(models, values, strict=True))
    early, ventral = means["EV"], means["VT"]
    assert max(early, key=early.get) == "motion" and early["gaze"] > early["verb"]
    assert min(ventral[n] for n in ("sociality", "object", "verb")) > 2 * ventral["gaze"]
    said = {("EV", "motion"): 0.179, ("EV", "gaze"): 0.097, ("EV", "verb"): 0.052,
            ("VT", "sociality"): 0.202, ("VT", "object"): 0.198, ("VT", "verb"): 0.191,
            ("VT", "motion"): 0.175}  # fmt: skip
    apart = {pair: abs(means[pair[0]][pair[1]] - value) for pair, value in said.items()}
    assert max(apart.values()) < 0.03
    assert max(apart[p] for p in [("EV", "gaze"), ("EV", "verb"), ("VT", "sociality")]) < 0.01


def test_digits_are_as_alike_in_visual_cortex_as_on_the_screen(real_data):
    found = loadmat(real_data("digit69") / "digit69_28x28.mat")
    pixels = np.concatenate([found["stimTrn"], found["stimTest"]]).astype(np.float64)
    voxels = np.concatenate([found["fmriTrn"], found["fmriTest"]])
    images, cortex = pdist(pixels, "correlation"), pdist(voxels, "correlation")
    value = compare_rdms(cortex[None], images[None])[0, 0]
    assert value == pytest.approx(0.23, abs=0.005)  # all 100 digits, correlation distance of both
    assert value == pytest.approx(spearmanr(images, cortex).statistic, abs=1e-6)


def test_layers_of_a_network_trained_on_digits_and_visual_cortex(real_data, work):
    """What a network that learnt other people's digits makes of sixes and nines that were seen."""
    pytest.importorskip("torch")
    data = loadmat(real_data("digit69") / "digit69_28x28.mat")
    seen = np.concatenate([data["stimTrn"], data["stimTest"]]).reshape(-1, 28, 28).swapaxes(1, 2)
    voxels = np.concatenate([data["fmriTrn"], data["fmriTest"]])
    (work / "seen").mkdir()
    files = [str(work / "seen" / f"{number:03d}.npy") for number in range(len(seen))]
    for file, image in zip(files, seen, strict=True):
        np.save(file, image)
    names = [f"{number:03d}" for number in range(len(seen))]
    trained = NetworkTraining(
        train_directory=write_digits(work / "digits"), network="small", size=32, n_epochs=6,
        classes=DIGITS, digit_classes=DIGITS, learning_rate=3e-3, batch_size=40, dropout=0.2,
    ).run().outputs  # fmt: skip
    assert trained.accuracy > 0.9
    features = LayerFeatures(
        images=files, network=trained.network, weights=trained.best_file, size=[32], reduce=False,
        log=False,
    ).run().outputs  # fmt: skip
    layers = FeatureRDM(features_file=features.features_file, conditions=names).run().outputs
    cortex = pdist(voxels, "correlation")[None].astype("f4")
    write_rdms("cortex.h5", RDMs(cortex, names, "correlation", ["V1 to V3"]))
    table = pd.read_csv(
        RSA(rdm_file="cortex.h5", model_files=[layers.rdm_file]).run().outputs.table_file, sep="\t"
    ).set_index("model")
    assert list(table.index) == ["conv1", "conv2", "conv3", "fc4", "fc5"]
    # Pixels reach 0.23. Sixes and nines differ in where they are dense, as classes and place do.
    assert table.value.between(0.05, 0.25).all()
    assert (table.p.loc[["fc4", "fc5"]] < 0.01).all()
