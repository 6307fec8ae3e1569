"""How long what is left will take, by what the same steps took before."""

from collections import defaultdict
from collections.abc import Iterable
from statistics import median

from fmriprod.workflows.record_names import below_participant, is_small, kind_of_step
from fmriprod.workflows.status_progress import Progress


class Expectation:
    """What steps took for some participants, as a forecast for others.

    A step is expected to take the median of the same step of others, or of its kind (another run
    of the same task). Steps of a participant that ran side by side took less time together than
    their sum; the same is expected of what is left.

    Parameters
    ----------
    known : iterable of Progress
        Of this run and of earlier ones.
    """

    def __init__(self, known: Iterable[Progress]) -> None:
        same, alike = defaultdict(list), defaultdict(list)
        shares, whole = [], []
        for progress in known:
            for node, seconds in progress.took.items():
                same[below_participant(node)].append(seconds)
                alike[kind_of_step(node)].append(seconds)
            work = sum(progress.took.values())
            if work and progress.state == "done":
                shares.append(progress.seconds / work)
                whole.append(work)
        self._same = {name: median(values) for name, values in same.items()}
        self._alike = {name: median(values) for name, values in alike.items()}
        self._share = median(shares) if shares else None
        self._whole = median(whole) if whole else None

    def seconds(self, node: str) -> float | None:
        """Tell how many seconds a node will take; None where that is unknown."""
        found = self._same.get(below_participant(node), self._alike.get(kind_of_step(node)))
        return 0.0 if found is None and is_small(node) else found

    def left(self, progress: Progress) -> float | None:
        """Tell in how many seconds a participant will be through; None where that is unknown.

        Parameters
        ----------
        progress : Progress
            Its nodes; ``now`` counts for those that run.
        """
        work = self.work_left(progress)
        if work is None or progress.run not in ("running", "submitted"):
            return None
        share = self._share
        if share is None:
            spent = sum(progress.took.values())
            share = progress.elapsed / spent if spent else 1.0
        return work * share

    def work_left(self, progress: Progress) -> float | None:
        """Sum up the seconds of the nodes that have no result yet; None where that is unknown."""
        over = {*progress.done, *progress.cached, *progress.failed}
        total = 0.0
        if not progress.planned:
            return self._whole
        for node in progress.planned:
            if node in over:
                continue
            expected = self.seconds(node)
            if expected is None:
                return None
            begun = progress.running.get(node)
            spent = (progress.now or begun) - begun if begun is not None else 0.0
            total += max(expected - max(spent, 0.0), 0.0)
        return total
