"""Workflows whose methods text is made from their nodes at the moment of asking."""

from collections.abc import Callable

from nipype.pipeline import engine as pe

from fmriprod.workflows.describe import describe
from fmriprod.workflows.describe_nodes import Steps


class DescribedWorkflow(pe.Workflow):
    """Nipype workflow with a methods text that follows its nodes.

    Parameters
    ----------
    name : str
        Name of the workflow.
    sentences : callable
        Makes the text from `Steps`; a function of a module, so that the workflow can be pickled
        and cloned.
    at : str, optional
        Node that the text is about: workflows within that come before it are described before.
        By default the text comes first.
    each : str, optional
        What the workflow is made for, such as ``run``: said where there are several alike.
    base_dir : str, optional
        As Nipype takes it.

    Notes
    -----
    ``workflow.__desc__`` is the text. Set it to a text of your own, or to None for none.
    """

    def __init__(
        self,
        name: str,
        sentences: Callable[[Steps], str],
        *,
        at: str | None = None,
        each: str = "",
        base_dir: str | None = None,
    ) -> None:
        super().__init__(name, base_dir)
        self._sentences = sentences
        self.text_at, self.each = at, each
        self._own_text: tuple[str | None] | None = None  # one entry where it was set

    @property
    def __desc__(self) -> str | None:
        """Text of this workflow without those inside it."""
        return self.text(Steps(self))

    @__desc__.setter
    def __desc__(self, text: str | None) -> None:
        self._own_text = (text,)

    def text(self, steps: Steps) -> str | None:
        """Text of this workflow, with what workflows around it set."""
        if self._own_text is not None:
            return self._own_text[0]
        return self._sentences(steps)

    def visit_desc(self) -> str:
        """Text with those inside, as workflows of niworkflows give it."""
        return describe(self, software=False)
