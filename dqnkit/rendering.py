"""Greedy episodes of the newest policy as small pictures, made in a process of their own while training runs.

A picture takes some milliseconds; what draws it may load OpenGL or end its process. So that training neither waits for
it nor ends with it, the process has the lowest priority, spends at most a fiftieth of the time on drawing (`SHARE`),
and may end at any moment.

The two processes talk through pipes; before each message stands its length. The other one plays in real time, or more
slowly where the environment draws slowly.
"""

from __future__ import annotations

import io
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import IO, Any, NamedTuple

from dqnkit.config import DQNConfig
from dqnkit.environment_by_value import by_value, register
from dqnkit.errors import DQNKitError
from dqnkit.types import PolicyWeights

SHARE = 0.02  # of the time that drawing takes from the processors, at most
PICTURES_A_SECOND = 8  # at most
HEIGHT, WIDTH = 200, 400  # pixels, at most
QUALITY = 80  # of a JPEG picture; other formats take longer to write
NEW_WEIGHTS_EVERY = 1.0  # seconds
PATIENCE = 3.0  # seconds that it plays on with older weights, as new ones are asked for
STEPS_OF_EPISODE = 1000  # after them a new episode begins, as some policies go in circles
KEPT = 3 * PICTURES_A_SECOND  # pictures that wait to be shown, at most
LENGTH_BYTES = 8
ON_THEIR_WAY = "its first picture is on its way"
# the priority comes first: loading Gymnasium takes longer than many pictures
START = "import os; hasattr(os, 'nice') and os.nice(19); from dqnkit.rendering import main; main()"


class Rendered(NamedTuple):
    """A moment of an episode."""

    jpeg: bytes
    episode: int  # counts from 1
    score: float  # sum of the rewards so far


class RenderedEpisodes:
    """Pictures from the other process, which starts at once.

    Args:
        config: of the run, from which the environment is made.

    Attributes:
        wants_weights: whether it waits for newer weights, which `give` takes.
        problem: why there are no pictures, as a sentence; `ON_THEIR_WAY` before the first, empty afterwards.
        pid: of the process.
    """

    def __init__(self, config: DQNConfig) -> None:
        self.wants_weights = False
        self.problem = ON_THEIR_WAY
        self._pictures: deque[Rendered] = deque(maxlen=KEPT)
        self._messages: SimpleQueue[Any] = SimpleQueue()  # to the process
        # the same modules as here; and one thread, as the priority of many would not be noticed
        one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "LP_NUM_THREADS"), "1")
        paths = os.pathsep.join(path or os.getcwd() for path in sys.path)
        self._process = subprocess.Popen(
            [sys.executable, "-c", START],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **one, "PYTHONPATH": paths},
            creationflags=getattr(subprocess, "IDLE_PRIORITY_CLASS", 0),  # Windows has no `nice`
        )
        self.pid = self._process.pid
        threads = (self._listen, self._speak)  # a process of low priority reads late: training waits for neither
        self._threads = [threading.Thread(target=target, daemon=True) for target in threads]
        for thread in self._threads:
            thread.start()
        try:
            self._messages.put((config, by_value(config.env_id)))
        except DQNKitError as error:
            self._end(str(error))

    def give(self, weights: PolicyWeights) -> None:
        """Let it play with these weights from now on."""
        self.wants_weights = False
        self._messages.put(weights)

    def pictures(self) -> list[Rendered]:
        """The pictures since the last call, in their order."""
        return [self._pictures.popleft() for _ in range(len(self._pictures))]

    def close(self) -> None:
        """End the process."""
        self._end("")

    def _end(self, problem: str) -> None:
        self.problem, self.wants_weights = problem, False
        self._process.kill()
        self._messages.put(None)
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(timeout=1)

    def _listen(self) -> None:
        """Take what the process sends, until it ends."""
        with self._process.stdout as pipe:  # type: ignore[union-attr]
            for message in _messages(pipe):
                match message:
                    case Rendered():
                        self.problem = ""
                        self._pictures.append(message)
                    case "weights":
                        self.wants_weights = True
                    case str():
                        self.problem = message
        self._process.wait()
        self.wants_weights = False
        if self.problem == ON_THEIR_WAY:
            self.problem = "the process that draws it has ended"
        self._messages.put(None)

    def _speak(self) -> None:
        """Write the messages to the process."""
        with suppress(OSError), self._process.stdin as pipe:  # type: ignore[union-attr]  # it may have ended
            while (message := self._messages.get()) is not None:
                _write(pipe, message)


# ------------------------------------------------------------------------------------------------- the other process


