"""What every Python interface of this package shares: running, writing and failing."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from copy import deepcopy
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as library_version
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

from nipype import config
from nipype.interfaces.base import BaseInterface, BaseInterfaceInputSpec, File, isdefined, traits
from threadpoolctl import threadpool_limits
from traits.api import TraitError, Undefined

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.cache_key import is_told, named_inputs, paths_in
from fmriprod.interfaces.digests import file_digest
from fmriprod.interfaces.disk_full import disk_full
from fmriprod.interfaces.program_versions import with_programs
from fmriprod.interfaces.references import References


class PythonInputSpec(BaseInterfaceInputSpec):
    """Inputs that all interfaces of this package have."""

    num_threads = traits.Range(
        low=1,
        value=1,
        usedefault=True,
        nohash=True,
        desc="threads that the numerics may use; does not change the result or the cache key",
    )
    algorithm_version = traits.Str(
        desc="version of the code behind this step, set by the interface itself, so that "
        "a changed algorithm is not answered from the cache",
    )

    def get_hashval(self, hash_method: str | None = None) -> tuple[list, str]:
        """Count names and places of files as inputs where they make results (`named_inputs`)."""
        listed, value = super().get_hashval(hash_method)
        told = named_inputs(self)
        if told:
            value = hashlib.md5(f"{value} {told}".encode(), usedforsecurity=False).hexdigest()
        return [*listed, *told], value

    def _engine_changed(self, engine: Any) -> None:
        """Let the version name the program that is the engine: a new one is run again."""
        if isdefined(self.algorithm_version):
            self.algorithm_version = with_programs(self.algorithm_version, engine)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        """Copy all values, also names of files that were lost since they were set.

        Traits leaves out of a copy, without a word, what does not pass its checks any more: a step
        would run as if an optional file had not been given.
        """
        copied = super().__deepcopy__(memo)
        for name in self.copyable_trait_names():
            value = vars(self).get(name, Undefined)
            if isdefined(value) and not isdefined(vars(copied).get(name, Undefined)):
                plain = list(value) if isinstance(value, list) else value
                vars(copied)[name] = deepcopy(plain, memo)
        return copied

    def __setstate__(self, state: dict[str, Any], trait_change_notify: bool = True) -> None:
        """Take all values, also names of lost files: else no process could take the step over."""
        try:
            super().__setstate__(state, trait_change_notify)
        except TraitError:
            for name, value in state.items():
                try:
                    self.trait_setq(**{name: value})
                except TraitError:
                    vars(self)[name] = value

    def _get_sorteddict(
        self,
        objekt: Any,
        dictwithhash: bool = False,
        hash_method: str | None = None,
        hash_files: bool = True,
    ) -> Any:
        """Replace files by digests as Nipype does, but read each once; tell numbers exactly."""
        if hash_files and isinstance(objekt, str) and os.path.isfile(objekt):
            method = hash_method or config.get("execution", "hash_method")
            if method.lower() == "content":
                digest = file_digest(objekt)
                return (objekt, digest) if dictwithhash else digest
        if isinstance(objekt, float) and not is_told(objekt):
            return float.__repr__(objekt)
        return super()._get_sorteddict(objekt, dictwithhash, hash_method, hash_files)


class ImageWriterInputSpec(PythonInputSpec):
    """Inputs of interfaces that write large images."""

    compress = traits.Bool(
        True,
        usedefault=True,
        desc="write images as .nii.gz; if not, as .nii: about twice as large, and many times as "
        "fast to write and to read, for files that only the next steps read",
    )


class PythonInterface(BaseInterface):
    """Base of the interfaces of this package.

    A subclass sets ``_algorithm_version`` (raised by one whenever its numbers change),
    lists in ``_libraries`` the distributions whose code makes its numbers, and writes its
    outputs in ``_process`` with the ``save_*`` helpers: each writes to a temporary file in
    the run's folder, renames it, and registers the absolute path as an output.

    Inputs are files, numbers, strings and short lists, never arrays or tables, because
    Nipype does not hash those wholly.
    """

    input_spec = PythonInputSpec
    _references = References()
    _algorithm_version: ClassVar[str] = "1"
    _libraries: ClassVar[tuple[str, ...]] = ()
    _computes: ClassVar[bool] = True  # savers do not: to limit threads takes longer than they do

    def __init__(self, **inputs: Any) -> None:
        inputs.pop("algorithm_version", None)
        super().__init__(**inputs)
        self.note_version()
        self._results: dict[str, Any] = {}
        self._folder = Path.cwd()
        self._writing = ""  # the file that is being written

    @classmethod
    def algorithm_version(cls) -> str:
        """Tell the version of the step's code and of the libraries that make its numbers."""
        told = [f"{cls.__name__}={cls._algorithm_version}"]
        for name in cls._libraries:
            with suppress(PackageNotFoundError):  # one that is not there makes none
                told.append(f"{name}={library_version(name)}")
        return ";".join(told)

    def note_version(self) -> None:
        """Set the input that tells the versions of code, libraries and program of the step."""
        engine = getattr(self.inputs, "engine", None)
        self.inputs.algorithm_version = with_programs(self.algorithm_version(), engine)

    @property
    def version(self) -> str:
        """Version of the algorithm (Nipype shows it in provenance)."""
        return self._algorithm_version

    def _run_interface(self, runtime: Any) -> Any:
        self._results, self._writing = {}, ""
        self._folder = Path(runtime.cwd).absolute()
        try:
            self._check_files()
            limit = threadpool_limits if self._computes else nullcontext
            with limit(self.inputs.num_threads):
                self._process()
        except InputError as err:
            raise self._located(err) from None
        except Exception as err:  # libraries raise anything where a disk is full
            if (full := disk_full(err, self._folder, self._writing)) is not None:
                raise self._located(full) from None
            raise
        return runtime

    def _check_files(self) -> None:
        """Refuse to run when an input file is lost since it was given."""
        for name, value in self.inputs.get().items():
            trait = self.inputs.trait(name)
            kinds = [trait.trait_type, *(inner.trait_type for inner in trait.inner_traits or ())]
            if not isdefined(value) or not any(getattr(kind, "exists", False) for kind in kinds):
                continue
            for path in sorted(paths_in(value)):
                if not path.exists():
                    raise InputError(
                        name, expected="the file that was there when the run began",
                        found=f"{path}: "
                        + ("a link to nowhere" if path.is_symlink() else "nothing there"),
                        hint="put it back and give the same command again: it continues",
                        file=str(path),
                    )  # fmt: skip

    def _process(self) -> None:
        raise NotImplementedError(f"{type(self).__name__} has no _process")

    def _list_outputs(self) -> dict[str, Any]:
        return self._results

    def _located(self, err: InputError) -> InputError:
        """Add this interface's name, and the file of the input that the error speaks of."""
        err.interface = err.interface or type(self).__name__
        names = (err.subject, f"{err.subject}_file", f"in_{err.subject}", f"{err.subject}_files")
        for name in names:
            trait = self.inputs.trait(name)
            value = getattr(self.inputs, name, None)
            is_file = trait is not None and isinstance(trait.trait_type, File)
            if err.file is None and is_file and isdefined(value):
                err.file = str(value)
        return err

    @contextmanager
    def writing(self, field: str, name: str) -> Iterator[Path]:
        """Give a temporary path in the run's folder; on success it becomes output ``field``.

        Parameters
        ----------
        field : str
            Name of the output.
        name : str
            File name. The temporary name ends in it, so that writers that go by the
            extension work.
        """
        final = self._folder / name
        if final.exists():
            self._spare_inputs(final)
        temporary = final.with_name(f".writing-{os.getpid()}-{name}")
        self._writing = name
        try:
            yield temporary
            temporary.replace(final)
        finally:
            temporary.unlink(missing_ok=True)
        self._writing = ""
        self._results[field] = str(final)

    def _spare_inputs(self, final: Path) -> None:
        """Refuse to write over a file that is an input.

        Raises
        ------
        InputError
            If the output has the place of an input.
        """
        for name, value in self.inputs.get().items():
            is_text = isinstance(self.inputs.trait(name).trait_type, traits.Str)  # as out_name
            if not is_text and final in paths_in(value):
                raise InputError(
                    name, expected="an input outside the folder where results are written",
                    found=f"{final}, which is the place of a result",
                    hint="run it in another folder (cwd), or give the input another name",
                )  # fmt: skip

    def save_image(self, field: str, name: str, data: Any, like: Any, **header: Any) -> None:
        """Write an array as NIfTI on the grid of the image ``like``; see `images.save_image`.

        Where the interface has an input ``compress`` and it is off, ``.gz`` is left out.
        """
        from fmriprod.interfaces.images import save_image

        name = name if getattr(self.inputs, "compress", True) else name.removesuffix(".gz")
        with self.writing(field, name) as path:
            save_image(path, data, like, **header)

    def save_table(self, field: str, name: str, table: Any) -> None:
        """Write a DataFrame as TSV, missing values as ``n/a`` (the BIDS form)."""
        with self.writing(field, name) as path:
            table.to_csv(path, sep="\t", index=False, na_rep="n/a", lineterminator="\n")

    def save_array(self, field: str, name: str, array: Any) -> None:
        """Write an array as ``.npy`` (no pickles)."""
        import numpy as np

        with self.writing(field, name) as path, path.open("wb") as stream:
            # Into a file proper, NumPy writes in a way that does not say why it cannot.
            np.save(SimpleNamespace(write=stream.write), array, allow_pickle=False)

    def save_json(self, field: str, name: str, content: dict) -> None:
        """Write a dictionary as JSON with sorted keys; NaN and infinity are refused."""
        text = json.dumps(content, indent=2, sort_keys=True, allow_nan=False) + "\n"
        self.save_text(field, name, text)

    def save_text(self, field: str, name: str, text: str) -> None:
        """Write a text file in UTF-8."""
        with self.writing(field, name) as path:
            path.write_text(text, encoding="utf-8")

    def save_figure(self, field: str, name: str, figure: Any) -> None:
        """Write a Matplotlib figure as PNG, SVG or PDF, byte-identical for the same figure."""
        import matplotlib as mpl

        kinds = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
        metadata = kinds.get(Path(name).suffix, {"Software": None})
        settings = {"svg.hashsalt": "fmriprod", "pdf.fonttype": 42}  # TrueType: text stays text
        with self.writing(field, name) as path, mpl.rc_context(settings):
            figure.savefig(path, metadata=metadata)

    def result(self, field: str, value: Any) -> None:
        """Set an output that is not a file."""
        self._results[field] = value


def given_or_none(value: Any) -> Any:
    """Give the value of an input, None where it is not set."""
    return value if isdefined(value) else None
