"""Samples x voxels with a row of metadata for each sample."""

import nibabel as nb
import numpy as np
import pandas as pd
from nipype.interfaces.base import File, TraitedSpec, isdefined, traits

from fmriprod.algorithms import featurize
from fmriprod.algorithms.checks import usable_voxels
from fmriprod.algorithms.sampling import run_samples
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.events import read_events
from fmriprod.interfaces.images import load_mask, open_image, read_voxels, repetition_time
from fmriprod.interfaces.samples import read_features, read_voxel_tables


class FeaturizeInputSpec(PythonInputSpec):
    """Inputs that say which samples are taken."""

    in_file = File(exists=True, mandatory=True, desc="4-D series of one run")
    mask_file = File(exists=True, mandatory=True, desc="voxels to take, on the series' grid")
    events_file = File(
        exists=True,
        mandatory=True,
        desc="BIDS events of the run (onset, duration in s, trial_type)",
    )
    tr = traits.Float(
        desc="repetition time in s; that of the header by default, and if both are known they "
        "must agree within 1 ms"
    )
    override_header_tr = traits.Bool(
        False, usedefault=True, desc="take `tr` even where the header says otherwise"
    )
    mode = traits.Enum(
        "events",
        "volumes",
        usedefault=True,
        desc="events: a window of volumes after each event; volumes: every volume, labelled by "
        "the event that was on `shift` seconds before it",
    )
    shift = traits.Float(
        4.5,
        usedefault=True,
        desc="lag of the response in s: the first volume is floor((onset + shift) / tr)",
    )
    shift_volumes = traits.Int(
        desc="lag in whole volumes instead: floor(onset / tr) + shift_volumes"
    )
    window = traits.Range(low=1, value=1, usedefault=True, desc="volumes per event (mode events)")
    window_is_duration = traits.Bool(
        False,
        usedefault=True,
        desc="as many volumes as the event lasts, ceil(duration / tr), instead of `window`",
    )
    merge_gap = traits.Range(
        low=0.0,
        desc="join consecutive events of one label into one trial when the pause between them is "
        "at most this many s (default: never in mode events, one tr in mode volumes)",
    )
    average = traits.Bool(
        False, usedefault=True, desc="one sample per trial: the mean over its volumes"
    )
    standardize = traits.Enum(
        "none",
        "run",
        usedefault=True,
        desc="run: mean 0 and standard deviation 1 of each voxel over all volumes of the run",
    )
    labels = traits.List(traits.Str, desc="only events with these labels (default: all)")
    past_end = traits.Enum(
        "error",
        "drop",
        usedefault=True,
        desc="what to do with a trial whose window goes past the end of the run",
    )
    subject = traits.Str("n/a", usedefault=True, desc="subject label for the sample table")
    task = traits.Str("n/a", usedefault=True, desc="task label for the sample table")
    run_label = traits.Str("1", usedefault=True, desc="run label for the sample table")


class _FeaturizeOutputSpec(TraitedSpec):
    features_file = File(
        exists=True,
        desc=".npy, float32, shape (n_samples, n_voxels): a column for every voxel of the mask",
    )
    samples_file = File(
        exists=True,
        desc="TSV, one row per sample: subject, task, run, label, trial (from 0), tr (first "
        "volume, from 0), time_point (from 1 in the trial), onset (s), half (1 or 2), n_volumes",
    )
    voxels_file = File(
        exists=True,
        desc="TSV, one row per voxel in C order: index i j k, x y z (mm), usable (0: constant "
        "or not finite in this run)",
    )
    n_samples = traits.Int(desc="number of samples")
    n_dropped = traits.Int(desc="trials left out because their window goes past the end")
    n_shared = traits.Int(desc="volumes that more than one trial uses")
    n_unusable = traits.Int(desc="voxels that are constant or not finite")


