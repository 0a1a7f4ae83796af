"""Plots for run folders, the command line, the notebooks and their widgets; no window is opened."""

from dqnkit.plots.curves import learning_curve
from dqnkit.plots.grid import q_table
from dqnkit.plots.histogram import histogram
from dqnkit.plots.lines import error_curves
from dqnkit.plots.ring import ring
from dqnkit.plots.style import DPI, PALETTE, STYLE, Picture, styled_figure, to_png

__all__ = [
    "DPI",
    "PALETTE",
    "STYLE",
    "Picture",
    "error_curves",
    "histogram",
    "learning_curve",
    "q_table",
    "ring",
    "styled_figure",
    "to_png",
]
