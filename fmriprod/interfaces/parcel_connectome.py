"""Where parcels lie and what they are connected with: a glass brain, and a page to turn one."""

import numpy as np
from nipype.interfaces.base import File, TraitedSpec, traits

from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.parcel_table import read_parcels
from fmriprod.interfaces.parcel_values import read_connectivity

_POINTS = 2562  # fsaverage5 is a finer icosahedron: its first vertices are a coarser one


class _ParcelConnectomeInputSpec(PythonInputSpec):
    connectivity_file = File(exists=True, mandatory=True, desc=".npy (n_parcels, n_parcels)")
    parcels_file = File(
        exists=True, mandatory=True,
        desc="TSV: name hemisphere network x y z (MNI, mm), in the order of connectivity_file",
    )  # fmt: skip
    n_edges = traits.Range(
        low=0, value=0, usedefault=True,
        desc="connections that are drawn; 0: 1 % of all, at least 50 and at most 200",
    )  # fmt: skip
    most_edges = traits.Range(
        low=1, value=1000, usedefault=True, desc="connections at the end of the page's slider"
    )
    label = traits.Str("correlation r", usedefault=True, desc="what connectivity_file holds")
    title = traits.Str("Connectome of parcels", usedefault=True, desc="title of figure and page")
    simulated = traits.Bool(
        False, usedefault=True, desc="the data are simulated: figure and page say so"
    )


class _ParcelConnectomeOutputSpec(TraitedSpec):
    out_figure = File(exists=True, desc="glass brain from three sides (PNG)")
    out_page = File(
        exists=True, desc="connectome to be turned: an HTML page that needs no other file"
    )


class ParcelConnectome(PythonInterface):
    """Draw the strongest connections of parcels in a glass brain, and on a page that turns it.

    The page needs no network: a slider sets the number of connections, and pointing at a parcel
    tells its name, network and connections.

    Examples
    --------
    >>> ParcelConnectome(n_edges=100).inputs.most_edges
    1000
    """

    input_spec = _ParcelConnectomeInputSpec
    output_spec = _ParcelConnectomeOutputSpec
    _libraries = ("nilearn", "matplotlib")

    def _process(self) -> None:
        from fmriprod.reports.parcel_connectome import connectome_markup, connectome_page
        from fmriprod.reports.parcel_glass_brain import glass_brain_figure

        given = self.inputs
        n_edges = given.n_edges or None
        parcels = read_parcels(given.parcels_file)
        matrix = read_connectivity(given.connectivity_file, len(parcels))
        with glass_brain_figure(
            matrix, parcels, n_edges=n_edges, label=given.label, title=given.title,
            simulated=given.simulated,
        ) as figure:  # fmt: skip
            self.save_figure("out_figure", "glass_brain.png", figure)
        markup = connectome_markup(
            matrix, parcels, brain_outline(), n_edges=n_edges, most_edges=given.most_edges,
            label=given.label, simulated=given.simulated,
        )  # fmt: skip
        page = connectome_page(markup, title=given.title, simulated=given.simulated)
        self.save_text("out_page", "connectome.html", page)


def brain_outline() -> list[np.ndarray]:
    """Give the corners of the convex hulls of both hemispheres of fsaverage.

    They come with Nilearn: nothing is fetched. Their space (MNI305) differs from MNI152 by some
    millimetres.

    Returns
    -------
    list of ndarray of float64, shape (n_points, 3)
        Left and right, in mm.
    """
    from nilearn.datasets import load_fsaverage
    from scipy.spatial import ConvexHull

    mesh = load_fsaverage("fsaverage5")["pial"].parts
    points = [np.asarray(mesh[side].coordinates[:_POINTS], float) for side in ("left", "right")]
    return [part[ConvexHull(part).vertices] for part in points]
