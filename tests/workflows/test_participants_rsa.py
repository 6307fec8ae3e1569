"""Models in all participants, and the two examples that look for them."""

import nibabel as nb
import numpy as np
import pandas as pd
import pytest
from support.examples import example, run

from fmriprod.algorithms.checks import InputError
from fmriprod.workflows.participants_rsa import init_participants_rsa_wf
from fmriprod.workflows.searchlight_rsa import init_searchlight_rsa_wf


def found_in(area, found, number):
    """Share of the voxels of an area, among those that have a model, that have this one."""
    own = found[(area == number) & np.isfinite(found)]
    assert own.size > 50
    return float((own == number).mean())


@pytest.fixture(scope="module")
def searchlight(tmp_path_factory):
    """The example on codes, run on its simulated participants: its folder."""
    out = tmp_path_factory.mktemp("searchlight")
    with pytest.MonkeyPatch.context() as patch, example("searchlight_rsa") as module:
        run(module, patch, "--out", out)
        run(module, patch, "--out", out / "again", "--data", out / "simulated")
    return out


def test_planted_codes_are_found_where_they_are_planted(searchlight):
    """Areas 1 and 2 hold magnitude and loops, the first and third map; parity is nowhere."""
    area = np.asarray(nb.load(searchlight / "simulated" / "areas.nii.gz").dataobj).astype(int)
    group = searchlight / "work/searchlight/participants_rsa_wf/group_rsa_wf/group"
    (layer_map,) = group.glob("*layer*.nii.gz")
    best = nb.load(layer_map).get_fdata()
    best[best == 3] = 22
    best[best == 2] = 33
    best[best == 22] = 2  # loops, planted in area 2
    assert found_in(area, best, 1) > 0.9 and found_in(area, best, 2) > 0.9
    assert not (best == 33).any()


def test_pages_say_what_is_simulated(searchlight):
    pages = [(searchlight / name / "rsa.html").read_text() for name in (".", "again")]
    assert "Simulated data" in pages[0] and "imulated data" not in pages[1]
    assert "magnitude" in pages[0] and "Kriegeskorte" in pages[0]


def test_maps_of_a_participant_are_those_of_the_search_alone(searchlight, work):
    data, steps = searchlight / "simulated", searchlight / "work/searchlight/participants_rsa_wf"
    table = pd.read_csv(data / "patterns.tsv", sep="\t", dtype=str)
    own = table[table["subject"] == "03"]
    (model,) = steps.glob("sub_03/model/*.h5")
    alone = init_searchlight_rsa_wf(n_permutations=500)
    alone.base_dir = str(work)
    alone.inputs.inputnode.trait_set(
        pattern_files=[str(data / file) for file in own["file"]],
        conditions=list(own["condition"]), runs=list(own["run"]),
        mask_file=str(data / "mask.nii.gz"), model_files=[str(model)],
    )  # fmt: skip
    (node,) = alone.run().nodes
    theirs = next(path for path in steps.rglob("sub_03/*/rsa/*") if "value" in path.name)
    np.testing.assert_array_equal(
        nb.load(theirs).get_fdata(), nb.load(node.result.outputs.value_map).get_fdata()
    )


def test_other_models_are_refused(work):
    with pytest.raises(InputError, match=r"(?s)one of codes, layers.*'code'"):
        init_participants_rsa_wf("patterns.tsv", models="code")


@pytest.mark.slow
def test_layers_of_a_network_are_found_where_they_are_planted(work, monkeypatch, capsys):
    pytest.importorskip("torch")
    with example("digits_and_objects") as module:
        run(module, monkeypatch, "--out", work)
    said = capsys.readouterr().out
    right = int(said.split("not trained on: ")[1].split("%")[0])
    assert right >= 90 and "SIMULATED DATA" in said
    assert "Simulated data" in (work / "rsa.html").read_text()
    area = np.asarray(nb.load(work / "simulated" / "areas.nii.gz").dataobj).astype(int)
    group = work / "work/brains/participants_rsa_wf/group_rsa_wf/group"
    (layer_map,) = group.glob("*layer*.nii.gz")
    best = nb.load(layer_map).get_fdata()
    shares = [found_in(area, best, number) for number in range(1, 6)]
    assert min(shares) >= 0.6, shares
