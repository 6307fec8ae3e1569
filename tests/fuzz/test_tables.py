"""Tables and other texts of any content: a result, or our message."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fuzz import FUZZ, Reader, no_files, spoilt, survives, write

from fmriprod.algorithms.itk_text import format_transforms
from fmriprod.algorithms.label_table import name_labels
from fmriprod.algorithms.recognition_log import recognition_events, trained_objects
from fmriprod.interfaces.dicom_convert import read_run_order
from fmriprod.interfaces.encoding_report_inputs import read_step_table
from fmriprod.interfaces.events import read_events, read_table
from fmriprod.interfaces.label_masks import read_label_table
from fmriprod.interfaces.merge_tables import MergeTables
from fmriprod.interfaces.parcel_images import _read_label_table
from fmriprod.interfaces.parcel_table import read_parcels
from fmriprod.interfaces.parcel_values import read_contrast, read_effects
from fmriprod.interfaces.participant_tables import read_participant_tables
from fmriprod.interfaces.rdm_tables import read_features, read_matrix, read_pairs
from fmriprod.interfaces.recognition_log import read_recognition_log
from fmriprod.interfaces.run_samples import read_samples_table
from fmriprod.interfaces.samples import _read_samples, read_voxel_tables
from fmriprod.interfaces.study_folder import write_dataset
from fmriprod.interfaces.three_column import read_condition_files
from fmriprod.interfaces.transforms import read_transforms

EVENTS = (
    b"onset\tduration\ttrial_type\tresponse\n0\t1\tface\t0.5\n4.5\t1\thouse\tn/a\n9\t1\t01\t1\n"
)
LOG = (
    b"object,condition,onset_time,run_num,viewpoint,response,onset,TRnum\n"
    b",-1,0,1,,,0,0\nbed,0,1500,1,3,bed,1,1\nchair,1,3010,1,4,,1,2\nbed,0,1500,9,3,bench,1,1\n"
)
MOTION = (
    b"trans_x\ttrans_y\ttrans_z\trot_x\trot_y\trot_z\n0\t0\t0\t0\t0\t0\n.1\t0\t-.2\t1e-3\t0\t0\n"
)
PARCELS = b"name\themisphere\tnetwork\nL_V1\tL\tvisual\nR_V1\tR\tvisual\nBrain-Stem\tn/a\tn/a\n"
VALUES = b"parcel\tvalue\nL_V1\t0.5\nR_V1\tn/a\n"
EFFECTS = b"parcel\tcondition\teffect\na\tx\t1\na\ty\t2\nb\tx\t3\nb\ty\tn/a\n"
LABELS = b"index\tname\themisphere\n17\tLeft-Hippocampus\tL\n1001\tctx-lh-bankssts\tL\n"
SAMPLES = (
    b"subject\ttask\trun\tlabel\ttrial\ttr\ttime_point\n01\tdraw\t01\tbed\t1\t4\t1\n"
    b"01\tdraw\t02\tbench\t2\t9\t1\n"
)
VOXELS = b"i\tj\tk\tx\ty\tz\tusable\n0\t0\t0\t1\t1\t1\t1\n1\t0\t0\t3\t1\t1\t0\n"
MATRIX = b",a,b\na,0,1\nb,1,0\n"
FEATURES = b"condition\tsize\tkind\n01\t2\tx\nb\tn/a\t\n"
PAIRS = b"condition_1\tcondition_2\texpected\na\tb\talike\na\tc\tunlike\n"
ORDER = b"anat_mprage\nSKIP\nrecognition_run_1 240 # first\nx - task-draw_run-1_bold\n"
PROFILE = b"roi\tlayer\tvalue\tlow\thigh\n01\tconv1\t0.1\t0\tn/a\n"
EV = b"0 1 1\n4.5\t1\t1\n# nothing\n9,1,-2\n"


def _labels(path):
    name_labels(read_label_table(path))


def _log(path):
    trained_objects(recognition_events(read_recognition_log(path)))


def _participants(path):
    read_participant_tables([str(path)], "tables", text=("subject",), numbers=("value",),
                            key=("subject",))  # fmt: skip


def _merge(path):
    MergeTables(in_files=[str(path)], key=["a"]).run(cwd=str(path.parent.parent))


def _dataset(path):
    (path.parent / "dataset_description.json").unlink(missing_ok=True)
    write_dataset(path.parent, ["01"])


def one(*contents):
    return lambda: list(contents)


READERS = [
    Reader("events", lambda p: read_events(p, n_volumes=20, tr=2.0), one(EVENTS), "events.tsv"),
    Reader("table", lambda p: read_table(p, "confounds"), one(MOTION, EVENTS)),
    Reader("recognition log", _log, one(LOG), "log.csv"),
    Reader("parcels", read_parcels, one(PARCELS)),
    Reader("contrast of parcels", read_contrast, one(VALUES)),
    Reader("effects of parcels", read_effects, one(EFFECTS)),
    Reader("labels", _labels, one(LABELS)),
    Reader("labels of parcels", _read_label_table, one(LABELS)),
    Reader("samples", lambda p: _read_samples(str(p), 2), one(SAMPLES)),
    Reader("samples of runs", lambda p: read_samples_table(str(p), "samples"), one(SAMPLES)),
    Reader("voxels", lambda p: read_voxel_tables([str(p)], ["x"], 2), one(VOXELS)),
    Reader("matrix of dissimilarities", lambda p: read_matrix(p, ()), one(MATRIX), "m.csv"),
    Reader("features of conditions", read_features, one(FEATURES)),
    Reader("pairs of conditions", read_pairs, one(PAIRS)),
    Reader("participants' tables", _participants, one(b"subject\tvalue\n01\t1\n02\tn/a\n")),
    Reader("tables to merge", _merge, one(b"a\tb\n01\tx\n02\ty\n"), "in/a.tsv"),
    Reader("participants.tsv", _dataset, one(b"participant_id\tage\nsub-02\t20\n"),
           "participants.tsv"),
    Reader("profile of scores", lambda p: read_step_table(str(p), "profile"), one(PROFILE)),
    Reader("run order", read_run_order, one(ORDER), "order.txt"),
    Reader("three columns", lambda p: read_condition_files([str(p)]), one(EV), "face.txt"),
    Reader("ITK transforms", read_transforms,
           lambda: [format_transforms(np.stack([np.eye(4)] * 2)).encode(),
                    b"#Insight Transform File V1.0\n#Transform 0\nTransform: "
                    b"Euler3DTransform_double_3_3\nParameters: 0.1 0 0 1 2 3\n"
                    b"FixedParameters: 0 0 0 0\n"], "t.txt"),
]  # fmt: skip

MAY_BE = {
    "participants.tsv": ("nothing",),  # it is written then
    # of these Nipype itself says that there is no file
    "tables to merge": ("nothing", "folder", "dangling link", "link to itself", "fifo"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("tables")


@pytest.mark.parametrize("reader", READERS, ids=lambda r: r.name)
def test_what_is_valid_is_taken(reader, folder):
    for content in reader.seeds():
        assert survives(reader.name, reader.read, write(reader, folder, content))


@pytest.mark.parametrize("reader", READERS, ids=lambda r: r.name)
@FUZZ
@given(st.data())
def test_what_is_spoilt_is_taken_or_refused(reader, folder, data):
    content = data.draw(spoilt(reader, reader.seeds()))
    survives(reader.name, reader.read, write(reader, folder, content))


@pytest.mark.parametrize("reader", READERS, ids=lambda r: r.name)
def test_what_is_no_file_is_refused(reader, tmp_path):
    for what, path in no_files(tmp_path, reader.file_name):
        if what in MAY_BE.get(reader.name, ()):
            continue
        assert not survives(reader.name, reader.read, path), what
