"""Put converted images into a raw BIDS dataset, and overwrite nothing that differs."""

import json
from pathlib import Path

from nipype.interfaces.base import (
    Directory,
    File,
    InputMultiObject,
    OutputMultiObject,
    TraitedSpec,
    traits,
)

from fmriprod.algorithms.bids_names import parse_name
from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.run_order import FOLDERS
from fmriprod.interfaces.atomic_files import same_content, save_file
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.study_folder import source_folder, write_dataset


class _SaveRawImagesInputSpec(PythonInputSpec):
    in_files = InputMultiObject(
        File(exists=True), mandatory=True, desc="images with BIDS names, of one participant"
    )
    sidecar_files = InputMultiObject(
        File(exists=True), desc="their sidecars, of the same names but for the ending"
    )
    report_file = File(exists=True, desc="what the conversion did (JSON), kept in sourcedata/")
    bids_directory = Directory(
        mandatory=True, desc="root of the raw dataset; made and described if it is not there"
    )
    force = traits.Bool(
        False, usedefault=True, desc="overwrite images and sidecars that are there and differ"
    )


class _SaveRawImagesOutputSpec(TraitedSpec):
    out_files = OutputMultiObject(File(exists=True), desc="all files where they are now")
    written_files = traits.List(File(exists=True), desc="those that were not there so")


class SaveRawImages(PythonInterface):
    """Copy images, sidecars and the report of a conversion to their places in a raw dataset.

    Files with the same content are left alone. If one differs, nothing at all is written, unless
    ``force`` is on. A dataset without description, README or row of the participant gets them.
    """

    input_spec = _SaveRawImagesInputSpec
    output_spec = _SaveRawImagesOutputSpec
    _always_run = True  # the dataset may have lost a file since

    def _process(self) -> None:
        root = Path(self.inputs.bids_directory).absolute()
        files = [*self.inputs.in_files, *(self.inputs.sidecar_files or [])]
        names = [parse_name(Path(file).name) for file in files]
        places = {(name.get("sub"), name.get("ses")) for name in names}
        if len(places) > 1:
            raise InputError(
                "in_files",
                expected="images of one participant and session",
                found=", ".join(sorted("_".join(filter(None, place)) for place in places)),
                hint="save each by itself",
            )
        [(participant, session)] = places
        person = root / f"sub-{participant}"
        person = person / f"ses-{session}" if session else person
        targets = [
            (Path(file), person / FOLDERS[name.suffix] / str(name))
            for file, name in zip(files, names, strict=True)
        ]
        if not self.inputs.force:
            _check_same(targets, root)
        if self.inputs.report_file:
            report = source_folder(root, participant, session) / "conversion.json"
            targets.append((Path(self.inputs.report_file), report))
        write_dataset(root, [participant])
        written = [str(target) for file, target in targets if save_file(file, target)]
        self.result("out_files", [str(target) for _, target in targets])
        self.result("written_files", written)


def _check_same(targets: list[tuple[Path, Path]], root: Path) -> None:
    different = [
        target.relative_to(root).as_posix()
        for file, target in targets
        if target.exists() and not same_content(file, target)
    ]
    if different:
        raise InputError(
            "bids_directory",
            expected="no file that differs from what was converted",
            found="\n            ".join(different),
            hint="they may have been edited: move them away, or overwrite them with --force "
            "(force=True)",
            file=str(root),
        )


def read_report(folder: str | Path, participant: str, session: str | None = None) -> dict:
    """Read what the last conversion of a participant did."""
    file = source_folder(folder, participant, session) / "conversion.json"
    return json.loads(file.read_text(encoding="utf-8"))
