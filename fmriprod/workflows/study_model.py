"""What a study file may say: its tables, their keys, and the rules of each."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from fmriprod.algorithms.hrf import MODELS
from fmriprod.algorithms.transforms import MOTION_COLUMNS

Label = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]+$")]
RunNumber = Annotated[str, StringConstraints(pattern=r"^[0-9]+$")]
Positive = Annotated[float, Field(gt=0)]


class _Table(BaseModel):
    """A table of the file: every key is known, and nothing changes once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class About(_Table):
    """``[study]``: what it is."""

    name: str
    description: str = ""
    reference: str = ""


class Samples(_Table):
    """``[tasks.<task>.samples]``: which volumes of a trial become samples.

    The first is ``floor(onset / TR) + shift_volumes``, or ``floor((onset + shift) / TR)`` with
    ``shift`` in s, 4.5 s where neither is given.
    """

    shift_volumes: Annotated[int, Field(ge=0)] | None = None
    shift: Annotated[float, Field(ge=0)] | None = None
    window: Annotated[int, Field(ge=1)] = 1
    past_end: Literal["error", "drop"] = "error"

    @property
    def lag(self) -> float:
        """Lag of the response in s, where it is not given in volumes."""
        return 4.5 if self.shift is None else self.shift


class Task(_Table):
    """``[tasks.<task>]``: one task of the dataset.

    ``labels`` are the trial types that are analysed; ``{trained_1}`` and ``{trained_2}``
    stand for the objects that a participant was trained on, in alphabetical order, and
    ``{control_1}``, ``{control_2}``, ... for the others. ``contrasts`` gives names to
    expressions over them.
    """

    labels: tuple[str, ...] = Field(min_length=1)
    contrasts: dict[Label, str] = Field(default_factory=dict)
    samples: Samples = Samples()
    missing: Literal["error", "drop-run"] = "error"


class Phase(_Table):
    """``[phases]``: a part of the experiment, as runs of one task (all of them by default)."""

    task: Label
    runs: tuple[RunNumber, ...] = ()

    @field_validator("runs", mode="before")
    @classmethod
    def _as_text(cls, value: object) -> object:
        if isinstance(value, list | tuple):
            return tuple(str(v) if isinstance(v, int) else v for v in value)
        return value


class Objects(_Table):
    """``[objects]``: what was seen and drawn, and which of it each participant was trained on.

    ``trained`` names columns of ``participants.tsv``; ``pairs`` gives the objects here, by
    participant, and goes before.
    """

    labels: tuple[str, ...] = Field(min_length=2)
    trained: tuple[str, ...] = ()
    pairs: dict[str, tuple[str, ...]] = Field(default_factory=dict)


class Glm(_Table):
    """``[glm]``: the model of each run.

    ``models`` are BIDS Stats Models files (``*_smdl.json``), paths relative to the study file,
    that give contrasts, response, high-pass and confounds instead.
    """

    engine: Literal["python", "fsl"] = "python"
    hrf: str = "spm + derivative"
    high_pass: Positive = 100.0
    fwhm: Annotated[float, Field(ge=0)] = 3.0
    noise: Literal["ols", "ar1", "ar2", "ar3", "ar4", "ar5"] = "ar1"
    confounds: tuple[str, ...] = MOTION_COLUMNS
    models: tuple[str, ...] = ()

    @field_validator("hrf")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in MODELS:
            raise ValueError(f"one of {', '.join(MODELS)}")
        return value


class Grid(_Table):
    """``[grid]``: where patterns are taken: the T1w's grid at a voxel size in mm."""

    space: Literal["T1w", "boldref"] = "T1w"
    voxel_size: Positive = 2.0
    filter: Literal["running_line", "cosine", "linear"] = "running_line"


class Regions(_Table):
    """``[regions]``: where labels come from, and what is made of them.

    ``source`` is ``freesurfer`` (a SUBJECTS_DIR) or ``labels`` (a label image for each
    participant, ``label_file`` with ``{subject}``, and ``table_file``, both relative to
    the study file). ``definitions`` are expressions as `LabelMasks` takes them; ``task`` is
    the leave-one-out task mask.
    """

    source: Literal["freesurfer", "labels"] = "freesurfer"
    label_file: str | None = None
    table_file: str | None = None
    surface_labels: tuple[str, ...] = ()
    rule: Literal["nearest", "partial_volume"] = "nearest"
    definitions: dict[Label, str] = Field(min_length=1)


class Features(_Table):
    """``[features]``: whether the features of each region are written to files of their own.

    ``original`` names them as the published study did (``SUBJ_ROI_PHASE_featurematrix.npy``),
    ``bids`` as derivatives.
    """

    naming: Literal["none", "original", "bids"] = "none"


class TaskMask(_Table):
    """``[task_mask]``: voxels that respond to a task in everyone but the participant."""

    task: Label
    contrast: Label
    model: Literal["fixed", "random"] = "fixed"
    z_cluster: Positive = 2.3
    z_voxel: Positive = 3.0
    cluster_p: Annotated[float, Field(ge=0, lt=1)] = 0.05
    min_voxels: Annotated[int, Field(ge=0)] = 0
    back: Literal["partial_volume", "published"] = "partial_volume"


Scheme = Literal[
    "4way", "3way", "2way", "4way_independent", "2way_within", "within_phase", "transfer"
]


class Evidence(_Table):
    """``[[evidence]]``: one question to the patterns of a region."""

    name: Label
    scheme: Scheme
    test: str
    train: str | None = None
    regions: tuple[Label, ...] = ()
    classifier: Literal["logistic_ovr", "logistic"] = "logistic_ovr"
    standardize: Literal["split", "run", "train", "none"] = "split"
    C: Positive = 1.0


class Connectivity(_Table):
    """``[connectivity]``: trial-wise connectivity between regions as evidence."""

    phase: str
    regions: tuple[Label, ...] = Field(min_length=2)
    versions: tuple[Literal["phase", "allruns"], ...] = ("phase", "allruns")
    features: tuple[Literal["connectivity", "stack"], ...] = ("connectivity", "stack")


class Differentiation(_Table):
    """``[differentiation]``: how similar trained and control objects become, by effect maps."""

    before: str
    after: str
    regions: tuple[Label, ...] = ()


class Statistics(_Table):
    """``[statistics]``: inference over participants."""

    bootstrap: Literal["fast", "published"] = "fast"
    n_bootstrap: Annotated[int, Field(ge=100)] = 10_000
    before: str | None = None
    after: str | None = None
    seed: Annotated[int, Field(ge=0)] = 0


class Study(_Table):
    """A whole study file."""

    study: About
    objects: Objects
    tasks: dict[Label, Task] = Field(min_length=1)
    phases: dict[Label, Phase] = Field(min_length=1)
    regions: Regions
    glm: Glm = Glm()
    grid: Grid = Grid()
    features: Features = Features()
    task_mask: TaskMask | None = None
    evidence: tuple[Evidence, ...] = ()
    connectivity: Connectivity | None = None
    differentiation: Differentiation | None = None
    statistics: Statistics = Statistics()
