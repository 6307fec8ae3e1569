"""Put settings files of FEAT, with what they name, into a folder where they can be run."""

from collections.abc import Sequence
from pathlib import Path

from nipype.interfaces.base import Directory, File, TraitedSpec, traits

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.fsf import Settings, parse_fsf, render_fsf
from fmriprod.algorithms.fsf_levels import MODELS, higher_level_settings
from fmriprod.interfaces.atomic_files import same_bytes, save_file
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.fsf_check import absolute, check_settings
from fmriprod.interfaces.supplied import read_text

_BRAIN = "t1w_brain"


class _SaveFsfInputSpec(PythonInputSpec):
    fsf_files = traits.List(
        File(exists=True),
        minlen=1,
        mandatory=True,
        desc="first-level settings of the runs of one person, as RenderFsf writes them",
    )
    input_files = traits.List(
        File(exists=True),
        desc="files that they name: their content decides the cache, and a graph that is "
        "connected here keeps them",
    )
    names = traits.List(traits.Str, mandatory=True, desc="name of each run, in the same order")
    folder = Directory(mandatory=True, desc="where they go; made if it is not there")


class _SavedFsfOutputSpec(TraitedSpec):
    out_files = traits.List(File(exists=True), desc="the saved settings (fsf)")


class SaveFsf(PythonInterface):
    """Save first-level settings with the events and the T1w image that they name.

    The folder gets ``<name>.fsf`` and ``<name>_ev<n>.txt`` for each run, and the head and brain
    of the T1w image once (``t1w.nii.gz``, ``t1w_brain.nii.gz``). The settings name these copies,
    the series where it is, and ``<folder>/<name>.feat`` as the folder that FEAT shall make.

    Examples
    --------
    >>> SaveFsf(names=["task_drawing_run_1"]).inputs.names
    ['task_drawing_run_1']
    """

    input_spec = _SaveFsfInputSpec
    output_spec = _SavedFsfOutputSpec
    _always_run = True  # the folder may have lost a file since

    def _process(self) -> None:
        names, files = list(self.inputs.names), list(self.inputs.fsf_files)
        if len(names) != len(files) or len(set(names)) < len(names):
            raise InputError(
                "names", expected=f"{len(files)} different names, one for each settings file",
                found=", ".join(names), hint="give the key of each run",
            )  # fmt: skip
        folder = Path(absolute(self.inputs.folder))
        folder.mkdir(parents=True, exist_ok=True)
        read = [_read(path) for path in files]
        _save_anatomy([str(settings["highres_files(1)"]) for settings in read], folder)
        saved = [
            self._save(settings, name, folder) for settings, name in zip(read, names, strict=True)
        ]
        self.result("out_files", saved)

    def _save(self, settings: Settings, name: str, folder: Path) -> str:
        """Save the events of a run and its settings, which then name them."""
        for number in range(1, int(settings["fmri(evs_orig)"]) + 1):
            events = folder / f"{name}_ev{number}.txt"
            save_file(str(settings[f"fmri(custom{number})"]), events)
            settings[f"fmri(custom{number})"] = str(events)
        settings["highres_files(1)"] = str(folder / f"{_BRAIN}.nii.gz")
        settings["fmri(outputdir)"] = str(folder / f"{name}.feat")
        check_settings(settings)
        self.save_text("out_files", f"{name}.fsf", render_fsf(settings))
        target = folder / f"{name}.fsf"
        save_file(self._results["out_files"], target)
        return str(target)


class _SaveHigherFsfInputSpec(PythonInputSpec):
    fsf_files = traits.List(
        File(exists=True),
        minlen=2,
        mandatory=True,
        desc="first-level settings, of runs with the same contrasts, as SaveFsf saved them",
    )
    standard_file = File(exists=True, mandatory=True, desc="brain of the standard space")
    model = traits.Enum(*MODELS, usedefault=True, desc="fixed effects, or a mixed model")
    name = traits.Str(mandatory=True, desc="of the settings file and of the folder of FEAT")
    folder = Directory(mandatory=True, desc="where it goes; made if it is not there")


class _SaveHigherFsfOutputSpec(TraitedSpec):
    out_file = File(exists=True, desc="the saved settings (fsf)")


class SaveHigherFsf(PythonInterface):
    """Save the settings of a mean over runs whose first level was not run yet.

    Its inputs are the folders that FEAT will make from the first-level settings; they need not
    be there. `RenderHigherFsf` does the same from folders that are there.

    Examples
    --------
    >>> SaveHigherFsf(name="drawing").inputs.model
    'fixed'
    """

    input_spec = _SaveHigherFsfInputSpec
    output_spec = _SaveHigherFsfOutputSpec
    _always_run = True  # the folder may have lost the file since

    def _process(self) -> None:
        inputs, folder = self.inputs, Path(absolute(self.inputs.folder))
        lower = [_read(path) for path in inputs.fsf_files]
        contrasts = [_contrast_names(settings) for settings in lower]
        if len(set(contrasts)) > 1:
            raise InputError(
                "fsf_files", expected="runs with the same contrasts",
                found="; ".join(", ".join(names) for names in dict.fromkeys(contrasts)),
                hint="give the runs of one task",
            )  # fmt: skip
        settings = higher_level_settings(
            output_dir=str(folder / f"{inputs.name}.gfeat"),
            feat_dirs=[str(one["fmri(outputdir)"]) for one in lower],
            standard_file=absolute(inputs.standard_file),
            n_copes=len(contrasts[0]),
            model=inputs.model,
        )
        folder.mkdir(parents=True, exist_ok=True)
        self.save_text("out_file", f"{inputs.name}.fsf", render_fsf(settings))
        target = folder / f"{inputs.name}.fsf"
        save_file(self._results["out_file"], target)
        self.result("out_file", str(target))


def _read(path: str) -> Settings:
    """Read first-level settings."""
    settings = parse_fsf(read_text(path, "fsf_files", "settings of FEAT"))
    if settings.get("fmri(level)") != 1:
        raise InputError(
            "fsf_files", expected="settings of the first level",
            found=f"level {settings.get('fmri(level)', 'not said')}", hint="give those of runs",
            file=path,
        )  # fmt: skip
    return settings


def _contrast_names(settings: Settings) -> tuple[str, ...]:
    count = int(settings["fmri(ncon_real)"])
    return tuple(str(settings[f"fmri(conname_real.{i + 1})"]) for i in range(count))


def _save_anatomy(brains: Sequence[str], folder: Path) -> None:
    """Save head and brain under the pair of names by which FEAT finds the head."""
    brain = Path(brains[0])
    others = [other for other in brains[1:] if not same_bytes(other, brain)]
    if others:
        raise InputError(
            "fsf_files", expected="runs of one person, registered to one T1w image",
            found=f"{brain} and {others[0]}, which differ", hint="save each person by itself",
        )  # fmt: skip
    stem = brain.name.partition(".nii")[0].removesuffix("_brain")
    names = [f"{stem}.nii", f"{stem}.nii.gz"]
    head = next((path for path in map(brain.with_name, names) if path.is_file()), None)
    if head is None:
        raise InputError(
            "fsf_files", expected="the head beside the brain that the settings name",
            found=f"no {' or '.join(names)} beside {brain}", hint="render the settings anew",
        )  # fmt: skip
    save_file(head, folder / f"{_BRAIN.removesuffix('_brain')}.nii.gz")
    save_file(brain, folder / f"{_BRAIN}.nii.gz")
