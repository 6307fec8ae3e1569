"""What README shows works."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_graph_of_ones_own_builds():
    graph = next(b for b in re.findall(r"```python\n(.*?)```", README, re.S) if "connect" in b)
    namespace = {}
    exec(graph, namespace)
    names = {node.fullname for node in namespace["mine"]._create_flat_graph().nodes}
    assert {"mine.bold_wf.motion", "mine.first_level_wf.model"} <= names
    assert len([line for line in graph.splitlines() if line.strip()]) <= 10


def test_what_it_points_to_is_there():
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target
    for folder in re.findall(r"^\| `([\w/]+)` \|", README, re.M):
        assert (ROOT / folder).is_dir(), folder
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make (\w+)", README, re.M):
        assert re.search(rf"^{target}:", makefile, re.M), target
