"""Measure the quality of a run."""

from pathlib import Path

import nibabel as nb
import numpy as np
import pandas as pd
from nipype.interfaces.base import File, TraitedSpec, isdefined, traits
from threadpoolctl import threadpool_limits

from fmriprod.algorithms.quality import carpet, ghost_ratio
from fmriprod.algorithms.quality_summary import Quality, displacement_of, run_quality
from fmriprod.algorithms.transforms import MOTION_COLUMNS
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.events import read_table
from fmriprod.interfaces.images import load_image, load_mask, repetition_time


class _RunQualityInputSpec(PythonInputSpec):
    in_file = File(exists=True, mandatory=True, desc="4-D series, best the realigned one")
    mask_file = File(exists=True, mandatory=True, desc="brain, on the grid of the series")
    motion_file = File(
        exists=True,
        desc="TSV with a row a volume: trans_x trans_y trans_z in mm, rot_x rot_y rot_z in rad, "
        "framewise_displacement in mm (computed after Power 2012 when the column is absent)",
    )
    tr = traits.Float(
        desc="repetition time in s; that of the header by default, and if both are known they "
        "must agree within 1 ms"
    )
    override_header_tr = traits.Bool(
        False, usedefault=True, desc="take `tr` even where the header says otherwise"
    )
    fd_threshold = traits.Float(
        0.5, usedefault=True, desc="framewise displacement in mm above which a volume is counted"
    )
    outlier_threshold = traits.Float(
        0.05, usedefault=True, desc="share of outlying voxels above which a volume is counted"
    )
    phase_axis = traits.Str(
        "j", usedefault=True, desc="phase-encoding axis of the EPI for the ghost: i, j or k"
    )


class _RunQualityOutputSpec(TraitedSpec):
    out_file = File(exists=True, desc="JSON, one number for each measure; null: not measurable")
    out_table = File(
        exists=True,
        desc="TSV with a row a volume: dvars, std_dvars, framewise_displacement (mm), "
        "global_signal, outlier_fraction",
    )
    tsnr_file = File(
        exists=True, desc="temporal signal-to-noise; 0 outside the mask, NaN where not analysed"
    )
    carpet_figure = File(exists=True, desc="PNG of voxels over time, with traces above")
    tsnr_figure = File(exists=True, desc="PNG of the map of temporal signal-to-noise")
    motion_figure = File(exists=True, desc="PNG of the motion; only if motion_file is given")


class RunQuality(PythonInterface):
    """Measure a run's signal-to-noise, motion, jumps, drift, ghost and outliers.

    Keys of ``out_file`` (definitions and sources: `fmriprod.algorithms.quality`):
    ``n_volumes``, ``tr`` (s), ``n_voxels`` in the mask, of them ``n_nonfinite``,
    ``n_constant`` and ``n_analysed``; ``tsnr_median``, ``tsnr_mean``, ``sfnr_median``,
    ``sfnr_mean``; ``fd_mean``, ``fd_median``, ``fd_max``, ``fd_threshold`` (mm),
    ``n_fd_over_threshold``; ``dvars_median``, ``dvars_max`` (unit of the image),
    ``std_dvars_median``, ``std_dvars_max`` (1: as clean noise); ``linear_drift_percent``,
    ``drift_percent``, ``fluctuation_percent``; ``ghost_ratio``; ``outlier_fraction_mean``,
    ``outlier_threshold``, ``n_outlier_volumes``.

    Examples
    --------
    >>> RunQuality().inputs.fd_threshold
    0.5
    """

    input_spec = _RunQualityInputSpec
    output_spec = _RunQualityOutputSpec
    _libraries = ("scipy",)

    def _process(self) -> None:
        inputs = self.inputs
        data, image = load_image(inputs.in_file, ndim=4)
        given = inputs.tr if isdefined(inputs.tr) else None
        tr = repetition_time(image, given, override=inputs.override_header_tr)
        mask = load_mask(inputs.mask_file, image)
        motion = displacement = None
        if isdefined(inputs.motion_file):
            motion = read_table(inputs.motion_file, "motion")
            displacement = displacement_of(motion, data.shape[3])
        series = data[mask]
        # One thread: sums in another order would change the last digits of the table.
        with threadpool_limits(1):
            quality = run_quality(
                series,
                displacement,
                fd_threshold=inputs.fd_threshold,
                outlier_threshold=inputs.outlier_threshold,
            )
            rows = carpet(series[quality.usable])
        mean_image = data.mean(axis=3, dtype=np.float64)
        summary = {
            **quality.summary,
            "tr": tr,
            "ghost_ratio": ghost_ratio(mean_image, mask, inputs.phase_axis),
        }
        stem = Path(inputs.in_file).name.split(".nii")[0]
        numbers = {k: None if np.isnan(v) or np.isinf(v) else v for k, v in summary.items()}
        self.save_json("out_file", f"{stem}_quality.json", numbers)
        self.save_table("out_table", f"{stem}_quality.tsv", quality.table)
        tsnr = np.zeros(mask.shape, np.float32)
        tsnr[mask] = quality.tsnr
        self.save_image("tsnr_file", f"{stem}_tsnr.nii.gz", tsnr, image)
        self._draw_carpet(stem, rows, quality, tr)
        self._draw_tsnr(stem, tsnr, mean_image, image, quality)
        if motion is not None:
            self._draw_motion(stem, motion, displacement, tr)

    def _draw_carpet(self, stem: str, rows: np.ndarray, quality: Quality, tr: float) -> None:
        from fmriprod.reports.quality import carpet_figure

        table = quality.table
        displacement = table["framewise_displacement"].to_numpy()
        with carpet_figure(
            rows,
            tr,
            std_dvars=table["std_dvars"].to_numpy(),
            global_signal=table["global_signal"].to_numpy(),
            framewise_displacement=displacement if isdefined(self.inputs.motion_file) else None,
            fd_threshold=self.inputs.fd_threshold,
            title=stem,
        ) as fig:
            self.save_figure("carpet_figure", f"{stem}_carpet.png", fig)

    def _draw_tsnr(
        self,
        stem: str,
        tsnr: np.ndarray,
        mean_image: np.ndarray,
        image: nb.Nifti1Image,
        quality: Quality,
    ) -> None:
        from fmriprod.reports.quality import tsnr_figure

        title = f"{stem}: median tSNR {quality.summary['tsnr_median']:.0f}"
        with tsnr_figure(tsnr, np.nan_to_num(mean_image), image.affine, title=title) as fig:
            self.save_figure("tsnr_figure", f"{stem}_tsnr.png", fig)

    def _draw_motion(
        self, stem: str, motion: pd.DataFrame, displacement: np.ndarray, tr: float
    ) -> None:
        from fmriprod.reports.quality import motion_figure

        parameters = motion[list(MOTION_COLUMNS)].to_numpy(float)
        threshold = self.inputs.fd_threshold
        with motion_figure(parameters, displacement, tr, fd_threshold=threshold, title=stem) as fig:
            self.save_figure("motion_figure", f"{stem}_motion.png", fig)
