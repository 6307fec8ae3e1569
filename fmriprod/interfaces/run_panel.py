"""Make the part of the report in which the volumes of a run can be read off."""

from pathlib import Path

import pandas as pd
from nipype.interfaces.base import File, TraitedSpec, isdefined, traits
from threadpoolctl import threadpool_limits

from fmriprod.algorithms.checks import InputError, usable_voxels
from fmriprod.algorithms.quality import carpet
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.events import read_table
from fmriprod.interfaces.images import load_image, load_mask, repetition_time
from fmriprod.interfaces.panel_file import panel_text
from fmriprod.reports.run_panel import run_panel

_ROWS = 160  # as many as the screen gives them


class _RunPanelInputSpec(PythonInputSpec):
    in_file = File(exists=True, mandatory=True, desc="4-D series that RunQuality measured")
    mask_file = File(exists=True, mandatory=True, desc="brain, on the grid of the series")
    table_file = File(
        exists=True, mandatory=True,
        desc="TSV of RunQuality, a row a volume: global_signal, std_dvars, "
        "framewise_displacement (mm)",
    )  # fmt: skip
    motion_file = File(
        exists=True,
        desc="TSV, a row a volume: trans_x trans_y trans_z in mm, rot_x rot_y rot_z in rad",
    )
    tr = traits.Float(desc="repetition time in s; that of the header by default")
    override_header_tr = traits.Bool(
        False, usedefault=True, desc="take `tr` even where the header says otherwise"
    )
    fd_threshold = traits.Float(
        0.5, usedefault=True, desc="displacement in mm beyond which a volume has moved"
    )
    label = traits.Str("Volumes over time", usedefault=True, desc="what it is called on the page")


class _RunPanelOutputSpec(TraitedSpec):
    out_file = File(exists=True, desc="JSON, for run_panels of SubjectReport")


class RunPanel(PythonInterface):
    """Gather motion, displacement, DVARS, global signal and all voxels of a run for the page.

    Examples
    --------
    >>> RunPanel().inputs.fd_threshold
    0.5
    """

    input_spec = _RunPanelInputSpec
    output_spec = _RunPanelOutputSpec
    _libraries = ("scipy",)

    def _process(self) -> None:
        inputs = self.inputs
        data, image = load_image(inputs.in_file, ndim=4)
        given = inputs.tr if isdefined(inputs.tr) else None
        tr = repetition_time(image, given, override=inputs.override_header_tr)
        series = data[load_mask(inputs.mask_file, image)]
        usable = usable_voxels(series)
        if not usable.any():
            raise InputError(
                "mask", expected="voxels whose signal changes over time", found="none",
                hint="give the mask and the series of one run",
            )  # fmt: skip
        with threadpool_limits(1):  # sums in another order would change the last digits
            rows = carpet(series[usable], n_rows=_ROWS)
        motion = _table(inputs.motion_file, "motion") if isdefined(inputs.motion_file) else None
        panel = run_panel(
            rows, tr, _table(inputs.table_file, "table"), motion,
            fd_threshold=inputs.fd_threshold, label=inputs.label,
        )  # fmt: skip
        stem = Path(inputs.in_file).name.split(".nii")[0]
        self.save_text("out_file", f"{stem}_panel.json", panel_text(panel))


def _table(path: str, name: str) -> pd.DataFrame:
    """Read numbers; what is none becomes a gap."""
    return read_table(path, name).apply(pd.to_numeric, errors="coerce")