class Featurize(PythonInterface):
    """Take the activity that follows each event, or during each block, as samples.

    An event at ``onset`` is read from volume ``floor((onset + shift) / tr)`` on, volumes
    counted from 0; ``shift_volumes`` gives the lag in volumes, ``floor(onset / tr) +
    shift_volumes``, and the two agree when ``shift`` is a multiple of ``tr``. Columns are
    the voxels of the mask in C order, whatever their values, so that runs with the same mask
    have the same columns; voxels without signal are marked in ``voxels_file``.

    Examples
    --------
    >>> Featurize(tr=1.5, shift_volumes=3, window=23).inputs.window
    23
    """

    input_spec = FeaturizeInputSpec
    output_spec = _FeaturizeOutputSpec

    def _process(self) -> None:
        values = self.inputs
        image = open_image(values.in_file, ndim=4)
        given = values.tr if isdefined(values.tr) else None
        tr = repetition_time(image, given, override=values.override_header_tr)
        samples, n_dropped = self._samples(image.shape[3], tr)
        volumes = samples["tr"].to_numpy()
        mask, affine, series, places = self._series(image, volumes)
        usable = usable_voxels(series)
        if values.standardize == "run":
            series = featurize.standardize_series(series)
        features = np.ascontiguousarray(series[:, places].T)
        if values.average:
            samples, weights = featurize.average_trials(samples)
            features = weights @ features
        for place, name in enumerate(("subject", "task", "run_label")):
            samples.insert(place, name.removesuffix("_label"), getattr(values, name))
        self.save_array("features_file", "features.npy", features)
        self.save_table("samples_file", "samples.tsv", samples[list(featurize.SAMPLE_COLUMNS)])
        self.save_table("voxels_file", "voxels.tsv", voxel_table(mask, affine, usable))
        self.result("n_samples", len(samples))
        self.result("n_dropped", n_dropped)
        self.result("n_shared", int((np.bincount(volumes) > 1).sum()))
        self.result("n_unusable", int((~usable).sum()))

    def _series(
        self, image: nb.Nifti1Image, volumes: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Read mask, affine, series of the mask's voxels, and the place in it of each sample."""
        mask = load_mask(self.inputs.mask_file, image)
        return mask, image.affine, read_voxels(image)[mask], volumes

    def _samples(self, n_volumes: int, tr: float) -> tuple[pd.DataFrame, int]:
        """Volumes and labels, from the events."""
        values = self.inputs
        events = read_events(values.events_file, n_volumes=n_volumes, tr=tr)
        events = events.rename(columns={"trial_type": "label"})[["onset", "duration", "label"]]
        if isdefined(values.labels) and values.labels:
            events = featurize.choose_labels(events, values.labels)
        return run_samples(
            events,
            n_volumes,
            tr,
            mode=values.mode,
            shift=values.shift,
            shift_volumes=values.shift_volumes if isdefined(values.shift_volumes) else None,
            window="duration" if values.window_is_duration else values.window,
            merge_gap=values.merge_gap if isdefined(values.merge_gap) else None,
            past_end=values.past_end,
        )


class _StackFeaturesInputSpec(PythonInputSpec):
    features_files = traits.List(File(exists=True), mandatory=True, desc="from Featurize, per run")
    samples_files = traits.List(File(exists=True), mandatory=True, desc="from Featurize, per run")
    voxels_files = traits.List(File(exists=True), mandatory=True, desc="from Featurize, per run")


class _StackFeaturesOutputSpec(TraitedSpec):
    features_file = File(exists=True, desc=".npy, float32, rows of all runs, in their order")
    samples_file = File(exists=True, desc="TSV, sample tables of all runs")
    voxels_file = File(exists=True, desc="TSV, the voxels; usable: 1 if so in every run")


class StackFeatures(PythonInterface):
    """Put the samples of several runs under each other; all must have the same voxels.

    Examples
    --------
    >>> StackFeatures().inputs.num_threads
    1
    """

    input_spec = _StackFeaturesInputSpec
    output_spec = _StackFeaturesOutputSpec

    def _process(self) -> None:
        values = self.inputs
        features, samples = read_features(values.features_files, values.samples_files)
        voxels = read_voxel_tables(values.voxels_files, values.features_files, features.shape[1])
        self.save_array("features_file", "features.npy", features)
        self.save_table("samples_file", "samples.tsv", samples)
        self.save_table("voxels_file", "voxels.tsv", voxels)


def voxel_table(mask: np.ndarray, affine: np.ndarray, usable: np.ndarray) -> pd.DataFrame:
    """List the voxels of a mask in C order: index, world coordinates in mm, usable (0 or 1)."""
    index = np.argwhere(mask)
    world = index @ affine[:3, :3].T + affine[:3, 3]
    table = pd.DataFrame(index, columns=["i", "j", "k"])
    table[["x", "y", "z"]] = world.round(4) + 0.0  # no minus zero
    return table.assign(usable=usable.astype(np.uint8))
