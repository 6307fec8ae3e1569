import json
from pathlib import Path

import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from sklearn import metrics
from support.images import write_image
from support.miyawaki import figures, random_images, receptive_fields, write_run

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.image_reconstruction import ImageReconstruction
from fmriprod.interfaces.label_stimuli import LabelStimuli
from fmriprod.interfaces.layer_file import open_layers, write_layers
from fmriprod.interfaces.run_responses import RunResponses


def prepared(folder, rng, *, n_runs=4, n_images=22, noise=0.7):
    """Run RunResponses and LabelStimuli on a simulated study; inputs of ImageReconstruction."""
    mask = np.zeros((8, 9, 9), bool)
    mask[:, 1:8, 1:8] = True
    fields = receptive_fields(rng, int(mask.sum()))
    mask_file = write_image(folder / "mask.nii", mask.astype(np.uint8), np.diag([3.0, 3, 3, 1]))
    found = {}
    shown = {"train": [random_images(rng, n_images) for _ in range(n_runs)], "test": [figures()]}
    for part, sets in shown.items():
        runs = [
            write_run(folder, f"{part}{i}", rng, images, fields, mask, noise=noise)
            for i, images in enumerate(sets)
        ]
        bold, labels = map(list, zip(*runs, strict=True))
        step = RunResponses(in_files=bold, mask_file=str(mask_file), shift=2)
        responses = pe.Node(step, name=f"{part}_responses", base_dir=folder).run().outputs
        step = LabelStimuli(label_files=labels, shift=2)
        stimuli = pe.Node(step, name=f"{part}_stimuli", base_dir=folder).run().outputs
        found[f"{part}_responses_file"] = responses.responses_file
        found[f"{part}_stimuli_file"] = stimuli.features_file
        found[f"{part}_samples_files"] = [responses.samples_file, stimuli.samples_file]
    return found


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return prepared(tmp_path_factory.mktemp("study"), np.random.default_rng(3))


def settings(study, **more):
    return {**study, "n_voxels": 150, "n_nonzero": 10, **more}


def test_figures_come_back_from_runs_of_random_images(study, work):
    out = ImageReconstruction(**settings(study, title="simulated")).run().outputs
    found, rows = np.load(out.reconstruction_file), pd.read_csv(out.rows_file, sep="\t")
    with open_layers(study["test_stimuli_file"]) as layers:
        pixels = layers["pixels"]
    kept = pixels[:, 0] != -1
    assert rows["row"].tolist() == np.flatnonzero(kept).tolist() and kept.sum() == 15
    assert found.shape == (15, 10, 10) and found.dtype == np.float32
    shown, seen = pixels[kept].astype(int), (found > 0.5).reshape(15, 100)
    summary = json.loads(Path(out.summary_file).read_text())
    for name in ("precision", "recall", "f1"):
        score = getattr(metrics, f"{name}_score")
        expected = np.mean([score(shown[:, i], seen[:, i], zero_division=0) for i in range(100)])
        assert summary[name] == pytest.approx(expected)
    assert summary["accuracy"] == pytest.approx((shown == seen).mean())
    assert rows["accuracy"].mean() == pytest.approx(summary["accuracy"])
    assert summary["accuracy"] > 0.9 > summary["accuracy_of_each_pixel_s_more_frequent_value"]
    assert summary["n_train"] == 4 * 22 * 3 and summary["n_targets"] == 361
    assert len(pd.read_csv(out.scores_file, sep="\t")) == 100
    assert Path(out.figure).stat().st_size > 5000


def test_listed_decoders_give_the_reconstruction(study, work):
    from fmriprod.algorithms.multiscale import combine_scales, multiscale_targets

    out = ImageReconstruction(**settings(study)).run().outputs
    table = pd.read_csv(out.decoders_file, sep="\t")
    assert table.groupby("target").size().tolist() == [10] * 361
    train, test = (np.load(study[f"{part}_responses_file"]) for part in ("train", "test"))
    with open_layers(study["train_stimuli_file"]) as layers:
        pixels = layers["pixels"]
    kept = pixels[:, 0] != -1
    weights = np.zeros((361, train.shape[1]))
    weights[table["target"], table["voxel"]] = table["weight"]
    targets = multiscale_targets(pixels[kept].reshape(-1, 10, 10))
    intercept = targets.mean(axis=0) - train[kept].mean(axis=0) @ weights.T
    rows = pd.read_csv(out.rows_file, sep="\t")["row"]
    expected = combine_scales(test[rows] @ weights.T + intercept, (10, 10))
    np.testing.assert_allclose(np.load(out.reconstruction_file), expected, atol=1e-5)


