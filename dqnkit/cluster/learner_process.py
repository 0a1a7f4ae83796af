"""One learner process: a `Learner` under a `MultiWorkerMirroredStrategy`, which answers the messages on its input.

    TF_CONFIG=... python -m dqnkit.cluster.learner_process --lease 30     as `dqnkit.cluster.supervisor` starts it

Messages come on standard input and answers leave on standard output, each after its length (see
`dqnkit.cluster.messages`). The first message is the configuration; its answer says that every process has arrived.
The process ends when its input closes, when nothing came for as long as the lease, and on Linux when its parent dies.
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

from dqnkit.cluster.messages import LENGTH, pack, unpack
from dqnkit.config import DQNConfig
from dqnkit.errors import DQNKitError
from dqnkit.types import Array, Transition

if TYPE_CHECKING:
    from dqnkit.learner import Learner

READ_AHEAD = 2**20  # bytes at a time

Answer = tuple[dict[str, Any], dict[str, Array]]


def main() -> None:
    """Serve until the input closes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lease", type=float, required=True, help="seconds without a message after which to end")
    arguments = parser.parse_args()
    end_with_parent()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what TensorFlow, or anybody else, prints is for the log
    messages: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=read, args=(os.fdopen(0, "rb", 0), messages, arguments.lease), daemon=True).start()

    header, _ = unpack(messages.get())
    try:
        learner, answer = start(header["config"])
    except DQNKitError as error:
        write(answers, refusal(error))
        return
    write(answers, answer)
    while True:
        header, arrays = unpack(messages.get())
        write(answers, handle(learner, header, arrays))


def end_with_parent() -> None:
    """Linux: be killed with the parent, even if this process is stopped (SIGSTOP) and cannot see its input close."""
    if sys.platform == "linux":
        PR_SET_PDEATHSIG = 1  # prctl(2)
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def read(source: BinaryIO, messages: SimpleQueue[bytes], lease: float) -> None:
    """Put what comes into the queue; end the process, whatever its other threads wait for, when nothing will come."""
    while True:
        message = read_bytes(source, int.from_bytes(read_bytes(source, LENGTH, lease), "little"), lease)
        if message:
            messages.put(message)


def read_bytes(source: BinaryIO, count: int, lease: float) -> bytes:
    """Exactly so many bytes."""
    found = bytearray()
    while len(found) < count:
        ready, _, _ = select.select([source], [], [], lease)
        some = source.read(min(count - len(found), READ_AHEAD)) if ready else b""
        if not some:
            print(
                "the input is closed" if ready else f"no message for {lease} s", "- ending", file=sys.stderr, flush=True
            )
            os._exit(1)  # at once: the main thread may wait in TensorFlow for ever
        found += some
    return bytes(found)


def write(answers: BinaryIO, answer: Answer) -> None:
    """Send an answer."""
    message = pack(*answer)
    answers.write(len(message).to_bytes(LENGTH, "little") + message)
    answers.flush()


def start(config: dict[str, Any]) -> tuple[Learner, Answer]:
    """Wait for the other processes and build the networks together; the answer says what they are."""
    from dqnkit.backend import tf  # not above: first, the process must be able to end
    from dqnkit.learner import Learner

    learner = Learner(DQNConfig.from_dict(config), tf.distribute.MultiWorkerMirroredStrategy())
    layers = [(type(layer).__name__, *layer) for layer in learner.get_weights().layers]
    return learner, ({"layers": layers, "replicas": learner.num_replicas, "tensorflow": tf.__version__}, {})


def handle(learner: Learner, header: dict[str, Any], arrays: dict[str, Array]) -> Answer:
    """The answer to one message; errors of the kit's own are answers, too, others end the process."""
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
    return {"mean_max_q": result.mean_max_q}, {"td_errors": result.td_errors, "losses": result.losses}


def parameters(learner: Learner, header: dict[str, Any], arrays: dict[str, Array]) -> Answer:
    """The online network for actors, ``[P]``."""
    return {}, {"parameters": learner.get_weights().values}


def state(learner: Learner, header: dict[str, Any], arrays: dict[str, Array]) -> Answer:
    """What `Learner.state` gives."""
    return {}, learner.state()


def load_state(learner: Learner, header: dict[str, Any], arrays: dict[str, Array]) -> Answer:
    """Take over what `state` gave."""
    learner.load_state(arrays)
    return {}, {}


OPERATIONS = {"update": update, "parameters": parameters, "state": state, "load_state": load_state}

if __name__ == "__main__":
    main()
