"""Turn the DICOM files of a scanning session into images with BIDS names."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from nipype.interfaces.base import (
    Directory,
    File,
    OutputMultiObject,
    TraitedSpec,
    isdefined,
    traits,
)

from fmriprod.algorithms.bids_names import build_name, parse_name
from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.dicom_series import DicomSeries
from fmriprod.algorithms.run_order import RunLine, parse_run_order
from fmriprod.interfaces.atomic_files import compress_file
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.dcm2niix import (
    find_program,
    program_version,
    pydicom_version,
    require_program,
)
from fmriprod.interfaces.dicom_series import Converted, choose_series, convert_series
from fmriprod.interfaces.dicom_session import Session, folder_digest, open_session, raise_together
from fmriprod.interfaces.supplied import read_text


class _DicomConvertInputSpec(PythonInputSpec):
    in_file = File(
        exists=True,
        mandatory=True,
        xor=["in_directory"],
        desc="archive of a session's DICOM files: .tar.gz, .tgz, .tar or .zip",
    )
    in_directory = Directory(
        exists=True,
        mandatory=True,
        xor=["in_file"],
        desc="folder of a session's DICOM files, at any depth, under any names; its files are "
        "part of the cache key",
    )
    run_order_file = File(
        exists=True,
        mandatory=True,
        desc="text with a line `name [expected volumes [BIDS name]]` for each series in the order "
        "of scanning; SKIP or ERROR_RUN is not converted",
    )
    participant = traits.Str(mandatory=True, desc="label without sub-")
    session = traits.Str(desc="label without ses-, where the dataset has sessions")
    tr_from = traits.Enum(
        "agreement",
        "dicom",
        usedefault=True,
        desc="repetition time of series of several volumes: refuse what header and converter "
        "disagree on by more than 1 ms, or take that of the DICOM header",
    )
    tr = traits.Range(
        low=0.0, exclude_low=True, desc="repetition time of all series of several volumes, in s"
    )
    duplicates = traits.Enum(
        "drop", "error", usedefault=True, desc="files with the same image: left out, or refused"
    )
    max_gb = traits.Range(
        value=100.0, low=0.0, exclude_low=True, usedefault=True,
        desc="size of an archive's files together that is refused, in GB",
    )  # fmt: skip

    def _get_sorteddict(
        self, objekt: Any, dictwithhash: bool = False, *args: Any, **kw: Any
    ) -> Any:
        """Replace the folder by a digest of its files, so that a changed one is another input."""
        if isinstance(objekt, str) and objekt == self.in_directory and os.path.isdir(objekt):
            digest = folder_digest(objekt)
            return (objekt, digest) if dictwithhash else digest
        return super()._get_sorteddict(objekt, dictwithhash, *args, **kw)


class _DicomConvertOutputSpec(TraitedSpec):
    out_files = OutputMultiObject(
        File(exists=True), desc="images with BIDS names (NIfTI), in the order of scanning"
    )
    sidecar_files = OutputMultiObject(File(exists=True), desc="their sidecars (JSON)")
    report_file = File(
        exists=True,
        desc="what became of each series, its repetition times, duplicates, files that are no "
        "images, remarks of the converter and versions (JSON)",
    )
    n_duplicates = traits.Int(desc="files left out because another holds the same image")


class DicomConvert(PythonInterface):
    """Convert a session with dcm2niix, checked against a run order.

    Before anything is converted, number and length of the series are compared with the run
    order, and files that are cut off, and slices or volumes that are missing, are refused. After
    it, the repetition time is compared with that of the DICOM headers. The same images give the
    same bytes, in whatever archive or order they come.

    Examples
    --------
    >>> convert = DicomConvert(participant="01", tr_from="dicom")
    >>> convert.inputs.duplicates
    'drop'
    """

    input_spec = _DicomConvertInputSpec
    output_spec = _DicomConvertOutputSpec

    @classmethod
    def algorithm_version(cls) -> str:
        """Tell the versions of this step, of dcm2niix and of pydicom."""
        programs = f"dcm2niix={program_version(find_program())};pydicom={pydicom_version()}"
        return f"{super().algorithm_version()};{programs}"

    def _process(self) -> None:
        require_program()
        source = self.inputs.in_directory
        source = source if isdefined(source) else self.inputs.in_file
        lines = read_run_order(self.inputs.run_order_file)
        for line in lines:
            if line.stem is not None:
                self._name(line)  # a label that is not allowed is told before the long part
        with TemporaryDirectory(prefix=".dicoms-", dir=self._folder) as name:
            folder = Path(name)
            (folder / "files").mkdir()
            try:
                session = open_session(
                    source, folder / "files",
                    duplicates=self.inputs.duplicates, max_gb=self.inputs.max_gb,
                )  # fmt: skip
            except InputError as err:
                err.file = err.file or f"{source}: {err.subject}"
                raise
            chosen = choose_series(lines, session)
            self._check_times({series.tr for _, series in chosen if series.n_volumes > 1})
            self._convert(lines, chosen, session, folder)
        self.result("n_duplicates", len(session.duplicates))

    def _check_times(self, times: set[float | None]) -> None:
        known = sorted(time for time in times if time)
        if isdefined(self.inputs.tr) and known and known[-1] - known[0] > 1e-3:
            raise InputError(
                "tr",
                expected="series of one repetition time, if it is given for all",
                found=f"{known[0]:.6g} s and {known[-1]:.6g} s in the DICOM headers",
                hint="convert them in two calls with SKIP in the lines of the others",
            )

    def _convert(
        self,
        lines: tuple[RunLine, ...],
        chosen: list[tuple[RunLine, DicomSeries]],
        session: Session,
        folder: Path,
    ) -> None:
        converted, errors = [], []
        tr = self.inputs.tr if isdefined(self.inputs.tr) else None
        for line, series in chosen:
            work = folder / f"line-{line.number}"
            try:
                image = convert_series(series, session, work, tr=tr, tr_from=self.inputs.tr_from)
            except InputError as err:
                about = f"line {line.number} ({err.subject})"
                err.subject = f"series {series.first.series_number}, {about}"
                errors.append(err)
                continue
            converted.append((self._name(line), image))
        raise_together(errors)
        by_line = {line.number: entry for (line, _), entry in zip(chosen, converted, strict=True)}
        self._results["out_files"], self._results["sidecar_files"] = [], []
        for name, image in converted:
            self._save(name, image)
        report = {
            "converter": {"name": "dcm2niix", "version": program_version(find_program())},
            "pydicom": pydicom_version(),
            "participant": self.inputs.participant,
            "series": [
                _report(line, series, by_line.get(line.number))
                for line, series in zip(lines, session.series, strict=True)
            ],
            "duplicates": session.duplicates,
            "no_images": session.others,
        }
        if isdefined(self.inputs.session):
            report["session"] = self.inputs.session
        self.save_json("report_file", "conversion.json", report)

    def _name(self, line: RunLine) -> str:
        """Name of the image of a line."""
        entities = {"sub": self.inputs.participant}
        if isdefined(self.inputs.session):
            entities["ses"] = self.inputs.session
        stem = parse_name(f"{line.stem}.nii.gz")
        return str(build_name({**entities, **dict(stem.entities)}, stem.suffix, ".nii.gz"))

    def _save(self, name: str, image: Converted) -> None:
        """Write image and sidecar, and add them to the lists of outputs."""
        lists = {key: self._results[key] for key in ("out_files", "sidecar_files")}
        sidecar = dict(image.sidecar)
        if task := parse_name(name).get("task"):
            sidecar["TaskName"] = task
        with self.writing("out_files", name) as path:
            compress_file(image.file, path)
        self.save_json("sidecar_files", name.replace(".nii.gz", ".json"), sidecar)
        for key, files in lists.items():
            self._results[key] = [*files, self._results[key]]


def read_run_order(path: str | Path) -> tuple[RunLine, ...]:
    """Read a run order from its file.

    Raises
    ------
    InputError
        If it is no file of text in UTF-8, and as `parse_run_order` does.
    """
    try:
        return parse_run_order(read_text(path, "run_order", "a text with a line for each series"))
    except InputError as err:
        err.file = err.file or str(path)
        raise


def _report(
    line: RunLine, series: DicomSeries, entry: tuple[str, Converted] | None
) -> dict[str, Any]:
    """Say of one series what it is and what became of it."""
    about = {
        "line": line.number,
        "run_order": line.text,
        "number": series.first.series_number,
        "description": series.first.description,
        "n_files": len(series.images),
        "n_volumes": series.n_volumes,
        "converted": None,
    }
    if entry is None:
        return about
    name, image = entry
    about |= {"converted": name, "remarks": image.remarks}
    if time := image.time:
        about["repetition_time"] = {
            "header": time.header, "converter": time.converter, "used": time.used,
            "from": time.source,
        }  # fmt: skip
    return about
