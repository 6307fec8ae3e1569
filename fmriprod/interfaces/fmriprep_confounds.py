"""Take confounds by strategy, and the motion, from fMRIPrep's table."""

from nipype.interfaces.base import File, TraitedSpec, traits

from fmriprod.algorithms.confound_strategies import choose_confounds
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface, given_or_none
from fmriprod.interfaces.events import read_table
from fmriprod.interfaces.fmriprep_runs import read_confounds
from fmriprod.interfaces.preprocessed_run import DEFAULT_STRATEGY, MEASURED


class _StrategyConfoundsInputSpec(PythonInputSpec):
    confounds_file = File(
        exists=True, mandatory=True, desc="desc-confounds_timeseries.tsv, one row a volume"
    )
    confounds_json = File(
        exists=True,
        desc="desc-confounds_timeseries.json: what each component is; needed for CompCor",
    )
    strategy = traits.Str(
        DEFAULT_STRATEGY,
        usedefault=True,
        desc="sets joined by +, such as motion24+wm_csf+scrub:0.5; see "
        "`fmriprod.algorithms.confound_strategies.choose_confounds`",
    )
    n_volumes = traits.Int(mandatory=True, desc="length of the run")


class _StrategyConfoundsOutputSpec(TraitedSpec):
    out_file = File(
        exists=True, desc="the chosen columns (TSV), without missing values; only if there are any"
    )
    columns = traits.List(traits.Str, desc="their names")
    motion_file = File(
        exists=True,
        desc="TSV with a row a volume: trans_x trans_y trans_z in mm, rot_x rot_y rot_z in rad, "
        "framewise_displacement in mm (0 in the first row)",
    )
    summary_file = File(
        exists=True,
        desc="JSON: Strategy, Columns, FilledWithZero (leading missing values by column) and "
        "ScrubbedVolumes (from 0)",
    )
    n_scrubbed = traits.Int(desc="volumes with a column of their own because of motion")
    n_filled = traits.Int(desc="leading missing values that were set to 0")


class StrategyConfounds(PythonInterface):
    """Choose confounds of a preprocessed run by named sets.

    Examples
    --------
    >>> StrategyConfounds(strategy="motion24+scrub").inputs.strategy
    'motion24+scrub'
    """

    input_spec = _StrategyConfoundsInputSpec
    output_spec = _StrategyConfoundsOutputSpec

    def _process(self) -> None:
        inputs = self.inputs
        chosen = read_confounds(
            inputs.confounds_file,
            given_or_none(inputs.confounds_json),
            inputs.strategy,
            inputs.n_volumes,
        )
        table = read_table(inputs.confounds_file, "confounds")
        motion = choose_confounds(table, "+".join(MEASURED)).table
        columns = [str(name) for name in chosen.table]
        if columns:
            self.save_table("out_file", "confounds.tsv", chosen.table)
        self.save_table("motion_file", "motion.tsv", motion)
        summary = {
            "Strategy": inputs.strategy,
            "Columns": columns,
            "FilledWithZero": chosen.filled,
            "ScrubbedVolumes": list(chosen.scrubbed),
        }
        self.save_json("summary_file", "confounds.json", summary)
        self.result("columns", columns)
        self.result("n_scrubbed", len(chosen.scrubbed))
        self.result("n_filled", sum(chosen.filled.values()))
