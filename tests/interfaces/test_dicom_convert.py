import hashlib
import json
import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path
from types import SimpleNamespace

import nibabel as nb
import nipype.pipeline.engine as pe
import numpy as np
import pydicom
import pytest
from pydicom.uid import generate_uid
from support.dicoms import as_nifti, values, write_enhanced, write_mosaics, write_slices

import fmriprod.interfaces.dcm2niix as dcm2niix
from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.dicom_convert import DicomConvert
from fmriprod.interfaces.dicom_session import open_session

RUN = "sub-01_task-draw_run-1_bold"


def order(work, *lines):
    file = work / "run-order.txt"
    file.write_text("\n".join(lines) + "\n")
    return str(file)


def convert(work, source, *lines, **options):
    """Convert in a folder of its own; give outputs with lists of files."""
    out = work / "out"
    out.mkdir(exist_ok=True)
    field = "in_directory" if Path(source).is_dir() else "in_file"
    node = DicomConvert(
        **{field: str(source)}, run_order_file=order(work, *lines), participant="01", **options
    )
    outputs = node.run(cwd=str(out)).outputs.get()
    found = SimpleNamespace(**outputs)
    for name in ("out_files", "sidecar_files"):
        value = outputs[name]
        setattr(found, name, [value] if isinstance(value, str) else value)
    left = [p.name for p in out.iterdir() if p.name.startswith(".")]
    assert not left, "temporary files stay behind"
    return found


def digests(found):
    files = [*found.out_files, *found.sidecar_files]
    return {Path(f).name: hashlib.md5(Path(f).read_bytes()).hexdigest() for f in files}


def report(found):
    return json.loads(Path(found.report_file).read_text())


def test_mixed_series_in_a_node(work):
    """Slices, mosaics, an enhanced image, a scout and a broken run, all in one folder."""
    write_slices(work / "d", 1, 1, description="scout")
    write_slices(work / "d", 2, 1, n_slices=6, MRAcquisitionType="3D", description="mprage")
    write_mosaics(work / "d", 3, 3, tr=1.5)
    write_slices(work / "d", 4, 2, tr=1.5)
    write_enhanced(work / "d", 5, 5, tr=2.5, Manufacturer="Philips Medical Systems")
    write_slices(work / "d", 6, 4, tr=1.5, ending=".dcm")
    (work / "d/notes.txt").write_text("bad head position")
    lines = order(work, "SKIP # scout", "anat_mprage", "draw_run_1 3", "ERROR_RUN", "rest_run_1 5",
                  "odd 4 task-draw_run-2_bold")  # fmt: skip
    node = pe.Node(
        DicomConvert(in_directory=str(work / "d"), run_order_file=lines, participant="01",
                     session="a"),
        name="convert", base_dir=str(work),
    )  # fmt: skip
    found = node.run().outputs
    names = ["sub-01_ses-a_T1w", "sub-01_ses-a_task-draw_run-1_bold",
             "sub-01_ses-a_task-rest_run-1_bold", "sub-01_ses-a_task-draw_run-2_bold"]  # fmt: skip
    assert [Path(f).name for f in found.out_files] == [f"{name}.nii.gz" for name in names]
    expected = [(2, 1, 6, None), (3, 3, 4, 1.5), (5, 5, 4, 2.5), (6, 4, 4, 1.5)]
    for file, sidecar, what in zip(found.out_files, found.sidecar_files, expected, strict=True):
        number, n_volumes, n_slices, tr = what
        image = nb.load(file)
        wanted = as_nifti(values(number, n_volumes, n_slices))
        np.testing.assert_array_equal(np.asarray(image.dataobj).reshape(wanted.shape), wanted)
        fields = json.loads(Path(sidecar).read_text())
        assert fields["ConversionSoftwareVersion"].startswith("v1.")
        if tr:
            assert image.header.get_zooms()[3] == pytest.approx(tr)
            assert fields["RepetitionTime"] == pytest.approx(tr)
            assert f"task-{fields['TaskName']}_" in file
    about = report(found)
    assert [s["converted"] for s in about["series"]] == [
        None, f"{names[0]}.nii.gz", f"{names[1]}.nii.gz", None, *(f"{n}.nii.gz" for n in names[2:])
    ]  # fmt: skip
    assert [s["n_volumes"] for s in about["series"]] == [1, 1, 3, 2, 5, 4]
    assert (about["no_images"], about["session"]) == (["notes.txt"], "a")
    assert about["converter"]["version"] == dcm2niix.program_version(dcm2niix.find_program())
    assert about["series"][2]["repetition_time"]["from"] == "both"


