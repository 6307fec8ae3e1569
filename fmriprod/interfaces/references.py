"""References of interfaces, as Nipype hands them to duecredit."""

from typing import Any

from nipype.external.due import BibTeX

from fmriprod.reports.methods_keys import reference_entries


class References:
    """What ``_references`` is of an interface: the works of `reports.methods_keys`.

    Of an interface with inputs those of its engine and methods, of a class those of all. Nipype
    cites them when the interface runs under duecredit; without duecredit that does nothing.
    """

    def __get__(self, interface: Any, owner: type) -> list[dict[str, Any]]:
        """List entries as ``duecredit.cite`` takes them."""
        inputs = None if interface is None else interface.inputs.get()
        return [
            {"entry": BibTeX(text), "description": key, "tags": ["method"]}
            for key, text in reference_entries(owner.__name__, inputs)
        ]
