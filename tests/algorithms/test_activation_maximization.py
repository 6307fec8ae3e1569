import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from fmriprod.algorithms.activation_maximization import (
    STAGES,
    Stage,
    first_images,
    maximize,
    scheduled,
    unit_objective,
)
from fmriprod.algorithms.checks import InputError

torch = pytest.importorskip("torch")


def test_the_published_stages():
    """Every number of the source: iterations, start and end of blur and of step."""
    rows = {
        name: [(s.n_iterations, *s.sigma, *s.step) for s in stages]
        for name, stages in STAGES.items()
    }
    assert rows == {
        "classes": [
            (200, 2.5, 1.1, 3.0, 2.5), (100, 1.1, 0.858, 2.5, 2.0), (100, 0.858, 0.78, 2.0, 1.5),
            (50, 0.858, 0.40, 1.5, 0.375), (25, 0.4, 0.1, 0.375, 0.125),
        ],
        "filters": [(200, 0.78, 0.624, 3, 3)],
        "filters_long": [(500, 2.5, 0.78, 2, 2), (500, 1.25, 0.39, 1, 1)],
    }  # fmt: skip


@given(start=st.floats(0, 5), end=st.floats(0, 5), n=st.integers(1, 300))
def test_both_readings_of_the_schedule(start, end, n):
    published = [start + end - start * i / n for i in range(n)]
    np.testing.assert_allclose(scheduled(start, end, n), published, atol=1e-12)
    assert scheduled(start, end, n)[0] == start + end
    assert scheduled(start, end, n)[-1] == pytest.approx(end + start / n)
    between = [start + (end - start) * i / n for i in range(n)]
    np.testing.assert_allclose(scheduled(start, end, n, "interpolated"), between, atol=1e-12)


def by_hand(gradient, image, stages, schedule):
    """Step, clip, blur, one image at a time in float64; stages start from rounded images."""
    x = image.astype(float)
    for number, stage in enumerate(stages):
        if number:
            x = np.rint(np.clip(x, 0, 255))
        for i in range(stage.n_iterations):
            part = i / stage.n_iterations
            sigma, step = (
                a + b - a * part if schedule == "published" else a + (b - a) * part
                for a, b in (stage.sigma, stage.step)
            )
            g = gradient(x)
            x = np.clip(x + step / np.abs(g).mean() * g, 0, 255)
            x = np.stack([gaussian_filter(plane, sigma) for plane in x])
    return np.clip(x, 0, 255)


@pytest.mark.parametrize("schedule", ["published", "interpolated"])
def test_stages_as_by_hand(rng, schedule):
    """A bent objective, so that the gradient changes with the image."""
    weights = rng.normal(size=(2, 3, 12, 9))
    images = first_images(2, (12, 9), seed=3)
    stages = (Stage(7, (1.2, 0.5), (60.0, 40.0)), Stage(5, (0.6, 0.1), (20.0, 10.0)))
    w = torch.from_numpy(weights).float()
    found, still = maximize(
        lambda x: (w * (x / 100) ** 2).sum(dim=(1, 2, 3)), images, stages, schedule=schedule
    )
    assert found.dtype == np.uint8 and still.tolist() == [0, 0]
    for k in range(2):
        expected = by_hand(lambda x, k=k: weights[k] * x, images[k], stages, schedule)
        assert expected.std() > 10
        assert np.abs(found[k] - expected).max() < 0.51


def test_a_linear_unit_in_closed_form(rng):
    """Without blur, the image moves along the weights by the sum of the steps."""
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 8 * 8, 4))
    weights = network[1].weight.detach().numpy().reshape(4, 3, 8, 8)
    images = np.full((2, 3, 8, 8), 120, np.float32)
    stage = Stage(10, (0.0, 0.0), (3.0, 1.0))
    found, _ = maximize(unit_objective(network, None, [2, 0]), images, [stage])
    total = sum(3 + 1 - 3 * i / 10 for i in range(10))
    for k, unit in enumerate((2, 0)):
        expected = 120 + total * weights[unit] / np.abs(weights[unit]).mean()
        np.testing.assert_allclose(found[k], expected, atol=0.51)


def test_the_objective_rises_for_its_own_unit():
    from fmriprod.algorithms.small_networks import small_network

    network = small_network(3, size=32)
    for layer in ("fc3.1", "conv2.0"):  # before rectification
        objective = unit_objective(network, layer, range(6), (0.5,) * 3, (0.5,) * 3)
        first = first_images(6, (32, 32))
        last, still = maximize(objective, first, [Stage(30, (0.5, 0.2), (4.0, 2.0))])
        with torch.no_grad():
            before = objective(torch.from_numpy(first)).numpy()
            after = objective(torch.from_numpy(last.astype(np.float32))).numpy()
            turned = objective(torch.from_numpy(np.roll(last, 1, axis=0).astype(np.float32)))
        assert still.tolist() == [0] * 6
        assert (after > before + 0.1).all()
        assert (after > turned.numpy()).all()  # the image is for its own unit


def test_a_silent_unit_is_counted_and_only_blurred():
    stage = Stage(4, (1.0, 0.0), (5.0, 5.0))
    images = first_images(2, (10, 10))
    found, still = maximize(lambda x: (x * torch.tensor([0.0, 1.0])[:, None, None, None]).sum(
        dim=(1, 2, 3)), images, [stage])  # fmt: skip
    assert still.tolist() == [4, 0]
    assert abs(found[0].mean() - 200) < 2 and found[1].mean() > 215


def test_only_what_is_needed_is_computed():
    calls = []

    class Later(torch.nn.Module):
        def forward(self, x):
            calls.append(1)
            return x

    network = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 3), Later())
    objective = unit_objective(network, "0", [1])
    value = objective(torch.full((1, 3, 5, 5), 255.0))
    assert not calls
    expected = network[0](torch.ones(1, 3, 5, 5))[0, 1].mean()
    assert value.item() == pytest.approx(expected.item(), abs=1e-6)


def test_first_images_are_the_published_noise():
    images = first_images(3, (64, 64), seed=1)
    assert images.mean() == pytest.approx(200, abs=0.2)
    assert images.std() == pytest.approx(8, abs=0.1)


def test_layers_and_units_that_are_not_there_are_said():
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 3))
    with pytest.raises(InputError, match=r"(?s)names of the network's layers.*'conv'"):
        unit_objective(network, "conv", [0])
    with pytest.raises(InputError, match=r"(?s)units from 0 to 1 of 0.*2"):
        unit_objective(network, "0", [2])(torch.zeros(1, 3, 5, 5))
