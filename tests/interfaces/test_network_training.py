import json
import os
from pathlib import Path

import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from support.class_images import DIGITS, write_digits, write_squares

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.network_training import NetworkTrainer
from fmriprod.interfaces.layer_features import LayerFeatures
from fmriprod.interfaces.layer_file import open_layers
from fmriprod.interfaces.network_training import NetworkTraining
from fmriprod.interfaces.stimulus_files import read_image, resize

torch = pytest.importorskip("torch")

COLOURS = {"red": 10, "green": 14, "blue": 12}
QUICK = {"network": "small", "size": 16, "n_epochs": 3, "learning_rate": 3e-3, "batch_size": 6}


def train(folder="run", **inputs):
    """Run the interface in a folder of its own."""
    Path(folder).mkdir(exist_ok=True)
    node = pe.Node(NetworkTraining(**inputs), name=folder, base_dir=str(Path.cwd()))
    return node.run().outputs


def assert_same_weights(one, other):
    first, second = (torch.load(path, weights_only=True)["state_dict"] for path in (one, other))
    assert list(first) == list(second)
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.fixture
def squares(work):
    return write_squares(work / "train", COLOURS)


def test_real_digits_are_told_apart(work):
    out = train(
        train_directory=write_digits(work / "digits", 120), network="small", size=16,
        classes=DIGITS, digit_classes=DIGITS, n_epochs=8, learning_rate=3e-3, batch_size=40,
        dropout=0.2,
    )  # fmt: skip
    assert out.classes == DIGITS
    assert out.accuracy > 0.9
    history = pd.read_csv(out.history_file, sep="\t")
    assert history["validation_loss"].iloc[-1] < 0.4 < history["validation_loss"].iloc[0]
    confusion = pd.read_csv(out.confusion_file, sep="\t")
    assert confusion["class"].tolist() == DIGITS
    shares = confusion[DIGITS].to_numpy()
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    counts = confusion["n_images"].to_numpy()
    assert np.isclose((np.diag(shares) * counts).sum() / counts.sum(), out.accuracy)
    assert np.isclose(history["validation_accuracy"].iloc[-1], out.accuracy)
    assert [Path(path).name for path in out.figures] == ["training.png", "confusion.png"]


def test_shuffled_labels_are_not_learnt(work, rng):
    """Validation is on images that were not trained on: noise is told at chance."""
    folder = work / "noise"
    for name in "abcd":
        (folder / name).mkdir(parents=True)
        for k in range(60):
            np.save(folder / name / f"{k}.npy", rng.random((8, 8)).astype(np.float32))
    out = train(
        train_directory=str(folder), network="small", size=8, n_epochs=30, dropout=0.0,
        learning_rate=5e-3, validation_share=0.5,
    )  # fmt: skip
    history = pd.read_csv(out.history_file, sep="\t")
    assert history["accuracy"].iloc[-1] > 0.9  # learnt by heart
    assert abs(out.accuracy - 0.25) < 3.5 * np.sqrt(0.25 * 0.75 / 120)


def test_a_training_that_goes_on_is_the_training_at_once(squares):
    how = {**QUICK, "train_directory": squares, "object_classes": ["red", "green"]}
    whole = train("whole", **{**how, "n_epochs": 4})
    part = train("part", **{**how, "n_epochs": 2})
    rest = train("rest", **{**how, "n_epochs": 4}, resume_file=part.last_file)
    for name in ("history_file", "confusion_file"):
        one, other = (Path(getattr(out, name)).read_bytes() for out in (whole, rest))
        assert one == other, name
    assert_same_weights(whole.last_file, rest.last_file)
    assert_same_weights(whole.best_file, rest.best_file)
    halves = pd.read_csv(part.history_file, sep="\t")
    pd.testing.assert_frame_equal(halves, pd.read_csv(whole.history_file, sep="\t")[:2])


