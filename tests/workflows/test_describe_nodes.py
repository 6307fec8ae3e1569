"""Methods texts follow the nodes, whoever changed them, and however they are set."""

import copy
import pickle
import re

import pytest
from nipype.interfaces.utility import Function, IdentityInterface
from nipype.pipeline import engine as pe

from fmriprod.workflows.anat import init_anat_wf
from fmriprod.workflows.bold import init_bold_wf, init_boldref_wf
from fmriprod.workflows.connectivity import init_connectivity_wf
from fmriprod.workflows.convert import init_convert_wf
from fmriprod.workflows.describe import describe
from fmriprod.workflows.describe_nodes import Steps
from fmriprod.workflows.described_workflow import DescribedWorkflow
from fmriprod.workflows.encoding import init_encoding_wf
from fmriprod.workflows.evidence import init_evidence_wf
from fmriprod.workflows.feat import init_feat_mean_wf, init_feat_wf
from fmriprod.workflows.features import init_features_wf
from fmriprod.workflows.fingerprint import init_fingerprint_wf
from fmriprod.workflows.glm import init_first_level_wf
from fmriprod.workflows.group_rsa import init_group_rsa_wf
from fmriprod.workflows.group_statistics import init_group_statistics_wf
from fmriprod.workflows.layer_rsa import init_layer_rsa_wf
from fmriprod.workflows.normalize import init_normalize_wf
from fmriprod.workflows.parcel_group import init_parcel_group_wf
from fmriprod.workflows.parcel_rest import init_parcel_rest_wf
from fmriprod.workflows.parcel_task import init_parcel_task_wf
from fmriprod.workflows.patterns import init_patterns_wf
from fmriprod.workflows.receptive_field import init_receptive_field_wf
from fmriprod.workflows.region import init_region_wf
from fmriprod.workflows.region_evidence import init_region_evidence_wf
from fmriprod.workflows.regions import init_regions_wf
from fmriprod.workflows.responses import init_responses_wf
from fmriprod.workflows.searchlight_rsa import init_searchlight_rsa_wf
from fmriprod.workflows.single_trial import init_single_trial_wf
from fmriprod.workflows.stimulus_features import init_stimulus_features_wf
from fmriprod.workflows.synthesis import init_synthesis_wf
from fmriprod.workflows.task_mask import init_task_mask_wf


def first_level(**options):
    return init_first_level_wf(contrasts=["a-b"], **options)


