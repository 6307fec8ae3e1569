import numpy as np
import pytest

from fmriprod.interfaces.disk_matrix import DiskMatrix


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_and_columns_come_back(work, rng, dtype):
    truth = rng.normal(size=(4, 11)).astype(dtype)
    with DiskMatrix(work / "matrix", truth.shape, dtype) as matrix:
        assert not matrix.columns(0, 11).any()
        for row in (2, 0, 3):
            matrix.write(row, truth[row])
        matrix.write(1, truth[1, 5:], start=5)
        matrix.write(1, truth[1, :5])
        np.testing.assert_array_equal(matrix.columns(0, 99), truth)
        np.testing.assert_array_equal(matrix.columns(3, 7), truth[:, 3:7])
        np.testing.assert_array_equal(matrix.read(2), truth[2])
        assert matrix.read(0).dtype == dtype
    assert not (work / "matrix").exists()


def test_the_file_goes_even_when_something_fails(work):
    with pytest.raises(KeyError), DiskMatrix(work / "matrix", (2, 2)):
        raise KeyError
    assert not (work / "matrix").exists()