def test_a_node_that_was_killed_goes_on(squares, monkeypatch):
    how = {**QUICK, "train_directory": squares}
    whole = train("whole", **how)
    epochs, run_epoch = [], NetworkTrainer.run_epoch

    def counted(self, *images):
        epochs.append(len(self.history))
        return run_epoch(self, *images)

    child = os.fork()
    if not child:  # dies as a job does that is killed in its third epoch
        monkeypatch.setattr(
            NetworkTrainer, "run_epoch",
            lambda self, *images: os._exit(9) if len(self.history) == 2
            else run_epoch(self, *images),
        )  # fmt: skip
        train("killed", **how)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    monkeypatch.setattr(NetworkTrainer, "run_epoch", counted)
    again = train("killed", **how)
    assert epochs == [2]
    assert Path(whole.history_file).read_bytes() == Path(again.history_file).read_bytes()
    assert_same_weights(whole.last_file, again.last_file)
    assert not list(Path(again.last_file).parent.glob("unfinished*"))


def test_another_seed_is_another_training(squares):
    how = {**QUICK, "train_directory": squares, "n_epochs": 1}
    one, other = (train(f"seed{k}", **how, seed=k) for k in (0, 1))
    assert Path(one.history_file).read_text() != Path(other.history_file).read_text()
    split = [pd.read_csv(out.split_file, sep="\t").sort_values("image") for out in (one, other)]
    assert (split[0]["part"].to_numpy() != split[1]["part"].to_numpy()).any()


def test_the_split_holds_a_share_of_each_class_back(squares):
    out = train(train_directory=squares, **QUICK, validation_share=0.3)
    split = pd.read_csv(out.split_file, sep="\t")
    assert sorted(split["image"]) == sorted(
        f"{name}/{k:03d}.png" for name, n in COLOURS.items() for k in range(n)
    )
    assert (split["class"] == split["image"].str.split("/").str[0]).all()
    held = split[split["part"] == "validation"]["class"].value_counts()
    assert held.to_dict() == {"red": 3, "green": 4, "blue": 4}


def test_learning_rate_falls_in_steps(squares):
    out = train(
        train_directory=squares, **{**QUICK, "n_epochs": 5}, decay_epochs=2, decay=0.5
    )  # fmt: skip
    rates = pd.read_csv(out.history_file, sep="\t")["learning_rate"]
    np.testing.assert_allclose(rates, 3e-3 * np.array([1, 1, 0.5, 0.5, 0.25]))


def test_best_weights_are_of_the_best_epoch(squares):
    out = train(train_directory=squares, **QUICK)
    history = pd.read_csv(out.history_file, sep="\t")
    best = torch.load(out.best_file, weights_only=True)
    assert best["epoch"] == history["validation_accuracy"].idxmax() + 1
    assert best["validation_accuracy"] == history["validation_accuracy"].max()


def test_layer_features_open_what_was_trained(squares):
    out = train(train_directory=squares, **QUICK)
    paths = sorted(str(path) for path in Path(squares).glob("*/*.png"))
    found = LayerFeatures(
        images=paths, network=out.network, weights=out.last_file, reduce=False, log=False
    ).run().outputs  # fmt: skip
    assert found.layers == ["conv1", "conv2", "conv3", "fc4", "fc5"]
    state = torch.load(out.last_file, weights_only=True)["state_dict"]
    images = np.stack([resize(read_image(path)[None], (16, 16))[0] for path in paths])
    x = (torch.from_numpy(images) - 0.5) / 0.5
    with open_layers(found.features_file) as layers:
        for k in (1, 2, 3):
            name = f"conv{k}.filter"
            x = torch.conv2d(x, state[f"{name}.weight"], state[f"{name}.bias"], padding=1).relu()
            np.testing.assert_allclose(layers[f"conv{k}"], x.flatten(1), atol=1e-5)
            x = torch.max_pool2d(x, 2)
        x = (x.flatten(1) @ state["fc4.filter.weight"].T + state["fc4.filter.bias"]).relu()
        x = x @ state["fc5.filter.weight"].T + state["fc5.filter.bias"]
        np.testing.assert_allclose(layers["fc5"], x, atol=1e-5)
    summary = json.loads(Path(out.summary_file).read_text())
    assert (summary["network"], summary["accuracy"]) == (out.network, out.accuracy)


def test_memory_changes_nothing(squares, monkeypatch):
    one = train("much", train_directory=squares, **QUICK)
    monkeypatch.setattr("fmriprod.interfaces.training_inputs.ImageCache._keep", lambda *_: None,
                        raising=False)  # fmt: skip
    two = train("little", train_directory=squares, **QUICK)
    assert Path(one.history_file).read_bytes() == Path(two.history_file).read_bytes()


