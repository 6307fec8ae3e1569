from pathlib import Path

import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.fine_tuned_networks import small_convnet
from fmriprod.interfaces.activation_maximization import ActivationMaximization

torch = pytest.importorskip("torch")

NAMES = ["red", "green", "blue"]
QUICK = [(12, 0.5, 0.2, 4.0, 2.0)]


@pytest.fixture
def weights(work):
    """A network whose class k answers to the brightest places of colour k, to nothing else."""
    network = small_convnet(3, 16)
    state = {k: torch.zeros_like(v) for k, v in network.state_dict().items()}
    state["prepare.std"] += 1
    for layer in (1, 2, 3):
        for k in range(3):
            state[f"conv{layer}.filter.weight"][k, k, 1, 1] = 1
    for k in range(3):
        state["fc4.filter.weight"].view(128, 64, 4)[k, k] = 0.25
        state["fc5.filter.weight"][k, k] = 1
    torch.save({"state_dict": state, "classes": NAMES}, "weights.pt")
    return str(work / "weights.pt")


def test_classes_become_their_colours(weights, work):
    node = pe.Node(
        ActivationMaximization(weights=weights, own_stages=[(30, 0.5, 0.2, 4.0, 2.0)]),
        name="images", base_dir=str(work),
    )  # fmt: skip
    out = node.run().outputs
    images, table = np.load(out.images_file), pd.read_csv(out.images_table, sep="\t")
    assert (images.shape, images.dtype) == ((3, 16, 16, 3), np.uint8)
    assert table["name"].tolist() == NAMES
    assert (table["after"] > table["before"] + 0.1).all()
    colours = images.mean(axis=(1, 2))
    assert (np.diag(colours) > 203).all()
    others = colours[~np.eye(3, dtype=bool)]
    np.testing.assert_allclose(others, 200, atol=2)  # as they began
    assert table["n_still"].tolist() == [0, 0, 0]
    assert table["after"].between(0.95, 1.0).all()  # 255 of 255 where it is brightest
    assert len(out.figures) == 1


def test_a_batch_changes_nothing(weights):
    how = {"weights": weights, "own_stages": QUICK}
    one = np.load(ActivationMaximization(**how, batch_size=1).run().outputs.images_file)
    two = np.load(ActivationMaximization(**how).run().outputs.images_file)
    assert np.abs(one.astype(int) - two).max() <= 1


def test_filters_of_layers_before_rectification(weights):
    out = ActivationMaximization(
        weights=weights, of="filters", layers=["conv2", "fc4"], n_filters=5, own_stages=QUICK
    ).run().outputs  # fmt: skip
    table = pd.read_csv(out.images_table, sep="\t")
    assert table["layer"].tolist() == ["conv2"] * 5 + ["fc4"] * 5
    assert len(out.figures) == 2
    chosen = ActivationMaximization(
        weights=weights, of="filters", layers=["conv2"], units=[1, 7], own_stages=QUICK
    ).run().outputs  # fmt: skip
    table = pd.read_csv(chosen.images_table, sep="\t")
    assert table["name"].tolist() == ["conv2 1", "conv2 7"]
    assert table["n_still"].tolist() == [0, 12]  # filter 7 is zero everywhere
    assert table["after"][0] > table["before"][0]


def test_the_schedule_is_an_argument(weights):
    how = {"weights": weights, "own_stages": [(4, 0.3, 0.2, 1.0, 3.0)], "units": [0],
           "of": "filters", "layers": ["conv1"]}  # fmt: skip
    sums = [
        np.load(ActivationMaximization(**how, schedule=s).run().outputs.images_file)[..., 0].mean()
        for s in ("published", "interpolated")
    ]
    # Steps in red: thrice the mean step, as the other colours have no gradient.
    steps = [3 * sum(4 - i / 4 for i in range(4)), 3 * sum(1 + 2 * i / 4 for i in range(4))]
    np.testing.assert_allclose(sums, 200 + np.array(steps), atol=1)


def test_other_networks_are_taken(work):
    out = ActivationMaximization(
        network="small:tiny", of="filters", layers=["conv2.0"], own_stages=QUICK, n_filters=3
    ).run().outputs  # fmt: skip
    assert np.load(out.images_file).shape == (3, 32, 32, 3)
    assert Path(out.figures[0]).is_file()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layers": ["conv22"], "of": "filters"}, r"(?s)layers of.*'conv22'.*did you mean 'conv2"),
        ({"units": [3]}, r"(?s)units from 0 to 2 of the last layer.*3"),
        ({"class_names": ["a", "b"]}, r"(?s)a name for each of 3 classes.*2 names"),
        ({"device": "cuda:9"}, r"(?s)a device of PyTorch that is there.*'cuda:9'"),
        ({"size": 0}, r"(?s)at least 1 pixel.*0"),
        ({"stages": "classes"}, r"(?s)stages, or own_stages.*both"),
        ({"size": 24}, r"(?s)network.*24|images of shape"),
    ],
)
def test_bad_input_is_said(weights, changes, message):
    with pytest.raises(InputError, match=message):
        ActivationMaximization(**{"weights": weights, "own_stages": QUICK, **changes}).run()


def test_missing_weights_are_said(work):
    with pytest.raises(InputError, match=r"(?s)the weights of a trained network.*none.*best_file"):
        ActivationMaximization().run()
