"""How much of each voxel's response can be explained, from repeats of the same stimuli."""

import numpy as np
import pandas as pd
from nipype.interfaces.base import File, TraitedSpec, isdefined, traits
from threadpoolctl import threadpool_limits

from fmriprod.algorithms import noise_ceiling as numbers
from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.featurize import voxel_table
from fmriprod.interfaces.masked_responses import MaskedResponses, open_responses


class _NoiseCeilingInputSpec(PythonInputSpec):
    responses_file = File(exists=True, mandatory=True, desc=".npy, shape (n_samples, n_voxels)")
    samples_file = File(
        exists=True, mandatory=True,
        desc="TSV, a row a sample, with a column of what was presented (n/a: nothing), as "
        "LabelStimuli writes it",
    )  # fmt: skip
    mask_file = File(exists=True, mandatory=True, desc="the mask of the responses' voxels")
    column = traits.Str(
        "stimulus", usedefault=True, desc="column of samples_file that names what was presented"
    )
    average_volumes = traits.Bool(
        desc="average volumes that follow each other in a run and show one stimulus: together they "
        "are one presentation (default: if samples_file has a column volume)"
    )
    n_bootstrap = traits.Range(
        low=0, value=1000, usedefault=True, desc="samples of the bootstrap over stimuli; 0: none"
    )
    confidence = traits.Range(
        low=0.0, high=1.0, value=0.95, exclude_low=True, exclude_high=True, usedefault=True,
        desc="of the intervals",
    )  # fmt: skip
    seed = traits.Int(0, usedefault=True, desc="seed of the bootstrap")
    memory_gb = traits.Range(
        low=0.0, exclude_low=True, value=0.5, usedefault=True, nohash=True,
        desc="memory in GB for voxels that are worked on together; does not change the result",
    )  # fmt: skip


class _NoiseCeilingOutputSpec(TraitedSpec):
    share_file = File(
        exists=True,
        desc="explainable variance of single responses, the ceiling of r2; not clipped, so that by "
        "chance it is below 0 or above 1; NaN where not usable, 0 outside the mask",
    )
    share_of_mean_file = File(
        exists=True, desc="the same of the mean over the repeats of each stimulus"
    )
    interval_file = File(
        exists=True, desc="bounds of share_file along the fourth axis: low, high (NaN without)"
    )
    table_file = File(
        exists=True,
        desc="TSV, a row a voxel: i j k, x y z (mm), usable, signal and noise (variances), share, "
        "low, high, share_of_mean, r_ceiling and r_ceiling_of_mean (roots, with the sign)",
    )
    summary_file = File(exists=True, desc="JSON: stimuli, repeats, voxels, quantiles of the share")


class NoiseCeiling(PythonInterface):
    """Tell signal from noise by repeats, as the bound of what a model can predict.

    Signal is what repeats of one stimulus have in common (Sahani & Linden 2003; Hsu et al.
    2004). Divide r2 of a model by ``share``, or r by ``r_ceiling``, to see how much of what can be
    explained it explains; where the share is not clearly above 0 that means nothing.

    Examples
    --------
    >>> NoiseCeiling(n_bootstrap=200).inputs.column
    'stimulus'
    """

    input_spec = _NoiseCeilingInputSpec
    output_spec = _NoiseCeilingOutputSpec

    def _process(self) -> None:
        values = self.inputs
        responses = open_responses(values.responses_file, values.samples_file, values.mask_file)
        matrix, stimuli, averaged = self._presentations(responses)
        with threadpool_limits(1):  # sums in another order would change the last bit
            found = numbers.noise_ceiling(
                matrix, stimuli, n_bootstrap=values.n_bootstrap, confidence=values.confidence,
                seed=values.seed, memory_gb=values.memory_gb,
            )  # fmt: skip
        for field in ("share", "share_of_mean"):
            volume = responses.volume(getattr(found, field))
            self.save_image(f"{field}_file", f"{field}.nii.gz", volume, responses.image)
        interval = np.stack([responses.volume(found.low), responses.volume(found.high)], axis=-1)
        self.save_image("interval_file", "interval.nii.gz", interval, responses.image)
        self.save_table("table_file", "noise_ceiling.tsv", _table(found, responses))
        self.save_json("summary_file", "noise_ceiling.json", self._summary(found, averaged))

    def _presentations(self, responses: MaskedResponses) -> tuple[np.ndarray, np.ndarray, bool]:
        """Give one response for each presentation, and what was presented."""
        values, samples = self.inputs, responses.samples
        stimuli = responses.column(values.column, "column")
        average = values.average_volumes
        if not isdefined(average):
            average = "volume" in samples
        if not average:
            return responses.values, stimuli.to_numpy(object), False
        block = numbers.presentations(samples, values.column)
        rows = np.flatnonzero(block >= 0)
        if not len(rows):
            raise InputError(
                "column",
                expected="stimuli in the samples",
                found=f"only n/a in {values.column!r}",
                hint="give the samples_file of LabelStimuli",
                file=values.samples_file,
            )
        first = np.flatnonzero(np.diff(block[rows], prepend=-1))
        sums = np.add.reduceat(responses.values[rows], first, axis=0, dtype=np.float64)
        lengths = np.diff(np.append(first, len(rows)))
        return sums / lengths[:, None], stimuli.to_numpy(object)[rows[first]], True

    def _summary(self, found: numbers.NoiseCeiling, averaged: bool) -> dict:
        share = found.share[found.usable]
        quantiles = np.quantile(share, [0.05, 0.5, 0.95]) if len(share) else []
        counts = found.n_repeats
        return {
            "n_stimuli": len(found.stimuli),
            "n_repeats": {"least": int(counts.min()), "most": int(counts.max())},
            "volumes_averaged": bool(averaged),
            "n_voxels": len(found.usable),
            "n_unusable": int((~found.usable).sum()),
            "share_quantiles_5_50_95": [round(float(q), 6) for q in quantiles],
            "n_voxels_interval_above_0": int((found.low > 0).sum()),
            "confidence": self.inputs.confidence,
            "n_bootstrap": self.inputs.n_bootstrap,
        }


def _table(found: numbers.NoiseCeiling, responses: MaskedResponses) -> pd.DataFrame:
    table = voxel_table(responses.mask, responses.image.affine, found.usable)
    for name in ("signal", "noise", "share", "low", "high", "share_of_mean"):
        table[name] = getattr(found, name)
    table["r_ceiling"] = numbers.signed_root(found.share)
    table["r_ceiling_of_mean"] = numbers.signed_root(found.share_of_mean)
    return table