def bad_folder(work, **counts):
    return {"train_directory": write_squares(work / "bad", counts)}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": ["red", "green"]}, "(?s)each of red, green, and no other.*'blue': a folder"),
        ({"classes": ["red", "green", "bleu"]}, "(?s)'bleu', 'blue': in no folder.*mean 'blue'"),
        ({"object_classes": ["rde"]}, "(?s)object_classes.*'rde'.*did you mean 'red'"),
        (
            {"digit_classes": ["red"], "object_classes": ["red"]},
            "(?s)object_classes.*'red' in both lists",
        ),
        ({"n_digits": 2, "n_objects": 2}, "(?s)every class in digit_classes.*3 in neither"),
        (
            {"n_digits": 60, "n_objects": 2, "digit_classes": ["red", "blue"],
             "object_classes": ["green"]},
            r"(?s)a batch of 60 \+ 2.*16 \+ 8 in an epoch, 8 of each class",
        ),
        ({"n_digits": 0, "n_objects": 2}, "(?s)n_digits.*at least 1 image.*0"),
        ({"validation_share": 1.0}, "(?s)a share above 0 and below 1.*1"),
        ({"device": "cuda:7"}, "(?s)device.*'cuda:7'.*give cpu"),
        ({"device": "gpu"}, "(?s)a device of PyTorch that is there.*'gpu'"),
        ({"size": 20}, "(?s)a multiple of 8 pixels.*20.*give 16"),
        ({"network": "smal"}, "(?s)vgg16, small, or module:attribute.*did you mean 'small'"),
        ({"network": "math:sin"}, "(?s)sin of the Python module math.*TypeError|AttributeError"),
        ({"learning_rate": 1e30}, "(?s)a loss that stays finite.*smaller learning rate"),
        ({"network": "vgg16", "size": 32}, r"(?s)ImageNet weights of VGG16 at .*amdegroot-88682ab5"
         r"\.pth.*no such file.*put https://download.pytorch.org/models/vgg16_features"),
    ],
)  # fmt: skip
def test_bad_input_is_said(squares, changes, message, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", squares)
    with pytest.raises(InputError, match=message):
        NetworkTraining(train_directory=squares, **{**QUICK, **changes}).run()


def test_folders_that_cannot_be_used_are_said(squares, work):
    def refused(match, train=squares, **changes):
        with pytest.raises(InputError, match=match):
            NetworkTraining(**{**QUICK, "train_directory": train, **changes}).run()

    single = write_squares(work / "single", {"red": 4, "green": 1})
    refused("(?s)at least two images of each class.*one image of 'green'", single)
    (work / "single" / "blue").mkdir()
    refused("(?s)single/blue.*images of class 'blue'.*an empty folder", single)
    one = write_squares(work / "lone", {"red": 4})
    refused("(?s)lone.*at least two classes.*1: red", one)
    held = write_squares(work / "held", {"red": 2, "green": 2, "grey": 2})
    refused("(?s)held.*'blue', 'grey'", validation_directory=held)
    refused("(?s)a share.*both", validation_directory=held, validation_share=0.1)
    refused("(?s)not trained on.*36 that are in both", validation_directory=squares)
    broken = Path(squares) / "green" / "003.png"
    broken.write_bytes(broken.read_bytes()[:200])
    refused(r"(?s)green/003\.png.*a readable image")


def test_another_training_is_not_taken_up(squares, work):
    part = train("part", train_directory=squares, **{**QUICK, "n_epochs": 2})
    for changes, message in (
        ({"seed": 3, "n_epochs": 4}, "another seed"),
        ({"n_epochs": 1}, "at most 1 epochs.*2 epochs"),
    ):
        with pytest.raises(InputError, match=f"(?s){message}"):
            NetworkTraining(
                train_directory=squares, **{**QUICK, **changes}, resume_file=part.last_file
            ).run()
    other = work / "text.pt"
    other.write_text("no weights")
    with pytest.raises(InputError, match=r"(?s)text\.pt.*a file of weights of PyTorch"):
        NetworkTraining(train_directory=squares, **QUICK, resume_file=str(other)).run()
