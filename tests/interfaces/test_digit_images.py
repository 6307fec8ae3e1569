"""Handwritten digits in folders."""

from pathlib import Path

import numpy as np
import pandas as pd
from nipype import Node
from PIL import Image
from sklearn.datasets import load_digits

from fmriprod.interfaces.digit_images import DigitImages


def test_all_digits_of_scikit_learn_are_there_once(work):
    node = Node(DigitImages(n_shown=3, size=8), "digits", base_dir=str(work))
    out = node.run().outputs
    images, numbers = load_digits(return_X_y=True)
    assert len(out.shown_files) == 30
    for number, name in enumerate(out.classes):
        files = [p for part in (out.shown_directory, out.train_directory)
                 for p in sorted((Path(part) / name).iterdir())]  # fmt: skip
        assert [Path(p).parent.parent.name for p in files[:4]] == ["shown"] * 3 + ["train"]
        found = np.array([np.asarray(Image.open(path)).ravel() for path in files], float)
        np.testing.assert_allclose(found * 16 / 255, images[numbers == number], atol=0.07)
    assert [Path(p).parent.name for p in out.shown_files[:4]] == ["zero"] * 3 + ["one"]


def test_what_is_known_of_them_is_right(work):
    table = pd.read_csv(DigitImages(n_shown=1, size=8).run().outputs.codes_file, sep="\t")
    table = table.set_index("condition")
    assert table.loc["seven"].tolist() == [7, "odd", "none"]
    assert table.loc["eight"].tolist() == [8, "even", "loop"]
    closed = table.index[table["loops"] == "loop"].tolist()
    assert closed == ["zero", "six", "eight", "nine"] and (table["parity"] == "odd").sum() == 5
