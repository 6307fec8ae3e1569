import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from support.drawing import drawing_samples, drawing_series, write_regions

from fmriprod.interfaces.trial_connectivity import TrialConnectivity


@pytest.fixture
def made(work, rng):
    samples = drawing_samples(n_points=6)
    series = drawing_series(rng, samples, (5, 7, 4), coupling=1.0)
    return series, write_regions(work, series, samples, ["V1", "V2", "LOC"])


def test_kernels_matrices_and_stacks_of_all_pairs(made, work):
    series, files = made
    interface = TrialConnectivity(**files, kinds=["kernel", "matrix", "stack"])
    out = pe.Node(interface, name="connectivity", base_dir=str(work)).run().outputs
    assert out.pairs == [("V1", "V2"), ("V1", "LOC"), ("V2", "LOC")]
    assert out.matrix_files[1].endswith("/01_V1_LOC_featurematrix.npy")
    assert out.stack_files[2].endswith("/01_V2_LOC_stackmatrix.npy")
    for number, (one, two) in enumerate([(0, 1), (0, 2), (1, 2)]):
        matrix = np.load(out.matrix_files[number], mmap_mode="r")
        both = np.concatenate([series[one], series[two]], axis=2)
        n = series[one].shape[2]
        expected = [np.corrcoef(trial.T.astype(float))[n:, :n].ravel() for trial in both]
        assert matrix.dtype == np.float32 and np.allclose(matrix, expected, atol=2e-6)
        stack = np.load(out.stack_files[number], mmap_mode="r")
        assert np.array_equal(stack, both.reshape(40, -1))
        kernel = np.load(out.kernel_files[number])
        assert np.allclose(kernel, np.array(expected) @ np.transpose(expected), atol=1e-5)
    table = pd.read_csv(out.metadata_file)
    assert list(table.columns) == ["Unnamed: 0", "subj", "label", "run_num", "trial_num"]
    assert table["trial_num"].tolist() == list(range(40))


def test_a_voxel_without_correlation_is_left_out_and_marked(made):
    series, files = made
    features = np.load(files["features_files"][3])
    voxels = pd.read_csv(files["voxels_files"][3], sep="\t")
    here = voxels[["i", "j", "k"]].eq([1, 0, 0]).all(axis=1).to_numpy()
    features[:6, here] = 0  # V1, its voxel 1
    np.save(files["features_files"][3], features)
    out = TrialConnectivity(**files, pairs=[("V2", "V1")], kinds=["matrix"]).run().outputs
    assert (out.n_constant, out.kernel_files, out.stack_files) == (1, [], [])
    matrix = np.load(out.matrix_files[0]).reshape(40, 4, 7)
    expected = np.corrcoef(series[1][0, :, 3], series[0][0, :, 2].astype(float))[0, 1]
    assert matrix[0, 1, 3] == pytest.approx(expected, abs=1e-5)  # rows: voxels 0, 2, 3, 4 of V1
    tables = [pd.read_csv(path, sep="\t") for path in out.voxels_files]
    assert tables[1]["taken"].tolist() == [1, 0, 1, 1, 1] and tables[0]["taken"].all()
