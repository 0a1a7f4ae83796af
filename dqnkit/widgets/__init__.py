"""Things to touch that several lessons share: panels that show training while it runs, and small pictures to step."""

from dqnkit.widgets.live import live
from dqnkit.widgets.picture_box import PictureBox
from dqnkit.widgets.watch import Slider, Sliders, watch

__all__ = ["PictureBox", "Slider", "Sliders", "live", "watch"]
