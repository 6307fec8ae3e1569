"""Responses of every voxel to what was shown, run by run."""

from pathlib import Path
from typing import BinaryIO

import nibabel as nb
import numpy as np
import pandas as pd
from nipype.interfaces.base import File, TraitedSpec, isdefined, traits
from threadpoolctl import threadpool_limits

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.confounds import NAN_POLICIES, select_confounds
from fmriprod.algorithms.run_responses import DRIFTS, SCALES, CleanRun, clean_run, kept_volumes
from fmriprod.interfaces.base import PythonInterface
from fmriprod.interfaces.events import read_table
from fmriprod.interfaces.featurize import voxel_table
from fmriprod.interfaces.images import check_same_grid, load_mask, open_image, repetition_time
from fmriprod.interfaces.run_samples import RunSamplesInputSpec, check_per_run, keep_rows, run_table
from fmriprod.interfaces.volume_stream import VolumeReader


class _RunResponsesInputSpec(RunSamplesInputSpec):
    in_files = traits.List(
        File(exists=True, hash_name=True),
        mandatory=True,
        minlen=1,
        desc="4-D series, one a run, in their order",
    )
    mask_file = File(exists=True, mandatory=True, desc="voxels to take, on the series' grid")
    detrend = traits.Enum(
        *DRIFTS,
        usedefault=True,
        desc="linear: minus one straight line a run; cosine, running_line: high-pass filters, as "
        "TemporalFilter; none. All but none leave mean 0",
    )
    high_pass = traits.Float(
        100.0, usedefault=True, desc="cut-off period in s of cosine and running_line"
    )
    confounds_files = traits.List(
        File(exists=True), desc="tables of confounds (TSV), one a run, one row a volume"
    )
    confounds = traits.List(
        traits.Str, desc="columns of confounds_files that are regressed out of each run"
    )
    confounds_nan = traits.Enum(
        *NAN_POLICIES,
        usedefault=True,
        desc="missing values in those columns are refused, or replaced by the column's mean",
    )
    standardize = traits.Enum(
        *SCALES,
        usedefault=True,
        desc="of each voxel and run, after cleaning: nothing; standard deviation 1 (over n "
        "volumes); per cent of the voxel's mean before cleaning",
    )
    tr = traits.Float(
        desc="repetition time in s; that of the header by default, and if both are known they "
        "must agree within 1 ms"
    )
    keep_file = File(
        exists=True,
        desc="TSV with columns run and volume: only these samples, in its order (what the "
        "stimuli were left with, as samples_file of LabelStimuli)",
    )
    block_size = traits.Range(
        low=1, value=4096, usedefault=True, nohash=True,
        desc="voxels in double precision at a time; bounds the memory, not the result",
    )  # fmt: skip


class _RunResponsesOutputSpec(TraitedSpec):
    responses_file = File(
        exists=True,
        desc=".npy, float32, shape (n_samples, n_voxels): a column for every voxel of the mask; "
        "NaN in the runs where the voxel is not usable",
    )
    samples_file = File(
        exists=True,
        desc="TSV, a row a sample: session (if given), run, volume and time in s of the stimulus "
        "(from the first volume of the run, from 0), response_volume",
    )
    voxels_file = File(
        exists=True,
        desc="TSV, one row per voxel in C order: index i j k, x y z (mm), usable (0: not so in "
        "one run or more)",
    )
    summary_file = File(exists=True, desc="JSON: settings, and what was left out of each run")
    n_samples = traits.Int(desc="number of samples")
    n_unusable = traits.Int(desc="voxels that are not usable in one run or more")


