"""The keys of a BIDS Stats Models file (specification 1.0.0) that this package understands."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Weight = float | str


class _Object(BaseModel):
    """An object of the file: every key is known."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Instruction(_Object):
    """One transformation: trial types become columns, or columns are convolved."""

    Name: Literal["Factor", "Convolve"]
    Input: tuple[str, ...]
    Model: str = "spm"
    Derivative: bool = False
    Dispersion: bool = False


class NodeTransformations(_Object):
    """The transformations of a node."""

    Transformer: str
    Instructions: tuple[Instruction, ...] = ()


class ModelOptions(_Object):
    """Options of the model."""

    HighPassFilterCutoffHz: float | None = Field(default=None, gt=0)


class DesignModel(_Object):
    """Columns of the design."""

    X: tuple[str | int, ...]
    Type: str = "glm"
    Options: ModelOptions | None = None


class Contrast(_Object):
    """A contrast between columns."""

    Name: str
    ConditionList: tuple[str | int, ...]
    Weights: tuple[Weight, ...]
    Test: Literal["t"] = "t"


class NodeDummyContrasts(_Object):
    """Each column against baseline."""

    Test: Literal["t"] = "t"
    Contrasts: tuple[str, ...] | None = None


class Node(_Object):
    """A level of the analysis; runs are modelled, subjects combine their runs."""

    Level: Literal["Run", "Subject"]
    Name: str
    GroupBy: tuple[str, ...] = ()
    Transformations: NodeTransformations | None = None
    Model: DesignModel
    Contrasts: tuple[Contrast, ...] = ()
    DummyContrasts: NodeDummyContrasts | None = None


class Edge(_Object):
    """Where the results of a node go."""

    Source: str
    Destination: str
    Filter: dict[str, list[str]] = Field(default_factory=dict)


class Document(_Object):
    """A whole model file."""

    Name: str
    BIDSModelVersion: str
    Description: str = ""
    Input: dict[str, str | list[str]] = Field(default_factory=dict)
    Nodes: tuple[Node, ...] = Field(min_length=1)
    Edges: tuple[Edge, ...] = ()