# How to build it, "node.input", another value, and what the text has to say then.
CHANGES = [
    (first_level, "smooth.fwhm", 8.0, "8 mm FWHM"),
    (first_level, "model.high_pass", 77.0, "cut-off 77 s"),
    (first_level, "model.noise", "ar3", "autoregressive noise of order 3"),
    (first_level, "model.hrf", "glover", "response of Glover [@glover]"),
    (first_level, "model.drift", "polynomial", "polynomial drifts up to order 2"),
    (first_level, "model.confounds", ["csf", "rot_x"], "1 motion parameter [@friston_regressors] "
     "and 1 other confound (csf)"),
    (init_anat_wf, "skullstrip.engine", "ants", "the brain extraction of ANTs [@ants]"),
    (init_anat_wf, "reorient.axis_codes", "RAS", "reoriented to RAS"),
    (init_boldref_wf, "select.n_volumes", 7, "mean of 7 volumes"),
    (init_boldref_wf, "coregister.engine", "flirt", "FLIRT"),
    (init_boldref_wf, "align.engine", "mcflirt", "aligned with each other with MCFLIRT"),
    (init_bold_wf, "motion.engine", "mcflirt", "MCFLIRT"),
    (init_bold_wf, "reorient.tr", 1.25, "repetition time 1.25 s"),
    (init_connectivity_wf, "connectivity.C", 3.5, "C = 3.5"),
    (init_convert_wf, "convert.tr", 1.7, "set to 1.7 s"),
    (lambda: init_evidence_wf(folds="run"), "evidence.n_permutations", 4321, "4,321 permutations"),
    (lambda: init_evidence_wf(folds="run"), "evidence.classifier", "logistic", "multinomial"),
    (init_feat_wf, "settings.fwhm", 6.5, "FWHM 6.5 mm"),
    (init_feat_wf, "settings.high_pass", 66.0, "cut-off 66 s"),
    (init_feat_wf, "settings.slice_timing", "up", "(order: up)"),
    (init_feat_mean_wf, "settings.model", "flame1", "mixed effects (flame1)"),
    (init_features_wf, "featurize.shift", 3.25, "from 3.25 s after each onset"),
    (init_features_wf, "featurize.window", 4, "4 volumes from"),
    (init_features_wf, "filter.high_pass", 55.0, "cut-off 55 s"),
    (init_fingerprint_wf, "fingerprint.best_share", 0.15, "best 15 % of voxels"),
    (init_fingerprint_wf, "fingerprint.sigma", 2.5, "sigma 2.5 voxels"),
    (init_group_rsa_wf, "group.n_permutations", 777, "at most 777 times"),
    (init_group_rsa_wf, "group.level", 0.02, "level 0.02"),
    (init_group_statistics_wf, "evidence.n_bootstrap", 2222, "from 2,222 bootstrap"),
    (init_layer_rsa_wf, "layers.variance", 0.65, "explain 65 % of their"),
    (init_layer_rsa_wf, "searchlight_rsa_wf.rsa.radius", 4.5, "sphere of 4.5 mm"),
    (init_normalize_wf, "normalize.engine", "flirt", "from FLIRT"),
    (init_parcel_group_wf, "group.n_permutations", 345, "at most 345 flips"),
    (init_parcel_rest_wf, "connectivity.kind", "covariance", "covariance, shrunk"),
    (lambda: init_parcel_task_wf(contrast="a-b"), "model.high_pass", 44.0, "cut-off 44 s"),
    (init_patterns_wf, "featurize.voxel_size", 3.5, "voxels of 3.5 mm"),
    (init_patterns_wf, "filter.high_pass", 91.0, "cut-off of 91 s"),
    (init_patterns_wf, "featurize.window", 9, "9 volumes of each trial"),
    (init_receptive_field_wf, "receptive_field.max_iter", 33, "at most 33 steps"),
    (init_receptive_field_wf, "receptive_field.n_folds", 8, "8-fold"),
    (init_region_wf, "choose.n_voxels", 250, "The 250 voxels"),
    (lambda: init_regions_wf(rule="partial_volume"), "masks.min_fraction", 0.4, "40%"),
    (init_responses_wf, "responses.shift", 3, "taken 3 later"),
    (init_responses_wf, "responses.drop_first", 5, "the first 5 volumes of each run"),
    (lambda: init_responses_wf(detrend="cosine"), "responses.high_pass", 88.0, "than 88 s"),
    (init_searchlight_rsa_wf, "rsa.radius", 6.0, "sphere of 6 mm"),
    (init_searchlight_rsa_wf, "rsa.n_permutations", 123, "123 relabellings"),
    (init_searchlight_rsa_wf, "rsa.min_voxels", 17, "at least 17 voxels"),
    (init_single_trial_wf, "betas.high_pass", 64.0, "cut-off 64 s"),
    (lambda: init_single_trial_wf(fwhm=2.0), "smooth.fwhm", 3.0, "3 mm FWHM"),
    (init_stimulus_features_wf, "features.network", "gabor", "Gabor energies [@kay2008]"),
    (init_synthesis_wf, "wedges.n_images", 12, "cut from 12 images"),
    (init_task_mask_wf, "leave_one_out.cluster_threshold", 2.9, "clusters of z > 2.9"),
    (init_task_mask_wf, "leave_one_out.cluster_p", 0.01, "p < 0.01"),
    (lambda: init_encoding_wf(n_permutations=50), "significance.n_permutations", 999, "of 999"),
    (lambda: init_encoding_wf(n_permutations=50), "significance.q", 0.2, "over voxels 0.2"),
    (init_encoding_wf, "encode.penalties", [30.0], "penalty of 30 "),
    (init_encoding_wf, "encode.groups", "session", "each session was left out"),
]  # fmt: skip


def name(case):
    return case if isinstance(case, str) else None


@pytest.mark.parametrize(("build", "place", "value", "words"), CHANGES, ids=name)
def test_what_is_changed_after_building_is_what_the_text_says(build, place, value, words):
    workflow = build()
    assert words not in describe(workflow)
    node, field = place.rsplit(".", 1)
    setattr(workflow.get_node(node).inputs, field, value)
    assert words in describe(workflow)
    outer = pe.Workflow(name="strangers")
    outer.add_nodes([workflow])
    assert words in describe(outer)


