"""Hold a run to the truth of its cache, whatever engine runs it."""

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from fmriprod.interfaces.digests import learn_digest, node_folder, remembering
from fmriprod.interfaces.provenance import noted_files, read_inputs
from fmriprod.interfaces.result_seals import (
    Read,
    broken,
    discard,
    discard_parts,
    hash_files,
    seal,
)
from fmriprod.workflows.cache_plan import DIGESTS, always_runs, node_place


class TrueCachePlugin:
    """An engine around another one: results that are broken do not count as results.

    Before the run every node that Nipype would take for finished is compared with its seal
    (`result_seals`), and runs again if a file of its result is missing or another. After the
    run, also one that failed, new results are sealed, and the digests of input files that workers
    found are kept for later runs.

    Parameters
    ----------
    plugin : Nipype plugin
        The engine.
    """

    def __init__(self, plugin: Any) -> None:
        self._plugin = plugin
        self.plugin_args = plugin.plugin_args
        self.discarded: dict[str, str] = {}  # full name of a node: what was wrong

    def run(self, graph: Any, config: Any, updatehash: bool = False) -> None:
        """Run an expanded graph."""
        nodes = [node for node in graph.nodes() if not always_runs(node)]
        if not nodes:
            self._plugin.run(graph, config, updatehash=updatehash)
            return
        began = time.time()
        with remembering(Path(nodes[0].base_dir) / DIGESTS):
            self.discarded = discard_broken(nodes)
            try:
                self._plugin.run(graph, config, updatehash=updatehash)
            finally:
                seal_results(list(graph.nodes()), began)


def discard_broken(nodes: Iterable[Any]) -> dict[str, str]:
    """Let nodes run again whose results are broken; tell their full names and what was wrong."""
    found = {}
    for node in nodes:
        folder = node_place(node)
        if not hash_files(folder):  # not finished, but parts of it may be
            discard_parts(folder)
            continue
        wrong = broken(folder)
        if wrong is not None:
            discard(folder)
            found[node.fullname] = wrong
    return found


def seal_results(nodes: Sequence[Any], since: float) -> None:
    """Seal the results that are new, and keep the digests of the files that they are made from.

    ``since`` is the time (epoch, s) at which the run began.
    """
    found = {node: _noted(node_place(node)) for node in nodes}
    digests: dict[str, list[Read]] = {}
    for noted in found.values():
        for path, read in noted.items():
            digests.setdefault(path, []).append(read)
    learned: set[str] = set()
    for node, noted in found.items():
        if not always_runs(node) and seal(node_place(node), digests):
            for path in noted.keys() - learned:
                learned.add(path)
                if node_folder(path) is None:
                    _learn(path, noted[path].digest, since)


def _noted(folder: Path) -> dict[str, Read]:
    """Tell by path what a node found of the files that it was given, and when."""
    try:
        when = hash_files(folder)[0].stat().st_mtime_ns
    except (IndexError, OSError):
        return {}
    files = noted_files(list(read_inputs(folder).values()))
    return {path: Read(digest, when) for path, digest in files}


def _learn(path: str, digest: str, since: float) -> None:
    try:
        learn_digest(path, digest, since)
    except OSError:  # gone since
        return
