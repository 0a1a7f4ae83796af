"""The end of a cluster in a cloud, without one: what is said when it cannot be taken down, and who tries again."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NoReturn

import pytest

pytest.importorskip("dask_cloudprovider")

from dqnkit.cloud import launch as launching
from dqnkit.cloud.clock import paid_seconds
from dqnkit.cloud.launch import Launch, dry_run, take_down
from dqnkit.cloud.leftovers import Leftover, table
from dqnkit.cloud.meter import Meter
from dqnkit.cloud.order import Order
from dqnkit.errors import ClusterError

Tried = Callable[[int, str, str], None]
ORDER = Order(cloud="aws", machine="c7i.large", scheduler_machine="c7i.large", n_workers=1, reach="203.0.113.7/32")


def make_launch(told: list[str]) -> Launch:
    return Launch(ORDER, told.append, "us-east-1", owner="AIDA")


def refuse() -> NoReturn:
    raise ClusterError("ending machines: EC2 answered ExpiredToken")


def interrupt() -> NoReturn:
    raise KeyboardInterrupt


@pytest.fixture
def interrupts() -> Iterator[None]:
    """Ctrl-C works again after the test."""
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


def test_what_is_refused_names_the_command_and_may_be_tried_again(tried: Tried) -> None:
    told: list[str] = []
    launch = make_launch(told)
    for _ in range(3):
        with pytest.raises(
            ClusterError, match=rf"may still run.*dqnkit cloud stop {launch.id} --cloud aws --place us"
        ) as e:
            take_down(launch, refuse)
    assert not told
    take_down(launch, list[Leftover])
    take_down(launch, refuse)  # nothing is left, so nothing is asked
    assert ["nothing of it is left" in line for line in told] == [True]
    tried(17, "the cloud refuses three times, then answers again", str(e.value).replace(launch.id, "CLUSTER"))


def test_an_interrupt_says_what_may_still_run(tried: Tried) -> None:
    told: list[str] = []
    launch = make_launch(told)
    with pytest.raises(KeyboardInterrupt):
        take_down(launch, interrupt)
    assert f"dqnkit cloud stop {launch.id}" in told[-1]
    tried(18, "Ctrl-C while machines are taken down", told[-1].replace(launch.id, "CLUSTER"))


@pytest.mark.parametrize(("remove", "what"), [(interrupt, "one more Ctrl-C"), (refuse, "a refusal")])
def test_the_last_line_of_a_program_says_what_may_still_run(
    remove: Any, what: str, interrupts: None, capsys: pytest.CaptureFixture[str], tried: Tried
) -> None:
    launch = make_launch([])
    launching._remove_at_exit(launch, remove)
    said = capsys.readouterr().err.strip().splitlines()
    assert "may still run and cost money" in said[-1]
    assert f"dqnkit cloud stop {launch.id}" in said[-1]
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN  # a further one writes no traceback below it
    tried(18, f"{what} while the program ends", said[-1].replace(launch.id, "CLUSTER"))


def test_what_could_not_be_taken_down_after_a_failed_start_is_tried_again_at_the_end_of_the_program(
    tried: Tried,
) -> None:
    program = (
        "from dqnkit.cloud.launch import Launch, start_or_remove\n"
        "from dqnkit.cloud.order import Order\n"
        "from dqnkit.errors import ClusterError\n"
        "order = Order(cloud='aws', machine='c7i.large', scheduler_machine='c7i.large', n_workers=1,\n"
        "              reach='203.0.113.7/32')\n"
        "def make(): raise ClusterError('it did not come up')\n"
        "def remove():\n"
        "    print('asked to remove')\n"
        "    raise ClusterError('EC2 answered ExpiredToken')\n"
        "try:\n"
        "    start_or_remove(Launch(order, lambda line: None), make, remove)\n"
        "except ClusterError as error:\n"
        "    print('error:', error)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    asked, error, again = ended.stdout.splitlines()
    assert (asked, again) == ("asked to remove", "asked to remove")
    assert "it did not come up" in error
    assert "Then it was not taken down: EC2 answered ExpiredToken. Machines of cluster" in error
    assert "may still run and cost money" in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.stderr
    tried(18, "a start that fails and cannot be taken down", "told with both reasons; tried again at the program's end")


def test_nothing_is_left_only_when_every_request_is_answered(monkeypatch: pytest.MonkeyPatch, tried: Tried) -> None:
    told: list[str] = []
    launch = make_launch(told)
    request: Any = object()
    launch.unanswered.add(request)
    monkeypatch.setattr(launching, "ANSWER_SECONDS", 0.5)
    with pytest.raises(ClusterError, match="not answered 1 requests for a machine, which may still start") as raised:
        take_down(launch, list[Leftover])
    assert not told
    tried(
        18, "a request that is not answered when the cluster is closed", str(raised.value).replace(launch.id, "CLUSTER")
    )
    looks: list[float] = []

    def late_machine() -> list[Leftover]:
        looks.append(time.monotonic())
        if len(looks) == 1:
            threading.Timer(0.3, launch.unanswered.discard, [request]).start()
            return []
        return [Leftover("aws", "us-east-1", launch.id, "machine", "i-late")] if not launch.unanswered else []

    monkeypatch.setattr(launching, "ANSWER_SECONDS", 30.0)
    take_down(launch, late_machine)
    assert looks[-1] - looks[0] >= 0.25
    assert "nothing of it is left" in told[-1]


def test_a_clock_that_is_set_back_gives_no_money_back(monkeypatch: pytest.MonkeyPatch, tried: Tried) -> None:
    meter, launch = Meter(budget=1.0), make_launch([])
    meter.started("i-1", 3600.0)  # a dollar a second
    spent, left = meter.spent(), launch.left()
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - 86_400)
    assert meter.spent() >= spent
    assert meter.reached()
    assert launch.left() <= left
    monkeypatch.setattr(time, "time", lambda: now + 86_400)
    assert launch.left() > 0  # nor is a cluster ended by a clock that is set
    tried(7, "the clock is set back, or forward, by a day", "money spent and lifetime left do not change")


def test_the_clock_for_money_goes_on() -> None:
    before = paid_seconds()
    time.sleep(0.01)
    assert paid_seconds() > before


def test_errors_of_ours_are_not_of_a_kind_that_dask_swallows(tried: Tried) -> None:
    # `Cluster.close` swallows RuntimeError; `SpecCluster._close` OSError; what it registers for the end TimeoutError
    assert not issubclass(ClusterError, (RuntimeError, OSError, TimeoutError))
    tried(17, "ClusterError inside Dask's close", "no longer a RuntimeError, which Dask swallows")


def test_every_line_of_a_simulated_launch_says_so() -> None:
    told: list[str] = []
    launch = Launch(ORDER, told.append, "us-east-1", simulated=True)
    launch.say(f"first\nsecond: {launch.meter.text()}")
    assert told == [f"SIMULATED: first\nsecond: {launch.meter.text()}"]
    assert launch.meter.text().startswith("SIMULATED $")
    assert all(line.startswith("SIMULATED: ") for line in dry_run(launch, []).estimate.splitlines())


def test_a_list_of_machines_says_which_are_simulated() -> None:
    real, not_real = (Leftover("aws", "us-east-1", "0a0a0a0a", "machine", id) for id in ("i-1", "i-2"))
    assert "SIMULATED" not in table([real])
    lines = table([real, replace(not_real, simulated=True)]).splitlines()
    assert [line.startswith("SIMULATED") for line in lines] == [False, False, True]
    assert lines[0].index("cluster") == lines[2].index("0a0a0a0a")


def test_a_list_of_machines_says_who_started_them_in_a_line_that_a_page_can_hold() -> None:
    mine = Leftover("aws", "us-east-1", "0a0a0a0a", "machine", "i-1", computer="me_computer-0123abcd", simulated=True)
    alone = table([mine, replace(mine, id="i-2")]).splitlines()
    assert [line.count("me_computer") for line in alone] == [0, 0, 0, 1]
    assert alone[-1] == "SIMULATED: started by me_computer-0123abcd"
    both = table([mine, replace(mine, id="i-2", computer="you_computer-0123abcd")]).splitlines()
    assert both[0].endswith("started by")
    assert [line.split()[-1] for line in both[1:]] == ["me_computer-0123abcd", "you_computer-0123abcd"]
