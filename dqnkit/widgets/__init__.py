"""Things to touch: panels that show training while it runs, and small worlds to step by hand."""

from dqnkit.widgets.grid_stepper import grid_stepper
from dqnkit.widgets.live import live
from dqnkit.widgets.picture_box import PictureBox
from dqnkit.widgets.push_cartpole import push_cartpole
from dqnkit.widgets.watch import Slider, Sliders, watch

__all__ = ["PictureBox", "Slider", "Sliders", "grid_stepper", "live", "push_cartpole", "watch"]
