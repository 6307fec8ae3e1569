import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from support.drawing import drawing_samples, drawing_series, write_regions

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.region_metadata import region_metadata
from fmriprod.interfaces.region_features import RegionFeatures

NAMES = ["V1", "LOC"]


@pytest.fixture
def drawing(work, rng):
    samples = drawing_samples()
    series = drawing_series(rng, samples, (5, 3))
    return series, samples, write_regions(work, series, samples, NAMES)


def test_drawing_in_the_original_names(drawing, work):
    series, samples, files = drawing
    node = pe.Node(RegionFeatures(**files), name="features", base_dir=str(work))
    out = node.run().outputs
    names = [path.rsplit("/", 1)[1] for path in [*out.features_files, *out.metadata_files]]
    assert names == [
        "01_V1_featurematrix.npy",
        "01_LOC_featurematrix.npy",
        "metadata_01_drawing.csv",
    ]
    assert (out.n_voxels, out.n_missing, out.voxels_files) == ([5, 3], [0, 0], [])
    for path, part in zip(out.features_files, series, strict=True):
        matrix = np.load(path, mmap_mode="r")
        assert matrix.shape[0] == 920 and np.array_equal(matrix, part.reshape(920, -1))
    table = pd.read_csv(out.metadata_files[0])
    assert list(table.columns) == ["Unnamed: 0", "subj", "label", "run_num", "TR_num", "trial_num"]
    assert table["TR_num"].tolist() == list(range(1, 24)) * 40
    assert table["trial_num"].tolist() == np.repeat(np.arange(40), 23).tolist()
    assert table["run_num"].tolist() == np.repeat([1, 2, 3, 4], 230).tolist()
    assert table["label"].tolist() == samples["label"].tolist()


def test_recognition_has_a_metadata_file_for_each_region(work, rng):
    samples = drawing_samples(n_runs=2, n_trials=80, n_points=1, labels=("bed", "chair", "table"))
    series = drawing_series(rng, samples.assign(label="x"), (4, 6))
    samples["run"] = samples["run"].map({"1": "3", "2": "4"})
    files = write_regions(work, series, samples, NAMES)
    out = RegionFeatures(**files, phase="34").run().outputs
    names = [path.rsplit("/", 1)[1] for path in out.metadata_files]
    assert names == ["metadata_01_V1_34.csv", "metadata_01_LOC_34.csv"]
    assert out.features_files[1].endswith("01_LOC_34_featurematrix.npy")
    table = pd.read_csv(out.metadata_files[1], index_col=0)
    assert table["TR_num"].tolist() == (samples["tr"] - 3).tolist()
    assert table["trial_num"].tolist() == list(range(160)) and set(table["run_num"]) == {3, 4}
    with pytest.raises(InputError, match="at most 11 volumes"):
        RegionFeatures(**files, shift_volumes=12).run()


def test_bids_names_with_sample_and_voxel_tables(drawing):
    series, _, files = drawing
    files = {**files, "region_names": ["V1", "lh.fusiform"]}
    out = RegionFeatures(**files, naming="bids").run().outputs
    name = "sub-01_task-drawing_label-lhFusiform_desc-drawing_"
    assert out.features_files[1].endswith(name + "features.npy")
    assert out.metadata_files[1].endswith(name + "samples.tsv")
    table = pd.read_csv(out.metadata_files[1], sep="\t")
    assert {"time_point", "onset", "TR_num", "trial_num"} <= set(table) and len(table) == 920
    voxels = pd.read_csv(out.voxels_files[1], sep="\t")
    assert voxels[["i", "j", "k"]].to_numpy().tolist() == [[0, 1, 0], [1, 1, 0], [2, 1, 0]]
    assert np.array_equal(np.load(out.features_files[1]), series[1].reshape(920, -1))
    with pytest.raises(InputError, match="'lhFusiform' gives"):
        RegionFeatures(**{**files, "region_names": ["lhFusiform", "lh.fusiform"]},
                       naming="bids").run()  # fmt: skip
    with pytest.raises(InputError, match="'a/b' gives"):
        RegionFeatures(**{**files, "region_names": ["a/b", "c"]}).run()


def test_files_in_any_order_and_several_people():
    samples = drawing_samples(n_runs=2, n_trials=2, n_points=3)
    metadata = region_metadata(samples.iloc[::-1])
    assert metadata["trial_num"].tolist() == np.repeat([3, 2, 1, 0], 3).tolist()
    with pytest.raises(InputError, match="2: '01', '02'"):
        region_metadata(samples.assign(subject=np.where(samples["run"] == "1", "01", "02")))
    text = region_metadata(samples.assign(run="a"))
    assert set(text["run_num"]) == {"a"}
