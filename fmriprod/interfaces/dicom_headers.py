"""Read the headers of DICOM files with pydicom; a file that is cut off is refused."""

import logging
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.dicom_series import ImageHeader
from fmriprod.interfaces.supplied import file_problem

_IMPLICIT = b"\x08\x00"  # group 0008, with which a file without preamble begins
_SEQUENCE_END = b"\xfe\xff\xdd\xe0"  # of compressed pixels
_READ = [  # the others are passed over, which takes half the time
    "SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "PatientID", "PatientName", "StudyDate",
    "StudyTime", "SeriesNumber", "SeriesDescription", "ProtocolName", "InstanceNumber",
    "ImageType", "MRAcquisitionType", "RepetitionTime", "NumberOfTemporalPositions",
    "NumberOfFrames", "Rows", "Columns", "SamplesPerPixel", "BitsAllocated",
    "ImageOrientationPatient", "ImagePositionPatient", "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence", "PixelData",
]  # fmt: skip
_DICOM_ENDINGS = (".dcm", ".ima", ".dicom")


def find_files(folder: str | Path) -> dict[Path, str]:
    """List all files below a folder with their names relative to it, in order of names.

    Hidden files and folders are left out.
    """
    root = Path(folder)
    found, seen = {}, set()
    for base, folders, files in os.walk(root, followlinks=True):
        if os.path.realpath(base) in seen:  # a link to a folder above
            folders.clear()
            continue
        seen.add(os.path.realpath(base))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith("."):
                path = Path(base, name)
                found[path] = path.relative_to(root).as_posix()
    return found


def read_headers(names: Mapping[Path, str]) -> tuple[dict[Path, ImageHeader], list[str]]:
    """Read what is needed of all DICOM images among the files.

    Parameters
    ----------
    names : mapping of pathlib.Path to str
        Files with the names that a person knows them by.

    Returns
    -------
    headers : dict of pathlib.Path to ImageHeader
        The images, in the given order.
    others : list of str
        Names of the files that are no DICOM images (reports, directories, notes).

    Raises
    ------
    InputError
        Names all files that are cut off; also if there are no images at all, and if pydicom is
        not installed.
    """
    headers, others, broken = {}, [], []
    for path, name in names.items():
        if found := file_problem(path):
            broken.append(f"{name} ({found})")
            continue
        if not _looks_like_dicom(path):
            empty = path.stat().st_size == 0 and _may_be_dicom(name)
            (broken if empty else others).append(f"{name} (empty)" if empty else name)
            continue
        try:
            header = _read_header(path, name)
        except _CutOffError as err:
            broken.append(f"{name} ({err})")
            continue
        except (ValueError, TypeError, AttributeError, LookupError, OverflowError) as err:
            broken.append(f"{name} (unreadable: {err})")
            continue
        if header is None:
            others.append(name)
        else:
            headers[path] = header
    if broken:
        more = f" and {len(broken) - 5} more" if len(broken) > 5 else ""
        raise _error("whole DICOM files", f"cut off: {', '.join(broken[:5])}{more}",
                     "copy or export them again")  # fmt: skip
    if not headers:
        found = f"{len(others)} files that are none" if others else "no files"
        raise _error("DICOM images", found, "give the archive or folder with the DICOM files")
    return headers, others


def same_pixels(one: Path, two: Path) -> bool:
    """Tell whether two DICOM files hold the same pixels."""
    return _read_dataset(one).get("PixelData") == _read_dataset(two).get("PixelData")


class _CutOffError(Exception):
    """The file ends before its content does."""


def _looks_like_dicom(path: Path) -> bool:
    with path.open("rb") as stream:
        start = stream.read(132)
    return start[128:] == b"DICM" or start[:2] == _IMPLICIT


def _may_be_dicom(name: str) -> bool:
    """Tell whether an empty file would have been an image by its name."""
    ending = os.path.splitext(name)[1].lower()
    return ending in _DICOM_ENDINGS or not ending[1:].isalpha()


