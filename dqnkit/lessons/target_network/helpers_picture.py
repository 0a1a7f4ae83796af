"""A picture of two helpers: the Huber loss beside the squared one, and a learning rate that falls."""

from __future__ import annotations

import numpy as np

from dqnkit.exploration import linear_schedule
from dqnkit.plots.style import PALETTE, Picture, styled_figure

WIDTH, HEIGHT = 7.6, 2.7  # inches
FIRST, LAST, STEPS = 3e-3, 1e-5, 120_000
CAPTION = (
    "What to look for: left, the two losses are the same up to a TD error of 1; beyond it the Huber loss is a straight "
    "line, whose slope, the gradient, grows no more. Right, the learning rate falls to nearly nothing at the last step."
)
ALT = (
    "Left, two curves over the TD error from -4 to 4: half its square, which ends at 8, and the Huber loss, which ends "
    "at 3.5. Right, the learning rate falls in a straight line from 0.003 to 0.00001 over 120,000 steps."
)


def helpers_picture() -> Picture:
    """Draw both as two plots side by side."""
    td_error = np.linspace(-4, 4, 161)
    size = np.abs(td_error)
    huber = np.where(size <= 1, td_error**2 / 2, size - 0.5)
    steps = np.linspace(0, STEPS, 50)
    with styled_figure(WIDTH, HEIGHT) as figure:
        losses, rates = figure.subplots(1, 2)
        losses.plot(td_error, td_error**2 / 2, label="squared, halved", **PALETTE["loss"])
        losses.plot(td_error, huber, label="Huber", **{**PALETTE["online network"], "linestyle": "--"})
        losses.set(title="Loss of one TD error", xlabel="TD error", ylabel="loss")
        losses.legend(frameon=False)
        rates.plot(steps, [linear_schedule(step, FIRST, LAST, STEPS) for step in steps], **PALETTE["online network"])
        rates.set(
            title="Learning rate in this section", xlabel="environment steps", ylabel="learning rate", ylim=(0, None)
        )
        rates.xaxis.set_major_formatter("{x:,.0f}")
        rates.locator_params(axis="x", nbins=4)
    return Picture.of(figure, ALT, CAPTION)
