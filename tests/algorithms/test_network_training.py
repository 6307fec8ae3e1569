import numpy as np
import pytest
from scipy.special import log_softmax
from sklearn.metrics import confusion_matrix as sklearn_confusion

from fmriprod.algorithms.network_training import (
    Augmentation,
    ClassImages,
    NetworkTrainer,
    TrainingSettings,
    confusion_matrix,
    cross_entropy,
)

torch = pytest.importorskip("torch")


def linear_network(n_classes=3, size=4):
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * size**2, n_classes))
    network.size = size
    return network


def simulated(rng, counts=(5, 7, 6), size=4):
    labels = np.repeat(np.arange(len(counts)), counts)
    images = rng.random((len(labels), 3, size, size)).astype(np.float32)
    return ClassImages(labels, lambda rows, side: images[rows]), images


def adam(weights, gradients, rate, state, decay=0.0):
    """One step of Adam as Kingma & Ba write it."""
    state["t"] += 1
    for k, g in enumerate(gradients):
        g = g + decay * weights[k]
        state["m"][k] = 0.9 * state["m"][k] + 0.1 * g
        state["v"][k] = 0.999 * state["v"][k] + 0.001 * g**2
        m = state["m"][k] / (1 - 0.9 ** state["t"])
        v = state["v"][k] / (1 - 0.999 ** state["t"])
        weights[k] = weights[k] - rate * m / (np.sqrt(v) + 1e-8)


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_epochs_as_by_hand(rng, weight_decay):
    """A linear network: softmax gradients and Adam's steps written out in float64."""
    train, images = simulated(rng)
    validation, _ = simulated(rng, (2, 2, 3))
    settings = TrainingSettings([(range(3), 6)], 0.01, 0.5, 2, weight_decay, seed=4)
    network = linear_network()
    weights = [p.detach().numpy().astype(float) for p in network.parameters()]
    trainer = NetworkTrainer(network, settings, Augmentation(["none"] * 3))
    state = {"t": 0, "m": [np.zeros_like(w) for w in weights],
             "v": [np.zeros_like(w) for w in weights]}  # fmt: skip
    from fmriprod.algorithms.class_batches import epoch_batches

    for epoch in range(4):
        trainer.run_epoch(train, validation)
        losses = []
        random = np.random.default_rng([4, epoch])
        for rows in epoch_batches(train.labels, settings.mix, random):
            x = images[rows].reshape(len(rows), -1).astype(float)
            logp = log_softmax(x @ weights[0].T + weights[1], axis=1)
            target = np.eye(3)[train.labels[rows]]
            losses += (-(target * logp).sum(axis=1)).tolist()
            error = (np.exp(logp) - target) / len(rows)
            rate = 0.01 * 0.5 ** (epoch // 2)
            adam(weights, [error.T @ x, error.sum(axis=0)], rate, state, weight_decay)
        assert trainer.history[-1]["loss"] == pytest.approx(np.mean(losses), abs=1e-5)
        assert trainer.history[-1]["learning_rate"] == pytest.approx(rate)
    for found, expected in zip(network.parameters(), weights, strict=True):
        np.testing.assert_allclose(found.detach().numpy(), expected, atol=2e-5)


def test_the_published_learning_rate():
    settings = TrainingSettings([(range(16), 32)])
    rates = [settings.rate(epoch) for epoch in (0, 9, 10, 55)]
    np.testing.assert_allclose(rates, 1e-5 * np.array([1, 1, 0.96, 0.96**5]))


def test_the_users_random_numbers_are_left_alone(rng):
    train, _ = simulated(rng)
    settings = TrainingSettings([(range(3), 6)])
    trainer = NetworkTrainer(linear_network(), settings, Augmentation(["digits"] * 3))
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    trainer.run_epoch(train, train)
    assert torch.equal(torch.rand(3), expected)


def test_kinds_are_loaded_and_changed_by_class(rng):
    """Objects come at a larger side, and every image lands at its own place in the batch."""
    labels = np.array([0, 1, 2, 0, 1, 2])
    asked = []

    def load(rows, side):
        asked.append((rows.tolist(), side))
        return np.broadcast_to(
            np.asarray(rows, np.float32)[:, None, None, None], (len(rows), 3, side, side)
        ).copy()

    trainer = NetworkTrainer(
        linear_network(size=28),
        TrainingSettings([(range(3), 6)]),
        Augmentation(["digits", "objects", "none"]),
    )
    rows = np.array([4, 0, 2, 5, 1, 3])
    found = trainer._changed(ClassImages(labels, load), rows, rng).numpy()
    assert asked == [([4, 1], 32), ([0, 3], 28), ([2, 5], 28)]
    np.testing.assert_allclose(found[:, 1, 3, 3], rows, atol=1e-5)
    shifted = Augmentation(["objects"] * 3, 50 * np.eye(3), published=False)
    trainer.augmentation = shifted
    moved = trainer._changed(ClassImages(labels, load), rows, rng).numpy() - found
    assert np.ptp(moved, axis=(2, 3)).max() < 1e-4  # one colour an image
    assert moved[:, :, 0, 0].std() > 1


def test_cross_entropy_of_large_logits(rng):
    logits = rng.normal(0, 300, (20, 4)).astype(np.float32)
    labels = rng.integers(0, 4, 20)
    expected = -log_softmax(logits.astype(float), axis=1)[np.arange(20), labels].mean()
    assert cross_entropy(logits, labels) == pytest.approx(expected)


def test_confusions_as_scikit_learn(rng):
    labels = rng.permutation(np.arange(60) % 4)
    taken = np.where(rng.random(60) < 0.5, labels, rng.integers(0, 4, 60))
    np.testing.assert_allclose(
        confusion_matrix(labels, taken, 4), sklearn_confusion(labels, taken, normalize="true")
    )
