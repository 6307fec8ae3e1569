"""Which file of fMRIPrep's derivatives is what."""

import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from fmriprod.algorithms.bids_names import BidsName, parse_name
from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.bids_listing import is_broken

NATIVE = "native"
_IMAGES = (".nii.gz", ".nii")
_NATIVE_SPACES = (None, "boldref", "func")
_CONFOUNDS = ("timeseries", "regressors")  # since 20.2, and before
_SUFFIXES = {"bold", "mask", "boldref", "dseg", "T1w", "xfm", *_CONFOUNDS}
_ABOUT_SPACE = ("space", "cohort", "res", "desc", "label", "from", "to", "mode")
_COMBINED = ("echo", "part")  # of the raw series that one preprocessed series is made from
_FOLDERS = ("anat", "func")
_Files = list[tuple[str, BidsName, str]]


@dataclass(frozen=True)
class SpaceFiles:
    """Files of one run in one space; absolute paths."""

    bold_file: str
    mask_file: str | None = None
    boldref_file: str | None = None
    json_file: str | None = None


@dataclass(frozen=True)
class RunFiles:
    """What there is for one run.

    Parameters
    ----------
    spaces : dict of str to SpaceFiles
        By name: ``native``, ``T1w``, ``MNI152NLin2009cAsym:res-2``,
        ``MNIPediatricAsym:cohort-1:res-2`` ...
    confounds_file, confounds_json : str or None
        Table of confounds, and what its columns are.
    transforms : dict of (str, str) to str
        By where from and where to: ``("boldref", "T1w")`` (``("scanner", "T1w")`` before 23).
    """

    spaces: dict[str, SpaceFiles] = field(default_factory=dict)
    confounds_file: str | None = None
    confounds_json: str | None = None
    transforms: dict[tuple[str, str], str] = field(default_factory=dict)

    @property
    def boldref_to_t1w(self) -> str | None:
        """Transform from the run's reference to the T1-weighted image, under any of its names."""
        names = [("boldref", "T1w"), ("scanner", "T1w")]
        return next((self.transforms[name] for name in names if name in self.transforms), None)


@dataclass(frozen=True)
class AnatFiles:
    """Anatomical files of a participant by space, and transforms; absolute paths."""

    t1w_file: str | None = None
    mask_file: str | None = None
    dseg_file: str | None = None
    transforms: dict[tuple[str, str], str] = field(default_factory=dict)


def run_entities(name: BidsName) -> tuple[tuple[str, str], ...]:
    """Entities that tell preprocessed runs of a participant apart; 1 and 01 are the same run."""
    others = ("sub", *_ABOUT_SPACE, *_COMBINED)
    pairs = [(k, v) for k, v in name.entities if k not in others]
    return tuple((k, str(int(v)) if k == "run" and v.isdecimal() else v) for k, v in pairs)


def participant_files(
    home: str, subject: str, broken: list[str]
) -> Iterator[tuple[str, BidsName, str]]:
    """Go through the files of a participant that have a use here: folder, name, path."""
    places = [home, *_folders(home, "ses-")]
    for place in places:
        for datatype in _FOLDERS:
            folder = os.path.join(place, datatype)
            if not os.path.isdir(folder):
                continue
            for entry in sorted(os.scandir(folder), key=lambda e: e.name):
                suffix, _, extension = entry.name.rpartition("_")[2].partition(".")
                if suffix not in _SUFFIXES or extension.endswith(("dtseries.nii", "gii")):
                    continue
                try:
                    name = parse_name(entry.name, any_order=True)
                except InputError:
                    continue  # no file of fMRIPrep
                other = name.get("echo") or name.get("part") not in (None, "mag")  # phase images
                if name.get("sub") == subject and not other:
                    if is_broken(entry):
                        broken.append(entry.path)
                    yield datatype, name, entry.path


def _folders(home: str, prefix: str) -> list[str]:
    return sorted(e.path for e in os.scandir(home) if e.name.startswith(prefix) and e.is_dir())


def _space(name: BidsName) -> str:
    space = name.get("space")
    if space in _NATIVE_SPACES:
        return NATIVE
    return ":".join([str(space), *(f"{k}-{name.get(k)}" for k in ("cohort", "res") if name.get(k))])


def runs_of(files: _Files) -> dict[tuple, RunFiles]:
    """Sort the functional files of a participant by run and by what they are."""
    found: dict[tuple, dict[str, Any]] = defaultdict(lambda: defaultdict(dict))
    for datatype, name, path in files:
        if datatype != "func":
            continue
        own, kind, desc = found[run_entities(name)], name.suffix, name.get("desc")
        image = name.extension in _IMAGES
        if kind == "bold" and desc == "preproc":
            own[_space(name)]["bold_file" if image else "json_file"] = path
        elif kind == "mask" and desc == "brain" and image:
            own[_space(name)]["mask_file"] = path
        elif kind == "boldref" and image and desc in (None, "coreg"):
            own[_space(name)]["boldref_file"] = path
        elif kind in _CONFOUNDS and desc == "confounds":
            own["confounds"][name.extension] = path
        elif kind == "xfm" and name.extension != ".json":
            own["transforms"][str(name.get("from")), str(name.get("to"))] = path
    return {key: _run_files(own) for key, own in sorted(found.items()) if key}


def _run_files(own: dict[str, Any]) -> RunFiles:
    tables, transforms = own.pop("confounds", {}), own.pop("transforms", {})
    spaces = {name: SpaceFiles(**files) for name, files in own.items() if "bold_file" in files}
    ordered = dict(sorted(spaces.items(), key=lambda item: (item[0] != NATIVE, item[0])))
    return RunFiles(ordered, tables.get(".tsv"), tables.get(".json"), dict(transforms))


def anat_of(files: _Files) -> AnatFiles:
    """Anatomical files in the participant's own space; those of the first session."""
    own: dict[str, str] = {}
    transforms: dict[tuple[str, str], str] = {}
    kinds = {("T1w", "preproc"): "t1w_file", ("mask", "brain"): "mask_file",
             ("dseg", None): "dseg_file"}  # fmt: skip
    for datatype, name, path in files:
        if datatype != "anat":
            continue
        kind = kinds.get((name.suffix, name.get("desc")))
        if kind and name.extension in _IMAGES and not name.get("space"):
            own.setdefault(kind, path)
        elif name.suffix == "xfm" and name.extension != ".json":
            transforms.setdefault((str(name.get("from")), str(name.get("to"))), path)
    return AnatFiles(**own, transforms=transforms)
