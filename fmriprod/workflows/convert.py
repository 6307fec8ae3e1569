"""From the DICOM files of a session to its images in a raw BIDS dataset."""

from nipype.interfaces.utility import IdentityInterface
from nipype.pipeline import engine as pe

from fmriprod.interfaces.dicom_convert import DicomConvert
from fmriprod.interfaces.raw_dataset import SaveRawImages
from fmriprod.workflows.describe_nodes import Steps, phrase
from fmriprod.workflows.described_workflow import DescribedWorkflow

_TIMES = {
    "agreement": "Their repetition times agree with the DICOM headers within 1 ms. ",
    "dicom": "Repetition times are those of the DICOM headers. ",
}


def init_convert_wf(
    *,
    source: str = "archive",
    tr_from: str = "agreement",
    tr: float | None = None,
    duplicates: str = "drop",
    max_gb: float = 100.0,
    force: bool = False,
    name: str = "convert_wf",
) -> pe.Workflow:
    """Build the workflow that converts one session and saves its images.

    Parameters
    ----------
    source : {"archive", "folder"}
        What ``dicoms`` is.
    tr_from, duplicates, max_gb
        As `DicomConvert` takes them.
    tr : float, optional
        Repetition time in s of all series of several volumes.
    force : bool
        Overwrite images and sidecars that are there and differ.
    name : str
        Name of the workflow.

    Inputs
    ------
    dicoms
        Archive or folder of the session's DICOM files
    run_order_file
        What each series is (text)
    participant
        Label without ``sub-``
    session
        Label without ``ses-``, where the dataset has sessions
    bids_directory
        Root of the raw dataset

    Outputs
    -------
    out_files
        Images, sidecars and the report in the dataset
    written_files
        Those of them that were not there so
    report_file
        What became of each series (JSON)

    Returns
    -------
    nipype.pipeline.engine.Workflow
    """
    workflow = DescribedWorkflow(name, _text)
    inputs = ["dicoms", "run_order_file", "participant", "session", "bids_directory"]
    outputs = ["out_files", "written_files", "report_file"]
    inputnode = pe.Node(IdentityInterface(fields=inputs), name="inputnode")
    outputnode = pe.Node(IdentityInterface(fields=outputs), name="outputnode")
    options = {"tr": tr} if tr else {}
    convert = pe.Node(
        DicomConvert(tr_from=tr_from, duplicates=duplicates, max_gb=max_gb, **options),
        name="convert",
        mem_gb=2,
    )
    save = pe.Node(SaveRawImages(force=force), name="save")
    in_field = {"archive": "in_file", "folder": "in_directory"}[source]
    workflow.connect([
        (inputnode, convert, [
            ("dicoms", in_field), ("run_order_file", "run_order_file"),
            ("participant", "participant"), ("session", "session"),
        ]),
        (inputnode, save, [("bids_directory", "bids_directory")]),
        (convert, save, [
            ("out_files", "in_files"), ("sidecar_files", "sidecar_files"),
            ("report_file", "report_file"),
        ]),
        (convert, outputnode, [("report_file", "report_file")]),
        (save, outputnode, [("out_files", "out_files"), ("written_files", "written_files")]),
    ])  # fmt: skip
    return workflow


def _text(steps: Steps) -> str:
    step = steps["convert"]
    set_to = f"The repetition time was set to {step.tr:g} s. " if step.tr else ""
    return (
        "DICOM series were converted to NIfTI images with dcm2niix [@dcm2niix], after their "
        "number and lengths had been compared with the order of the runs. "
        f"{set_to or phrase(_TIMES, step.tr_from)}"
    )
