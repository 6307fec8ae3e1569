import nipype.pipeline.engine as pe
import pandas as pd
import pytest
from support.parcel_runs import NAMES, task_inputs, write_task

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.condition_average import ConditionAverage
from fmriprod.interfaces.parcel_contrast import ParcelContrast
from fmriprod.interfaces.parcel_glm import ParcelGLM


@pytest.fixture
def task(work, rng):
    write_task(work, rng)
    return work


def test_difference_of_averages_in_a_node(task):
    effects = ConditionAverage(**task_inputs(task, skip=6)).run().outputs.effects_file
    node = pe.Node(ParcelContrast(contrast="lh-rh"), name="contrast", base_dir=str(task))
    node.inputs.effects_file = effects
    out = node.run().outputs
    table = pd.read_csv(out.contrast_file, sep="\t")
    assert list(table) == ["parcel", "contrast", "value"] and table.parcel.tolist() == NAMES
    wide = pd.read_csv(effects, sep="\t").pivot(index="parcel", columns="condition")["effect"]
    expected = (wide.lh - wide.rh)[NAMES].to_numpy()
    assert table.value.to_numpy() == pytest.approx(expected, abs=1e-5, nan_ok=True)
    assert table.value[0] > 2 and table.value[1] < -2 and (out.contrast_name, out.n_missing) == (
        "lhMinusRh", 1,
    )  # fmt: skip


def test_a_contrast_of_the_model_brings_its_error(task):
    model = ParcelGLM(**task_inputs(task, contrasts=["hands=lh-rh"])).run().outputs
    found = ParcelContrast(effects_file=model.effects_file, contrast="hands").run().outputs
    table = pd.read_csv(found.contrast_file, sep="\t")
    assert list(table) == ["parcel", "contrast", "value", "variance", "t", "dof"]
    assert table.t[0] > 8 and table.t[1] < -8 and abs(table.t[2]) < 4


def test_bad_input(task):
    effects = ConditionAverage(**task_inputs(task)).run().outputs.effects_file
    with pytest.raises(InputError) as caught:
        ParcelContrast(effects_file=effects, contrast="lh-rhh").run()
    assert "did you mean 'rh'" in str(caught.value)
    with pytest.raises(InputError) as caught:
        ParcelContrast(effects_file=str(task / "events0.tsv"), contrast="lh").run()
    assert "events0.tsv" in str(caught.value) and "no column 'parcel'" in str(caught.value)


@pytest.mark.parametrize("contrast", ["`1`-`2`", "`1`", "late=`2`"])
def test_conditions_may_be_numbers(task, contrast):
    rows = [(name, k, 2.0 * k + i) for k in (1, 2) for i, name in enumerate(NAMES)]
    table = pd.DataFrame(rows, columns=["parcel", "condition", "effect"])
    table.to_csv("numbers.tsv", sep="\t", index=False)
    found = ParcelContrast(effects_file="numbers.tsv", contrast=contrast).run().outputs
    value = pd.read_csv(found.contrast_file, sep="\t")["value"]
    one, two = (table.query(f"condition == {k}")["effect"].to_numpy() for k in (1, 2))
    expected = {"`1`-`2`": one - two, "`1`": one, "late=`2`": two}[contrast]
    assert value.tolist() == expected.tolist()
