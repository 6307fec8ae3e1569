"""Write the settings files of FEAT of FSL, from images and BIDS events."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from nipype.interfaces.base import File, TraitedSpec, isdefined, traits

from fmriprod.algorithms import fsf_levels
from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.algorithms.contrasts import parse_contrasts
from fmriprod.algorithms.fsf import (
    Settings,
    named_paths,
    render_fsf,
    three_columns,
)
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.events import read_events
from fmriprod.interfaces.fsf_check import absolute, check_settings
from fmriprod.interfaces.images import open_image, repetition_time

_OPTIONS = (
    "fwhm", "high_pass", "slice_timing", "motion_correction", "brain_extraction", "prewhiten",
    "motion_regressors", "hrf", "derivative", "temporal_filter", "intensity_normalization",
    "n_delete", "brain_threshold", "threshold", "z_threshold", "p_threshold", "highres_dof",
    "highres_search", "standard_dof", "standard_search", "nonlinear", "warp_resolution",
)  # fmt: skip
_HIGHER = ("model", "post_statistics", "threshold", "z_threshold", "p_threshold")


class _RenderFsfInputSpec(PythonInputSpec):
    in_file = File(exists=True, hash_path=True, mandatory=True, desc="4-D series, not processed")
    events_file = File(exists=True, mandatory=True, desc="events of the run (BIDS TSV)")
    t1w_file = File(
        exists=True, hash_path=True, mandatory=True, desc="T1w image with the whole head"
    )
    brain_file = File(exists=True, hash_path=True, mandatory=True, desc="its brain")
    standard_file = File(
        exists=True,
        hash_path=True,
        mandatory=True,
        desc="brain of the standard space (MNI152_T1_2mm_brain.nii.gz of FSL); for nonlinear the "
        "head must lie beside it, its name without _brain",
    )
    conditions = traits.List(
        traits.Str, desc="conditions in the order of regressors (default: alphabetical)"
    )
    contrasts = traits.List(
        traits.Str,
        desc="'expression' or 'name=expression', as FirstLevelModel takes them, such as "
        "'drawing=0.5*bed+0.5*chair' (default: each condition against baseline)",
    )
    output_dir = traits.Str(desc="folder that FEAT shall make (default: run.feat in this step's)")
    tr = traits.Float(desc="repetition time in s; that of the header by default")
    fwhm = traits.Range(low=0.0, value=3.0, usedefault=True, desc="smoothing in mm")
    high_pass = traits.Float(100.0, usedefault=True, desc="cut-off period in s")
    slice_timing = traits.Enum(
        "interleaved",
        *(name for name in fsf_levels.SLICE_TIMING if name != "interleaved"),
        usedefault=True,
        desc="order of the slices",
    )
    motion_correction = traits.Bool(True, usedefault=True, desc="run MCFLIRT")
    brain_extraction = traits.Bool(True, usedefault=True, desc="run BET on the series")
    prewhiten = traits.Bool(True, usedefault=True, desc="FILM's prewhitening")
    motion_regressors = traits.Bool(False, usedefault=True, desc="motion parameters in the design")
    hrf = traits.Enum(
        "double-gamma",
        *(name for name in fsf_levels.HRFS if name != "double-gamma"),
        usedefault=True,
        desc="convolution",
    )
    derivative = traits.Bool(True, usedefault=True, desc="temporal derivative of each condition")
    temporal_filter = traits.Bool(True, usedefault=True, desc="filter regressors as the series")
    intensity_normalization = traits.Bool(False, usedefault=True, desc="scale volumes one by one")
    n_delete = traits.Range(
        low=0, value=0, usedefault=True, desc="volumes to take off the beginning; onsets follow"
    )
    brain_threshold = traits.Float(10.0, usedefault=True, desc="brain threshold in percent")
    threshold = traits.Enum(
        "cluster",
        *(name for name in fsf_levels.THRESHOLDS if name != "cluster"),
        usedefault=True,
        desc="thresholding of z maps",
    )
    z_threshold = traits.Float(2.3, usedefault=True, desc="z that makes a cluster (drawing: 3.1)")
    p_threshold = traits.Float(0.05, usedefault=True, desc="p of a cluster")
    highres_dof = traits.Enum(
        "BBR", "3", "6", "7", "9", "12", usedefault=True, desc="registration to the T1w image"
    )
    highres_search = traits.Enum(90, 0, 180, usedefault=True, desc="its search in degrees")
    standard_dof = traits.Enum(12, 3, 6, 7, 9, usedefault=True, desc="linear, T1w to standard")
    standard_search = traits.Enum(90, 0, 180, usedefault=True, desc="its search in degrees")
    nonlinear = traits.Bool(
        True, usedefault=True, desc="go on with FNIRT (recognition; drawing: linear only)"
    )
    warp_resolution = traits.Float(10.0, usedefault=True, desc="of FNIRT's warp in mm")


class _FsfOutputSpec(TraitedSpec):
    fsf_file = File(exists=True, desc="settings of FEAT 6.00, complete; every path is absolute")
    input_files = traits.List(
        File(exists=True), desc="files that the settings name, for RunFeat to see their content"
    )
    contrast_names = traits.List(traits.Str, desc="contrasts, in the order of FEAT's copes")


class _RenderFsfOutputSpec(_FsfOutputSpec):
    event_files = traits.List(File(exists=True), desc="three columns of each condition (txt)")


class RenderFsf(PythonInterface):
    """Write the settings file of FEAT for one run, and the events in FEAT's three columns.

    Defaults are the settings of the recognition runs of Fan et al. (2020); drawing runs had
    ``z_threshold=3.1, nonlinear=False``. A condition without an event in the run is refused.

    Examples
    --------
    >>> RenderFsf(contrasts=["drawing=0.5*bed+0.5*chair"], nonlinear=False).inputs.fwhm
    3.0
    """

    input_spec = _RenderFsfInputSpec
    output_spec = _RenderFsfOutputSpec

    def _process(self) -> None:
        inputs = self.inputs
        image = open_image(inputs.in_file, ndim=4)
        tr = repetition_time(image, inputs.tr if isdefined(inputs.tr) else None)
        titles, files = self._write_events(image.shape[3], tr)
        asked = inputs.contrasts if isdefined(inputs.contrasts) else [f"`{t}`" for t in titles]
        contrasts = parse_contrasts(asked, titles)
        head, brain = self._link_anatomy()
        settings = fsf_levels.first_level_settings(
            output_dir=_output_dir(inputs.output_dir, self._folder / "run.feat"),
            bold_file=absolute(inputs.in_file),
            highres_file=brain,
            standard_file=self._standard(),
            tr=tr,
            n_volumes=image.shape[3],
            n_voxels=int(np.prod(image.shape)),
            titles=titles,
            event_files=files,
            contrast_names=[spec.name for spec in contrasts],
            contrasts=np.array([[c.weights.get(t, 0.0) for t in titles] for c in contrasts]),
            **{name: getattr(inputs, name) for name in _OPTIONS},
        )
        self._save(settings, [spec.name for spec in contrasts])
        # The head too, which the settings name by that of the brain only.
        self.result("input_files", sorted([*self._results["input_files"], head]))
        self.result("event_files", files)

    def _save(self, settings: Settings, names: Sequence[str]) -> None:
        check_settings(settings)
        self.save_text("fsf_file", "design.fsf", render_fsf(settings))
        paths = named_paths(settings)
        del paths["fmri(outputdir)"]
        self.result("input_files", sorted({str(p) for p in paths.values() if Path(p).is_file()}))
        self.result("contrast_names", list(names))

    def _write_events(self, n_volumes: int, tr: float) -> tuple[list[str], list[str]]:
        inputs = self.inputs
        events = read_events(inputs.events_file, n_volumes=n_volumes, tr=tr)
        present = sorted(set(events["trial_type"]))
        titles = list(inputs.conditions) if isdefined(inputs.conditions) else present
        absent = [title for title in titles if title not in present]
        if absent or len(set(titles)) < len(titles):
            raise InputError(
                "conditions",
                expected="conditions with an event in this run, each once",
                found=", ".join(map(repr, absent or titles)),
                hint=suggest((absent or titles)[0], present),
            )
        files = []
        for number, title in enumerate(titles, 1):
            rows = events[events["trial_type"] == title].sort_values("onset", kind="stable")
            onset = rows["onset"] - inputs.n_delete * tr  # FEAT counts from what it keeps
            name = f"event_{number}.txt"
            self.save_text("event_files", name, three_columns(onset, rows["duration"]))
            files.append(self._results["event_files"])
        return titles, files

    def _link_anatomy(self) -> list[str]:
        """Give FEAT head and brain under the pair of names that it goes by."""
        links = []
        for name, path in (("t1w", self.inputs.t1w_file), ("t1w_brain", self.inputs.brain_file)):
            link = self._folder / f"{name}{'.nii.gz' if path.endswith('.gz') else '.nii'}"
            link.unlink(missing_ok=True)
            link.symlink_to(absolute(path))
            links.append(str(link))
        return links

    def _standard(self) -> str:
        brain = Path(absolute(self.inputs.standard_file))
        head = brain.with_name(brain.name.replace("_brain", ""))
        if self.inputs.nonlinear and (head == brain or not head.is_file()):
            raise InputError(
                "standard_file",
                expected="a brain NAME_brain.nii.gz with its head NAME.nii.gz beside it",
                found=f"no other file {head.name}",
                hint="take those of FSL's data/standard, or nonlinear=False",
            )
        return str(brain)


class _RenderHigherFsfInputSpec(PythonInputSpec):
    cope_files = traits.List(
        File(exists=True, hash_path=True),
        minlen=2,
        mandatory=True,
        desc="stats/cope1.nii.gz of each lower-level FEAT folder; it names the folder, and its "
        "content tells when the folder changed",
    )
    standard_file = File(
        exists=True, hash_path=True, mandatory=True, desc="brain of the standard space"
    )
    n_copes = traits.Range(low=1, value=1, usedefault=True, desc="contrasts of the lower level")
    output_dir = traits.Str(desc="folder that FEAT shall make (default: mean.gfeat in this step's)")
    model = traits.Enum(*fsf_levels.MODELS, usedefault=True, desc="fixed effects, or a mixed model")
    post_statistics = traits.Bool(
        False, usedefault=True, desc="threshold the maps; without, there is no thresh_zstat1"
    )
    threshold = traits.Enum(
        "cluster",
        *(name for name in fsf_levels.THRESHOLDS if name != "cluster"),
        usedefault=True,
        desc="thresholding of z maps",
    )
    z_threshold = traits.Float(3.1, usedefault=True, desc="z that makes a cluster")
    p_threshold = traits.Float(0.05, usedefault=True, desc="p of a cluster")


class RenderHigherFsf(RenderFsf):
    """Write the settings file of FEAT for a mean over runs, or over people.

    For people, ``cope_files`` are those of one contrast's folder in each person's second
    level: ``person.gfeat/cope3.feat/stats/cope1.nii.gz``.

    Examples
    --------
    >>> RenderHigherFsf(n_copes=3).inputs.model
    'fixed'
    """

    input_spec = _RenderHigherFsfInputSpec
    output_spec = _FsfOutputSpec

    def _process(self) -> None:
        inputs = self.inputs
        folders = [Path(absolute(path)).parents[1] for path in inputs.cope_files]
        wrong = [str(f) for f in folders if f.suffix != ".feat"]
        if wrong or len(set(folders)) < len(folders):
            raise InputError(
                "cope_files",
                expected="NAME.feat/stats/cope1.nii.gz, of another FEAT folder each",
                found=", ".join(wrong) or "a folder twice",
                hint="give the first cope of each lower-level FEAT folder",
            )
        settings = fsf_levels.higher_level_settings(
            output_dir=_output_dir(inputs.output_dir, self._folder / "mean.gfeat"),
            feat_dirs=[str(folder) for folder in folders],
            standard_file=absolute(inputs.standard_file),
            n_copes=inputs.n_copes,
            **{name: getattr(inputs, name) for name in _HIGHER},
        )
        self._save(settings, ["group mean"])
        files = [*self._results["input_files"], *map(absolute, inputs.cope_files)]
        self.result("input_files", sorted(set(files)))


def _output_dir(given: Any, default: Path) -> str:
    return absolute(given) if isdefined(given) else str(default)
