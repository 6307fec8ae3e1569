import pytest

from fmriprod.cli.main import main


def test_it_says_what_it_did_with_each_file(work, capsys):
    command = ["scaffold", "study", "--study", "fan2020", "--participants", "sub-01", "02"]
    assert main(command) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 8 and all(line.rstrip().endswith("written") for line in lines)
    assert (work / "study/sourcedata/sub-01/run-order.txt").is_file()
    assert main(command) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines.pop() == "Nothing to do: all of it is there."
    assert all(line.rstrip().endswith("as it was") for line in lines)
    (work / "study/README.md").write_text("mine")
    assert main(["scaffold", "study", "--participants", "03"]) == 0
    said = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert said["README.md"].startswith("kept")
    assert said["participants.tsv"].rstrip() == "participants added"
    assert (work / "study/README.md").read_text() == "mine"


def test_bad_input(work, capsys):
    assert main(["scaffold", "study", "--study", "fan", "--participants", "01"]) == 1
    assert "known: fan2020" in capsys.readouterr().err
    assert main(["scaffold", "study", "--participants", "0_1"]) == 1
    assert "write sub-01" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["scaffold", "study"])
    assert not (work / "study").exists()
