"""Stimuli for retinotopy: images seen through turning wedges."""

from pathlib import Path

import numpy as np
import pandas as pd
from nipype.interfaces.base import File, TraitedSpec, isdefined, traits
from PIL import Image

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.wedges import Wedges, through_mask, wedge_masks
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.numpy_file import load_array
from fmriprod.interfaces.stimulus_files import planes, read_image, stimulus_names


class _WedgeStimuliInputSpec(PythonInputSpec):
    in_files = traits.List(
        File(exists=True, hash_name=True),
        xor=["in_stack"],
        desc="base images: image files of any size, or .npy (height x width, or x 3)",
    )
    in_stack = File(
        exists=True,
        hash_name=True,
        xor=["in_files"],
        desc="base images as one .npy stack instead: n x height x width, or x 3; uint8, or float "
        "from 0 to 1",
    )
    n_images = traits.Range(
        low=1,
        value=25,
        usedefault=True,
        desc="base images to use; a random draw, in the order given, where there are more",
    )
    seed = traits.Range(low=0, value=0, usedefault=True, desc="seed of that draw")
    wedge_width = traits.Float(30.0, usedefault=True, desc="angle that a wedge covers in degrees")
    wedge_step = traits.Float(
        15.0, usedefault=True, desc="angle from one wedge to the next in degrees; divides 360"
    )
    blur = traits.Float(
        0.02,
        usedefault=True,
        desc="standard deviation of the Gaussian that softens the edges, as a share of the width",
    )
    aperture = traits.Float(
        1.0,
        usedefault=True,
        desc="radius of the circle that cuts the wedges, as a share of half the shorter side; "
        "0: no circle",
    )
    background = traits.Range(
        low=0.0,
        high=1.0,
        value=0.5,
        usedefault=True,
        desc="grey level around the wedge, from 0 (black) to 1 (white)",
    )
    as_stack = traits.Bool(
        False, usedefault=True, desc="write one .npy stack instead of an image file each"
    )


class _WedgeStimuliOutputSpec(TraitedSpec):
    stimuli_files = traits.List(File(exists=True), desc="stimuli in order, PNG (without as_stack)")
    stack_file = File(
        exists=True, desc="stimuli in order: .npy, uint8, n x height x width (x 3) (with as_stack)"
    )
    samples_file = File(
        exists=True,
        desc="TSV, a row a stimulus: stimulus (its file name), base (the base image), wedge (from "
        "1 on), angle (middle of the wedge in rad, counter-clockwise from the right horizontal "
        "meridian, y upwards)",
    )
    n_stimuli = traits.Int(desc="number of stimuli: base images x wedges")


class WedgeStimuli(PythonInterface):
    """Mask images with wedges all around the centre ("natural retinotopy").

    With the defaults, 25 images and 24 wedges of 30 degrees in steps of 15 make 600 stimuli,
    all wedges of the first image first. Features without an answer to a change of contrast,
    such as pixels, see wedges as bright patches only with ``background=0``.

    Examples
    --------
    >>> WedgeStimuli(n_images=1).inputs.wedge_step
    15.0
    """

    input_spec = _WedgeStimuliInputSpec
    output_spec = _WedgeStimuliOutputSpec
    _libraries = ("scipy",)

    def _process(self) -> None:
        inputs = self.inputs
        bases = self._drawn()
        kinds = {image.shape for _, image in bases}
        if inputs.as_stack and len(kinds) > 1:
            raise InputError(
                "as_stack",
                expected="base images of one shape",
                found=", ".join(map(str, sorted(kinds))),
                hint="crop the images, or leave as_stack out",
            )
        rows, stack, files = [], [], []
        wedges: dict[tuple[int, int], Wedges] = {}
        for number, (base, image) in enumerate(bases, 1):
            shape = image.shape[:2]
            if shape not in wedges:
                wedges = {shape: self._wedges(shape)}  # of one shape only: they are large
            for wedge, (mask, angle) in enumerate(zip(*wedges[shape], strict=True), 1):
                stimulus = through_mask(image, mask, 255 * inputs.background)
                name = f"base-{number:03d}_wedge-{wedge:03d}.png"
                rows.append((name, base, wedge, angle))
                if inputs.as_stack:
                    stack.append(stimulus)
                    continue
                with self.writing("stimuli_files", name) as path:
                    Image.fromarray(stimulus).save(path)
                files.append(self._results["stimuli_files"])
        if inputs.as_stack:
            self.save_array("stack_file", "stimuli.npy", np.stack(stack))
        else:
            self.result("stimuli_files", files)
        table = pd.DataFrame(rows, columns=["stimulus", "base", "wedge", "angle"])
        self.save_table("samples_file", "stimuli.tsv", table)
        self.result("n_stimuli", len(table))

    def _drawn(self) -> list[tuple[str, np.ndarray]]:
        """Read the base images that take part, with their names."""
        inputs = self.inputs
        given = "in_stack" if isdefined(inputs.in_stack) else "in_files"
        stack = _open_stack(inputs.in_stack) if given == "in_stack" else None
        paths = inputs.in_files if isdefined(inputs.in_files) else []
        known, wanted = len(paths) if stack is None else len(stack), inputs.n_images
        if known < wanted:
            raise InputError(
                given,
                expected=f"at least {wanted} base images (n_images)",
                found=f"{known}",
                hint=f"give more images, or n_images={max(known, 1)}",
            )
        draw = np.sort(np.random.default_rng(inputs.seed).permutation(known)[:wanted])
        if stack is None:
            names = stimulus_names(paths)
            return [(names[i], _grey_levels(read_image(paths[i]))) for i in draw]
        name = Path(inputs.in_stack).name
        pictures = [planes(stack[i : i + 1], inputs.in_stack)[0] for i in draw]
        return [(f"{name}[{i}]", _grey_levels(p)) for i, p in zip(draw, pictures, strict=True)]

    def _wedges(self, shape: tuple[int, int]) -> Wedges:
        inputs = self.inputs
        return wedge_masks(
            shape,
            width=inputs.wedge_width,
            step=inputs.wedge_step,
            blur=inputs.blur,
            aperture=inputs.aperture or None,
        )


def _grey_levels(picture: np.ndarray) -> np.ndarray:
    """Turn planes from 0 to 1, (3, height, width), into uint8, without colour where all agree."""
    levels = np.rint(255 * picture).astype(np.uint8)
    if (levels == levels[0]).all():
        return levels[0]
    return np.ascontiguousarray(levels.transpose(1, 2, 0))


def _open_stack(path: str) -> np.ndarray:
    try:
        stack = load_array(path, mapped=True)
    except (ValueError, OSError, EOFError) as err:
        raise _no_stack(path, f"{err}") from None
    if stack.ndim not in (3, 4) or (stack.ndim == 4 and stack.shape[3] != 3):
        raise _no_stack(path, f"an array of shape {stack.shape}")
    return stack


def _no_stack(path: str, found: str) -> InputError:
    return InputError(
        "in_stack",
        expected="a .npy file of images, n x height x width, or x 3",
        found=found,
        hint="write it with numpy.save, or give image files as in_files",
        file=path,
    )
