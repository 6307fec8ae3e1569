"""Figures and the HTML report, called by interfaces."""
