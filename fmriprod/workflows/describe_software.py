"""Programs and libraries behind the steps of a workflow, with their versions."""

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from nipype.interfaces.base import BaseInterface
from nipype.pipeline.engine import Workflow

from fmriprod.interfaces.base import PythonInterface
from fmriprod.interfaces.program_versions import program_versions

_LIBRARIES = {
    "numpy": "NumPy{} [@numpy]",
    "scipy": "SciPy{} [@scipy]",
    "scikit-learn": "scikit-learn{} [@sklearn]",
    "nilearn": "Nilearn{} [@nilearn]",
    "SimpleITK": "SimpleITK{} [@simpleitk]",
    "torch": "PyTorch{} [@pytorch]",
    "onnxruntime": "ONNX Runtime{}",
}
_OF_NETWORKS = {"torch", "onnxruntime"}
_PROGRAMS = {
    "FSL": "FSL{} [@fsl]",
    "ANTs": "ANTs{} [@ants]",
    "FreeSurfer": "FreeSurfer{} [@freesurfer]",
    "dcm2niix": "dcm2niix{} [@dcm2niix]",
}
_ENGINES = {"mcflirt": "FSL", "flirt": "FSL", "bet": "FSL", "fnirt": "FSL", "ants": "ANTs"}
_INTERFACES = {"RunFeat": "FSL", "DicomConvert": "dcm2niix"}
_MODULES = {"fsl": "FSL", "ants": "ANTs", "freesurfer": "FreeSurfer", "dcm2nii": "dcm2niix"}
_VERSION_BY = {"FSL": "fsl", "ANTs": "ants"}


def software_text(workflow: Workflow, of: str = "analysis") -> str:
    """Name the software that the steps of a workflow use.

    Libraries are those that make numbers (``_libraries`` of the interfaces); what only draws or
    reads files is left out. Programs are those of the engines that are set, and of Nipype's own
    interfaces.

    Parameters
    ----------
    workflow : nipype.pipeline.engine.Workflow
        Any workflow.
    of : str
        What was made with it.

    Returns
    -------
    str
        One or two sentences with citations; empty where no step is of this package.
    """
    from fmriprod import __version__

    interfaces = list(_interfaces(workflow))
    ours = [interface for interface in interfaces if isinstance(interface, PythonInterface)]
    if not ours:
        return ""
    used = {name for interface in ours for name in used_libraries(interface)}
    made_with = [f"fmriprod {__version__}", f"Nipype{_version('nipype')} [@nipype]"]
    made_with += [_LIBRARIES[name].format(_version(name)) for name in _LIBRARIES if name in used]
    text = f"The {of} was made with {_listed(made_with)}. "
    called = {_program(interface) for interface in interfaces}
    programs = [_PROGRAMS[name].format(_program_version(name)) for name in _PROGRAMS
                if name in called]  # fmt: skip
    text += f"Programs that were called: {_listed(programs)}." if programs else ""
    return text.strip()


def _interfaces(workflow: Workflow) -> Iterator[BaseInterface]:
    for node in workflow._graph.nodes:
        if isinstance(node, Workflow):
            yield from _interfaces(node)
        else:
            yield node.interface


def used_libraries(interface: PythonInterface) -> list[str]:
    """Name the libraries that make a step's numbers, with the inputs that it has now."""
    if "fmriprod" in interface._libraries:  # a page of results lists versions, and counts nothing
        return []
    used = list(interface._libraries)
    network = getattr(interface.inputs, "network", None)
    if getattr(interface.inputs, "backend", None) == "torch":
        used.append("torch")
    if isinstance(network, str):  # one of those that the step may use
        used = [name for name in used if name not in _OF_NETWORKS]
        if network not in ("gabor", "pixels"):
            used.append("onnxruntime" if network.endswith(".onnx") else "torch")
    return used


def _program(interface: Any) -> str | None:
    """Program behind an interface: by its engine, or by where Nipype keeps it."""
    if isinstance(interface, PythonInterface):
        engine = getattr(interface.inputs, "engine", None)
        return _ENGINES.get(engine) or _INTERFACES.get(type(interface).__name__)
    parts = type(interface).__module__.split(".")
    return _MODULES.get(parts[2]) if parts[:2] == ["nipype", "interfaces"] else None


def _program_version(name: str) -> str:
    if name not in _VERSION_BY:
        return ""
    found = program_versions([_VERSION_BY[name]])[name]
    return f" {found}" if found != "unknown" else " (version unknown)"


def _version(name: str) -> str:
    try:
        return f" {version(name)}"
    except PackageNotFoundError:
        return ""


def _listed(names: list[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
