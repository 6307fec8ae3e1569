"""The ``fmriprod`` command."""
