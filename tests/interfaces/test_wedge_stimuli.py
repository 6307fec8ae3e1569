import hashlib
from pathlib import Path

import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.wedges import through_mask, wedge_masks
from fmriprod.interfaces.wedge_stimuli import WedgeStimuli


def write_pictures(folder, rng, n=3, shape=(20, 24)):
    paths = []
    for number in range(n):
        paths.append(str(folder / f"picture{number}.png"))
        Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8)).save(paths[-1])
    return paths


def test_a_file_for_each_image_and_wedge_in_a_node(work, rng):
    paths = write_pictures(work, rng)
    step = pe.Node(WedgeStimuli(in_files=paths, n_images=3, seed=4), name="w", base_dir="n")
    out = step.run().outputs
    assert out.n_stimuli == len(out.stimuli_files) == 72
    table = pd.read_csv(out.samples_file, sep="\t")
    assert table["stimulus"].tolist() == [Path(p).name for p in out.stimuli_files]
    assert table["base"].tolist() == [f"picture{i}.png" for i in range(3) for _ in range(24)]
    np.testing.assert_allclose(table["angle"], np.tile(np.deg2rad(np.arange(0, 360, 15)), 3))
    masks, _ = wedge_masks((20, 24))
    row = 24 + 6
    found = np.asarray(Image.open(out.stimuli_files[row]))
    base = np.asarray(Image.open(paths[1]))
    np.testing.assert_array_equal(found, through_mask(base, masks[6], 127.5))
    assert table["wedge"][row] == 7


def test_a_stack_holds_the_same_pixels_and_options_are_used(work, rng):
    colours = rng.integers(0, 256, (4, 16, 16, 3), dtype=np.uint8)
    np.save("bases.npy", colours)
    options = {"n_images": 2, "seed": 1, "wedge_width": 90.0, "wedge_step": 45.0, "blur": 0.0}
    options |= {"aperture": 0.0, "background": 0.0, "in_stack": str(work / "bases.npy")}
    stacked = WedgeStimuli(as_stack=True, **options).run().outputs
    stack = np.load(stacked.stack_file)
    assert stack.shape == (16, 16, 16, 3) and stack.dtype == np.uint8
    files = WedgeStimuli(**options).run().outputs.stimuli_files
    for picture, path in zip(stack, files, strict=True):
        np.testing.assert_array_equal(np.asarray(Image.open(path)), picture)
    table = pd.read_csv(stacked.samples_file, sep="\t")
    drawn = [int(name[10:-1]) for name in table["base"][::8]]
    assert drawn == sorted(set(drawn)) and len(drawn) == 2
    whole = stack[8:].astype(int).sum(axis=0)  # every pixel lies in two wedges of eight
    np.testing.assert_array_equal(whole, 2 * colours[drawn[1]].astype(int))


def test_the_draw_follows_the_seed_and_files_are_the_same_again(work, rng):
    paths = write_pictures(work, rng, n=12)

    def bases(seed):
        out = WedgeStimuli(in_files=paths, n_images=4, seed=seed).run().outputs
        digest = hashlib.sha256(b"".join(Path(p).read_bytes() for p in out.stimuli_files))
        return tuple(pd.read_csv(out.samples_file, sep="\t")["base"].unique()), digest.hexdigest()

    assert bases(3) == bases(3)
    assert len({bases(seed)[0] for seed in range(6)}) > 3


def test_images_that_cannot_be_used(work, rng):
    paths = write_pictures(work, rng)
    (work / "cut.png").write_bytes(Path(paths[0]).read_bytes()[:60])
    Image.fromarray(np.zeros((9, 9), np.uint8)).save("small.png")
    np.save("flat.npy", np.zeros((5, 5)))
    (work / "no.npy").write_text("text")
    np.save("loud.npy", np.full((2, 5, 5), 300.0))
    small = str(work / "small.png")
    for inputs, text in [
        ({"in_files": paths}, r"in_files\n.*at least 25 base images.*\n.*3\n.*n_images=3"),
        ({}, r"in_files\n.*at least 25 base images.*\n.*0\n"),
        ({"in_files": [str(work / "cut.png")], "n_images": 1}, r"cut.png\n.*a readable image"),
        ({"in_files": [paths[0], small], "n_images": 2, "as_stack": True},
         r"as_stack\n.*one shape\n.*\(9, 9\), \(20, 24\)"),
        ({"in_stack": str(work / "flat.npy")}, r"flat.npy\n.*n x height x width.*\n.*\(5, 5\)"),
        ({"in_stack": str(work / "no.npy")}, r"no.npy\n.*n x height x width"),
        ({"in_stack": str(work / "loud.npy"), "n_images": 1}, r"loud.npy\n.*\n.*300"),
        ({"in_files": paths, "n_images": 3, "wedge_step": 50.0}, r"step\n.*divide 360"),
    ]:  # fmt: skip
        with pytest.raises(InputError, match=text) as error:
            WedgeStimuli(**inputs).run()
        assert str(error.value).startswith("WedgeStimuli: ")
