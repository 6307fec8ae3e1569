"""Words of a picture of a workflow: names, kinds, engines and settings of steps, for people."""

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from nipype.interfaces.base import isdefined
from nipype.pipeline import engine as pe

from fmriprod.workflows.draw_flat import is_saver
from fmriprod.workflows.draw_merge import ENTITIES, pattern

_WORDS = {
    "bold": "BOLD", "boldref": "BOLD reference", "anat": "anatomy", "t1w": "T1w", "t2w": "T2w",
    "glm": "GLM", "rsa": "RSA", "rdm": "RDM", "rdms": "RDMs", "roi": "ROI", "hrf": "HRF",
    "mds": "MDS", "qc": "quality", "mni": "MNI", "fsl": "FSL", "ants": "ANTs", "bids": "BIDS",
    "dicom": "DICOM", "cnn": "CNN", "pca": "PCA", "csf": "CSF", "wm": "white matter", "fmap":
    "field map", "func": "functional", "stats": "statistics", "hmc": "head motion", "stc":
    "slice timing", "wf": "", "tsnr": "tSNR", "prf": "pRF", "sub": "participant", "tr": "TR",
    "freesurfer": "FreeSurfer", "ses": "session", "subjects": "participants", "fwhm": "FWHM",
    "subject": "participant", "id": "", "skullstrip": "skull strip", "iscs": "ISCs", "r2": "R²",
    "ground": "background",
}  # fmt: skip
_FILES = {"bold": "BOLD series", "t1w": "T1w image", "in": "input", "out": "output",
          "label": "label image", "white": "white surface", "thickness": "cortical thickness",
          "events": "events", "confounds": "confounds"}  # fmt: skip
_UNITS = {"fwhm": "mm", "high_pass": "s", "low_pass": "s", "tr": "s", "radius": "mm",
          "shift": "s", "voxel_size": "mm", "time_repetition": "s"}  # fmt: skip
_FIRST = (
    "fwhm", "high_pass", "hrf", "radius", "classifier", "distance", "method", "n_permutations",
    "noise", "voxel_size", "metric", "cost", "dof", "frac", "model", "network", "standardize",
)  # fmt: skip
_NEVER = {"tr", "subject", "subject_id", "session", "task", "run", "phase", "num_threads", "seed",
          "algorithm_version", "environ", "args", "output_type", "compress",
          "ignore_exception", "simulated", "dataset", "function_str", "n_procs", "record_dir",
          "base_directory", "mem_gb", "debug", "verbose"}  # fmt: skip
_PACKAGES = {
    "fsl": "FSL", "ants": "ANTs", "afni": "AFNI", "spm": "SPM", "freesurfer": "FreeSurfer",
    "mrtrix3": "MRtrix3", "c3": "Convert3D", "dcm2nii": "dcm2niix", "nilearn": "Nilearn",
    "simpleitk": "SimpleITK", "numpy": "NumPy", "scipy": "SciPy", "scikit-learn": "scikit-learn",
    "torch": "PyTorch", "matplotlib": "Matplotlib", "utility": "", "io": "",
}  # fmt: skip
_EVERYWHERE = ("numpy", "scipy", "nibabel", "pillow", "pandas", "fmriprod", "nipype")
_KINDS = (
    ("save", r"sink|save|write|export"),
    ("report", r"report|figure|panel|plot|carpet|mosaic|score_overview|html"),
    ("read", r"grabber|bids|select_?files|data_?source|reader|download|dicom|dcm2|convert|"
             r"input_source|index|simulate|template"),
    ("statistics", r"group|permut|significance|ceiling|sign_flip|cluster|randomise|"
                   r"fixed_?effects?|task_effect|ttest|threshold|rank"),
    ("decode", r"evidence|decod|encod|classif|rsa|rdm|ridge|searchlight|fingerprint|"
               r"reconstruct|receptive|differentiation|similarity|layer_assign|score"),
    ("features", r"feature|featurize|pattern|activation|gabor|network|embedding|stimul|"
                 r"connectivity|timeseries|time_series|parcel|responses"),
    ("model", r"glm|first_?level|model|design|contrast|effect|estimate|film|feat\b"),
    ("preprocess", r"anat|bold|motion|realign|coreg|regist|normali|skull|strip|bet\b|smooth|"
                   r"reorient|volume|slice|mask|region|resampl|warp|flirt|fnirt|mcflirt|filter|trim|brain|align|"
                   r"preproc|segment|fast\b|susan|n4|epi|susceptib|run|susp|transform|quality"),
)  # fmt: skip


def title_of(name: str, *, merged: bool = False) -> str:
    """Turn the name of a node or workflow into words.

    Examples
    --------
    >>> title_of("task_recognition_run_1_wf"), title_of("task_recognition_run_1_wf", merged=True)
    ('Task recognition, run 1', 'Run')
    >>> title_of("bet_t1w"), title_of("sub_01_wf")
    ('Bet T1w', 'Participant 01')
    """
    tokens = re.sub(r"_(wf|workflow)$", "", name).split("_")
    if merged:
        kept = list(pattern(name))
        keys = [t for t, value in pairwise(kept) if value == "#"]
        words = [t for t in kept if t != "#" and t not in keys]
        tokens = words or keys[-1:] or tokens
        return sentence(" ".join(_word(t) for t in tokens))
    parts: list[str] = []
    for i, token in enumerate(tokens):
        starts = token in ENTITIES and 0 < i < len(tokens) - 1 and i > 1
        parts.append(f", {_word(token)}" if starts and tokens[i - 2] in ENTITIES else _word(token))
    return sentence(" ".join(part for part in parts if part).replace(" ,", ","))


