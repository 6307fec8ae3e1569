"""What is part of a step's cache key: names and places of files, and small numbers."""

import json
from importlib import import_module

import nipype.pipeline.engine as pe
import numpy as np
import pytest
from nipype.interfaces.base import File, InputMultiObject, traits

from fmriprod.interfaces import base
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.cache_key import named_inputs
from fmriprod.interfaces.encode import RidgeEncode
from fmriprod.interfaces.parcel_timeseries import ParcelTimeseries
from fmriprod.interfaces.provenance import _plain
from fmriprod.interfaces.three_column import ThreeColumnEvents

NAMED = {  # module, interface: inputs whose names are titles, labels, sides or rows of results
    ("three_column", "ThreeColumnEvents"): ["in_files"],
    ("model_rdm", "ModelRDM"): ["pairs_files", "matrix_files"],
    ("feature_rdm", "FeatureRDM"): ["features_file"],
    ("region_rdm", "RegionRDM"): ["roi_files"],
    ("banded_encode", "BandedRidgeEncode"): ["roi_files"],
    ("group_rsa", "GroupRSA"): ["roi_files"],
    ("rsa_report", "RSAReport"): ["rdm_files", "table_files", "stimulus_files"],
    ("parcel_ranking", "ParcelRanking"): ["contrast_files"],
    ("report", "SubjectReport"): ["evidence_files", "contrast_figures"],
    ("group_report", "GroupReport"): ["change_file", "missing_file"],
    ("resample_to_grid", "ResampleToGrid"): ["in_files", "reference_file"],
    ("run_responses", "RunResponses"): ["in_files"],
    ("label_masks", "LabelMasks"): ["surface_label_files", "white_files"],
    ("wedge_stimuli", "WedgeStimuli"): ["in_files"],
    ("layer_features", "LayerFeatures"): ["images"],
}
CASES = [(*step, field) for step, fields in NAMED.items() for field in fields]
PLACED = [
    ("fsf", "RenderFsf", "in_file"), ("fsf", "RenderFsf", "brain_file"),
    ("fsf", "RenderHigherFsf", "cope_files"), ("fsf", "RenderHigherFsf", "standard_file"),
]  # fmt: skip


def key(module, name, field, *paths):
    inputs = getattr(import_module(f"fmriprod.interfaces.{module}"), name)().inputs
    is_list = field.endswith(("files", "images", "figures"))
    setattr(inputs, field, [str(path) for path in paths] if is_list else str(paths[0]))
    return inputs.get_hashval("content")[1]


@pytest.fixture
def files(work):
    """Three pairs of the same content: face and house, body and house, and face and house again."""
    pairs = []
    for folder, name in (("one", "face"), ("two", "body"), ("three", "face")):
        (work / folder).mkdir()
        pairs.append([work / folder / f"{name}.txt", work / folder / "house.txt"])
        for path, line in zip(pairs[-1], ("0 1 1\n", "5 1 1\n"), strict=True):
            path.write_text(line)
    return pairs


@pytest.mark.parametrize(("module", "name", "field"), CASES)
def test_a_name_that_makes_results_counts_and_a_place_does_not(files, module, name, field):
    one, renamed, moved = (key(module, name, field, *pair) for pair in files)
    assert one == moved != renamed


@pytest.mark.parametrize(("module", "name", "field"), PLACED)
def test_a_place_that_results_name_counts(files, module, name, field):
    one, _, moved = (key(module, name, field, *pair) for pair in files)
    assert one != moved


def test_of_several_folders_the_paths_below_what_they_share_count(work):
    class Spec(PythonInputSpec):
        images = InputMultiObject(File(hash_name=True), desc="files")
        other = traits.List(File(), desc="files")

    both = [str(work / "raw" / name) for name in ("zero/1.png", "one/1.png")]
    found = named_inputs(Spec(images=both, other=both))
    assert found == [("names of images", ["zero/1.png", "one/1.png"])]
    assert named_inputs(Spec(images=both[:1])) == [("names of images", ["1.png"])]


def node_key(node, work):
    node.base_dir = str(work)
    node.config = {"execution": {"hash_method": "content", "remove_unnecessary_outputs": "true"}}
    return node._get_hashval()[1]


def test_names_count_in_map_nodes(files, work):
    keys = []
    for pair in files:
        node = pe.MapNode(ThreeColumnEvents(), iterfield=["in_files"], name="each")
        node.inputs.in_files = [[str(path)] for path in pair]
        keys.append(node_key(node, work))
    assert keys[0] == keys[2] != keys[1]


def test_sidecars_of_all_series_of_a_map_node_count(work):
    def told():
        node = pe.MapNode(ParcelTimeseries(), iterfield=["in_file"], name="each")
        node.inputs.in_file = [str(work / f"{name}.npy") for name in "ab"]
        return node_key(node, work)

    for name in "ab":
        np.save(work / f"{name}.npy", np.zeros((3, 20), "f4"))
    keys = [told()]
    for name, tr in (("a", 2.0), ("b", 2.0), ("b", 3.0)):
        (work / f"{name}.json").write_text(json.dumps({"RepetitionTime": tr}))
        keys.append(told())
    assert len(set(keys)) == 4


def penalties(*values):
    listed, value = RidgeEncode(penalties=list(values)).inputs.get_hashval("content")
    return dict(listed)["penalties"], value


def test_small_numbers_are_told_apart_and_read_again():
    assert penalties(3e-11, 1.0)[1] != penalties(1e-12, 1.0)[1]
    given = [3e-11, 1.0, 1 / 3, 2.5e-7, 1e30]
    noted = json.loads(json.dumps(penalties(*given)[0]))
    assert [_plain(text) for text in noted] == given


def test_ordinary_numbers_keep_their_form():
    assert penalties(0.1, 5.0, 1e6, 0.0078125)[0] == [
        "0.1000000000", "5.0000000000", "1000000.0000000000", "0.0078125000",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["1.5", "12", "2e5", "1.2.3", "a1e-5"])
def test_texts_like_numbers_stay_texts(text):
    assert _plain(text) == text


@pytest.mark.parametrize(
    ("module", "name", "libraries"),
    [
        ("fixed_effects", "FixedEffects", "scipy"),
        ("single_trial", "SingleTrialBetas", "scipy scikit-learn"),
        ("glm", "FirstLevelModel", "nilearn scipy scikit-learn"),
        ("parcel_glm", "ParcelGLM", "nilearn scipy scikit-learn"),
        ("network_training", "NetworkTraining", "torch"),
        ("layer_features", "LayerFeatures", "torch"),
        ("activation_maximization", "ActivationMaximization", "torch"),
    ],
)
def test_versions_of_what_makes_the_numbers_count(monkeypatch, module, name, libraries):
    step = getattr(import_module(f"fmriprod.interfaces.{module}"), name)
    monkeypatch.setattr(base, "library_version", lambda name: "1.2")
    assert {f"{library}=1.2" for library in libraries.split()} < set(
        step.algorithm_version().split(";")
    )


def test_a_library_that_is_not_installed_has_no_part_in_the_numbers(monkeypatch):
    class Step(PythonInterface):
        _libraries = ("numpy", "no-such-library-1")

    assert Step.algorithm_version() == f"Step=1;numpy={np.__version__}"
