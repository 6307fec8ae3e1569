"""Put results of a group into a folder, under plain names."""

from pathlib import Path

from nipype.interfaces.base import (
    Directory,
    File,
    InputMultiObject,
    OutputMultiObject,
    TraitedSpec,
    isdefined,
    traits,
)

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.atomic_files import save_file
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface


class _SaveGroupInputSpec(PythonInputSpec):
    in_files = InputMultiObject(File(exists=True), mandatory=True, desc="files to save")
    names = traits.List(
        traits.Str, desc="name of each without its extension (default: as they are called)"
    )
    folder = Directory(mandatory=True, desc="where they go; made if it is not there")


class _SaveGroupOutputSpec(TraitedSpec):
    out_files = OutputMultiObject(File(exists=True), desc="the saved files")


class SaveGroup(PythonInterface):
    """Copy results to a folder; each appears whole, and one that is the same is not touched.

    Examples
    --------
    >>> SaveGroup(names=["accuracy"]).inputs.names
    ['accuracy']
    """

    input_spec = _SaveGroupInputSpec
    output_spec = _SaveGroupOutputSpec
    _computes = False
    _always_run = True  # the folder may have lost the file since

    def _process(self) -> None:
        sources = [Path(path) for path in self.inputs.in_files]
        names = self.inputs.names if isdefined(self.inputs.names) else [_stem(p) for p in sources]
        if len(names) != len(sources):
            raise InputError(
                "names", expected=f"{len(sources)} names, one for each file", found=f"{len(names)}",
                hint="leave them out to keep the names of the files",
            )  # fmt: skip
        targets = [
            Path(self.inputs.folder, name + source.name.removeprefix(_stem(source)))
            for source, name in zip(sources, names, strict=True)
        ]
        twice = {target.name for target in targets if targets.count(target) > 1}
        if twice:
            raise InputError(
                "names", expected="a name of its own for each file",
                found=f"{', '.join(sorted(twice))} more than once", hint="give other names",
            )  # fmt: skip
        Path(self.inputs.folder).mkdir(parents=True, exist_ok=True)
        for source, target in zip(sources, targets, strict=True):
            save_file(str(source), target)
        self.result("out_files", [str(target) for target in targets])


def _stem(path: Path) -> str:
    return path.name.removesuffix(".gz").rpartition(".")[0]
