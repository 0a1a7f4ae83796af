"""One folder a lesson: its exercises, pictures, widgets, helpers and recorded runs.

A lesson imports what several lessons share (`dqnkit.classroom`, `dqnkit.plots`, `dqnkit.widgets`) and no other lesson.
Their order, and so the number of each, is in `dqnkit.classroom.course`; their text is in ``notebooks/source``.
"""
