"""Making the course: the notebooks from their sources, the recorded runs from their plans."""
