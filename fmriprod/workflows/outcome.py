"""What happens in a run: events, failures, and the outcome of it all."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Failure:
    """A node that failed.

    ``node`` is its full name, ``message`` what it says, ``crash_file`` where Nipype wrote the
    details, ``interface`` the class of its step, ``inputs`` its input files as (name, path, what
    it is), ``log`` the last lines of its log and traceback, ``mem_gb`` (GB) and ``n_procs`` what it
    declares to need.
    """

    node: str
    message: str
    crash_file: str
    interface: str = ""
    inputs: tuple[tuple[str, str, str], ...] = ()
    log: str = ""
    mem_gb: float = 0.0
    n_procs: int = 1


@dataclass
class Outcome:
    """What a run did: how many nodes ran, were answered from the cache, or failed."""

    executed: list[str] = field(default_factory=list)
    cached: list[str] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    not_run: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether every node finished."""
        return not self.failures and not self.not_run


@dataclass(frozen=True)
class Event:
    """One thing that happened to a node.

    ``what`` is ``planned`` (once for each node, before the first starts), ``start``, ``end``,
    ``cached`` or ``failed``; ``time`` is in seconds since the epoch. ``failure`` says more of a
    node that failed.
    """

    node: str
    what: str
    time: float
    message: str = ""
    failure: Failure | None = None
