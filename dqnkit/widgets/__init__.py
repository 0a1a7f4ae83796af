"""Widgets that several lessons share: live panels of training, drawings in the browser, predictions."""

from dqnkit.widgets.live import live
from dqnkit.widgets.panel import panel_again
from dqnkit.widgets.watch import Slider, Sliders, watch

__all__ = ["Slider", "Sliders", "live", "panel_again", "watch"]
