"""Profiles over layers: of voxels, of regions, and maps of the best layer."""

from nipype.interfaces.utility import IdentityInterface
from nipype.pipeline import engine as pe

from fmriprod.interfaces.fingerprint import ScoreFingerprint
from fmriprod.workflows.describe_nodes import Steps, percent
from fmriprod.workflows.described_workflow import DescribedWorkflow


def init_fingerprint_wf(
    *,
    score: str = "r2",
    sigma: float = 1.0,
    best_share: float = 0.25,
    n_bootstrap: int = 1000,
    seed: int = 0,
    simulated: bool = False,
    mem_gb: float = 1.0,
    name: str = "fingerprint_wf",
) -> pe.Workflow:
    """Build the workflow that describes voxels and regions by the layers that predict them.

    Parameters
    ----------
    score : {"r2", "r"}
        What a layer is judged by.
    sigma : float
        Width in voxels of the Gaussian that smooths the layers' maps before the best is found.
    best_share : float
        Share of a region's voxels, the best predicted, whose mean is its profile.
    n_bootstrap : int
        Draws for the intervals.
    seed : int
        Their seed.
    simulated : bool
        The data are simulated: figures say so.
    mem_gb : float
        Memory to declare, in GB.
    name : str
        Name of the workflow.

    Inputs
    ------
    scores_file
        Scores of each layer (HDF5), from `init_encoding_wf`
    mask_file
        Their voxels
    selection_file
        Voxels that take part, such as significant ones
    roi_files
        Masks of regions, in the grid of the mask
    roi_names
        Their names
    background_file
        Image to draw on

    Outputs
    -------
    profile_file
        A row a region and layer (TSV)
    voxel_profiles_file
        Profile of each voxel (.npy)
    winner_map
        Best layer, from 1 on
    margin_map
        How much better it is than the next
    slope_map
        Trend over layers, from -1 to 1
    summary_file
        Counts, first principal component (JSON)
    figures
        Profiles, best layer, trend (PNG)
    figure_names
        What each of them is

    Returns
    -------
    nipype.pipeline.engine.Workflow
    """
    workflow = DescribedWorkflow(name, _text)
    inputs = ["scores_file", "mask_file", "selection_file", "roi_files", "roi_names",
              "background_file"]  # fmt: skip
    inputnode = pe.Node(IdentityInterface(fields=inputs), name="inputnode")
    outputs = ["profile_file", "voxel_profiles_file", "winner_map", "margin_map", "slope_map",
               "summary_file", "figures", "figure_names"]  # fmt: skip
    outputnode = pe.Node(IdentityInterface(fields=outputs), name="outputnode")
    fingerprint = pe.Node(
        ScoreFingerprint(
            score=score, sigma=sigma, best_share=best_share, n_bootstrap=n_bootstrap,
            seed=seed, simulated=simulated,
        ),
        name="fingerprint", mem_gb=mem_gb,
    )  # fmt: skip
    workflow.connect([
        (inputnode, fingerprint, [(field, field) for field in inputs]),
        (fingerprint, outputnode, [(field, field) for field in outputs]),
    ])  # fmt: skip
    return workflow


def _text(steps: Steps) -> str:
    step = steps["fingerprint"]
    smoothed = f" after smoothing the layers' maps (sigma {step.sigma:g} voxels)"
    return (
        "The profile of a region over layers is the mean score of its best "
        f"{percent(step.best_share):.4g} % of voxels, divided by its maximum; the best layer "
        f"of a voxel was found{smoothed if step.sigma else ' without smoothing'} "
        "[@eickenberg2017]. "
    )