def pack(path, folder, names):
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in names:
                archive.write(folder / name, f"session/{name}")
        return path
    with tarfile.open(path, "w:gz") as archive:
        for name in names:
            archive.add(folder / name, f"session/{name}")
    return path


def test_the_same_images_give_the_same_bytes_from_anywhere(work):
    write_slices(work / "d", 1, 3)
    names = sorted(p.name for p in (work / "d").iterdir())
    once = digests(convert(work, work / "d", "draw_run_1 3"))
    assert list(once) == [f"{RUN}.nii.gz", f"{RUN}.json"]
    for name in ("x.tar.gz", "x.zip"):
        archive = pack(work / name, work / "d", names[::-1])
        assert digests(convert(work, archive, "draw_run_1 3")) == once
    for number, name in enumerate(names[::-1]):  # other names, in folders
        target = work / f"e/{number % 3}/{number}.IMA"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(work / "d" / name, target)
    assert digests(convert(work, work / "e", "draw_run_1 3")) == once


def test_defaults_of_a_person_change_nothing(work, monkeypatch):
    write_slices(work / "d", 1, 3)
    once = digests(convert(work, work / "d", "draw_run_1"))
    program = dcm2niix.require_program()
    monkeypatch.setenv("HOME", str(work))
    options = ["-g", "y", "-l", "y", "-o", str(work)]  # stretches the values
    subprocess.run([program, *options, str(work / "d")], check=True, capture_output=True)
    assert (work / ".dcm2nii.ini").is_file()
    assert digests(convert(work, work / "d", "draw_run_1")) == once


def test_images_are_given_in_their_own_order(work):
    for number, path in enumerate(write_slices(work / "d", 1, 3)[::-1]):
        path.rename(path.with_name(f"{number:03d}"))
    session = open_session(work / "d", work)
    session.link_series(session.series[0], work / "links")
    links = [path.resolve().name for path in sorted((work / "links").iterdir())]
    assert links == sorted(links, reverse=True) and len(links) == 12


def test_duplicates_are_dropped_and_counted_or_refused(work):
    paths = write_slices(work / "d", 1, 3)
    once = digests(convert(work, work / "d", "draw_run_1 3"))
    (work / "d/again").mkdir()
    for path in paths[2:7]:
        shutil.copy(path, work / "d/again")
    found = convert(work, work / "d", "draw_run_1 3")
    assert found.n_duplicates == len(report(found)["duplicates"]) == 5
    assert digests(found) == once
    with pytest.raises(InputError, match=r"again/1-000-02 holds the same image as 1-000-02"):
        convert(work, work / "d", "draw_run_1 3", duplicates="error")


def test_two_images_under_one_name_are_refused(work):
    path = write_slices(work / "d", 1, 2)[0]
    dataset = pydicom.dcmread(path)
    dataset.SeriesDescription = "other"  # the same pixels: still a duplicate
    dataset.save_as(work / "d/z-copy")
    assert convert(work, work / "d", "draw_run_1 2").n_duplicates == 1
    dataset.PixelData = bytes(128)
    dataset.save_as(work / "d/z-copy")
    with pytest.raises(InputError, match=r"1-000-00 and z-copy have the same and different pixels"):
        convert(work, work / "d", "draw_run_1 2")


@pytest.mark.parametrize("maker", ["SIEMENS", "Philips Medical Systems"])
def test_a_wrong_repetition_time_is_refused_or_corrected(work, maker):
    write_slices(work / "d", 1, 4, true_tr=1.79355, Manufacturer=maker)
    with pytest.raises(InputError) as caught:
        convert(work, work / "d", "# comment", "draw_run_1 4")
    text = str(caught.value)
    assert "DicomConvert: series 1, line 2 (tr)" in text
    assert "2 s in the DICOM header, 1.79355 s in the sidecar" in text
    for options, tr, source in (({"tr_from": "dicom"}, 2.0, "dicom"), ({"tr": 1.8}, 1.8, "given")):
        found = convert(work, work / "d", "draw_run_1 4", **options)
        image = nb.load(found.out_files[0])
        assert image.header.get_zooms()[3] == np.float32(tr)
        assert image.header.get_xyzt_units() == ("mm", "sec")
        np.testing.assert_array_equal(image.dataobj, as_nifti(values(1, 4)))
        assert json.loads(Path(found.sidecar_files[0]).read_text())["RepetitionTime"] == tr
        time = report(found)["series"][0]["repetition_time"]
        assert time == {"header": 2.0, "converter": 1.79355, "used": tr, "from": source}


