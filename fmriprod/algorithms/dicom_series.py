"""Series, volumes and slices of DICOM images, from what their headers say."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from fmriprod.algorithms.checks import InputError

_TOLERANCE = 0.05  # of the usual distance between slices


@dataclass(frozen=True)
class ImageHeader:
    """What is needed of the header of one DICOM file.

    Parameters
    ----------
    file : str
        Name to be shown to a person.
    series_uid, image_uid, patient : str
        SeriesInstanceUID, SOPInstanceUID, and PatientID with PatientName.
    study : str
        StudyDate and StudyTime, as written.
    series_number : int or None
        SeriesNumber.
    description : str
        SeriesDescription, or ProtocolName.
    instance : int or None
        InstanceNumber.
    tr : float or None
        RepetitionTime in seconds.
    is_3d : bool
        Whether slices are encoded by phase (MRAcquisitionType 3D): `tr` is then that of one
        excitation, with some makers.
    n_temporal : int or None
        Volumes that the scanner was asked for (NumberOfTemporalPositions).
    mosaic : bool
        Whether the image holds all slices of a volume (Siemens).
    places : tuple of tuple
        For each frame, its orientation (6 direction cosines) and the position of its first
        voxel (3, mm); one frame in a classic file, none where the header does not tell.
    """

    file: str
    series_uid: str
    image_uid: str
    patient: str
    study: str
    series_number: int | None
    description: str
    instance: int | None
    tr: float | None
    is_3d: bool
    n_temporal: int | None
    mosaic: bool
    places: tuple[tuple[tuple[float, ...], tuple[float, ...]], ...]


@dataclass(frozen=True)
class DicomSeries:
    """The images of one series, in the order of their files."""

    images: tuple[ImageHeader, ...]

    @property
    def first(self) -> ImageHeader:
        """Its first image."""
        return self.images[0]

    @cached_property
    def slices(self) -> dict[tuple[float, ...], list[ImageHeader]]:
        """Images at each place: orientation (6, rounded), and position along its normal in mm."""
        found = defaultdict(list)
        for image in self.images:
            for orientation, position in image.places:
                normal = np.cross(orientation[:3], orientation[3:])
                height = round(float(normal @ position), 2) + 0.0
                found[(*(round(x, 3) + 0.0 for x in orientation), height)].append(image)
        return dict(found)

    @property
    def n_volumes(self) -> int:
        """Volumes: images at the place that has most, or images where each is a volume."""
        if self.first.mosaic or not self.slices:
            return len(self.images)
        return max(len(images) for images in self.slices.values())

    @property
    def tr(self) -> float | None:
        """Repetition time in seconds.

        Raises
        ------
        InputError
            If the headers of the series disagree by more than 0.5 ms.
        """
        times = sorted(image.tr for image in self.images if image.tr is not None)
        if times and times[-1] - times[0] > 5e-4:
            raise self._error(
                "one RepetitionTime in all headers",
                f"from {times[0]:g} to {times[-1]:g} s",
                "export the series again, or give SKIP in its line",
            )
        return times[0] if times else None

    def check_complete(self, expected: int | None = None) -> None:
        """Refuse a series that lacks slices or volumes.

        Parameters
        ----------
        expected : int, optional
            Volumes that a person said it has. Without it, it must have those that the scanner
            was asked for, where the header tells.

        Raises
        ------
        InputError
            For places with fewer images than others, places that lack in an even row, and gaps
            in the numbers of the images.
        """
        planned = max((image.n_temporal or 0 for image in self.images), default=0)
        if expected is None and planned > 1 and planned != self.n_volumes:
            raise self._error(
                f"{planned} volumes, as its headers say",
                f"{self.n_volumes} volumes",
                f"export it again; if it was stopped early, write {self.n_volumes} behind its "
                "name in the run order",
            )
        missing = self._uneven() or self._gaps_in_space() or self._gaps_in_time()
        if missing:
            raise self._error(
                "all slices of all volumes", missing, "export or copy it again: files are missing"
            )

    def _uneven(self) -> str:
        if self.first.mosaic:
            return ""
        fewer = {key[-1]: len(v) for key, v in self.slices.items() if len(v) < self.n_volumes}
        if not fewer:
            return ""
        places = ", ".join(f"{count} at {height:g} mm" for height, count in sorted(fewer.items()))
        return f"{self.n_volumes} images at most places, but {places}"

    def _gaps_in_space(self) -> str:
        """Find a slice that no volume has."""
        by_orientation = defaultdict(list)
        for key in self.slices:
            by_orientation[key[:6]].append(key[-1])
        for heights in by_orientation.values():
            heights.sort()
            steps = np.diff(heights)
            if len(steps) < 2:
                continue
            wide = np.flatnonzero(steps > (1 + _TOLERANCE) * np.median(steps) + 0.02)
            if wide.size:
                at = heights[wide[0]]
                return (
                    f"{steps[wide[0]]:.4g} mm to the slice after {at:g} mm, "
                    f"where others are {np.median(steps):.4g} mm apart"
                )
        return ""

    def _gaps_in_time(self) -> str:
        """Find a volume that no slice has, by the numbers of the images at each place."""
        groups = [list(self.images)] if self.first.mosaic else list(self.slices.values())
        for images in groups:
            numbers = sorted(image.instance for image in images if image.instance is not None)
            steps = np.diff(numbers)
            if len(images) != len(numbers) or len(steps) < 2 or not steps.all():
                continue
            wide = np.flatnonzero(steps > np.median(steps))
            if wide.size:
                after = numbers[wide[0]]
                return f"no image between numbers {after} and {numbers[wide[0] + 1]} at one place"
        return ""

    def _error(self, expected: str, found: str, hint: str) -> InputError:
        name = f"series {self.first.series_number} {self.first.description!r}"
        return InputError(name, expected=expected, found=found, hint=hint)


def drop_duplicates(
    images: Iterable[ImageHeader],
) -> tuple[list[ImageHeader], list[tuple[ImageHeader, ImageHeader]]]:
    """Keep the first image of each SOPInstanceUID.

    Returns
    -------
    kept : list of ImageHeader
        In the given order.
    dropped : list of (ImageHeader, ImageHeader)
        Each image that was dropped, with the one that was kept instead.
    """
    kept: dict[str, ImageHeader] = {}
    dropped = []
    for image in images:
        other = kept.setdefault(image.image_uid, image)
        if other is not image:
            dropped.append((image, other))
    return list(kept.values()), dropped


def group_series(images: Sequence[ImageHeader]) -> list[DicomSeries]:
    """Sort images into series, in the order of scanning: study, then number of the series.

    Raises
    ------
    InputError
        If there are images of several people.
    """
    people = defaultdict(list)
    series = defaultdict(list)
    for image in images:
        people[image.patient].append(image.file)
        series[image.series_uid].append(image)
    if len(people) > 1:
        files = ", ".join(sorted(min(files) for files in people.values())[:3])
        raise InputError(
            "DICOM files",
            expected="images of one person",
            found=f"{len(people)} different PatientID or PatientName, such as in {files}",
            hint="convert each person's images by themselves",
        )
    groups = [DicomSeries(tuple(group)) for group in series.values()]

    def rank(group: DicomSeries) -> tuple[Any, ...]:
        number = group.first.series_number
        return (group.first.study, number is None, number or 0, group.first.series_uid)

    return sorted(groups, key=rank)