class RunResponses(PythonInterface):
    """Take the series of every voxel of a mask from runs, cleaned and lagged, as responses.

    A row is what the voxels did ``shift`` volumes after a stimulus. With ``shift=2`` the first
    two volumes of each run and the stimuli of its last two are left out, never those between
    runs. One run is held at a time. With the defaults the numbers are those of Nilearn's
    ``MultiNiftiMasker(mask, detrend=True)``.

    Examples
    --------
    >>> RunResponses(shift=2).inputs.detrend
    'linear'
    """

    input_spec = _RunResponsesInputSpec
    output_spec = _RunResponsesOutputSpec

    def _process(self) -> None:
        values = self.inputs
        images = [open_image(path, ndim=4) for path in values.in_files]
        mask = load_mask(values.mask_file, images[0])
        for image in images[1:]:
            check_same_grid(image, images[0])
        trs = self._repetition_times(images)
        labels = values.run_labels(len(images))
        tables = [
            run_table(label, kept_volumes(image.shape[3], *values.window()), values.shift, tr)
            for label, image, tr in zip(labels, images, trs, strict=True)
        ]
        if isdefined(values.keep_file):
            tables = keep_rows(tables, values.keep_file)
        samples = pd.concat(tables, ignore_index=True)
        usable, runs = self._write(images, mask, tables, trs)
        self.save_table("samples_file", "samples.tsv", samples)
        self.save_table("voxels_file", "voxels.tsv", voxel_table(mask, images[0].affine, usable))
        self.save_json("summary_file", "responses.json", self._summary(labels, runs, usable))
        self.result("n_samples", len(samples))
        self.result("n_unusable", int((~usable).sum()))

    def _write(
        self, images: list, mask: np.ndarray, tables: list, trs: list
    ) -> tuple[np.ndarray, list[dict]]:
        """Write the responses, a run at a time; give usable voxels and what each run lost."""
        usable, runs = np.ones(int(mask.sum()), bool), []
        shape = (sum(map(len, tables)), len(usable))
        with self.writing("responses_file", "responses.npy") as path, path.open("wb") as stream:
            _begin_array(stream, shape)
            for number, image in enumerate(images):
                clean = self._clean(number, image, mask, trs[number])
                usable &= clean.usable
                taken = tables[number]["response_volume"].to_numpy() - self.inputs.drop_first
                stream.write(np.ascontiguousarray(clean.series[:, taken].T).tobytes())
                runs.append(
                    {"file": Path(self.inputs.in_files[number]).name, "tr": trs[number],
                     "n_volumes": int(image.shape[3]), "n_samples": len(taken),
                     "unusable": clean.excluded}
                )  # fmt: skip
        return usable, runs

    def _clean(
        self, number: int, image: nb.Nifti1Image, mask: np.ndarray, tr: float | None
    ) -> CleanRun:
        """Read and clean a run, without the volumes that are dropped."""
        values = self.inputs
        reader = VolumeReader(values.in_files[number])
        volumes = range(values.drop_first, reader.n_volumes - values.drop_last)
        series = np.empty((int(mask.sum()), len(volumes)), np.float32)
        for place, volume in enumerate(volumes):
            series[:, place] = reader(volume)[mask]
        try:
            confounds = self._confounds(number, reader.n_volumes)
            with threadpool_limits(1):  # sums in another order would change the last bit
                return clean_run(
                    series, detrend=values.detrend, tr=tr or 1.0, high_pass=values.high_pass,
                    confounds=confounds, standardize=values.standardize,
                    block_size=values.block_size,
                )  # fmt: skip
        except InputError as err:
            err.file = err.file or values.in_files[number]
            raise

    def _confounds(self, number: int, n_volumes: int) -> np.ndarray | None:
        values = self.inputs
        names = values.confounds if isdefined(values.confounds) else []
        files = values.confounds_files if isdefined(values.confounds_files) else []
        if bool(names) != bool(files):
            raise InputError(
                "confounds",
                expected="both confounds_files and the columns to take from them, or neither",
                found="columns without files" if names else "files without columns",
                hint="name the columns that are regressed out: confounds=['trans_x', ...]",
            )
        if not names:
            return None
        check_per_run("confounds_files", files, len(values.in_files))
        table = read_table(files[number], "confounds")
        if len(table) == n_volumes:
            table = table.iloc[values.drop_first : n_volumes - values.drop_last]
            n_volumes = len(table)
        try:
            chosen, _ = select_confounds(table, names, n_volumes, nan=values.confounds_nan)
        except InputError as err:
            err.file = files[number]
            raise
        return chosen.to_numpy()

    def _repetition_times(self, images: list) -> list[float | None]:
        """Give the repetition time of each run in s; None where it is unknown and not needed."""
        values = self.inputs
        given = values.tr if isdefined(values.tr) else None
        needed = values.detrend in ("cosine", "running_line")
        found = []
        for image in images:
            try:
                found.append(repetition_time(image, given))
            except InputError:
                if needed or given is not None:
                    raise
                found.append(None)
        return found

    def _summary(self, labels: list, runs: list[dict], usable: np.ndarray) -> dict:
        values = self.inputs
        names = ("shift", "drop_first", "drop_last", "detrend", "standardize")
        settings = {name: getattr(values, name) for name in names}
        if values.detrend in ("cosine", "running_line"):
            settings["high_pass"] = values.high_pass
        settings["confounds"] = list(values.confounds) if isdefined(values.confounds) else []
        return {
            "settings": settings,
            "n_voxels": len(usable),
            "n_unusable": int((~usable).sum()),
            "runs": [{"run": run, **found} for (_, run), found in zip(labels, runs, strict=True)],
        }


def _begin_array(stream: BinaryIO, shape: tuple[int, int]) -> None:
    """Write the head of a ``.npy`` file of float32 whose rows follow."""
    head = {"descr": "<f4", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, head)
