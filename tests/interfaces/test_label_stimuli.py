import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.label_stimuli import LabelStimuli
from fmriprod.interfaces.layer_file import open_layers


@pytest.fixture
def labels(work, rng):
    """Two runs of simulated labels: blocks of three volumes of an image and three of rest."""
    files = []
    for run, n_blocks in enumerate((5, 4)):
        images = rng.integers(0, 2, (n_blocks, 100))
        rows = np.full((n_blocks, 6, 100), -1)
        rows[:, 2:5] = images[:, None]
        files.append(str(work / f"run{run}.csv"))
        np.savetxt(files[-1], rows.reshape(-1, 100), "%d", delimiter=",")
    return files


def outputs(**inputs):
    out = LabelStimuli(**inputs).run().outputs
    with open_layers(out.features_file) as layers:
        assert layers.names == ["pixels"]
        return layers["pixels"], pd.read_csv(out.samples_file, sep="\t", na_values="n/a"), out


def source_rows(files):
    """The lines of the source: reshaped in order F, without the last two volumes of a run."""
    runs = [
        np.reshape(np.loadtxt(f, dtype=int, delimiter=","), (-1, 10, 10), order="F") for f in files
    ]
    return np.vstack([run[:-2] for run in runs]).astype(float).reshape(-1, 100)


def test_rows_are_those_of_the_source(labels):
    pixels, samples, out = outputs(label_files=labels, shift=2, tr=2.0)
    expected = source_rows(labels)
    np.testing.assert_array_equal(pixels, expected)
    assert pixels.dtype == np.float32 and out.n_samples == 28 + 22
    rest = expected[:, 0] == -1
    assert out.n_rest == rest.sum() and (samples["stimulus"].isna() == rest).all()
    assert samples["volume"].tolist() == [*range(28), *range(22)]
    assert (samples["response_volume"] == samples["volume"] + 2).all()
    np.testing.assert_allclose(samples["time"], 2.0 * samples["volume"])
    dropped, left, out = outputs(label_files=labels, shift=2, rest="drop")
    np.testing.assert_array_equal(dropped, expected[~rest])
    assert left["volume"].tolist() == samples.loc[~rest, "volume"].tolist()
    assert left["time"].isna().all() and out.n_rest == rest.sum()


def test_an_image_has_one_name_wherever_it_is_shown(labels):
    pixels, samples, _ = outputs(label_files=[labels[0], labels[0]], runs=["x", "y"])
    half = len(samples) // 2
    first, second = samples["stimulus"].to_numpy().reshape(2, half)
    assert samples["run"].tolist() == ["x"] * half + ["y"] * half
    assert (pd.isna(first) == pd.isna(second)).all()
    assert (first == second)[~pd.isna(first)].all()
    shown = ~samples["stimulus"].isna()
    assert samples.loc[shown, "stimulus"].nunique() == len(np.unique(pixels[shown], axis=0)) == 5


def test_images_that_are_no_squares_and_rows_in_order(work):
    image = np.arange(6.0).reshape(2, 3)
    np.savetxt(work / "f.csv", [image.ravel(order="F")], "%g", delimiter=",")
    np.savetxt(work / "c.csv", [image.ravel()], "%g", delimiter=",")
    for order in "FC":
        file = str(work / f"{order.lower()}.csv")
        pixels, _, _ = outputs(label_files=[file], shape=(2, 3), order=order)
        np.testing.assert_array_equal(pixels, [image.ravel()])


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ([[0] * 99], "1 rows of 99 values"),
        ([[-1] * 99 + [0]], "99 others, the first -1 in row 1, column 1"),
        ([[0] * 100, [0] * 98 + [-2, 1]], "1 others, the first -2 in row 2, column 99"),
        ([[0] * 99 + [np.nan]], "1 others, the first nan in row 1, column 100"),
    ],
)
def test_labels_that_are_no_images_are_refused(labels, work, rows, found):
    np.savetxt(work / "bad.csv", rows, "%g", delimiter=",")
    with pytest.raises(InputError) as caught:
        LabelStimuli(label_files=[labels[0], str(work / "bad.csv")]).run()
    assert caught.value.found == found and caught.value.file == str(work / "bad.csv")
    assert caught.value.interface == "LabelStimuli"


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "1,2\n1,2,3\n"])
def test_files_that_are_no_tables_are_refused(work, text):
    (work / "bad.csv").write_text(text)
    with pytest.raises(InputError, match="separated by commas, without a header") as caught:
        LabelStimuli(label_files=[str(work / "bad.csv")]).run()
    assert caught.value.file.endswith("bad.csv")


def test_runs_that_are_too_short_are_named(labels):
    with pytest.raises(InputError, match="less than the 24 volumes of the run") as caught:
        LabelStimuli(label_files=labels, shift=25).run()
    assert caught.value.file == labels[1]


def test_the_same_labels_give_the_same_bytes_in_a_node(labels, work):
    from pathlib import Path

    found = []
    for folder in ("one", "two"):
        node = pe.Node(LabelStimuli(label_files=labels), name="l", base_dir=work / folder)
        out = node.run().outputs
        found.append([Path(p).read_bytes() for p in (out.features_file, out.samples_file)])
    assert found[0] == found[1]
