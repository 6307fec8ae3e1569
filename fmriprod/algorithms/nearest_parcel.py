"""The parcel that is nearest to each vertex of a surface."""

import numpy as np
from scipy.spatial import cKDTree


def nearest_parcel(vertices: np.ndarray, places: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Give each vertex the row of the nearest parcel.

    Parameters
    ----------
    vertices : ndarray, shape (n_vertices, 3)
        In mm.
    places : ndarray, shape (n_parcels, 3)
        Of all parcels, in mm.
    rows : ndarray of int
        Those of the vertices' hemisphere.

    Returns
    -------
    ndarray of int64, shape (n_vertices,)
        Rows of all parcels.
    """
    return rows[cKDTree(places[rows]).query(vertices)[1]].astype(np.int64)
