"""All DICOM images of one scanning session, from an archive or a folder, by series."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.dicom_series import (
    DicomSeries,
    ImageHeader,
    drop_duplicates,
    group_series,
)
from fmriprod.algorithms.run_order import FoundSeries
from fmriprod.interfaces.archives import extract_archive
from fmriprod.interfaces.atomic_files import same_bytes
from fmriprod.interfaces.dicom_headers import find_files, read_headers, same_pixels
from fmriprod.interfaces.digests import file_digest


@dataclass(frozen=True)
class Session:
    """What was found.

    Parameters
    ----------
    series : list of DicomSeries
        In the order of scanning, without duplicates.
    paths : dict of str to pathlib.Path
        File of each image by its SOPInstanceUID.
    duplicates : list of str
        Names of files that were left out because another file has the same image.
    others : list of str
        Names of files that are no DICOM images.
    """

    series: list[DicomSeries]
    paths: dict[str, Path]
    duplicates: list[str]
    others: list[str]

    def found(self) -> list[FoundSeries]:
        """Tell what a run order is matched with."""
        return [
            FoundSeries(s.first.series_number, s.first.description, s.n_volumes)
            for s in self.series
        ]

    def link_series(self, series: DicomSeries, folder: Path) -> None:
        """Put links to the images of a series into a folder.

        Their names are numbers in the order of the images, whatever the order of the archive.
        """
        folder.mkdir(parents=True)
        images = sorted(series.images, key=lambda image: (image.instance or 0, image.image_uid))
        for number, image in enumerate(images):
            (folder / f"{number:07d}.dcm").symlink_to(self.paths[image.image_uid].absolute())


def open_session(
    source: str | Path, folder: str | Path, *, duplicates: str = "drop", max_gb: float = 100.0
) -> Session:
    """Read the headers of a session's DICOM files.

    Parameters
    ----------
    source : path
        Archive, or folder with files at any depth.
    folder : path
        An empty folder, to which an archive is extracted.
    duplicates : {"drop", "error"}
        What to do with files that hold an image that another file holds, too.
    max_gb : float
        Size of an archive's files that is refused, in GB.

    Raises
    ------
    InputError
        As `extract_archive`, `read_headers` and `group_series` do; for duplicates, if they are
        refused, and for two images under one SOPInstanceUID in any case.
    """
    is_folder = Path(source).is_dir()
    names = find_files(source) if is_folder else extract_archive(source, folder, max_gb)
    headers, others = read_headers(names)
    by_name = {header.file: path for path, header in headers.items()}
    kept, dropped = drop_duplicates(headers.values())
    _check_duplicates(dropped, by_name, duplicates)
    paths = {header.image_uid: by_name[header.file] for header in kept}
    return Session(group_series(kept), paths, [image.file for image, _ in dropped], others)


def folder_digest(folder: str | Path) -> str:
    """Tell the MD5 of the names and contents of all files below a folder.

    Examples
    --------
    >>> folder_digest("no such folder")
    'd41d8cd98f00b204e9800998ecf8427e'
    """
    digest = hashlib.md5(usedforsecurity=False)
    for path, name in find_files(folder).items():
        digest.update(f"{file_digest(str(path))} {name}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def raise_together(errors: Iterable[InputError]) -> None:
    """Raise one error that tells of all; nothing happens where there are none."""
    errors = list(errors)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise InputError(
            f"{len(errors)} series",
            expected="; ".join(dict.fromkeys(err.expected for err in errors)),
            found="\n            ".join(f"{err.subject}: {err.found}" for err in errors),
            hint="; ".join(dict.fromkeys(err.hint for err in errors)),
        )


def _check_duplicates(
    dropped: Iterable[tuple[ImageHeader, ImageHeader]],
    paths: Mapping[str, Path],
    duplicates: str,
) -> None:
    for image, other in dropped:
        one, two = paths[image.file], paths[other.file]
        if not same_bytes(one, two) and not same_pixels(one, two):
            raise InputError(
                "DICOM files",
                expected="one image for each SOPInstanceUID",
                found=f"{other.file} and {image.file} have the same and different pixels",
                hint="one of them was changed: find out which, and take the other away",
            )
        if duplicates == "error":
            raise InputError(
                "DICOM files",
                expected="each image once",
                found=f"{image.file} holds the same image as {other.file}",
                hint="take it away, or leave duplicates out with duplicates='drop'",
            )
