"""Run FEAT of FSL where it is installed."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from nipype.interfaces.base import Directory, File, TraitedSpec, isdefined, traits

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.fsf import parse_fsf, render_fsf
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.fsf_check import absolute, check_settings
from fmriprod.interfaces.fsl import require_program
from fmriprod.interfaces.supplied import read_text


class _RunFeatInputSpec(PythonInputSpec):
    fsf_file = File(exists=True, mandatory=True, desc="settings of FEAT, such as RenderFsf writes")
    input_files = traits.List(
        File(exists=True), desc="files that it names, so that their content decides the cache"
    )
    output_dir = traits.Str(
        desc="folder that FEAT shall make (default: of the name in the settings, in this step's)"
    )


class _RunFeatOutputSpec(TraitedSpec):
    feat_dir = Directory(exists=True, desc="what FEAT made (.feat or .gfeat)")
    fsf_file = File(exists=True, desc="settings that were used")
    cope_files = traits.List(File(exists=True), desc="effect of each contrast")
    variance_files = traits.List(File(exists=True), desc="its variance")
    z_files = traits.List(File(exists=True), desc="its z map")
    first_cope = File(exists=True, desc="the first of cope_files, for RenderHigherFsf")
    filtered_file = File(exists=True, desc="first level: filtered_func_data")


class RunFeat(PythonInterface):
    """Run FEAT of FSL on a settings file, which is checked first.

    FEAT ends without an error code when a step of it fails; therefore its results are looked
    for, and its log is shown where some are missing.

    Examples
    --------
    >>> RunFeat(output_dir="/data/run.feat").inputs.output_dir
    '/data/run.feat'
    """

    input_spec = _RunFeatInputSpec
    output_spec = _RunFeatOutputSpec

    def _process(self) -> None:
        from nipype.interfaces.fsl import FEAT

        inputs = self.inputs
        settings = parse_fsf(read_text(inputs.fsf_file, "fsf_file", "settings of FEAT"))
        own = self._folder / Path(str(settings.get("fmri(outputdir)", "run.feat"))).name
        asked = inputs.output_dir if isdefined(inputs.output_dir) else str(own)
        settings["fmri(outputdir)"] = absolute(asked)
        check_settings(settings)
        folder = Path(str(settings["fmri(outputdir)"]))
        if folder.exists() and not settings["fmri(overwrite_yn)"]:
            raise InputError(
                "output_dir",
                expected="a folder that is not there yet",
                found=str(folder),
                hint="remove it, or give another: FEAT would write beside it",
            )
        require_program("feat")
        self.save_text("fsf_file", "design.fsf", render_fsf(settings))
        tool = FEAT(fsf_file=self._results["fsf_file"])
        tool.inputs.output_type = "NIFTI_GZ"
        with suppress(IndexError):  # Nipype's, where FEAT made no folder: told below
            tool.run(cwd=str(self._folder))
        for field, paths in _results_of(folder, settings).items():
            self.result(field, paths)
        self.result("feat_dir", str(folder))
        self.result("first_cope", self._results["cope_files"][0])


def _results_of(folder: Path, settings: Mapping[str, Any]) -> dict[str, Any]:
    """List what FEAT must have made; show its log where something is missing."""
    if settings["fmri(level)"] == 1:
        stems = [f"stats/{{}}{i + 1}" for i in range(int(settings["fmri(ncon_real)"]))]
    else:
        stems = [f"cope{i + 1}.feat/stats/{{}}1" for i in range(int(settings["fmri(ncopeinputs)"]))]
    kinds = {"cope_files": "cope", "variance_files": "varcope", "z_files": "zstat"}
    found: dict[str, Any] = {
        field: [str(folder / f"{stem.format(kind)}.nii.gz") for stem in stems]
        for field, kind in kinds.items()
    }
    if settings["fmri(level)"] == 1:
        found["filtered_file"] = str(folder / "filtered_func_data.nii.gz")
    paths = [p for value in found.values() for p in ([value] if isinstance(value, str) else value)]
    lacking = [path for path in paths if not Path(path).is_file()]
    if lacking:
        log = folder / "report_log.html"
        tail = log.read_text(errors="replace")[-2000:] if log.is_file() else "no log"
        raise RuntimeError(f"FEAT did not make {', '.join(lacking[:5])}; end of its log:\n{tail}")
    return found
