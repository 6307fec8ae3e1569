"""Small DICOM series made up of noise: classic slices, Siemens mosaics and enhanced images."""

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import EnhancedMRImageStorage, ExplicitVRLittleEndian, MRImageStorage, generate_uid

SIZE, N_SLICES = 8, 4
SPACING = 3.3


def values(number, n_volumes, n_slices=N_SLICES):
    """Voxels of a series, shape (n_volumes, n_slices, rows, columns)."""
    rng = np.random.default_rng(number)
    return rng.integers(0, 4000, (n_volumes, n_slices, SIZE, SIZE)).astype("<u2")


def as_nifti(voxels):
    """Put voxels where dcm2niix does: rows upwards, time last."""
    return voxels[:, :, ::-1, :].transpose(3, 2, 1, 0)


def header(number, kind, uid, *, patient="P1", study="1", tr=2.0, description=None, **fields):
    """Header without pixels."""
    d = Dataset()
    d.file_meta = FileMetaDataset()
    d.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    d.SOPClassUID = d.file_meta.MediaStorageSOPClassUID = kind
    image_uid = generate_uid(entropy_srcs=[study, patient, str(number), str(uid)])
    d.SOPInstanceUID = d.file_meta.MediaStorageSOPInstanceUID = image_uid
    d.StudyInstanceUID = generate_uid(entropy_srcs=[study])
    d.SeriesInstanceUID = generate_uid(entropy_srcs=[study, patient, str(number)])
    d.PatientID = d.PatientName = patient
    d.PatientPosition, d.Modality, d.Manufacturer = "HFS", "MR", "SIEMENS"
    d.StudyDate = d.AcquisitionDate = "20200101"
    d.StudyTime, d.SeriesNumber = "120000", number
    d.SeriesDescription = d.ProtocolName = description or f"series{number}"
    d.ScanningSequence, d.SequenceVariant, d.MRAcquisitionType = "EP", "SK", "2D"
    d.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND"]
    d.RepetitionTime, d.EchoTime, d.FlipAngle = f"{tr * 1000:g}", "30", "70"
    d.SliceThickness, d.SpacingBetweenSlices, d.PixelSpacing = "3", f"{SPACING}", [3, 3]
    d.ImageOrientationPatient, d.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [-12, -12, 0]
    d.SamplesPerPixel, d.PhotometricInterpretation = 1, "MONOCHROME2"
    d.Rows = d.Columns = SIZE
    d.BitsAllocated, d.BitsStored, d.HighBit, d.PixelRepresentation = 16, 12, 11, 0
    for name, value in fields.items():
        setattr(d, name, value)
    return d


def clock(seconds):
    return (
        f"1200{seconds:08.5f}" if seconds < 60 else f"12{seconds // 60:02.0f}{seconds % 60:08.5f}"
    )


def write_slices(
    folder, number, n_volumes, *, true_tr=None, n_slices=N_SLICES, ending="", **fields
):
    """Write a series of classic images, one slice a file; give their paths.

    ``true_tr`` is the time between volumes where the header says another ``tr``.
    """
    Path(folder).mkdir(parents=True, exist_ok=True)
    step = true_tr or fields.get("tr", 2.0)
    paths = []
    for v, volume in enumerate(values(number, n_volumes, n_slices)):
        for s, pixels in enumerate(volume):
            d = header(number, MRImageStorage, (v, s), **fields)
            d.AcquisitionNumber, d.InstanceNumber = v + 1, v * n_slices + s + 1
            d.AcquisitionTime = d.ContentTime = clock(v * step)
            d.ImagePositionPatient = [-12, -12, s * SPACING]
            d.SliceLocation = s * SPACING
            if n_volumes > 1:
                d.TemporalPositionIdentifier = v + 1
            d.PixelData = pixels.tobytes()
            paths.append(Path(folder, f"{number}-{v:03d}-{s:02d}{ending}"))
            d.save_as(paths[-1], enforce_file_format=True)
    return paths


def write_mosaics(folder, number, n_volumes, **fields):
    """Write a series of Siemens mosaics, one volume a file; give their paths."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    across = int(np.ceil(np.sqrt(N_SLICES)))
    paths = []
    for v, volume in enumerate(values(number, n_volumes)):
        d = header(number, MRImageStorage, v, **fields)
        d.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]
        d.AcquisitionNumber = d.InstanceNumber = v + 1
        d.AcquisitionTime = clock(v * fields.get("tr", 2.0))
        d.Rows = d.Columns = SIZE * across
        d.add_new((0x0019, 0x0010), "LO", "SIEMENS MR HEADER")
        d.add_new((0x0019, 0x100A), "US", N_SLICES)
        tiles = volume.reshape(across, across, SIZE, SIZE).swapaxes(1, 2)
        d.PixelData = tiles.reshape(d.Rows, d.Columns).tobytes()
        paths.append(Path(folder, f"{number}-{v:03d}.ima"))
        d.save_as(paths[-1], enforce_file_format=True)
    return paths


def write_enhanced(folder, number, n_volumes, *, tr=2.0, **fields):
    """Write a series as one enhanced image of all frames; give its path."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    voxels = values(number, n_volumes)
    d = header(number, EnhancedMRImageStorage, 0, **fields)
    for name in ("RepetitionTime", "ImagePositionPatient", "ImageOrientationPatient",
                 "PixelSpacing", "SliceThickness", "EchoTime"):  # fmt: skip
        del d[name]
    d.AcquisitionDateTime, d.InstanceNumber = "20200101120000", 1
    d.NumberOfFrames = n_volumes * N_SLICES
    shared = Dataset()
    shared.MRTimingAndRelatedParametersSequence = Sequence([_item(RepetitionTime=tr * 1000)])
    shared.PlaneOrientationSequence = Sequence([_item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])])
    measures = _item(PixelSpacing=[3, 3], SliceThickness=3, SpacingBetweenSlices=SPACING)
    shared.PixelMeasuresSequence = Sequence([measures])
    shared.MREchoSequence = Sequence([_item(EffectiveEchoTime=30.0)])
    d.SharedFunctionalGroupsSequence = Sequence([shared])
    frames = []
    for v in range(n_volumes):
        for s in range(N_SLICES):
            frame = Dataset()
            place = _item(ImagePositionPatient=[-12, -12, s * SPACING])
            frame.PlanePositionSequence = Sequence([place])
            content = _item(
                TemporalPositionIndex=v + 1, InStackPositionNumber=s + 1, StackID="1",
                DimensionIndexValues=[1, s + 1, v + 1],
                FrameAcquisitionDateTime=f"20200101{clock(v * tr)}",
            )  # fmt: skip
            frame.FrameContentSequence = Sequence([content])
            frames.append(frame)
    d.PerFrameFunctionalGroupsSequence = Sequence(frames)
    d.PixelData = voxels.tobytes()
    path = Path(folder, f"{number}-enhanced.dcm")
    d.save_as(path, enforce_file_format=True)
    return path


def _item(**fields):
    item = Dataset()
    for name, value in fields.items():
        setattr(item, name, value)
    return item
