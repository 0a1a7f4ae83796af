"""Tools for authors: they build the notebooks from their sources and record runs from their plans."""
