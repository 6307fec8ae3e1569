"""Words of a picture of a workflow: names and kinds of steps, for people."""

import re
from itertools import pairwise
from typing import Any

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
        return sentence(" ".join(word_of(t) for t in tokens))
    parts: list[str] = []
    for i, token in enumerate(tokens):
        starts = token in ENTITIES and 0 < i < len(tokens) - 1 and i > 1
        parts.append(
            f", {word_of(token)}" if starts and tokens[i - 2] in ENTITIES else word_of(token)
        )
    return sentence(" ".join(part for part in parts if part).replace(" ,", ","))


def word_of(token: str) -> str:
    """Give the word for a part of a name."""
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
    return sentence(_FILES.get(stem, " ".join(word_of(token) for token in stem.split("_"))))


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
