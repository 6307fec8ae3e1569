"""Engines and settings of the steps of a picture: those that count, in words for people."""

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from nipype.interfaces.base import Undefined, isdefined
from nipype.pipeline import engine as pe

from fmriprod.workflows.describe_software import used_libraries
from fmriprod.workflows.draw_words import word_of

_UNITS = {"fwhm": "mm", "high_pass": "s", "low_pass": "s", "tr": "s", "radius": "mm",
          "shift": "s", "voxel_size": "mm", "time_repetition": "s"}  # fmt: skip
_FIRST = (
    "fwhm", "high_pass", "hrf", "radius", "classifier", "distance", "method", "n_permutations",
    "n_draws", "noise", "voxel_size", "metric", "cost", "dof", "frac", "model", "network",
    "standardize",
)  # fmt: skip
_NEVER = {"tr", "subject", "subject_id", "session", "task", "run", "phase", "num_threads", "seed",
          "algorithm_version", "environ", "args", "output_type", "compress",
          "ignore_exception", "simulated", "dataset", "function_str", "n_procs", "record_dir",
          "base_directory", "mem_gb", "debug", "verbose"}  # fmt: skip
_IDLE: dict[str, dict[str, set[str]]] = {  # settings that do nothing where another is so
    "high_pass": {"drift": {"polynomial", "none"}, "detrend": {"linear", "none"},
                  "method": {"linear"}},
    "drift_order": {"drift": {"cosine", "none"}},
    "n_permutations": {"p_method": {"spearmanr", "none"}, "method": {"voxel_shuffling"}},
    "n_draws": {"method": {"sign_flip"}},
    "cluster_p": {"correction": {"max", "fdr", "none"}},
}  # fmt: skip
_PACKAGES = {
    "fsl": "FSL", "ants": "ANTs", "afni": "AFNI", "spm": "SPM", "freesurfer": "FreeSurfer",
    "mrtrix3": "MRtrix3", "c3": "Convert3D", "dcm2nii": "dcm2niix", "nilearn": "Nilearn",
    "simpleitk": "SimpleITK", "numpy": "NumPy", "scipy": "SciPy", "scikit-learn": "scikit-learn",
    "torch": "PyTorch", "onnxruntime": "ONNX Runtime", "matplotlib": "Matplotlib",
    "utility": "", "io": "",
}  # fmt: skip
_EVERYWHERE = ("numpy", "scipy", "nibabel", "pillow", "pandas", "fmriprod", "nipype")
_ENGINES = {"bet": "FSL BET", "mcflirt": "FSL MCFLIRT", "flirt": "FSL FLIRT",
            "fnirt": "FSL FNIRT", "ants": "ANTs"}  # fmt: skip
_GIVEN = {  # what is taken as it is where it is given, so that no engine runs
    "SkullStrip": ("mask_file", "mask as given"),
    "Normalize": ("transform_files", "transform as given"),
}


def engine_of(node: pe.Node, joined: Collection[str] = ()) -> str:
    """Name the software that does the work of a step; empty where it is not known.

    ``joined`` are the inputs that another step makes.
    """
    interface = type(node.interface)
    parts = interface.__module__.split(".")
    if parts[:2] == ["nipype", "interfaces"] and len(parts) > 2:
        return _PACKAGES.get(parts[2], parts[2])
    if parts[0] != "fmriprod":
        return "" if parts[0] == "__main__" else parts[0]
    name, words = _GIVEN.get(interface.__name__, ("", ""))
    given = getattr(node.inputs, name, Undefined)
    if name in joined or (isdefined(given) and given):
        return words
    chosen = _ENGINES.get(str(getattr(node.inputs, "engine", "")))
    used = used_libraries(node.interface) or interface._libraries
    known = [_PACKAGES.get(n.lower(), n) for n in used if n.lower() not in _EVERYWHERE]
    return chosen or (known[0] if known else "")


def settings_of(node: pe.Node, joined: Collection[str] = ()) -> dict[str, Any]:
    """Take the settings of a step: those that always count, and others that are not the default.

    Left out are those that do nothing beside the others, and ``joined``, which another step makes.
    """
    inputs = node.inputs
    found = {}
    for name in inputs.copyable_trait_names():
        if name in _NEVER or name.endswith(("_file", "_files", "_dir", "_name", "_id")):
            continue
        value = getattr(inputs, name)
        if not isdefined(value) or name in joined or not _is_telling(name, value):
            continue
        if _is_idle(name, inputs) or (name == "engine" and value in (*_ENGINES, "python")):
            continue
        if name in _FIRST or value != inputs.trait(name).default:
            found[name] = value
    return found


def _is_idle(name: str, inputs: Any) -> bool:
    others = _IDLE.get(name, {}).items()
    return any(getattr(inputs, other, None) in values for other, values in others)


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
    words = " ".join(filter(None, (word_of(t) for t in name.removeprefix("n_").split("_"))))
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
