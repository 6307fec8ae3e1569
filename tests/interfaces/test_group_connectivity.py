import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.group_connectivity import GroupConnectivity


@pytest.fixture
def files(work, rng):
    """Simulated evidence of 12 participants: V1-V2 grows by 0.5 a phase, V1-LOC does not."""
    paths = []
    for subject in range(12):
        rows = []
        for pair, slope in ((("V1", "V2"), 0.5), (("V1", "LOC"), 0.0)):
            shift = rng.normal(0, 0.5)
            for trial in range(40):
                half = 1 + trial // 20
                rows.append({
                    "subject": f"{subject:02}", "region_1": pair[0], "region_2": pair[1],
                    "features": "connectivity", "scheme": "phase", "run": f"0{trial // 10 + 1}",
                    "half": half, "label": "bed", "trial": trial % 10, "repetition": trial // 2,
                    "log_odds": slope * half + shift + rng.normal(0, 1),
                })  # fmt: skip
        paths.append(str(work / f"{subject}.tsv"))
        pd.DataFrame(rows).to_csv(paths[-1], sep="\t", index=False, na_rep="n/a")
    return paths


def test_what_grows_is_found_in_a_node(files, work):
    interface = GroupConnectivity(evidence_files=files, n_bootstrap=300)
    out = pe.Node(interface, name="group", base_dir=str(work)).run().outputs
    table = pd.read_csv(out.models_file, sep="\t").set_index("region_2")
    assert out.n_subjects == 12
    assert list(table["n_trials"]) == [480, 480]
    assert abs(table.loc["V2", "slope"] - 0.5) < 3.5 * table.loc["V2", "standard_error"]
    assert table.loc["V2", "ci_low"] > 0 and table.loc["V2", "p_fdr"] < 1e-3
    assert table.loc["LOC", "ci_low"] < 0 < table.loc["LOC", "ci_high"]
    assert table.loc["LOC", "p"] > 0.05 and table.loc["LOC", "weight"] < 0.7


def test_another_column_as_phase(files):
    out = GroupConnectivity(evidence_files=files, phase="trial", n_bootstrap=20).run().outputs
    assert (pd.read_csv(out.models_file, sep="\t")["slope"].abs() < 0.1).all()


def test_one_phase_is_refused(files):
    for path in files:
        table = pd.read_csv(path, sep="\t", dtype={"subject": str, "run": str})
        table[table["half"] == 1].to_csv(path, sep="\t", index=False)
    with pytest.raises(InputError) as caught:
        GroupConnectivity(evidence_files=files).run()
    assert str(caught.value) == (
        "GroupConnectivity: phase\n"
        "  expected: two phases or more in column half\n"
        "  found:    one in V1 V2 connectivity phase\n"
        "  do:       give the trials of all runs, or another column as phase"
    )


def test_a_participant_with_fewer_trials_goes_along(files):
    table = pd.read_csv(files[0], sep="\t", dtype={"subject": str, "run": str})
    table.loc[:9, "log_odds"] = np.nan
    table.to_csv(files[0], sep="\t", index=False, na_rep="n/a")
    out = GroupConnectivity(evidence_files=files, n_bootstrap=20).run().outputs
    assert list(pd.read_csv(out.models_file, sep="\t")["n_trials"]) == [470, 480]
