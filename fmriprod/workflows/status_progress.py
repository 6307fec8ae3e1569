"""Where the nodes of one participant are."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from fmriprod.workflows.outcome import Event
from fmriprod.workflows.record_names import is_small

# Most urgent first: the order in which a table shows them.
STATES = ("failed", "interrupted", "running", "waiting", "submitted", "done")


@dataclass
class Progress:
    """Where the nodes of one participant are, by full name.

    Attributes
    ----------
    planned : list of str
        All nodes.
    running : dict
        When each running node started, in seconds since the epoch.
    done, cached : list of str
        Nodes that ran, and that were answered from the cache, as they ended.
    failed : dict
        Message of each node that failed.
    files : dict
        ``crash_file`` and ``report`` of each node that failed.
    took : dict
        Seconds that each node ran.
    first, last : float or None
        Times of the first start and of the last thing that happened.
    run : str
        ``running`` while its run is at work, then as that ended: ``finished``, ``failed``,
        ``interrupted`` or ``submitted``.
    record : str
        Name of that run's record.
    now : float or None
        Time now, by the clock of the machine that runs it.
    """

    participant: str
    planned: list[str] = field(default_factory=list)
    running: dict[str, float] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    cached: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    files: dict[str, dict[str, str]] = field(default_factory=dict)
    took: dict[str, float] = field(default_factory=dict)
    first: float | None = None
    last: float | None = None
    run: str = "running"
    record: str = ""
    now: float | None = None

    @property
    def finished(self) -> int:
        """Number of nodes that have a result."""
        return len(self.done) + len(self.cached)

    @property
    def seconds(self) -> float:
        """Seconds between the first and the last thing that happened."""
        return (self.last or 0.0) - (self.first or 0.0)

    @property
    def elapsed(self) -> float:
        """Seconds since the first start: until now while it runs, else until the last event."""
        if self.first is None:
            return 0.0
        end = self.now if self.run == "running" and self.running and self.now else self.last
        return max((end or self.first) - self.first, 0.0)

    @property
    def state(self) -> str:
        """One of `STATES`."""
        if self.failed:
            return "failed"
        if self.planned and self.finished >= len(self.planned):
            return "done"
        if self.run == "running":
            return "running" if self.first is not None else "waiting"
        return "submitted" if self.run == "submitted" else "interrupted"

    @property
    def stage(self) -> str | None:
        """Node that was completed last, of those that do more than save; None: none yet."""
        for nodes in (self.done, self.cached):
            found = next((node for node in reversed(nodes) if not is_small(node)), None)
            if found:
                return found
        return next(reversed([*self.cached, *self.done]), None)

    def take(self, event: Event, files: Mapping[str, str] | None = None) -> None:
        """Note one event, and the files that say more of a failure."""
        node = event.node
        if event.what == "planned":
            self.planned.append(node)
            return
        self.first = self.first if self.first is not None else event.time
        self.last = event.time
        if event.what == "start":
            self.running[node] = event.time
            return
        begun = self.running.pop(node, None)
        if event.what == "failed":
            self.failed[node] = event.message
            self.files[node] = dict(files or {})
            return
        self.failed.pop(node, None)  # it was run again alone
        if begun is not None:
            self.took[node] = event.time - begun
        (self.cached if event.what == "cached" else self.done).append(node)
