import numpy as np
import pytest
from matplotlib.colors import to_hex

from fmriprod.reports.quality import carpet_figure, motion_figure, tsnr_figure
from fmriprod.reports.style import PALETTE

N, TR = 80, 1.5


@pytest.fixture
def traces(rng):
    displacement = np.concatenate([[np.nan], rng.gamma(2, 0.05, N - 1)])
    displacement[[20, 50]] = 0.8, 1.2
    dvars = np.concatenate([[np.nan], rng.normal(1, 0.05, N - 1)])
    return {
        "std_dvars": dvars,
        "global_signal": rng.normal(1000, 5, N),
        "framewise_displacement": displacement,
    }


def test_carpet_and_traces_share_a_time_axis_in_seconds(traces, rng):
    carpet = rng.normal(size=(60, N))
    with carpet_figure(carpet, TR, **traces, title="simulated") as fig:
        fig.canvas.draw()
        panels = [ax for ax in fig.axes if ax.get_ylabel() not in ("mean z",)]
        assert len(panels) == 4 and panels[0].get_title(loc="left") == "simulated"
        lefts = {round(ax.get_position().x0, 3) for ax in panels}
        rights = {round(ax.get_position().x1, 3) for ax in panels}
        assert len(lefts) == len(rights) == 1
        image = panels[-1].images[0]
        np.testing.assert_array_equal(image.get_array(), carpet)
        # A volume is as wide as it lasts, centred on its time in the traces.
        assert image.get_extent() == [-TR / 2, (N - 0.5) * TR, 60, 0]
        shown = panels[2].lines[1]
        assert shown.get_xdata()[20] == 20 * TR and shown.get_ydata()[20] == 0.8
        percent = panels[0].lines[1].get_ydata()
        assert percent.mean() == pytest.approx(0, abs=1e-9) and percent.std() < 1


def test_carpet_without_motion_leaves_its_trace_out(traces, rng):
    traces["framewise_displacement"] = None
    with carpet_figure(rng.normal(size=(60, N)), TR, **traces) as fig:
        assert not [ax for ax in fig.axes if "FD" in ax.get_ylabel()]


def test_motion_is_drawn_in_mm_and_degrees_and_counts_the_jumps(traces, rng):
    motion = rng.normal(0, [0.1] * 3 + [0.002] * 3, size=(N, 6)).cumsum(axis=0)
    displacement = traces["framewise_displacement"]
    with motion_figure(motion, displacement, TR, fd_threshold=0.5) as fig:
        translation, rotation, steps = fig.axes
        for column, name in enumerate("xyz"):
            lines = {line.get_label(): line for line in rotation.lines}
            np.testing.assert_allclose(lines[name].get_ydata(), motion[:, 3 + column] * 180 / np.pi)
            lines = {line.get_label(): line for line in translation.lines}
            np.testing.assert_array_equal(lines[name].get_ydata(), motion[:, column])
            assert to_hex(lines[name].get_color()).upper() == PALETTE[column]
        assert steps.get_title(loc="left").startswith("2 of 79 steps above 0.5 mm")
        np.testing.assert_array_equal(steps.lines[-1].get_xdata(), [20 * TR, 50 * TR])
        assert steps.get_ylim()[0] == 0 and steps.get_ylim()[1] > 1.2


def test_a_still_head_looks_still(traces):
    """The axis of displacement always holds the threshold, so that noise is not blown up."""
    with motion_figure(np.zeros((N, 6)), np.full(N, 0.01), TR, fd_threshold=0.5) as fig:
        assert fig.axes[2].get_ylim()[1] > 0.5


def test_map_of_signal_to_noise_has_a_round_scale(work, rng):
    tsnr = np.zeros((20, 22, 18))
    tsnr[5:15, 5:15, 5:15] = rng.uniform(20, 87, (10, 10, 10))
    tsnr[7, 7, 7] = np.nan
    with tsnr_figure(tsnr, 1000.0 * (tsnr > 0), np.diag([3.0, 3, 3, 1]), title="t") as fig:
        bars = [ax for ax in fig.axes if ax.get_xlim() == (0, 90) or ax.get_ylim() == (0, 90)]
        assert len(bars) == 1
        fig.savefig("tsnr.png")
    assert (work / "tsnr.png").stat().st_size > 10_000