def test_schemes_of_region_evidence_are_read_from_their_nodes():
    schemes = [{"scheme": "4way", "train_phase": "early", "test_phase": "late"}]
    workflow = init_region_evidence_wf(schemes=schemes, phases=["early=1", "late=2"])
    assert "training on phase `early` and testing on phase `late`" in describe(workflow)
    workflow.get_node("evidence_4way_late").inputs.train_phase = "first"
    assert "training on phase `first`" in describe(workflow)


def test_options_that_are_not_used_are_not_described():
    text = describe(first_level(fwhm=0.0, confounds=(), drift="none", noise="ols"))
    for word in ("smoothed", "FWHM", "motion", "confound", "cosine", "autoregressive"):
        assert word not in text
    plain = describe(init_encoding_wf())
    assert "permutation" not in plain and "deviation" not in plain and "[@fdr]" not in plain
    assert "relabellings" not in describe(init_searchlight_rsa_wf(p_method="none"))


def test_values_that_are_iterated_are_all_named():
    workflow = first_level()
    workflow.get_node("smooth").iterables = ("fwhm", [4.0, 8.0, 12.0])
    assert "kernel of 4, 8 and 12 mm FWHM" in describe(workflow)
    workflow.get_node("model").iterables = [("noise", ["ols", "ar1"])]
    assert "white noise or first-order autoregressive noise" in describe(workflow)
    workflow.get_node("model").iterables = (("hrf", ["spm", "gamma"]), ("high_pass", [50.0, 90.0]))
    text = describe(workflow)
    assert "response of SPM or the gamma" in text and "cut-off 50 and 90 s" in text


def test_a_step_that_was_taken_out_is_not_described():
    workflow = first_level()
    workflow.remove_nodes([workflow.get_node("smooth")])
    text = describe(workflow)
    assert "smoothed" not in text and "Each run was modelled" in text


def test_values_from_nodes_of_settings_are_followed_and_computed_ones_are_marked():
    outer, inner = pe.Workflow(name="outer"), first_level()
    settings = pe.Node(IdentityInterface(fields=["width"], width=7.0), name="settings")
    outer.connect(settings, "width", inner, "smooth.fwhm")
    assert "kernel of 7 mm FWHM" in describe(outer)
    settings.iterables = ("width", [2.0, 3.0])
    assert "kernel of 2 and 3 mm FWHM" in describe(outer)

    outer, inner = pe.Workflow(name="outer"), first_level()
    width = pe.Node(Function(function=_mine, input_names=["x"], output_names=["y"]), name="width")
    outer.connect(width, "y", inner, "smooth.fwhm")
    assert "kernel of (computed in the graph) mm FWHM" in describe(outer)
    assert "5 mm" not in describe(outer)


def test_a_value_that_passes_through_two_workflows_arrives():
    outer, middle, inner = pe.Workflow(name="outer"), pe.Workflow(name="middle"), first_level()
    gate = pe.Node(IdentityInterface(fields=["width"]), name="gate")
    middle.connect(gate, "width", inner, "smooth.fwhm")
    settings = pe.Node(IdentityInterface(fields=["width"], width=9.0), name="settings")
    outer.connect(settings, "width", middle, "gate.width")
    assert "kernel of 9 mm FWHM" in describe(outer)
    assert "computed in the graph" in describe(middle), "nobody says the value here"


def test_copies_have_texts_of_their_own():
    workflow = first_level()
    twin = workflow.clone("twin")
    twin.get_node("smooth").inputs.fwhm = 11.0
    assert "11 mm" in describe(twin) and "5 mm" in describe(workflow)
    assert describe(copy.deepcopy(twin)) == describe(twin)
    assert describe(pickle.loads(pickle.dumps(twin))) == describe(twin)


def test_a_user_may_write_the_text():
    workflow = first_level()
    workflow.__desc__ = "Models were fitted by us."
    assert describe(workflow, software=False) == "Models were fitted by us."
    workflow.__desc__ = None
    assert describe(workflow, software=False) == ""