def test_all_series_with_a_wrong_time_are_told_at_once(work):
    for number in (1, 2):
        write_slices(work / "d", number, 3, true_tr=1.7)
    with pytest.raises(InputError, match=r"2 series\n(.|\n)*series 1, line 1 (.|\n)*series 2"):
        convert(work, work / "d", "draw_run_1", "draw_run_2")


def test_one_time_is_not_given_to_series_that_differ(work):
    write_slices(work / "d", 1, 3, tr=2.0)
    write_slices(work / "d", 2, 3, tr=1.5)
    with pytest.raises(InputError, match=r"1\.5 s and 2 s in the DICOM headers"):
        convert(work, work / "d", "draw_run_1", "rest_run_1", tr=2.0)


def test_slice_times_past_the_repetition_time_are_left_out(work, monkeypatch):
    write_slices(work / "d", 1, 3)
    run = dcm2niix.run_program

    def with_times(*folders):
        [(image, sidecar)], remarks = run(*folders)
        return [(image, {**sidecar, "SliceTiming": [0, 0.5, 1.0, 1.5]})], remarks

    monkeypatch.setattr("fmriprod.interfaces.dicom_series.run_program", with_times)
    sidecar = json.loads(Path(convert(work, work / "d", "draw_run_1").sidecar_files[0]).read_text())
    assert sidecar["SliceTiming"][-1] == 1.5
    found = convert(work, work / "d", "draw_run_1", tr=1.5)
    assert "SliceTiming" not in json.loads(Path(found.sidecar_files[0]).read_text())
    assert report(found)["series"][0]["remarks"][-1].startswith(
        "SliceTiming left out: it goes past"
    )


def test_a_changed_folder_is_another_input(work):
    """Nipype itself hashes the path of a folder only."""
    first, *others = write_slices(work / "d", 1, 3)
    text = order(work, "draw_run_1 3")

    def key():
        return DicomConvert(
            in_directory=str(work / "d"), run_order_file=text, participant="01"
        ).inputs.get_hashval("content")[1]

    once = key()
    assert key() == once
    content = first.read_bytes()
    first.write_bytes(content.replace(b"series1", b"seriesX"))
    assert key() != once
    first.write_bytes(content)
    assert key() == once
    others[0].rename(work / "d/other-name")
    assert key() != once
    (work / "d/other-name").unlink()
    assert key() != once


def test_a_changed_folder_runs_again_in_a_node(work):
    write_slices(work / "d", 1, 3)
    text = order(work, "draw_run_1")

    def run():
        node = pe.Node(
            DicomConvert(in_directory=str(work / "d"), participant="01", run_order_file=text),
            name="convert", base_dir=str(work),
        )  # fmt: skip
        file = Path(node.run().outputs.out_files)
        return nb.load(file).shape[3], file.stat().st_mtime_ns

    once = run()
    assert once[0] == 3
    assert run() == once
    write_slices(work / "d", 1, 4)
    assert run()[0] == 4


