"""The page on parcels, from files, on simulated data."""

import json
import re
from pathlib import Path

import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.network_summary import NetworkSummary
from fmriprod.interfaces.parcel_group import ParcelGroup
from fmriprod.interfaces.parcel_ranking import ParcelRanking
from fmriprod.interfaces.parcel_report import ParcelReport

REGIONS = ["V1", "V2", "M1", "S1"]
NAMES = [f"{side}_{region}" for side in "RL" for region in REGIONS]
PARCELS = pd.DataFrame({
    "name": NAMES, "hemisphere": ["R"] * 4 + ["L"] * 4, "network": ["Vis", "Vis", "Mot", "Mot"] * 2,
})  # fmt: skip


def save(folder, name, table):
    path = folder / f"{name}.tsv"
    table.to_csv(path, sep="\t", index=False, na_rep="n/a")
    return str(path)


def run(folder, **inputs):
    node = pe.Node(ParcelReport(**inputs), "report", base_dir=str(folder))
    return node.run().outputs


def page_of(outputs):
    text = Path(outputs.out_report).read_text(encoding="utf-8")
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", re.sub(r"base64,[^\"]+", "", text)))


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A hand: motor parcels right up and left down, R_M1 most; R_V1 goes with L_V1."""
    folder = tmp_path_factory.mktemp("study")
    rng = np.random.default_rng(1)
    planted = np.array([0, 0.5, 9, 5, 0, 0.5, -6, -6])
    files = []
    for number in range(8):
        value = planted + rng.normal(0, 0.7, 8)
        table = pd.DataFrame({"parcel": NAMES, "contrast": "lh-rh", "value": value})
        files.append(save(folder, f"sub-{number}", table.sample(frac=1, random_state=number)))
    matrix = np.full((8, 8), 0.1, "f4")
    matrix[0, 4] = matrix[4, 0] = 0.8
    matrix[7], matrix[:, 7] = np.nan, np.nan
    np.fill_diagonal(matrix, np.nan)
    np.save(folder / "connectivity.npy", matrix)
    parcels = save(folder, "parcels", PARCELS)
    mean = pd.DataFrame({"parcel": NAMES, "contrast": "lh-rh", "value": planted})
    contrast = save(folder, "mean", mean)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        group = ParcelGroup(contrast_files=files, parcels_file=parcels).run().outputs.group_file
        top = ParcelRanking(contrast_files=[contrast], parcels_file=parcels).run().outputs.top_file
        networks = NetworkSummary(contrast_file=contrast, parcels_file=parcels).run()
    return {
        "parcels_file": parcels, "connectivity_file": str(folder / "connectivity.npy"),
        "contrast_file": contrast, "group_file": group, "top_file": top,
        "network_file": networks.outputs.table_file,
    }  # fmt: skip


@pytest.fixture(scope="module")
def whole(study, tmp_path_factory):
    return run(tmp_path_factory.mktemp("whole"), **study, seed="L_V1", simulated=True,
               methods="Words.", settings=["flips: 256"])  # fmt: skip


class TestWhole:
    def test_first_screen_says_what_was_planted(self, whole, study):
        text = page_of(whole)
        group = pd.read_csv(study["group_file"], sep="\t")
        n = int((group["p_max"] <= 0.05).sum())
        assert 4 <= n < 8
        assert f"Parcels with p_max ≤ 0.05 {n} of 8 tested" in text
        assert "Largest parcel R_M1 lh-rh 9 · Mot" in text
        best = group.loc[group["t"].abs().idxmax(), "parcel"]
        assert f"Largest |t| of parcels {best} " in text
        assert "Most connected with L_V1 R_V1 0.8" in text
        assert "7 of 8 parcels have values" in text

    def test_a_lateral_effect_does_not_cancel(self, whole):
        # Over both hemispheres Mot has the mean 0.5, in the right 7.
        assert "Strongest network: Mot 7 right hemisphere, mean over 2 parcels" in page_of(whole)

    def test_all_figures_and_the_banner(self, whole):
        assert whole.figure_names == ["group", "ranking-1", "networks", "matrix", "seed"]
        assert len(whole.figures) == 5
        assert "Simulated data: no person was scanned" in page_of(whole)
        assert "flips" in page_of(whole) and "Words." in page_of(whole)

    def test_the_ranking_is_a_table_too(self, whole):
        text = page_of(whole)
        rows = text.split("The first 8 parcels by lh-rh.")[1]
        assert rows.startswith(
            " rank parcel hemisphere network value 1 R_M1 R Mot 9 2 L_M1 L Mot −6 2 L_S1 L Mot −6 "
            "4 R_S1 R Mot 5"
        )
        assert "Parcels of the first 7 ranks, lh-rh."

    def test_same_bytes_again(self, whole, study, tmp_path):
        again = run(tmp_path, **study, seed="L_V1", simulated=True, methods="Words.",
                    settings=["flips: 256"])  # fmt: skip
        first, second = (Path(o.out_report).read_bytes() for o in (whole, again))
        assert first == second


class TestParts:
    def test_contrast_alone_is_ranked_and_summarised(self, study, tmp_path):
        found = run(tmp_path, contrast_file=study["contrast_file"],
                    parcels_file=study["parcels_file"])  # fmt: skip
        assert found.figure_names == ["ranking-1", "networks"]
        assert "Strongest network: Mot 7 right" in page_of(found)
        assert "Simulated" not in page_of(found)

    def test_contrast_without_a_table_of_parcels(self, study, tmp_path):
        found = run(tmp_path, contrast_file=study["contrast_file"])
        assert found.figure_names == ["ranking-1"]

    def test_edges_of_a_group(self, study, tmp_path):
        regions = ["V1", "M1", "S1"]
        edges = pd.DataFrame({
            "parcel_1": [f"R_{name}" for name in regions],
            "parcel_2": [f"L_{name}" for name in regions],
            "n": 8, "t": [-9.0, 2.0, 1.0], "p_max": [0.05, 0.5, 0.9],
        })  # fmt: skip
        found = run(tmp_path, group_file=save(tmp_path, "edges", edges),
                    parcels_file=study["parcels_file"])  # fmt: skip
        assert "Largest |t| of edges R_V1 – L_V1 t = −9" in page_of(found)
        assert "Edges with p_max ≤ 0.05 1 of the 3 strongest that are listed" in page_of(found)

    def test_group_without_flips_says_so(self, study, tmp_path):
        table = pd.read_csv(study["group_file"], sep="\t").assign(p_max=np.nan)
        found = run(tmp_path, group_file=save(tmp_path, "group", table))
        assert "not tested no sign flips" in page_of(found)


@pytest.fixture(scope="module")
def placed(study, tmp_path_factory):
    rng = np.random.default_rng(0)
    table = PARCELS.assign(**{axis: rng.uniform(-50, 50, 8) for axis in "xyz"})
    return {**study, "parcels_file": save(tmp_path_factory.mktemp("p"), "placed", table)}


@pytest.fixture(scope="module")
def with_places(placed, tmp_path_factory):
    return run(
        tmp_path_factory.mktemp("placed"), **placed, seed="L_V1", nearest_centres=True,
        simulated=True, contrast_name="left minus right",
    )  # fmt: skip


class TestPlaces:
    """What there is only where it is known where parcels lie."""

    def test_glass_brain_connectome_and_cortex(self, with_places):
        assert with_places.figure_names == [
            "group", "ranking-1", "surface", "networks", "matrix", "brain", "seed",
        ]  # fmt: skip
        text = Path(with_places.out_report).read_text(encoding="utf-8")
        data = json.loads(re.search(r'application/json">(.*?)</script>', text, re.DOTALL)[1])
        assert [node["name"] for node in data["nodes"]] == NAMES and data["simulated"]
        assert data["edges"][0] == [0, 4, 0.8] and len(data["outline"]) == 2
        assert "No glass brain" not in text
        # One sentence a section, and words for those who do not see.
        assert text.count('class="intro"') >= 7
        alts = re.findall(r'<img src="data:[^"]*"[^>]* alt="([^"]*)"', text)
        assert len(alts) == 7 and all(len(alt.split()) > 6 for alt in alts)
        assert "the largest: R_M1" in alts[1]

    def test_nothing_leaves_the_page(self, with_places):
        text = Path(with_places.out_report).read_text(encoding="utf-8")
        assert not re.findall(r'(?:src|href)="(?!#|data:)', text)
        assert "http" not in re.sub(r"base64,[^\"]+", "", text).split("</style>", 1)[1]

    def test_without_places_it_is_said_that_there_is_none(self, study, whole):
        assert "No glass brain and no connectome to turn: parcels_file has no x" in page_of(whole)

    def test_places_of_the_atlas_by_name(self, study, tmp_path):
        order = [*NAMES[3:], *NAMES[:3]]
        np.save(tmp_path / "regions.npy", np.array([[name, "Net", "1"] for name in order]))
        coords = np.array([[10.0 * NAMES.index(name), 0, 5] for name in order])
        labels = np.random.default_rng(0).integers(0, 8, (2, 10242))
        np.savez(tmp_path / "atlas.npz", coords=coords, labels_L=labels[0], labels_R=labels[1])
        with_places = run(tmp_path, **study, atlas_file=str(tmp_path / "atlas.npz"),
                    regions_file=str(tmp_path / "regions.npy"))  # fmt: skip
        assert {"surface", "brain"} <= set(with_places.figure_names)
        text = Path(with_places.out_report).read_text(encoding="utf-8")
        data = json.loads(re.search(r'application/json">(.*?)</script>', text, re.DOTALL)[1])
        assert [node["at"][0] for node in data["nodes"]] == [10 * k for k in range(8)]

    def test_a_name_for_the_contrast(self, with_places):
        assert "Largest parcel R_M1 left minus right 9" in page_of(with_places)
        assert "lh-rh" not in page_of(with_places)

    def test_labels_without_something_to_draw(self, placed):
        inputs = {name: placed[name] for name in ("parcels_file", "connectivity_file")}
        with pytest.raises(InputError, match=r"contrast_file or a group_file.*\s+found:\s+none"):
            ParcelReport(**inputs, nearest_centres=True).run()


class TestNames:
    def test_long_names_are_not_in_the_large_letters(self, study, tmp_path):
        long = "R_7Networks_RH_SomMot_12"
        table = pd.read_csv(study["contrast_file"], sep="\t").replace({"parcel": {"R_M1": long}})
        found = run(tmp_path, contrast_file=save(tmp_path, "long", table))
        text = Path(found.out_report).read_text(encoding="utf-8")
        assert f'<div class="label">Largest parcel: {long}</div><div class="value">lh-rh 9' in text


class TestBadInput:
    def refuse(self, match, **inputs):
        with pytest.raises(InputError, match=match):
            ParcelReport(**inputs).run()

    def test_nothing(self):
        self.refuse("one of connectivity_file, contrast_file")

    def test_a_seed_that_does_not_exist(self, study):
        inputs = {name: study[name] for name in ("parcels_file", "connectivity_file")}
        self.refuse("did you mean 'L_V1'", **inputs, seed="L_V11")

    @pytest.mark.parametrize("name", ["contrast_file", "group_file"])
    def test_parcels_that_disagree(self, study, tmp_path, name):
        table = pd.read_csv(study[name], sep="\t").replace({"parcel": {"L_V1": "L_V9"}})
        path = save(tmp_path, "other", table)
        self.refuse("lacking: L_V1; others: L_V9",
                    **{name: path, "parcels_file": study["parcels_file"]})  # fmt: skip

    def test_a_ranking_of_other_parcels(self, study, tmp_path):
        table = pd.read_csv(study["top_file"], sep="\t").replace({"parcel": {"L_V1": "L_V9"}})
        path = save(tmp_path, "top", table)
        self.refuse(r"parcels of parcels_file\s+found:\s+L_V9", top_file=path,
                    parcels_file=study["parcels_file"])  # fmt: skip

    def test_other_networks(self, study, tmp_path):
        table = pd.read_csv(study["network_file"], sep="\t").replace({"network": {"Mot": "Mto"}})
        path = save(tmp_path, "networks", table)
        self.refuse(r"Mto\s+do:\s+did you mean 'Mot'", network_file=path,
                    parcels_file=study["parcels_file"])  # fmt: skip

    def test_connectivity_of_another_number(self, study, tmp_path):
        path = save(tmp_path, "parcels", PARCELS[:7])
        self.refuse(r"\(7, 7\)", connectivity_file=study["connectivity_file"], parcels_file=path)

    def test_a_group_without_p_max(self, study, tmp_path):
        table = pd.read_csv(study["group_file"], sep="\t").drop(columns="p_max")
        self.refuse("no p_max", group_file=save(tmp_path, "group", table))
