"""Small static files that ship with the package."""
