"""One learner process: a `Learner` under a `MultiWorkerMirroredStrategy` that answers messages from its input.

    TF_CONFIG=... python -m dqnkit.cluster.multiworker.learner_process --lease 30

This is how `dqnkit.cluster.multiworker.supervisor` starts it.

Messages come on standard input and answers leave on standard output. Before each stands its length (see
`dqnkit.cluster.multiworker.messages`). The first message is the configuration; the answer to it means that all
processes of the group have arrived. The process ends when its input closes, when it has received nothing for one lease,
and on Linux when its parent dies.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import select
import signal
import sys
import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, BinaryIO

from dqnkit.cluster.multiworker.messages import LENGTH_BYTES, pack, unpack
from dqnkit.config import DQNConfig
from dqnkit.environment_by_value import register
from dqnkit.errors import DQNKitError
from dqnkit.types import Array, Transition

if TYPE_CHECKING:
    from dqnkit.learner import Learner

READ_BYTES = 2**20  # read at most this many bytes at a time

Answer = tuple[dict[str, Any], dict[str, Array]]


def main() -> None:
    """Answer messages until the input closes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lease", type=float, required=True, help="seconds without a message after which to end")
    arguments = parser.parse_args()
    end_with_parent()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever TensorFlow or other code prints goes to the log, not into the answers
    messages: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=read, args=(os.fdopen(0, "rb", 0), messages, arguments.lease), daemon=True).start()

    header, arrays = unpack(messages.get())
    try:
        register(arrays["environment"].tobytes())
        learner, answer = start(header["config"])
    except DQNKitError as error:
        write(answers, refusal(error))
        return
    write(answers, answer)
    while True:
        header, arrays = unpack(messages.get())
        write(answers, handle(learner, header, arrays))


def end_with_parent() -> None:
    """On Linux: have the kernel kill this process when its parent dies.

    This works even while the process is frozen (SIGSTOP) and cannot notice that its input has closed.
    """
    if sys.platform == "linux":
        PR_SET_PDEATHSIG = 1  # prctl(2)
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def read(source: BinaryIO, messages: SimpleQueue[bytes], lease: float) -> None:
    """Put each message into the queue. End the whole process when no more messages will come."""
    while True:
        message = read_bytes(source, int.from_bytes(read_bytes(source, LENGTH_BYTES, lease), "little"), lease)
        if message:
            messages.put(message)


def read_bytes(source: BinaryIO, count: int, lease: float) -> bytes:
    """Read exactly ``count`` bytes, or end the process."""
    found = bytearray()
    while len(found) < count:
        ready, _, _ = select.select([source], [], [], lease)
        some = source.read(min(count - len(found), READ_BYTES)) if ready else b""
        if not some:
            print(
                "the input is closed" if ready else f"no message for {lease} s", "- ending", file=sys.stderr, flush=True
            )
            os._exit(1)  # not sys.exit: the main thread may be blocked inside TensorFlow
        found += some
    return bytes(found)


def write(answers: BinaryIO, answer: Answer) -> None:
    """Send an answer."""
    message = pack(*answer)
    answers.write(len(message).to_bytes(LENGTH_BYTES, "little") + message)
    answers.flush()


def start(config: dict[str, Any]) -> tuple[Learner, Answer]:
    """Wait for the other processes and build the networks together. The answer describes the network's layers."""
    from dqnkit.backend import tf  # imported late: importing takes seconds, and `read` must run before
    from dqnkit.learner import Learner

    learner = Learner(DQNConfig.from_dict(config), tf.distribute.MultiWorkerMirroredStrategy())
    layers = [(type(layer).__name__, *layer) for layer in learner.get_weights().layers]
    return learner, ({"layers": layers, "replicas": learner.num_replicas, "tensorflow": tf.__version__}, {})


def handle(learner: Learner, header: dict[str, Any], arrays: dict[str, Array]) -> Answer:
    """Answer one message. The kit's own errors become answers; any other error ends the process."""
    try:
        found, values = OPERATIONS[header["operation"]](learner, header, arrays)
    except DQNKitError as error:
        found, values = refusal(error)
    return {**found, "updates": learner.updates}, values


def refusal(error: DQNKitError) -> Answer:
    """An error as an answer."""
    return {"error": type(error).__name__, "message": str(error)}, {}


def update(learner: Learner, header: dict[str, Any], arrays: dict[str, Array]) -> Answer:
    """K gradient steps with this process's part of the batches, ``[K, B / processes, ...]``."""
    importance = arrays.pop("importance")
    result = learner.update(
        Transition(**arrays),
        importance,
        learning_rate=header["learning_rate"],
        target_period=header["target_period"],
    )
    return {"mean_max_q": result.mean_max_q}, {"priorities": result.priorities, "losses": result.losses}


def parameters(learner: Learner, header: dict[str, Any], arrays: dict[str, Array]) -> Answer:
    """The parameters of the online network, ``[P]``."""
    return {}, {"parameters": learner.get_weights().values}


def state(learner: Learner, header: dict[str, Any], arrays: dict[str, Array]) -> Answer:
    """`Learner.state`."""
    return {}, learner.state()


def load_state(learner: Learner, header: dict[str, Any], arrays: dict[str, Array]) -> Answer:
    """`Learner.load_state`."""
    learner.load_state(arrays)
    return {}, {}


def load_statistics(learner: Learner, header: dict[str, Any], arrays: dict[str, Array]) -> Answer:
    """`Learner.load_statistics`."""
    learner.load_statistics(arrays)
    return {}, {}


OPERATIONS = {
    "update": update,
    "parameters": parameters,
    "state": state,
    "load_state": load_state,
    "load_statistics": load_statistics,
}

if __name__ == "__main__":
    main()
