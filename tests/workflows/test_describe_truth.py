"""Methods texts say what the code does with the settings that the nodes have, and no more."""

import pytest
from nipype.pipeline import engine as pe

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.preprocessed_run import PreparedRun
from fmriprod.workflows.bold import init_boldref_wf
from fmriprod.workflows.describe import describe
from fmriprod.workflows.describe_nodes import Steps
from fmriprod.workflows.encoding import init_encoding_wf
from fmriprod.workflows.evidence import init_evidence_wf
from fmriprod.workflows.fingerprint import init_fingerprint_wf
from fmriprod.workflows.glm import init_first_level_wf
from fmriprod.workflows.group_rsa import init_group_rsa_wf
from fmriprod.workflows.group_statistics import init_group_statistics_wf
from fmriprod.workflows.normalize import init_normalize_wf
from fmriprod.workflows.parcel_group import init_parcel_group_wf
from fmriprod.workflows.parcel_rest import init_parcel_rest_wf
from fmriprod.workflows.parcel_task import init_parcel_task_wf
from fmriprod.workflows.prepared_run import _text as prepared_text
from fmriprod.workflows.region_evidence import init_region_evidence_wf
from fmriprod.workflows.regions import init_regions_wf
from fmriprod.workflows.searchlight_rsa import init_searchlight_rsa_wf
from fmriprod.workflows.single_trial import init_single_trial_wf
from fmriprod.workflows.synthesis import init_synthesis_wf


def layers(**options):
    return init_searchlight_rsa_wf(assign_layers=True, **options)


def first_level(**options):
    return init_first_level_wf(contrasts=["a-b"], **options)


def parcel_task(**options):
    return init_parcel_task_wf(contrast="a-b", model_options=options)


def evidence(*schemes, trained=("bed", "chair")):
    options = [{"scheme": name, "train_phase": "a", "test_phase": "b"} for name in schemes]
    return init_region_evidence_wf(schemes=options, phases=["a=x:1", "b=x:2"], trained=trained)


def encoding(**options):
    return init_encoding_wf(n_permutations=50, test_options=options)


def regions(*masks):
    made = init_regions_wf(regions=["V1 = V1_exvivo", "V1Draw = V1 & task", "A = V1Draw - V1"])
    if masks:
        made.inputs.inputnode.mask_names = list(masks)
    return made


