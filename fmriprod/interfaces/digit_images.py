"""Real handwritten digits as images in folders of classes: they come with scikit-learn."""

import numpy as np
from nipype.interfaces.base import Directory, File, TraitedSpec, traits

from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.simulated_files import Subfolders

DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
_LARGEST = 16  # grey level of the digits


class _DigitImagesInputSpec(PythonInputSpec):
    n_shown = traits.Range(
        low=1, high=170, value=30, usedefault=True,
        desc="images of each digit that are kept apart from those for training",
    )  # fmt: skip
    size = traits.Range(low=8, value=32, usedefault=True, desc="width and height in pixels")


class _DigitImagesOutputSpec(TraitedSpec):
    train_directory = Directory(exists=True, desc="a folder of PNG images for each digit")
    shown_directory = Directory(exists=True, desc="the same of the images that were kept apart")
    shown_files = traits.List(
        File(exists=True), desc="the images of `shown_directory`, n_shown of each digit"
    )
    classes = traits.List(traits.Str, desc="zero ... nine, the names of the folders")
    codes_file = File(
        exists=True,
        desc="TSV, what is known of the digits: condition, magnitude (0 to 9), parity (odd, even), "
        "loops (loop, none)",
    )


class DigitImages(Subfolders, PythonInterface):
    """Write the 1797 handwritten digits of scikit-learn (8 x 8 pixels, enlarged) as images.

    They are a part of the UCI optical recognition set [1]_, by 43 people.

    References
    ----------
    .. [1] Alpaydin E, Kaynak C (1998). Optical recognition of handwritten digits. UCI Machine
       Learning Repository. doi:10.24432/C50P49

    Examples
    --------
    >>> DigitImages(n_shown=10).inputs.size
    32
    """

    input_spec = _DigitImagesInputSpec
    output_spec = _DigitImagesOutputSpec
    _libraries = ("scikit-learn", "pillow")

    def _process(self) -> None:
        import pandas as pd
        from sklearn.datasets import load_digits

        images, numbers = load_digits(return_X_y=True)
        shown = []
        for number, name in enumerate(DIGITS):
            own = images[numbers == number].reshape(-1, 8, 8)
            shown += self._write("shown", name, own[: self.inputs.n_shown])
            self._write("train", name, own[self.inputs.n_shown :])
        self.result("shown_files", shown)
        for part in ("train", "shown"):
            self.result(f"{part}_directory", str(self._folder / part))
        self.result("classes", DIGITS)
        loops = [name in ("zero", "six", "eight", "nine") for name in DIGITS]
        codes = {
            "condition": DIGITS,
            "magnitude": range(10),
            "parity": ["odd" if number % 2 else "even" for number in range(10)],
            "loops": ["loop" if closed else "none" for closed in loops],
        }
        self.save_table("codes_file", "codes.tsv", pd.DataFrame(codes))

    def _write(self, part: str, name: str, images: np.ndarray) -> list[str]:
        """Write the images of one digit; give their paths."""
        from PIL import Image

        side, paths = self.inputs.size, []
        with self.within(part), self.within(name) as folder:
            for place, image in enumerate(images):
                picture = Image.fromarray((image * 255 / _LARGEST).astype(np.uint8))
                picture = picture.resize((side, side), Image.Resampling.BICUBIC)
                with self.writing("shown_files", f"{place:03d}.png") as path:
                    picture.save(path)
                paths.append(str(folder / f"{place:03d}.png"))
        return paths
