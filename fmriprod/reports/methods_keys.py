"""Which works stand behind each interface: the keys that texts and duecredit share."""

from collections.abc import Mapping
from typing import Any

from fmriprod.reports.methods_latex import bibtex

# Always; or by the value of an input: {"engine": {"bet": (...)}}.
_KEYS: dict[str, tuple[str, ...]] = {
    "ActivationMaximization": ("eickenberg2017",),
    "BandedRidgeEncode": ("banded_ridge",),
    "ConnectivityEvidence": ("fan2020",),
    "DicomConvert": ("dcm2niix",),
    "FirstLevelModel": ("nilearn",),
    "FreeSurferSubject": ("freesurfer", "desikan"),
    "GroupEvidence": ("nichols_holmes", "fdr", "lme4", "lmertest"),
    "ImageReconstruction": ("miyawaki2008",),
    "LayerRDM": ("lee_digits",),
    "Normalize": ("fonov2009", "nilearn"),
    "ParcelGLM": ("nilearn",),
    "ParcelGroup": ("nichols_holmes", "fdr", "noncentral_intervals"),
    "ReceptiveField": ("lars",),
    "RegionEvidence": ("fan2020",),
    "RidgeEncode": ("eickenberg2017",),
    "RunFeat": ("fsl",),
    "ScoreFingerprint": ("eickenberg2017",),
    "ScoreSignificance": ("fdr",),
    "SearchlightRDM": ("kriegeskorte_searchlight",),
    "SearchlightRSA": ("kriegeskorte_searchlight", "kriegeskorte_rsa"),
    "RSA": ("kriegeskorte_rsa",),
    "SynthesizeResponses": ("eickenberg2017",),
    "Template": ("fonov2009", "nilearn"),
}
_CLASSIFIERS = {"logistic_ovr": ("liblinear",)}
_DISTANCES = {"mahalanobis": ("walther2016",), "crossnobis": ("walther2016",)}
_COMPARISONS = {f"whitened {kind}": ("whitened_rdms",) for kind in ("correlation", "cosine")}
_RESPONSES = {f"glover{more}": ("glover",) for more in ("", " + derivative",
              " + derivative + dispersion")}  # fmt: skip
_CORRECTED = {"ar1 True": ("worsley2002",)}
_KEYS_BY_VALUE: dict[str, dict[str, dict[str, tuple[str, ...]]]] = {
    "ConnectivityEvidence": {"classifier": _CLASSIFIERS},
    "Coregister": {"engine": {"python": ("nmi",), "flirt": ("flirt", "fsl")}},
    "FirstLevelModel": {"hrf": _RESPONSES, "noise correct_bias": _CORRECTED},
    "GroupRSA": {"method": {"sign_flip": ("nichols_holmes",),
                            "voxel_shuffling": ("lee_digits",)}},
    "LayerFeatures": {"network": {"gabor": ("kay2008",)}},
    "MotionCorrect": {"engine": {"python": ("friston_motion", "gauss_newton"),
                                 "mcflirt": ("mcflirt", "fsl")}},
    "Normalize": {"engine": {"python": ("gauss_newton",), "flirt": ("flirt", "fsl"),
                             "fnirt": ("flirt", "fsl"), "ants": ("ants",)}},
    "ParcelConnectivity": {"kind": {"partial correlation": ("partial_correlation", "ledoit_wolf"),
                                    "covariance": ("ledoit_wolf",), "tangent": ("tangent",)}},
    "ObjectEvidence": {"classifier": _CLASSIFIERS},
    "ParcelGLM": {"hrf": _RESPONSES, "noise correct_bias": _CORRECTED},
    "RSA": {"method": _COMPARISONS},
    "RegionEvidence": {"classifier": _CLASSIFIERS},
    "RenderFsf": {"prewhiten": {True: ("film",)}, "motion_correction": {True: ("mcflirt",)}},
    "SearchlightRDM": {"distance": _DISTANCES},
    "SearchlightRSA": {"distance": _DISTANCES, "method": _COMPARISONS},
    "SingleTrialBetas": {"method": {"lss": ("mumford_lss",)}, "hrf": _RESPONSES,
                         "noise correct_bias": _CORRECTED},
    "SkullStrip": {"modality engine": {"T1w python": ("bet", "n4", "simpleitk"),
                                       "T1w bet": ("bet", "fsl"), "EPI bet": ("bet", "fsl"),
                                       "T1w ants": ("ants",), "EPI ants": ("ants",)}},
}  # fmt: skip
_GIVEN = {"SkullStrip": "mask_file", "Normalize": "transform_files"}  # in place of an engine


def reference_keys(name: str, inputs: Mapping[str, Any] | None = None) -> tuple[str, ...]:
    """List the works behind an interface.

    Parameters
    ----------
    name : str
        Name of its class.
    inputs : mapping, optional
        Values of its inputs, which decide between engines and methods; without it those of all
        engines and methods are given.

    Returns
    -------
    tuple of str
        Keys of ``data/references.bib``, each once.

    Examples
    --------
    >>> reference_keys("MotionCorrect", {"engine": "mcflirt"})
    ('mcflirt', 'fsl')
    """
    found = list(_KEYS.get(name, ()))
    if inputs is not None and isinstance(inputs.get(_GIVEN.get(name, "")), str | list):
        return tuple(found)
    for fields, by_value in _KEYS_BY_VALUE.get(name, {}).items():
        chosen = by_value.values() if inputs is None else [by_value.get(_value(inputs, fields), ())]
        found += [key for keys in chosen for key in keys]
    return tuple(dict.fromkeys(found))


def _value(inputs: Mapping[str, Any], fields: str) -> Any:
    """Value of one input, or those of several with spaces between."""
    if " " in fields:
        return " ".join(str(inputs.get(field)) for field in fields.split())
    value = inputs.get(fields)
    return value if isinstance(value, str | bool) else None


def reference_entries(name: str, inputs: Mapping[str, Any] | None = None) -> list[tuple[str, str]]:
    """Give key and BibTeX of each work behind an interface; see `reference_keys`."""
    return [(key, bibtex([key])) for key in reference_keys(name, inputs)]