# How to build it, what is set afterwards by "node.input", what the text says then, and what not.
SAID = [
    (lambda: init_searchlight_rsa_wf(distance="crossnobis"), {},
     "cross-validated squared Euclidean distances", "Mahalanobis|oise"),
    (lambda: init_searchlight_rsa_wf(distance="crossnobis", noise="repeats"), {},
     "cross-validated squared Mahalanobis distances [@walther2016] (noise: deviations of "
     "patterns from the mean of their condition; covariance shrunk towards variances", "Euclid"),
    (lambda: init_searchlight_rsa_wf(distance="mahalanobis", noise="residuals", keep_rdms=True),
     {"rdm.noise_method": "shrinkage_eye"}, "residuals of the model; covariance shrunk towards one "
     "variance [@ledoit_wolf]", "validated"),
    (init_searchlight_rsa_wf, {}, "P values (one-sided) are from at most", "oise"),
    (init_searchlight_rsa_wf, {"rsa.alternative": "two-sided"}, "P values (two-sided)",
     "one-sided"),
    (init_searchlight_rsa_wf, {"rsa.p_method": "spearmanr"}, "they are too small", "relabel"),
    (layers, {"assign.level": 0.02}, "similarity above 0 and p of at most 0.02, not corrected",
     "fdr"),
    (layers, {"assign.test": "q"}, "false discovery rate of at most 0.05", "not corrected"),
    (layers, {"assign.test": "p_familywise"}, "p of at most 0.05, by the largest value over",
     "not corrected"),
    (regions, {}, "Regions of interest (V1) were made from anatomical labels", "Draw|task"),
    (regions, {"masks.union_without": []}, "(V1, V1Draw, A) were made from", "further"),
    (lambda: regions("task"), {}, "of interest (V1) were made from anatomical labels; each voxel "
     "of the grid has the label at its centre. Further regions were made with masks: `V1Draw = "
     "V1 & task`; `A = V1Draw - V1`.", ""),
    (first_level, {}, "noise (coefficients corrected for the bias of the fit [@worsley2002]); the "
     "model was fitted with Nilearn [@nilearn].", ""),
    (first_level, {"model.correct_bias": False}, "autoregressive noise; the model", "bias"),
    (first_level, {"model.noise": "ols"}, "and white noise; the model was", "bias"),
    (lambda: parcel_task(confounds=["trans_x", "csf"], correct_bias=False), {},
     "Nilearn [@nilearn]; the contrast is a-b.", "bias"),
    (lambda: parcel_task(confounds=["trans_x", "csf"]), {}, "derivative, 1 motion parameter "
     "[@friston_regressors] and 1 other confound (csf), cosine drifts", ""),
    (parcel_task, {}, "derivative, cosine drifts", "confound"),
    (init_single_trial_wf, {"betas.noise": "ar1"}, "corrected for the bias of the fit", ""),
    (init_parcel_group_wf, {}, "(two-sided t test; false discovery rate of its p over parcels "
     "[@fdr]; family-wise p by the largest absolute t over parcels, from at most 10,000", "pairs"),
    (lambda: init_parcel_group_wf(of="connectivity"), {},
     "largest absolute t over pairs of parcels", "over parcels"),
    (init_parcel_group_wf, {"group.n_permutations": 0}, "[@fdr]); intervals", "flip|nichols"),
    (init_group_statistics_wf,
     {"evidence.n_permutations": 321, "evidence.n_bootstrap_log_odds": 44},
     "(44 for log odds); two-sided p values are those of the bootstrap, corrected over regions by "
     "the false discovery rate [@fdr], and those of at most 321 sign flips of participants, "
     "corrected over regions by the largest statistic [@nichols_holmes].", "3,000"),
    (init_group_statistics_wf, {"differentiation.trim": 0.2}, "trimmed by 20 % of them", "10 %"),
    (init_group_statistics_wf, {"differentiation.trim": 0.0}, "object to itself. ", "trimmed"),
    (init_group_statistics_wf, {"informational.fisher_z": False}, "by a t test.", "Fisher"),
    (init_synthesis_wf, {"wedges.wedge_width": 45.0, "wedges.wedge_step": 10.0},
     "wedges of 45 degrees in steps of 10,", "30|15"),
    (init_normalize_wf, {"normalize.template_file": __file__}, "upon a template that was given, by",
     "ICBM|fonov"),
    (init_group_rsa_wf, {}, "z of the similarities of all participants were tested against 0 "
     "(two-sided t test; p from signs of participants flipped [@nichols_holmes], at most 10,000 "
     "times; corrected by the largest t over voxels; level 0.05).", "clusters|maps"),
    (init_group_rsa_wf, {"group.fisher": False, "group.two_sided": False, "group.together": True},
     "voxels and maps; level", "Fisher|two-sided"),
    (init_group_rsa_wf, {"group.correction": "cluster", "group.min_voxels": 20},
     "clusters of voxels with p < 0.001; level 0.05; clusters of at least 20 voxels)", "largest"),
    (lambda: init_group_rsa_wf(method="voxel_shuffling", correction="none"),
     {"group.n_draws": 5000}, "5,000 draws; not corrected;", "flipped"),
    (init_evidence_wf, {"evidence.C": 0.5}, "[@liblinear] (C = 0.5; voxels standardised over "
     "training and over test samples separately), leaving out one run at a time", "largest F"),
    (init_evidence_wf, {"evidence.standardize": "run", "evidence.n_voxels": 80},
     "over each run), of the 80 voxels with the largest F over labels", "separately"),
    (lambda: evidence("2way"), {}, "that for the other trained object (foil).", "control"),
    (lambda: evidence("4way"), {}, "(foil) and for the mean of the control objects (control); in "
     "samples of a control object the foil is the mean of the other control objects.", "take part"),
    (lambda: evidence("4way", "2way"), {},
     "of the control objects, where they take part, (control)", ""),
    (lambda: evidence("4way", trained=()), {}, "(scheme `4way`).", "foil"),
    (lambda: evidence("4way"), {"evidence_4way_b.probability_floor": 0.001},
     "separately), with probabilities below 0.001 raised to it, training on", ""),
    (lambda: evidence("4way", "2way"), {"evidence_2way_b.C": 3.0}, "`4way`) by one-versus-rest "
     "L2-regularised logistic regression, as defined by LIBLINEAR [@liblinear] (C = 1;", ""),
    (encoding, {}, "largest explained variance over layers was compared with that of 50 "
     "permutations of the responses, with penalties chosen anew; the null was pooled over 14 ",
     "circle|blocks"),
    (lambda: encoding(scheme="shift", penalty="chosen", per_voxel=True, score="r"), {},
     "largest correlation over layers was compared with that of 50 shifts of the responses of each "
     "run in a circle, with the penalties of the data; each voxel had a null of its own",
     "permutation|14"),
    (lambda: encoding(scheme="within", block=5), {"significance.penalties": [3.0]},
     "of 50 permutations of blocks of 5 samples of the responses within each run;", "anew"),
    (encoding, {"significance.shared_penalty": True}, "with the penalties of the data", "anew"),
    (init_boldref_wf, {"select.n_volumes": 1}, "One volume of the first run was taken as reference",
     "aligned with each other|mean"),
    (init_boldref_wf, {}, "The mean of 20 volumes of the first run, aligned with each other", ""),
    (init_fingerprint_wf, {"fingerprint.sigma": 0.0}, "was found without smoothing", "sigma"),
    (lambda: init_parcel_rest_wf(kind="partial correlation"), {}, "from correlations that were "
     "shrunk", "covariance"),
    (lambda: init_parcel_rest_wf(kind="tangent"), {}, "covariance, shrunk [@ledoit_wolf]", ""),
]  # fmt: skip


