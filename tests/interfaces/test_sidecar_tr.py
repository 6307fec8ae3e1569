"""What beside a table says how long a volume takes: a number of seconds, or our message."""

import json

import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.sidecar_tr import series_tr


@pytest.mark.parametrize(
    ("content", "given", "message"),
    [
        ({"RepetitionTime": 2000}, None, r"a.json\n.*up to 100 s\n.*2000 s \(RepetitionTime\)"),
        ({"SamplingFrequency": 5e-324}, None, r"inf s \(SamplingFrequency\), .*milliseconds"),
        ({}, 2000.0, r"tr\n.*up to 100 s\n.*2000 s \(tr\), which looks like milliseconds"),
        ({"RepetitionTime": 10**400}, None, "RepetitionTime above 0 s"),
        ({"RepetitionTime": 10**400}, 2.0, "RepetitionTime above 0 s"),
    ],
)
def test_what_is_no_number_of_seconds_is_refused(work, content, given, message):
    (work / "a.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=message) as caught:
        series_tr(work / "a.tsv", given)
    assert len(caught.value.found) <= 80
    (work / "a.json").write_text(json.dumps({"RepetitionTime": 2, "SamplingFrequency": 0.5}))
    assert series_tr(work / "a.tsv") == 2.0
