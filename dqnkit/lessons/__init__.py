"""One folder for each lesson, with its exercises, pictures, widgets, helpers and recorded runs.

A lesson never imports another lesson. What several lessons share is in `dqnkit.classroom`, `dqnkit.plots` and
`dqnkit.widgets`. `dqnkit.classroom.course` sets the order of the lessons; ``notebooks/source`` has their text.
"""