def _read_header(path: Path, name: str) -> ImageHeader | None:
    """Read one file; None where it is DICOM and no image."""
    dataset = _read_dataset(path)
    if "Rows" not in dataset or "SOPInstanceUID" not in dataset:
        kind = getattr(dataset, "file_meta", {}).get("MediaStorageSOPClassUID")
        kind = kind or dataset.get("SOPClassUID")
        if kind is None or "Image Storage" in kind.name:
            raise _CutOffError("ends within its header")
        return None
    _check_pixels(dataset)
    patient = f"{dataset.get('PatientID', '')} {dataset.get('PatientName', '')}"
    is_mosaic = "MOSAIC" in (dataset.get("ImageType") or ())
    return ImageHeader(
        file=name,
        series_uid=str(dataset.get("SeriesInstanceUID", "")),
        image_uid=str(dataset.SOPInstanceUID),
        patient=patient.strip(),
        study=f"{dataset.get('StudyDate', '')}T{dataset.get('StudyTime', '')}",
        series_number=_whole(dataset.get("SeriesNumber")),
        description=str(dataset.get("SeriesDescription") or dataset.get("ProtocolName") or ""),
        instance=_whole(dataset.get("InstanceNumber")),
        tr=_repetition_time(dataset),
        is_3d=dataset.get("MRAcquisitionType") == "3D",
        n_temporal=_whole(dataset.get("NumberOfTemporalPositions")),
        mosaic=is_mosaic,
        places=() if is_mosaic else tuple(_places(dataset)),
    )


def _read_dataset(path: Path) -> Any:
    with _quiet_pydicom() as pydicom:
        try:
            return pydicom.dcmread(path, force=True, specific_tags=_READ)
        except Exception as err:  # whatever a damaged file makes pydicom stumble on
            raise _CutOffError(f"unreadable: {err or type(err).__name__}") from None


def _check_pixels(dataset: Any) -> None:
    """See that all pixels are there."""
    pixels = dataset.get("PixelData")
    if pixels is None:
        raise _CutOffError("no pixels")
    syntax = getattr(getattr(dataset, "file_meta", None), "TransferSyntaxUID", None)
    if syntax is not None and syntax.is_compressed and not syntax.is_deflated:
        if _SEQUENCE_END not in pixels[-16:] and not dataset["PixelData"].is_undefined_length:
            raise _CutOffError("compressed pixels without their end")
        return
    frames = _whole(dataset.get("NumberOfFrames")) or 1
    shape = (frames, dataset.Rows, dataset.Columns, dataset.get("SamplesPerPixel", 1))
    expected = dataset.get("BitsAllocated", 16) // 8
    for size in shape:
        expected *= int(size)
    if len(pixels) < expected:
        raise _CutOffError(f"{len(pixels)} of {expected} bytes of pixels")


def _frames(dataset: Any) -> Iterator[list[Any]]:
    """For each frame the datasets that describe it, the most particular first."""
    shared = list(dataset.get("SharedFunctionalGroupsSequence") or [])
    for frame in dataset.get("PerFrameFunctionalGroupsSequence") or [dataset]:
        yield [frame, *shared]


def _macro(groups: list[Any], sequence: str, field: str) -> Any:
    """Find a field in the functional groups of a frame of an enhanced image."""
    for group in groups:
        for item in group.get(sequence) or []:
            if field in item:
                return item[field].value
    return None


def _places(dataset: Any) -> Iterator[tuple[tuple[float, ...], tuple[float, ...]]]:
    for groups in _frames(dataset):
        orientation = groups[0].get("ImageOrientationPatient") or _macro(
            groups, "PlaneOrientationSequence", "ImageOrientationPatient"
        )
        position = groups[0].get("ImagePositionPatient") or _macro(
            groups, "PlanePositionSequence", "ImagePositionPatient"
        )
        if orientation and position:
            yield tuple(map(float, orientation)), tuple(map(float, position))


def _repetition_time(dataset: Any) -> float | None:
    """Repetition time in s: of the classic header, or of the timing group of enhanced images."""
    value = dataset.get("RepetitionTime")
    if value in (None, ""):
        value = _macro(
            next(_frames(dataset)), "MRTimingAndRelatedParametersSequence", "RepetitionTime"
        )
    return None if value in (None, "") else float(value) / 1000


def _whole(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError):
        return None


@contextmanager
def _quiet_pydicom() -> Iterator[Any]:
    """Import pydicom and keep its complaints about odd values to itself."""
    try:
        import pydicom
    except ImportError:
        raise InputError(
            "pydicom",
            expected="the package pydicom, which reads DICOM headers",
            found="it is not installed",
            hint="pip install 'fmriprod[dicom]'",
        ) from None
    logger = logging.getLogger("pydicom")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield pydicom
    finally:
        logger.setLevel(level)


def _error(expected: str, found: str, hint: str) -> InputError:
    return InputError("DICOM files", expected=expected, found=found, hint=hint)