def test_runs_that_are_treated_alike_are_counted_and_others_are_told_apart():
    study = pe.Workflow(name="study")
    study.add_nodes([first_level(name=f"run_{n}") for n in range(10)])
    study.add_nodes([init_region_wf(name=f"region_{n}") for n in range(3)])
    study.add_nodes([init_bold_wf(name=f"bold_{n}") for n in range(4)])
    text = describe(study)
    assert text.count("modelled voxel by voxel") == 1 and "Each of 10 runs was smoothed" in text
    assert text.count("region of interest") == 1 and "This was done 3 times" in text
    assert text.count("framewise") == 1 and "This was done for each of 4 runs." in text
    study.get_node("run_4.smooth").inputs.fwhm = 2.0
    text = describe(study)
    assert "Each of 9 runs was smoothed with a Gaussian kernel of 5 mm" in text
    assert "Each run was smoothed with a Gaussian kernel of 2 mm" in text


def test_texts_follow_the_data_into_the_step_they_are_about():
    text = describe(init_encoding_wf(stimuli="images", responses="bold"))
    places = [text.index(words) for words in ("Stimuli were shown", "straight line", "ridge")]
    assert max(places[:2]) < places[2]


def test_the_software_is_named_with_versions_where_it_is_used():
    text = describe(init_bold_wf(motion_engine="mcflirt"))
    software = text.split("\n\n")[-1]
    assert re.search(r"fmriprod \d+\.\d+.*Nipype \d+\.\d+.* \[@nipype\]", software)
    assert re.search(r"NumPy \d+\.\d+\S* \[@numpy\]", software)
    assert "FSL (version unknown) [@fsl]" in software or re.search(r"FSL \d", software)
    assert "FSL" not in describe(init_bold_wf())
    assert "PyTorch" in describe(init_encoding_wf(backend="torch"))
    assert "PyTorch" not in describe(init_encoding_wf())
    networks = {"small": "PyTorch", "/x/net.onnx": "ONNX Runtime", "gabor": "", "pixels": ""}
    for network, library in networks.items():
        software = describe(init_stimulus_features_wf(network=network)).split("\n\n")[-1]
        assert [name for name in ("PyTorch", "ONNX Runtime") if name in software] == [
            name for name in [library] if name
        ]
    assert describe(pe.Workflow(name="strangers")) == ""


class LiterateLike(pe.Workflow):
    """Imitates the protocol of niworkflows: texts as attributes, collected by visit_desc."""

    __desc__ = None
    __postdesc__ = None

    def visit_desc(self):
        parts = [self.__desc__ or ""]
        parts += [n.visit_desc() for n in self._graph.nodes if hasattr(n, "visit_desc")]
        return "".join([*parts, self.__postdesc__ or ""])


def test_within_a_literate_workflow_both_ways_of_asking_give_the_text():
    outer, hidden = LiterateLike(name="outer"), pe.Workflow(name="hidden")
    outer.__desc__, outer.__postdesc__ = "Before [@bids]. ", "After. "
    model = first_level(fwhm=6.0)
    outer.add_nodes([model, hidden])
    hidden.add_nodes([init_region_wf(n_voxels=50)])
    text = describe(outer, software=False)
    assert re.fullmatch(r"Before \[@bids\]\.\n\nEach run.*6 mm.*\n\nThe 50 voxels.*\n\nAfter\.",
                        text)  # fmt: skip
    own = outer.visit_desc()
    assert own.startswith("Before") and "6 mm FWHM" in own and own.endswith("After. ")


def test_a_workflow_of_ones_own_can_be_described_by_its_nodes():
    mine = DescribedWorkflow("mine", _mine)
    mine.add_nodes([pe.Node(IdentityInterface(fields=["n"], n=3), name="counts")])
    assert describe(mine) == "There were 3 of them."
    mine.get_node("counts").inputs.n = 4
    assert mine.__desc__ == mine.visit_desc() == describe(mine) == "There were 4 of them."


def _mine(steps: Steps) -> str:
    return f"There were {steps['counts'].n} of them."


def test_penalties_that_are_given_are_told():
    text = describe(init_encoding_wf(penalties=[1.0, 10.0, 1000.0]))
    assert "a penalty for each voxel among 3 from 1 to 1000 was chosen" in text
    assert "among" not in describe(init_encoding_wf()).split("Scores are")[0].split("penalty")[1]
