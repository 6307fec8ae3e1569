from dataclasses import replace
from pathlib import Path

import nipype.pipeline.engine as pe
import numpy as np
import pytest
from PIL import Image
from support.layer_scores import AFFINE, keep_layers, save, write_simulated
from support.panels import volume_in

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.panel_file import read_panel
from fmriprod.interfaces.score_figures import ScoreFigures
from fmriprod.interfaces.score_file import read_scores, write_scores

SLICES = ["scoremaps", "sharemaps", "scores", "penalties"]


@pytest.fixture
def simulated(work, rng):
    return write_simulated(work, rng, (3, 8))


def refused(inputs, **options):
    with pytest.raises(InputError) as info:
        ScoreFigures(**inputs, **options).run()
    assert info.value.interface == "ScoreFigures"
    return info.value


def test_figures_are_made_in_a_node_and_say_the_same_twice(simulated, work):
    inputs, mask, *_ = simulated
    np.save("null.npy", np.random.default_rng(0).normal(0, 0.03, (50, 20)))
    inputs["background_file"] = save(work, "background", mask * np.float32(100))
    made = []
    for name in ("one", "two"):
        node = pe.Node(ScoreFigures(**inputs), name, base_dir=str(work))
        node.inputs.trait_set(null_file=str(work / "null.npy"), simulated=True, score="r")
        out = node.run().outputs
        assert out.figure_names == SLICES
        assert [Path(path).stem for path in out.figures] == SLICES
        made.append([Path(path).read_bytes() for path in out.figures])
    assert made[0] == made[1]
    plain = ScoreFigures(**inputs, null_file=str(work / "null.npy"), score="r").run().outputs
    assert all(
        Path(path).read_bytes() != said for path, said in zip(plain.figures, made[0], strict=True)
    )


def test_slices_that_can_be_moved_have_the_scores_above_0_of_what_is_kept(simulated, work):
    inputs, mask, r2, *_ = simulated
    r2[:, :9] = -np.abs(r2[:, :9])
    scores = read_scores(inputs["scores_file"])
    write_scores(inputs["scores_file"], replace(scores, r2=r2))
    kept = np.arange(r2.shape[1]) % 2 == 0
    selection = np.zeros(mask.shape, np.uint8)
    selection[mask] = kept
    inputs["selection_file"] = save(work, "selection", selection)
    panel = read_panel(ScoreFigures(**inputs).run().outputs.panel_file)
    assert "above 0" in panel.label
    assert [entry["name"] for entry in panel.data["maps"]] == scores.layers
    shape = tuple(panel.data["shape"])
    r2[:, ~scores.usable | ~kept] = np.nan
    for entry, row in zip(panel.data["maps"], r2, strict=True):
        raw = volume_in(entry["picture"], shape)
        assert entry["what"] == "r²" and entry["top"] == pytest.approx(np.nanmax(row), rel=1e-4)
        shown = (raw[raw != 0] - 128) / 127 * entry["top"]
        assert shown.min() >= 0 and shown.max() == pytest.approx(np.nanmax(row), rel=1e-4)
        volume = np.zeros(mask.shape)
        volume[mask] = np.nan_to_num(np.where(row > 0, row, 0))
        # Voxels of 3.5 mm in z come to a grid of 3 mm: some twice, in the same share everywhere.
        assert (raw != 0).mean() == pytest.approx((volume != 0).mean(), rel=0.15)


def test_surfaces_are_drawn_of_images_in_mni_space(simulated):
    inputs, *_ = simulated
    inputs["scores_file"] = keep_layers(inputs["scores_file"], 2)
    out = ScoreFigures(**inputs, surface=True, space="MNI152NLin2009cAsym").run().outputs
    assert out.figure_names == [*SLICES, "scoresurface", "winnersurface"]
    for path in out.figures[-2:]:
        pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)
        coloured = np.ptp(pixels[100:-120], axis=2) > 60
        assert 0.005 < coloured.mean() < 0.5


def test_what_says_nothing_of_one_layer_or_one_penalty_is_left_out(simulated):
    inputs, *_ = simulated
    inputs["scores_file"] = keep_layers(inputs["scores_file"], 1)
    out = ScoreFigures(**inputs, surface=True, space="MNI152NLin6Asym").run().outputs
    assert out.figure_names == ["scoremaps", "scores", "penalties", "scoresurface"]
    scores = read_scores(inputs["scores_file"])
    one = replace(scores, penalties=[1.0], penalty=np.ones_like(scores.penalty))
    write_scores(inputs["scores_file"], one)
    assert ScoreFigures(**inputs).run().outputs.figure_names == ["scoremaps", "scores"]


def test_surfaces_of_other_spaces_are_refused_before_anything_is_drawn(simulated, work):
    inputs, *_ = simulated
    for options, found in (({"space": "T1w"}, "'T1w'"), ({}, "no space")):
        error = refused(inputs, surface=True, **options)
        assert error.subject == "space" and error.found == found
    assert not list(work.glob("*.png"))


def test_a_null_that_is_none_is_refused(simulated, work):
    inputs, *_ = simulated
    Path("text.npy").write_text("0.1 0.2")
    np.save("empty.npy", np.full(3, np.nan))
    np.save("words.npy", np.array(["a"]))
    for name, found in (("text", ""), ("empty", "3 values of type float64"), ("words", "1 values")):
        error = refused(inputs, null_file=str(work / f"{name}.npy"))
        assert error.expected == "a .npy file of scores with permuted data"
        assert error.found.startswith(found) and error.file.endswith(f"{name}.npy")


def test_a_background_on_another_grid_is_refused(simulated, work):
    inputs, mask, *_ = simulated
    moved = AFFINE.copy()
    moved[2, 3] += 1
    error = refused(inputs, background_file=save(work, "b", mask.astype(np.float32), moved))
    assert error.found.startswith("an affine that differs by up to 1 mm")