@pytest.mark.parametrize(("build", "changes", "words", "absent"), SAID)
def test_texts_say_what_is_done(build, changes, words, absent):
    workflow = build()
    for place, value in changes.items():
        node, field = place.rsplit(".", 1)
        setattr(workflow.get_node(node).inputs, field, value)
    text = describe(workflow, software=False)
    assert words in text
    assert not [word for word in absent.split("|") if word and word in text]


def test_a_distance_in_noise_needs_noise_before_anything_is_computed():
    with pytest.raises(InputError, match=r"(?s)noise.*repeats or residuals.*none.*euclidean"):
        init_searchlight_rsa_wf(distance="mahalanobis")
    for keep in (True, False):
        workflow = init_searchlight_rsa_wf(
            distance="mahalanobis", noise="residuals", noise_method="diagonal", keep_rdms=keep
        )
        node = workflow.get_node("rdm" if keep else "rsa")
        assert (node.inputs.noise, node.inputs.noise_method) == ("residuals", "diagonal")
        joined = workflow._graph.get_edge_data(workflow.get_node("inputnode"), node)["connect"]
        assert ("residual_files", "residual_files") in joined


@pytest.mark.parametrize(("note", "said"), [
    ("preprocessed by fMRIPrep 23.2.1, space T1w", "by fMRIPrep 23.2.1 [@fmriprep], space T1w. "),
    ("preprocessed by another program", "Preprocessed by another program. Confounds"),
])  # fmt: skip
def test_what_was_preprocessed_elsewhere_is_cited(note, said):
    run = PreparedRun("run-1", "bold.nii.gz", notes=(note,))
    assert said in prepared_text(Steps(pe.Workflow("strangers")), run)
