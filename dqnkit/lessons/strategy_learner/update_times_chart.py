"""A chart of the time of an update over the batch size."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from dqnkit.errors import InvalidDataError
from dqnkit.plots.lines import SHADES
from dqnkit.plots.style import PALETTE, Picture, styled_figure

WIDTH, HEIGHT = 7.2, 3.7  # inches


def update_times_chart(
    batch_sizes: npt.ArrayLike,
    measured: Mapping[str, npt.ArrayLike],
    *,
    calculated: Mapping[str, npt.ArrayLike] | None = None,
    title: str = "",
    what: str = "",
) -> Picture:
    """Time of an update over the batch size, both axes logarithmic.

    Args:
        batch_sizes: ``[N]``.
        measured: name -> seconds of one update ``[N]``; a line with a dot at each measurement.
        calculated: the same, computed by a model; a dotted line.
        title: what is compared.
        what: what to look for.

    Raises:
        InvalidDataError: a line has not the length of ``batch_sizes``.
    """
    sizes = np.asarray(batch_sizes, dtype=np.float64)
    rows = {
        name: 1e3 * np.asarray(values, dtype=np.float64) for name, values in {**measured, **(calculated or {})}.items()
    }
    for name, values in rows.items():
        if values.shape != sizes.shape:
            raise InvalidDataError(f"the line {name!r} has the shape {values.shape}; expected {sizes.shape}")
    with styled_figure(WIDTH, HEIGHT) as figure:
        from matplotlib.ticker import LogLocator

        axes = figure.subplots()
        shades = iter(SHADES)
        for name, values in rows.items():
            style = next(shades) if name in measured else PALETTE["reference"]
            axes.plot(sizes, values, marker="o" if name in measured else None, markersize=5, label=name, **style)
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.set_xticks(sizes, [f"{size:,.0f}" for size in sizes])
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.minorticks_off()
        axes.set(title=title, xlabel="batch size (transitions)", ylabel="time of one update\n(milliseconds)")
        axes.margins(x=0.04)
        figure.legend(loc="outside lower center", ncols=3, frameon=False, handlelength=3.2)
    lines = (f"{name}: {values[0]:.3g} to {values[-1]:.3g} ms." for name, values in rows.items())
    alt = f"{title or 'Time of one update'}, for batches of {sizes[0]:,.0f} to {sizes[-1]:,.0f}. {' '.join(lines)}"
    return Picture.of(figure, alt, f"What to look for: {what}" if what else "")
