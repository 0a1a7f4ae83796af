"""A widget for Amdahl's law: workers make rollouts, one driver takes them, with a barrier or as a stream."""

from __future__ import annotations

import heapq

import ipywidgets

from dqnkit.plots import Picture
from dqnkit.plots.scaling import Work, who_waits
from dqnkit.widgets.controls import WRAP, label_width
from dqnkit.widgets.interactive_picture import InteractivePicture
from dqnkit.widgets.picture_box import PictureBox

ROLLOUT_SECONDS = 0.1  # of a worker, for one rollout
NUM_ROLLOUTS = 48  # in the whole job
DRAWN_SECONDS = 1.2  # of the job, from its beginning
BARRIER, STREAM = "barrier: all wait for each other", "stream: each goes on by itself"
CAPTION = (
    "What to look for: with a barrier, the workers' rows are white while the driver works. With a stream the driver "
    "works beside them, and is the limit only when its own row has no white left."
)
SLIDER_SIZE = label_width(150, 430)


def with_barrier(workers: int, driver: float) -> list[Work]:
    """The job in rounds: each worker makes one rollout, then the driver handles all of them while the workers wait.

    Args:
        workers: number of workers.
        driver: seconds of the driver for one rollout.

    Returns:
        who works when: row 0 is the driver, the others are the workers.
    """
    work, now, left = [], 0.0, NUM_ROLLOUTS
    while left:
        round_size = min(workers, left)
        work += [Work(row, now, now + ROLLOUT_SECONDS) for row in range(1, round_size + 1)]
        now += ROLLOUT_SECONDS
        work.append(Work(0, now, now + driver * round_size))
        now += driver * round_size
        left -= round_size
    return work


def with_stream(workers: int, driver: float) -> list[Work]:
    """The job as a stream: the driver takes rollouts as they arrive, and the workers go on. As `with_barrier`."""
    work: list[Work] = []
    begins = [(0.0, row) for row in range(1, workers + 1)]  # (time, worker) of the first rollouts
    driver_free, submitted = 0.0, 0
    arrivals: list[tuple[float, int]] = []
    for begin, row in begins[:NUM_ROLLOUTS]:
        heapq.heappush(arrivals, (begin + ROLLOUT_SECONDS, row))
        work.append(Work(row, begin, begin + ROLLOUT_SECONDS))
        submitted += 1
    while arrivals:
        arrived, row = heapq.heappop(arrivals)
        taken = max(arrived, driver_free)
        if submitted < NUM_ROLLOUTS:  # two tasks for each worker are in flight, so it starts the next one at once
            begin = max(arrived, taken - ROLLOUT_SECONDS)
            heapq.heappush(arrivals, (begin + ROLLOUT_SECONDS, row))
            work.append(Work(row, begin, begin + ROLLOUT_SECONDS))
            submitted += 1
        driver_free = taken + driver
        work.append(Work(0, taken, driver_free))
    return work


class AmdahlView(InteractivePicture):
    """Sliders for the number of workers and the driver's time; a picture of who waits, and the speedup."""

    def __init__(self) -> None:
        super().__init__(lambda: False, 1.0)
        self.workers = ipywidgets.IntSlider(value=4, min=1, max=16, description="workers", **SLIDER_SIZE)
        self.driver = ipywidgets.IntSlider(
            value=25, min=0, max=100, step=5, description="driver, ms a rollout", continuous_update=True, **SLIDER_SIZE
        )
        self.way = ipywidgets.RadioButtons(options=[BARRIER, STREAM], layout={"width": "auto"})
        self.box = PictureBox()
        for control in (self.workers, self.driver, self.way):
            control.observe(lambda change: self._show(), "value")
        sliders = ipywidgets.VBox([self.workers, self.driver])
        controls = ipywidgets.HBox([sliders, self.way], layout={**WRAP, "grid_gap": "12px"})
        self.widget = ipywidgets.VBox([controls, self.box], layout={"max_width": "760px"})
        self._show()

    @property
    def serial(self) -> float:
        """The serial share: the driver's fraction of the time with one worker."""
        driver = self.driver.value / 1_000
        return float(driver / (driver + ROLLOUT_SECONDS))

    @property
    def speedup(self) -> float:
        """How many times as fast as one worker with a barrier."""
        return NUM_ROLLOUTS * (ROLLOUT_SECONDS + self.driver.value / 1_000) / max(piece.end for piece in self._work())

    def picture(self) -> Picture:
        """Who works when, and Amdahl's curve."""
        shown = [
            piece._replace(end=min(piece.end, DRAWN_SECONDS)) for piece in self._work() if piece.begin < DRAWN_SECONDS
        ]
        return who_waits(shown, self.workers.value, self.serial, self.speedup, end=DRAWN_SECONDS, caption=CAPTION)

    def _work(self) -> list[Work]:
        way = with_barrier if self.way.value == BARRIER else with_stream
        return way(self.workers.value, self.driver.value / 1_000)

    def _show(self) -> None:
        self.box.show(
            self.picture(),
            f"{self.workers.value} workers, serial share {self.serial:.0%}: {self.speedup:.1f} times as fast as one "
            f"worker with a barrier; however many workers, {self._limit()}.",
        )

    def _limit(self) -> str:
        if not self.driver.value:
            return "no limit"
        if self.way.value == STREAM:
            return f"at most {1_000 / self.driver.value:.0f} rollouts a second, which is all that the driver can take"
        return f"at most {1 / self.serial:.1f} times"


def amdahl_view() -> AmdahlView:
    """Amdahl's law with sliders, as the value of a cell."""
    return AmdahlView()
