"""The connectome of parcels, from files."""

import json
import re
from pathlib import Path

import nipype.pipeline.engine as pe
import numpy as np
import pytest
from scipy.spatial import ConvexHull

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.simulate_parcel_table import made_up_parcels
from fmriprod.interfaces.parcel_connectome import ParcelConnectome, brain_outline


@pytest.fixture
def files(work, rng):
    parcels = made_up_parcels(40)
    parcels.to_csv(work / "parcels.tsv", sep="\t", index=False)
    matrix = np.corrcoef(rng.normal(size=(40, 60)))
    np.fill_diagonal(matrix, np.nan)
    matrix[3, 30] = matrix[30, 3] = 0.95
    np.save(work / "r.npy", matrix.astype("f4"))
    return {
        "connectivity_file": str(work / "r.npy"), "parcels_file": str(work / "parcels.tsv"),
    }  # fmt: skip


def test_figure_and_page(files, work):
    node = pe.Node(ParcelConnectome(**files, n_edges=7, simulated=True), "c", base_dir=str(work))
    found = node.run().outputs
    assert Path(found.out_figure).stat().st_size > 20_000
    page = Path(found.out_page).read_text(encoding="utf-8")
    data = json.loads(re.search(r'application/json">(.*?)</script>', page, re.DOTALL)[1])
    assert data["edges"][0] == [3, 30, 0.95] and len(data["edges"]) == 780
    assert len(data["nodes"]) == 40 and len(data["outline"]) == 2
    assert 'max="780" value="7"' in page and "no person was scanned" in page


def test_the_outline_is_that_of_a_brain():
    left, right = brain_outline()
    assert (left[:, 0].max() < 8) and (right[:, 0].min() > -8)
    for part in (left, right):
        # A hemisphere takes about half a litre, its convex hull somewhat more.
        assert 500_000 < ConvexHull(part).volume < 900_000
        assert len(part) < 400


def test_no_places(files, work):
    table = made_up_parcels(40).drop(columns=["x", "y", "z"])
    table.to_csv(work / "parcels.tsv", sep="\t", index=False)
    with pytest.raises(InputError, match="columns x y z") as info:
        ParcelConnectome(**files).run()
    assert "parcels.tsv" in str(info.value)


def test_another_number_of_parcels(files, work):
    made_up_parcels(42).to_csv(work / "parcels.tsv", sep="\t", index=False)
    with pytest.raises(InputError, match=r"\(42, 42\)"):
        ParcelConnectome(**files).run()
