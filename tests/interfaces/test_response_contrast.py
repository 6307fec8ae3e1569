import nibabel as nb
import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from scipy import stats
from support.images import write_image

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.response_contrast import ResponseContrast


def build(folder, rng):
    mask = np.zeros((4, 4, 3), np.uint8)
    mask[1:, 1:] = 1
    responses = rng.normal(size=(20, 27)).astype("f4")
    responses[:9] += 1
    np.save(folder / "responses.npy", responses)
    kinds = ["face"] * 9 + ["place"] * 7 + ["natural"] * 4
    pd.DataFrame({"condition": kinds, "code": [1] * 9 + [2] * 7 + [3] * 4}).to_csv(
        folder / "samples.tsv", sep="\t", index=False
    )
    write_image(folder / "mask.nii.gz", mask)
    files = {
        "responses_file": str(folder / "responses.npy"),
        "samples_file": str(folder / "samples.tsv"),
        "mask_file": str(folder / "mask.nii.gz"),
    }
    return files, responses, mask > 0


def test_a_map_of_t_in_a_node(work, rng):
    files, responses, mask = build(work, rng)
    responses[4, 2] = np.nan
    np.save("responses.npy", responses)
    step = ResponseContrast(**files, first="face", second="place")
    out = pe.Node(step, name="c", base_dir="n").run().outputs
    t = nb.load(out.t_file).get_fdata()
    expected = stats.ttest_ind(responses[:9].astype(float), responses[9:16].astype(float))
    np.testing.assert_allclose(t[mask], expected.statistic, rtol=1e-5)
    assert np.isnan(t[mask][2]) and (t[~mask] == 0).all()
    assert (out.dof, out.n_usable) == (14, 26)


def test_kinds_that_are_numbers_and_the_other_sign(work, rng):
    files, *_ = build(work, rng)
    one = ResponseContrast(**files, first="face", second="place").run().outputs.t_file
    one = nb.load(one).get_fdata()
    other = ResponseContrast(**files, column="code", first="2", second="1").run().outputs.t_file
    np.testing.assert_array_equal(nb.load(other).get_fdata(), -one)


def test_bad_input(work, rng):
    files, *_ = build(work, rng)
    for inputs, text in [
        ({"first": "faec"}, r"samples.tsv\n.*kind of column 'condition'\n.*'faec'\n.*mean 'face'"),
        ({"column": "kind"}, r"column\n.*\n.*'kind'\n.*known: condition, code"),
        ({"second": "face"}, r"conditions\n.*two kinds"),
    ]:
        with pytest.raises(InputError, match=text) as error:
            ResponseContrast(**({"first": "face", "second": "place"} | files | inputs)).run()
        assert str(error.value).startswith("ResponseContrast: ")
