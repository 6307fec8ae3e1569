"""Convert one series of DICOM images, and check what came of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nb

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.dicom_series import DicomSeries
from fmriprod.algorithms.repetition_time import RepetitionTime, decide_tr
from fmriprod.algorithms.run_order import RunLine, match_run_order
from fmriprod.interfaces.dcm2niix import run_program
from fmriprod.interfaces.dicom_session import Session, raise_together


@dataclass
class Converted:
    """A converted series.

    Parameters
    ----------
    file : pathlib.Path
        The image (NIfTI, not compressed).
    sidecar : dict
        Content of its sidecar.
    time : RepetitionTime or None
        Where its repetition time is from; None for a single volume.
    remarks : list of str
        What the converter warned of, and what was left out.
    """

    file: Path
    sidecar: dict[str, Any]
    time: RepetitionTime | None
    remarks: list[str]


def choose_series(
    lines: tuple[RunLine, ...], session: Session
) -> list[tuple[RunLine, DicomSeries]]:
    """Match the run order with the series, and see that those to be converted are complete.

    Raises
    ------
    InputError
        With everything that does not fit or is missing.
    """
    chosen = [(line, session.series[k]) for line, k in match_run_order(lines, session.found())]
    errors = []
    for line, series in chosen:
        try:
            series.check_complete(line.n_volumes)
        except InputError as err:
            err.subject += f", line {line.number} `{line.text}`"
            errors.append(err)
    raise_together(errors)
    return chosen


def convert_series(
    series: DicomSeries,
    session: Session,
    folder: Path,
    *,
    tr: float | None = None,
    tr_from: str = "agreement",
) -> Converted:
    """Convert a series; its repetition time is the right one in image and sidecar.

    Parameters
    ----------
    series : DicomSeries
        One of those of the session.
    session : Session
        Knows the files.
    folder : pathlib.Path
        Not there yet; the image is written into it.
    tr, tr_from
        As `decide_tr` takes them.

    Raises
    ------
    InputError
        If the converter fails, makes several images or another number of volumes, and as
        `decide_tr` does.
    """
    session.link_series(series, folder / "dicoms")
    (folder / "images").mkdir()
    images, remarks = run_program(folder / "dicoms", folder / "images")
    if len(images) > 1:
        raise InputError(
            "images",
            expected="one image a series",
            found=f"{len(images)}: {', '.join(path.stem for path, _ in images)}",
            hint="series of several echoes, or of magnitude and phase, are not supported: SKIP",
        )
    [(file, sidecar)] = images
    shape = nb.Nifti1Image.from_filename(file).shape
    n_volumes = shape[3] if len(shape) > 3 else 1
    if n_volumes != series.n_volumes:
        raise InputError(
            "volumes",
            expected=f"{series.n_volumes} volumes, as in the DICOM headers",
            found=f"{n_volumes} after conversion",
            hint="; ".join(remarks) or "look at the series with dcm2niix itself",
        )
    converted = Converted(file, sidecar, None, remarks)
    if n_volumes > 1:
        _settle_time(converted, series, tr, tr_from)
    return converted


def _settle_time(converted: Converted, series: DicomSeries, tr: float | None, tr_from: str) -> None:
    """Compare repetition times; put the right one into image and sidecar."""
    sidecar = converted.sidecar
    written = {
        "sidecar": sidecar.get("RepetitionTime"),
        "image": float(nb.Nifti1Image.from_filename(converted.file).header["pixdim"][4]),
    }
    time = decide_tr(series.tr, written, is_3d=series.first.is_3d, tr=tr, tr_from=tr_from)
    if time.corrected:
        sidecar["RepetitionTime"] = time.used
        write_tr(converted.file, time.used)
    if max(sidecar.get("SliceTiming") or [0]) >= time.used:
        del sidecar["SliceTiming"]
        remark = f"SliceTiming left out: it goes past the TR of {time.used:g} s"
        converted.remarks.append(remark)
    converted.time = time


def write_tr(image: Path, tr: float) -> None:
    """Set the repetition time (s) in the header of an uncompressed NIfTI file; nothing else."""
    with image.open("r+b") as stream:
        header = nb.Nifti1Header.from_fileobj(stream, check=False)
        header["pixdim"][4] = tr
        stream.seek(0)
        header.write_to(stream)