def test_bad_sessions_are_refused_before_anything_is_converted(work, monkeypatch):
    monkeypatch.setattr("fmriprod.interfaces.dicom_convert.convert_series", None)
    paths = write_slices(work / "d", 1, 3)
    with pytest.raises(InputError, match=r"run-order\.txt(.|\n)*line 2 `draw_run_2`: no such ser"):
        convert(work, work / "d", "draw_run_1 3", "draw_run_2")
    with pytest.raises(InputError, match=r"series 1 'series1' \(3 volumes\)"):
        convert(work, work / "d", "draw_run_1 240")
    paths[5].rename(work / "kept")
    with pytest.raises(InputError, match=r"line 1 `draw_run_1`\n(.|\n)*but 2 at 3\.3 mm"):
        convert(work, work / "d", "draw_run_1")
    (work / "d/cut").write_bytes((work / "kept").read_bytes()[:-40])
    with pytest.raises(InputError, match=r"/d: DICOM files\n(.|\n)*cut off: cut \("):
        convert(work, work / "d", "draw_run_1 3")
    (work / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty: DICOM files\n(.|\n)*no files"):
        convert(work, work / "empty", "draw_run_1 3")
    with pytest.raises(InputError, match=r"01_2'\n  do:       write ses-012"):
        convert(work, work / "d", "draw_run_1 3", session="01_2")
    Path(order(work)).write_bytes(b"draw\xff_run_1")
    with pytest.raises(InputError, match="in UTF-8"):
        DicomConvert(in_directory=str(work / "d"), run_order_file=str(work / "run-order.txt"),
                     participant="01").run(cwd=str(work))  # fmt: skip


def test_a_skipped_series_may_be_broken(work):
    paths = write_slices(work / "d", 1, 3)
    paths[5].unlink()
    write_slices(work / "d", 2, 3)
    found = convert(work, work / "d", "ERROR_RUN", "draw_run_1 3")
    np.testing.assert_array_equal(nb.load(found.out_files[0]).dataobj, as_nifti(values(2, 3)))


def test_an_archive_that_is_cut_off_is_refused_with_its_name(work):
    write_slices(work / "d", 1, 3)
    archive = pack(work / "x.tar.gz", work / "d", [p.name for p in (work / "d").iterdir()])
    archive.write_bytes(archive.read_bytes()[:-2000])
    with pytest.raises(
        InputError, match=r"DicomConvert: .*x\.tar\.gz\n  expected: a whole archive"
    ):
        convert(work, archive, "draw_run_1 3")


def test_several_images_of_one_series_are_refused(work):
    write_slices(work / "d", 1, 1, EchoNumbers=1)
    for path in write_slices(work / "e", 1, 1, EchoNumbers=2, EchoTime="60"):
        dataset = pydicom.dcmread(path)
        dataset.SOPInstanceUID = generate_uid()
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.save_as(work / "d" / f"{path.name}-echo2")
    with pytest.raises(
        InputError, match=r"one image a series\n  found:    2: .*several echoes|2: "
    ):
        convert(work, work / "d", "draw_run_1")


def test_without_dcm2niix_it_says_how_to_get_it(work, monkeypatch):
    write_slices(work / "d", 1, 3)
    monkeypatch.setattr(dcm2niix.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(work))
    with pytest.raises(InputError) as caught:
        convert(work, work / "d", "draw_run_1")
    assert "pip install 'fmriprod[dicom]', or apt install dcm2niix" in str(caught.value)
    assert "dcm2niix=none" in DicomConvert.algorithm_version()
    program = work / "dcm2niix"
    program.write_text("#!/bin/sh\necho Warning: out of film\nexit 3\n")
    program.chmod(0o755)
    dcm2niix.program_version.cache_clear()
    with pytest.raises(InputError, match=r"exit code 3, 0 images: out of film"):
        convert(work, work / "d", "draw_run_1")


@pytest.mark.realdata
def test_a_real_series_converts_to_the_reference(work, real_data):
    folder = real_data("studyforrest_localizer") / "dicom_18vol"
    found = convert(work, folder / "dicoms", "task-oneback_run-1_bold 18")
    image, reference = (
        nb.load(f) for f in (found.out_files[0], folder / "dcm2niix_reference.nii.gz")
    )
    np.testing.assert_array_equal(np.asarray(image.dataobj), np.asarray(reference.dataobj))
    np.testing.assert_array_equal(image.affine, reference.affine)
    assert image.header.get_zooms() == reference.header.get_zooms()
    with pytest.raises(
        InputError, match=r"156 volumes, as its headers say\n  found:    18 volumes"
    ):
        convert(work, folder / "dicoms", "task-oneback_run-1_bold")


@pytest.fixture(scope="module")
def wrong_clock(real_data, tmp_path_factory):
    """Four volumes of the real series, with times of acquisition that give TR 1.79355 s."""
    folder = tmp_path_factory.mktemp("wrong")
    for path in sorted((real_data("studyforrest_localizer") / "dicom_18vol/dicoms").iterdir()):
        tags = ["TemporalPositionIdentifier"]
        header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=tags)
        volume = int(header.TemporalPositionIdentifier) - 1
        if volume < 4:
            dataset = pydicom.dcmread(path)
            dataset.AcquisitionTime = f"{160422.68 + volume * 1.79355:.5f}"
            dataset.save_as(folder / path.name)
    return folder


@pytest.mark.realdata
def test_a_real_series_with_a_wrong_clock_is_refused(work, real_data, wrong_clock):
    with pytest.raises(InputError, match=r"2 s in the DICOM header, 1\.7935\d* s in the sidecar"):
        convert(work, wrong_clock, "task-oneback_run-1_bold 4")
    found = convert(work, wrong_clock, "task-oneback_run-1_bold 4", tr_from="dicom")
    image = nb.load(found.out_files[0])
    reference = nb.load(real_data("studyforrest_localizer") / "bold.nii.gz")
    assert image.header.get_zooms()[3] == 2.0
    np.testing.assert_array_equal(np.asarray(image.dataobj), reference.dataobj[..., :4])
