"""Functional connectivity of one subject's parcels."""

from nipype.interfaces.utility import IdentityInterface
from nipype.pipeline import engine as pe

from fmriprod.interfaces.network_summary import NetworkSummary
from fmriprod.interfaces.parcel_connectivity import ParcelConnectivity
from fmriprod.workflows.describe_nodes import Steps
from fmriprod.workflows.described_workflow import DescribedWorkflow

_KINDS = {
    "correlation": "Pearson's correlation",
    "partial correlation": "the partial correlation, given all other parcels, from "
    "correlations that were shrunk [@partial_correlation; @ledoit_wolf],",
    "covariance": "the covariance, shrunk [@ledoit_wolf],",
    "tangent": "the covariance, shrunk [@ledoit_wolf], projected into the tangent space at the "
    "group's mean [@tangent],",
}


def init_parcel_rest_wf(
    *,
    kind: str = "correlation",
    combine: str = "concatenate",
    fisher: bool = False,
    networks: bool = True,
    mem_gb: float = 0.5,
    name: str = "parcel_rest_wf",
) -> pe.Workflow:
    """Build the workflow that measures how the series of parcels go together.

    Parameters
    ----------
    kind, combine, fisher
        As `ParcelConnectivity` takes them.
    networks : bool
        Summarise connectivity within and between networks; parcels then need networks.
    mem_gb : float
        Memory to declare, in GB.
    name : str
        Name of the workflow.

    Inputs
    ------
    series_files
        Series of the runs (.npy, parcels x volumes)
    parcels_file
        Parcels of their rows (TSV)

    Outputs
    -------
    connectivity_file
        Parcels x parcels (.npy)
    summary_file
        Counts and settings (JSON)
    network_file
        Within and between networks (TSV)

    Returns
    -------
    nipype.pipeline.engine.Workflow
    """
    workflow = DescribedWorkflow(name, _text)
    inputnode = pe.Node(IdentityInterface(fields=["series_files", "parcels_file"]),
                        name="inputnode")  # fmt: skip
    outputs = ["connectivity_file", "summary_file", "network_file"]
    outputnode = pe.Node(IdentityInterface(fields=outputs), name="outputnode")
    measure = pe.Node(
        ParcelConnectivity(kind=kind, combine=combine, fisher=fisher), name="connectivity",
        mem_gb=mem_gb,
    )  # fmt: skip
    workflow.connect([
        (inputnode, measure, [("series_files", "series_files"), ("parcels_file", "parcels_file")]),
        (measure, outputnode, [("connectivity_file", "connectivity_file"),
                               ("summary_file", "summary_file")]),
    ])  # fmt: skip
    if networks:
        averaged_as_z = not fisher and "correlation" in kind
        summary = pe.Node(NetworkSummary(fisher=averaged_as_z), name="networks")
        workflow.connect([
            (inputnode, summary, [("parcels_file", "parcels_file")]),
            (measure, summary, [("connectivity_file", "connectivity_file")]),
            (summary, outputnode, [("table_file", "network_file")]),
        ])  # fmt: skip
    return workflow


def _text(steps: Steps) -> str:
    step = steps["connectivity"]
    fisher = ", as Fisher's z" if step.fisher else ""
    return (
        "Functional connectivity of parcels is "
        f"{_KINDS.get(step.kind, step.kind)} of their series{fisher}. "
    )