def test_responses_shifted_against_their_images_are_refused_where_tables_tell(study, work):
    table = pd.read_csv(study["train_samples_files"][1], sep="\t")
    table["volume"] = np.roll(table["volume"], 1)
    table.to_csv(work / "rolled.tsv", sep="\t", index=False)
    files = [study["train_samples_files"][0], str(work / "rolled.tsv")]
    with pytest.raises(InputError) as caught:
        ImageReconstruction(**settings(study, train_samples_files=files)).run()
    assert caught.value.found == "532 and 532 rows, rows differ from 1 on"
    assert caught.value.file == files[1]
    with pytest.raises(InputError, match="the same 532 samples in both tables") as caught:
        ImageReconstruction(
            **settings(study, train_samples_files=study["test_samples_files"])
        ).run()
    assert caught.value.found == "31 and 31 rows"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p[:-1], r"31 rows, as the responses, of 100 pixels, 10 x 10\n.*30 rows of 100"),
        (lambda p: p[:, :-1], "31 rows of 99"),
        (lambda p: np.where(p == 1, 0.5, p), "found:    other values"),
        (lambda p: np.full_like(p, -1), "found:    only rest"),
    ],
)
def test_stimuli_that_do_not_fit_are_refused(study, work, change, message):
    with open_layers(study["test_stimuli_file"]) as layers:
        write_layers(work / "bad.h5", {"pixels": change(layers["pixels"])})
    with pytest.raises(InputError, match=message) as caught:
        ImageReconstruction(**settings(study, test_stimuli_file=str(work / "bad.h5"))).run()
    assert caught.value.file == str(work / "bad.h5")


def test_rows_and_layers_that_there_are_not_are_refused(study, work):
    with pytest.raises(InputError, match="rows 0 to 14 of the test without rest"):
        ImageReconstruction(**settings(study, drawn_rows=[0, 15])).run()
    with pytest.raises(InputError, match="did you mean 'pixels'"):
        ImageReconstruction(**settings(study, layer="pixel")).run()
    with pytest.raises(InputError, match="1 to 392, the voxels that are finite"):
        ImageReconstruction(**settings(study, n_voxels=500)).run()


def test_the_same_input_gives_the_same_bytes_in_a_node(study, tmp_path):
    found = []
    for folder in ("one", "two"):
        step = ImageReconstruction(**settings(study))
        out = pe.Node(step, name="reconstruct", base_dir=tmp_path / folder).run().outputs
        names = ("reconstruction_file", "rows_file", "scores_file", "summary_file", "figure")
        found.append([Path(getattr(out, name)).read_bytes() for name in names])
    assert found[0] == found[1]


@pytest.mark.realdata
def test_digits_are_reconstructed_from_responses_of_visual_cortex(real_data):
    """Sixes and nines of van Gerven et al. (2010), black and white, at half of their size."""
    from scipy.io import loadmat

    from fmriprod.algorithms.image_reconstruction import pixel_scores, reconstruct

    data = loadmat(real_data("digit69") / "digit69_28x28.mat")
    images, shown = (
        data[name].reshape(-1, 28, 28).transpose(0, 2, 1).reshape(-1, 14, 2, 14, 2).mean((2, 4))
        > 100
        for name in ("stimTrn", "stimTest")
    )
    train, test = data["fmriTrn"], data["fmriTest"]
    found, decoders = reconstruct(train, images, test)
    varies = (shown.mean(axis=0) > 0).ravel() & (shown.mean(axis=0) < 1).ravel()
    right = pixel_scores(shown, found, 0.5)[varies]
    assert decoders.n_constant > 0
    rng = np.random.default_rng(0)
    null = [
        pixel_scores(shown, reconstruct(train[rng.permutation(90)], images, test)[0], 0.5)[varies]
        for _ in range(5)
    ]
    assert right["accuracy"].mean() > max(n["accuracy"].mean() for n in null) + 0.05
