"""Nipype interfaces and workflows for fMRI studies of what people see, recognise and draw."""

__version__ = "0.1.0"