def main() -> None:
    """Play and draw, until the standard input closes or something goes wrong."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is for the kernel
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what an environment prints goes nowhere
    messages: SimpleQueue[Any] = SimpleQueue()
    threading.Thread(target=_read, args=(os.fdopen(os.dup(0), "rb"), messages), daemon=True).start()
    config, environment = messages.get()
    try:
        register(environment)
        for picture in _paced(_Player(config, _Newest(messages, answers))):
            _write(answers, picture)
    except Exception as error:
        _write(answers, _in_a_sentence(error))


def _read(pipe: IO[bytes], messages: SimpleQueue[Any]) -> None:
    """Put each message into the queue. End this process when no more will come."""
    for message in _messages(pipe):
        messages.put(message)
    os._exit(0)


class _Newest:
    """The newest weights that have arrived; newer ones are asked for once a second."""

    def __init__(self, messages: SimpleQueue[Any], answers: IO[bytes]) -> None:
        self._messages, self._answers = messages, answers
        self._weights: PolicyWeights | None = None
        self._asked = False
        self._renew_at = time.monotonic()

    def __call__(self) -> PolicyWeights:
        late = time.monotonic() - self._renew_at
        if late >= 0 and not self._asked:
            self._asked = True
            _write(self._answers, "weights")
        with suppress(Empty):
            if self._asked:  # while training is paused, none come, and this waits
                self._weights = self._messages.get(block=self._weights is None or late > PATIENCE)
                self._asked, self._renew_at = False, time.monotonic() + NEW_WEIGHTS_EVERY
        assert self._weights is not None
        return self._weights


class _Player:
    """Plays greedily and draws.

    Attributes:
        steps: from one picture to the next, in real time.
    """

    def __init__(self, config: DQNConfig, weights: _Newest) -> None:
        from dqnkit.environments import make_env
        from dqnkit.videos import frames_per_second

        self._env, self._weights, self._env_id = make_env(config, render=True), weights, config.env_id
        self._seeds = config.generator("video")
        self._episode = self._taken = 0
        self._score = 0.0
        self._ended = True
        self._observation: Any = None
        self.steps = max(1, round(frames_per_second(self._env.metadata) / PICTURES_A_SECOND))

    def picture(self) -> Rendered:
        """Go on to the next picture; the last moment of an episode is shown, too."""
        if self._ended:
            self._observation, _ = self._env.reset(seed=int(self._seeds.integers(2**31)))
            self._episode, self._taken, self._score, self._ended = self._episode + 1, 0, 0.0, False
        else:
            weights = self._weights()
            for _ in range(self.steps):
                self._step(weights)
                if self._ended:
                    break
        return Rendered(_small(self._env.render(), self._env_id), self._episode, round(self._score, 2))

    def _step(self, weights: PolicyWeights) -> None:
        import numpy as np

        from dqnkit.action_values import greedy_actions
        from dqnkit.policy import q_values

        action = greedy_actions(q_values(weights, np.asarray(self._observation)[None]))[0]  # of [1, A]
        self._observation, reward, terminated, truncated, _ = self._env.step(action)
        self._taken, self._score = self._taken + 1, self._score + float(reward)
        self._ended = bool(terminated or truncated) or self._taken >= STEPS_OF_EPISODE


def _paced(player: _Player) -> Iterator[Rendered]:
    """Pictures, so seldom that they take at most `SHARE` of the time; what was loaded for the first does not count."""
    yield player.picture()
    used, began = time.process_time(), time.monotonic()  # of all threads
    shown = began
    while True:
        time.sleep(max(0.0, shown + 1 / PICTURES_A_SECOND - time.monotonic()))
        shown = time.monotonic()
        picture = player.picture()
        time.sleep(max(0.0, (time.process_time() - used) / SHARE - (time.monotonic() - began)))
        yield picture


def _small(frame: Any, env_id: str) -> bytes:
    """What an environment drew as a small JPEG picture; a few large squares stay sharp."""
    from PIL import Image

    from dqnkit.videos import as_picture

    picture = Image.fromarray(as_picture(frame, env_id)).convert("RGB")
    scale = min(HEIGHT / picture.height, WIDTH / picture.width)
    size = max(1, round(scale * picture.width)), max(1, round(scale * picture.height))
    how = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BILINEAR
    content = io.BytesIO()
    picture.resize(size, how, reducing_gap=1.0).save(content, "JPEG", quality=QUALITY)
    return content.getvalue()


def _in_a_sentence(error: Exception) -> str:
    text = str(error).strip().partition("\n")[0]
    return text if isinstance(error, DQNKitError) else f"{type(error).__name__}: {text}"


# ------------------------------------------------------------------------------------------------------- the messages


def _write(pipe: IO[bytes], message: Any) -> None:
    content = pickle.dumps(message)
    pipe.write(len(content).to_bytes(LENGTH_BYTES, "little") + content)
    pipe.flush()


def _messages(pipe: IO[bytes]) -> Iterator[Any]:
    """The messages that come, until the pipe closes."""
    while len(length := pipe.read(LENGTH_BYTES)) == LENGTH_BYTES:
        content = pipe.read(int.from_bytes(length, "little"))
        with suppress(EOFError, pickle.UnpicklingError):  # the other side ended in the middle of it
            yield pickle.loads(content)
