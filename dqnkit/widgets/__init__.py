"""Widgets that several lessons share: live panels of training, interactive pictures, and their controls."""

from dqnkit.widgets.live import live
from dqnkit.widgets.panel import panel_again
from dqnkit.widgets.picture_box import PictureBox
from dqnkit.widgets.watch import Slider, Sliders, watch

__all__ = ["PictureBox", "Slider", "Sliders", "live", "panel_again", "watch"]