def _word(token: str) -> str:
    known = _WORDS.get(token.lower())
    return known if known is not None else token if re.search(r"\d", token) else split_camel(token)


def split_camel(name: str) -> str:
    """Part a name in capitals into words.

    Examples
    --------
    >>> split_camel("FixedEffects"), split_camel("SearchlightRSA"), split_camel("RunQuality")
    ('fixed effects', 'searchlight RSA', 'run quality')
    """
    parts = re.findall(r"[A-Z]{2,}(?![a-z])|[A-Z][a-z]+|[a-z]+|[A-Z]|\d+\w*|[^\w\s]", name)
    if "".join(parts) != name:
        return name
    return " ".join(p if p.isupper() and len(p) > 1 else p.lower() for p in parts)


def sentence(text: str) -> str:
    """Begin with a capital, without changing the rest."""
    text = " ".join(text.split())
    return text[:1].upper() + text[1:]


def field_title(name: str) -> str:
    """Turn the name of an input or output into words.

    Examples
    --------
    >>> field_title("bold_file"), field_title("in_file"), field_title("scores_file")
    ('BOLD series', 'Input', 'Scores')
    """
    stem = re.sub(r"_(files?|out|image|images)$", "", name)
    return sentence(_FILES.get(stem, " ".join(_word(token) for token in stem.split("_"))))


def kind_of(name: str, node: Any = None) -> str:
    """Tell the kind of a step from its name and its interface.

    The interface counts for nodes; a workflow goes by its name.
    """
    if node is not None and is_saver(node):
        return "save"
    texts = [name.lower()]
    if node is not None:
        interface = type(node.interface)
        texts = [re.sub(r"(?<=[a-z])(?=[A-Z])", "_", interface.__name__).lower(), *texts]
        texts.append(interface.__module__.rpartition(".")[2].lower())
    for text in texts:
        for kind, words in _KINDS:
            if re.search(words, text):
                return kind
    return "other"


def engine_of(node: pe.Node) -> str:
    """Name the software that does the work of a step; empty where it is not known."""
    interface = type(node.interface)
    parts = interface.__module__.split(".")
    if parts[:2] == ["nipype", "interfaces"] and len(parts) > 2:
        return _PACKAGES.get(parts[2], parts[2])
    names = getattr(interface, "_libraries", ()) if parts[0] == "fmriprod" else ()
    known = [_PACKAGES.get(n, n) for n in names if n not in _EVERYWHERE]
    return known[0] if known else ("" if parts[0] in ("fmriprod", "__main__") else parts[0])


def settings_of(node: pe.Node) -> dict[str, Any]:
    """Take the settings of a step: those that always count, and others that are not the default."""
    inputs = node.inputs
    found = {}
    for name in inputs.copyable_trait_names():
        if name in _NEVER or name.endswith(("_file", "_files", "_dir", "_name", "_id")):
            continue
        value = getattr(inputs, name)
        if not isdefined(value) or not _is_telling(name, value):
            continue
        if name in _FIRST or value != inputs.trait(name).default:
            found[name] = value
    return found


def _is_telling(name: str, value: Any) -> bool:
    """Tell whether a setting is short, and says something: a number, a yes, a known choice."""
    if isinstance(value, str):
        short = 0 < len(value) <= 24 and not re.search(r"[/\n\\]|\.\w{2,5}$", value)
        return short and (name in _FIRST or name.endswith(("method", "engine")))
    if isinstance(value, bool):
        return value
    return isinstance(value, int | float) and not (name.startswith("n_") and value == 0)


def settings_text(all_settings: Iterable[dict[str, Any]], most: int = 4) -> list[str]:
    """Say the settings of steps that are drawn as one; values that differ are all said.

    Examples
    --------
    >>> settings_text([{"fwhm": 5.0, "hrf": "spm"}, {"fwhm": 8.0, "hrf": "spm"}])
    ['FWHM 5, 8 mm', 'HRF spm']
    """
    values: dict[str, dict[Any, None]] = {}
    for settings in all_settings:
        for name, value in settings.items():
            values.setdefault(name, {})[value] = None
    rank = {name: i for i, name in enumerate(_FIRST)}
    names = sorted(values, key=lambda n: rank.get(n, len(rank)))
    return [_setting(name, list(values[name])) for name in names[:most]]


def _setting(name: str, values: Sequence[Any]) -> str:
    words = " ".join(filter(None, (_word(t) for t in name.removeprefix("n_").split("_"))))
    if len(values) > 3:
        shown = f"{len(values)} values"
    elif all(isinstance(v, bool) for v in values):
        return words if values == [True] else f"no {words}" if values == [False] else words
    else:
        shown = ", ".join(f"{v:,}" if isinstance(v, int) else f"{v:g}" if isinstance(v, float)
                          else str(v).replace("_", " ") for v in values)  # fmt: skip
    if name.startswith("n_"):
        return f"{shown} {words}"
    return f"{words} {shown} {_UNITS.get(name, '')}".strip()
