"""No pickle is read from a place that a person supplies: every call that could is listed here."""

import ast
from pathlib import Path

import fmriprod

ROOT = Path(fmriprod.__file__).parent
FORBIDDEN = {
    "pickle.load", "pickle.loads", "pickle.Unpickler", "joblib.load", "dill.load", "shelve.open",
    "pd.read_pickle", "pandas.read_pickle", "marshal.loads", "marshal.load", "yaml.load",
    "yaml.unsafe_load", "eval", "exec", "cloudpickle.load", "cloudpickle.loads", "np.load",
    "numpy.load", "os.system", "os.popen", "loadpkl",
}  # fmt: skip
ALLOWED = {
    ("workflows/rerun.py", "loadpkl"): "Nipype's own record of a node, in the work folder",
    ("workflows/slurm_node.py", "pickle.loads"): "a node that the driver wrote, in the work folder",
}


def calls(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def test_nothing_that_runs_what_it_reads_is_called():
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        for name, node in calls(ast.parse(path.read_text(encoding="utf-8"))):
            words = {keyword.arg: keyword.value for keyword in node.keywords}
            where = (path.relative_to(ROOT).as_posix(), name)
            safe = (
                name.endswith("np.load")
                and ast.unparse(words.get("allow_pickle", ast.Constant(True))) == "False"
            )
            if name in FORBIDDEN and not safe:
                found[where] = node.lineno
            if name == "torch.load":
                assert ast.unparse(words["weights_only"]) == "True", where
            if "allow_pickle" in words:
                assert ast.unparse(words["allow_pickle"]) == "False", where
            assert ast.unparse(words.get("shell", ast.Constant(False))) == "False", where
    assert found.keys() <= ALLOWED.keys(), found
