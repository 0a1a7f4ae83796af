"""A learner over several processes: the same weights as one, one clear error after a fault, nothing left over."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
from distributed import Client, LocalCluster
from learner_cases import SETTINGS, B, K, batches, config_for_updates
from toys import small_config

from dqnkit import checkpoint
from dqnkit.cluster.multiworker import MultiWorkerLearner
from dqnkit.cluster.multiworker.messages import pack, unpack
from dqnkit.cluster.multiworker.workers import choose_workers
from dqnkit.cluster.rollouts import ClusterRollouts
from dqnkit.cluster.security import read_certificates, write_certificates
from dqnkit.deploy import make_cluster
from dqnkit.errors import ClusterError, ConfigError, DivergedError, LearnerLostError, MissingExtraError
from dqnkit.learner import Learner
from dqnkit.training import train

CONFIG = config_for_updates(**SETTINGS["all at once, xla"])
ARRIVAL = 200.0  # seconds: TensorFlow starts slowly on a busy machine
GONE = 60.0


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of the cluster's certificates, for drivers that are other processes."""
    file = tmp_path_factory.mktemp("certificates") / "tls.yaml"
    write_certificates(file)
    return file


@pytest.fixture(scope="module")
def cluster(certificates: Path) -> Iterator[LocalCluster]:
    with make_cluster(n_workers=2, security=read_certificates(certificates)) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def client(cluster: LocalCluster) -> Iterator[Client]:
    with cluster.get_client() as client:
        yield client


@pytest.fixture(scope="module")
def learner(client: Client) -> Iterator[MultiWorkerLearner]:
    """A two-process learner, shared by the quick tests."""
    with MultiWorkerLearner(client, CONFIG, 2, insecure=True, start_timeout=ARRIVAL) as learner:
        processes = learner_processes(client)
        assert sorted(processes) == [0, 1]
        yield learner
    wait_until_gone(processes)


def learner_processes(client: Client) -> dict[int, psutil.Process]:
    """The learner processes on the workers of this computer, by rank."""
    found = {}
    for pid in client.run(os.getpid).values():
        for process in psutil.Process(pid).children():
            if "dqnkit.cluster.multiworker.learner_process" in process.cmdline():
                found[json.loads(process.environ()["TF_CONFIG"])["task"]["index"]] = process
    return found


def wait_until_gone(processes: dict[int, psutil.Process]) -> None:
    deadline = time.monotonic() + GONE
    while there := {rank: process for rank, process in processes.items() if lives(process)}:
        assert time.monotonic() < deadline, f"still there: {there}"
        time.sleep(0.05)


def lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


# --------------------------------------------------------------------------------------- without a learner process


def test_messages_carry_arrays_of_every_kind() -> None:
    arrays = {
        "pixels": np.arange(24, dtype=np.uint8).reshape(2, 3, 4)[:, 1:],  # not contiguous
        "scalar": np.array(7, np.int64),
        "flags": np.array([True, False]),
        "none": np.empty((0, 3), np.float32),
    }
    header, found = unpack(pack({"operation": "update", "learning_rate": None}, arrays))
    assert header == {"operation": "update", "learning_rate": None}
    assert found.keys() == arrays.keys()
    for name, values in arrays.items():
        assert found[name].dtype == values.dtype
        np.testing.assert_array_equal(found[name], values)


def test_a_learner_process_needs_no_dask_and_first_of_all_no_tensorflow() -> None:
    code = "import sys; from dqnkit.cluster.multiworker import learner_process; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert not {"distributed", "dask", "tensorflow"} & set(done.stdout.split())


def test_connections_without_protection_must_be_asked_for_by_name(client: Client, tried: Callable[..., None]) -> None:
    with pytest.raises(ClusterError, match=r"listens on every network interface.*insecure=True") as caught:
        MultiWorkerLearner(client, CONFIG, 2)
    tried(15, "a multi-worker learner, on a local cluster, not asked for by name", str(caught.value))


def test_what_can_be_seen_at_once(client: Client) -> None:
    with pytest.raises(ConfigError, match="at least 2, not 1; for one, take a Learner"):
        MultiWorkerLearner(client, CONFIG, 1, insecure=True)
    with pytest.raises(ConfigError, match="batch_size 8 does not divide by 3 processes"):
        MultiWorkerLearner(client, CONFIG, 3, insecure=True)
    with pytest.raises(
        ClusterError, match=r"4 learner processes need as many Dask workers.*this cluster has 2 that can"
    ):
        MultiWorkerLearner(client, CONFIG, 4, insecure=True)


def test_workers_without_tensorflow_are_passed_over(client: Client) -> None:
    first, second = choose_workers(client, 2)

    def hide() -> None:
        sys.modules["tensorflow"] = None  # type: ignore[assignment]

    def show() -> None:
        del sys.modules["tensorflow"]

    client.run(hide, workers=[first])  # as if TensorFlow were not installed there
    try:
        assert choose_workers(client, 1) == [second]
        with pytest.raises(
            MissingExtraError, match=rf"TensorFlow.*on worker {first} is not installed.*dqnkit\[learner\]"
        ):
            MultiWorkerLearner(client, CONFIG, 2, insecure=True)
    finally:
        client.run(show, workers=[first])
    assert learner_processes(client) == {}


def test_a_process_that_cannot_start_is_told_with_its_log(client: Client) -> None:
    def spoil() -> None:
        os.environ["PYTHONHASHSEED"] = "nonsense"  # Python refuses to start with this value

    def repair() -> None:
        del os.environ["PYTHONHASHSEED"]

    client.run(spoil)
    try:
        with pytest.raises(LearnerLostError, match=r"(?s)learner process 0 .* ended with status 1.*PYTHONHASHSEED"):
            MultiWorkerLearner(client, CONFIG, 2, insecure=True)
    finally:
        client.run(repair)
    assert learner_processes(client) == {}


def test_processes_that_do_not_arrive_in_time_are_stopped(client: Client) -> None:
    with pytest.raises(LearnerLostError, match=r"learner process 1 on .* did not arrive within 1 s. All were stopped"):
        MultiWorkerLearner(
            client, CONFIG, 2, insecure=True, start_timeout=1.0, lease=4.0
        )  # importing TensorFlow alone takes longer
    wait_until_gone(learner_processes(client))


# ------------------------------------------------------------------------------------------------- two processes


def test_two_processes_give_the_weights_of_one(learner: MultiWorkerLearner, rng: np.random.Generator) -> None:
    one = Learner(CONFIG)
    learner.load_state(one.state())
    for update in range(4):
        data, importance = batches(rng), None if update == 0 else rng.random((K, B)).astype(np.float32)
        settings = {"learning_rate": 0.02, "target_period": 2} if update == 3 else {}
        expected = one.update(data, importance, **settings)
        result = learner.update(data, importance, **settings)
        np.testing.assert_allclose(result.priorities, expected.priorities, atol=1e-5)
        np.testing.assert_allclose(result.losses, expected.losses, atol=1e-5)
        assert result.mean_max_q == pytest.approx(expected.mean_max_q, abs=1e-5)
        np.testing.assert_allclose(learner.get_weights().values, one.get_weights().values, atol=1e-5)
    assert learner.updates == one.updates == 4 * K
    assert learner.get_weights(5).layers == one.get_weights().layers
    assert learner.get_weights(5).version == 5
    for name, values in one.state().items():
        np.testing.assert_allclose(learner.state()[name], values, atol=1e-5, err_msg=name)


@pytest.mark.slow
def test_observations_are_normalized_by_the_same_numbers_in_all_processes(
    client: Client, rng: np.random.Generator
) -> None:
    config = replace(CONFIG, normalize_observations=True)
    one = Learner(config)
    with MultiWorkerLearner(client, config, 2, insecure=True) as learner:
        for _ in range(3):
            seen, data = rng.normal(size=(30, 4)) * 5 + 2, batches(rng)
            for each in (one, learner):
                each.observe(seen)
                each.update(data)
            np.testing.assert_allclose(learner.get_weights().values, one.get_weights().values, atol=1e-5)
        learner.observe(seen)
        one.observe(seen)
        state = one.state()
        for rank in (0, 1):
            for name, values in learner.state(rank).items():
                np.testing.assert_allclose(values, state[name], atol=1e-5, err_msg=name)
        learner.load_state(state)
        data = batches(rng)
        one.update(data)
        learner.update(data)
        np.testing.assert_allclose(learner.get_weights().values, one.get_weights().values, atol=1e-5)
        assert int(learner.state()["observations/count"]) == 120


def test_all_processes_hold_the_same(learner: MultiWorkerLearner, rng: np.random.Generator) -> None:
    learner.update(batches(rng))
    first, second = learner.state(0), learner.state(1)
    assert first.keys() == second.keys()
    for name, values in first.items():
        np.testing.assert_array_equal(values, second[name], err_msg=name)


def test_a_loaded_state_goes_on_as_the_first_time(learner: MultiWorkerLearner, rng: np.random.Generator) -> None:
    learner.update(batches(rng))
    state, data = learner.state(), batches(rng)
    first, weights = learner.update(data), learner.get_weights()
    learner.load_state(state)
    assert learner.updates == int(state["updates"])
    assert not np.array_equal(learner.get_weights().values, weights.values)
    np.testing.assert_array_equal(learner.update(data).priorities, first.priorities)
    np.testing.assert_array_equal(learner.get_weights().values, weights.values)


def test_divergence_in_one_part_is_undone_in_all(learner: MultiWorkerLearner, rng: np.random.Generator) -> None:
    before, bad = learner.state(), batches(rng)
    bad.reward[1, -1] = np.nan  # in the slice of the second process
    with pytest.raises(DivergedError, match=f"the loss became nan in update {learner.updates + 2}"):
        learner.update(bad)
    for rank in (0, 1):
        for name, values in learner.state(rank).items():
            np.testing.assert_array_equal(values, before[name], err_msg=name)
    assert np.isfinite(learner.update(batches(rng)).losses).all()


def test_what_does_not_fit_is_refused(learner: MultiWorkerLearner, rng: np.random.Generator) -> None:
    with pytest.raises(ConfigError, match="the batches have 4 transitions, not batch_size 8"):
        learner.update(batches(rng, size=4))
    with pytest.raises(ConfigError, match="the saved online network does not fit"):
        learner.load_state(Learner(config_for_updates(hidden_sizes=(5,))).state())
    learner.update(batches(rng))


def test_after_ctrl_c_during_an_update_it_goes_on(
    learner: MultiWorkerLearner, client: Client, rng: np.random.Generator
) -> None:
    learner.update(batches(rng))
    before, slow = learner.updates, learner_processes(client)[1]
    slow.suspend()
    try:
        threading.Timer(1.0, signal.pthread_kill, (threading.get_ident(), signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt):
            learner.update(batches(rng))
    finally:
        slow.resume()
    learner.update(batches(rng))
    assert learner.updates == before + 2 * K  # the interrupted update was made too: in all processes or in none
    assert learner.state(0)["updates"] == learner.state(1)["updates"]


# --------------------------------------------------------------------------------------------------------- faults


@pytest.mark.slow
def test_a_killed_process_is_one_error_and_training_resumes(client: Client, tmp_path: Path) -> None:
    config = small_config(total_steps=1_000)
    with MultiWorkerLearner(client, config, 2, insecure=True, start_timeout=ARRIVAL) as learner:
        processes = learner_processes(client)
        with pytest.raises(LearnerLostError) as error:  # noqa: PT012 - where it comes is not known
            for status in train(config, learner=learner):
                if status.updates >= 40 and not list(tmp_path.glob("step-*")):
                    checkpoint.save(status.state, tmp_path)
                    processes[1].kill()
        assert f"learner process 1 on {learner.workers[1]} was killed by SIGKILL" in str(error.value)
        assert "restart" in str(error.value)
        wait_until_gone(processes)
        with pytest.raises(LearnerLostError, match=r"there are no learner processes: .*SIGKILL"):
            learner.get_weights()

        learner.restart()
        state = checkpoint.restore(tmp_path, learner=learner)
        assert learner.updates >= 40
        *_, last = train(config, state=state)
        assert last.step >= config.total_steps
        weights = last.weights.values
        processes = learner_processes(client)
    wait_until_gone(processes)
    *_, alone = train(config, state=checkpoint.restore(tmp_path))  # the same run with a learner in this process
    assert alone.updates == last.updates
    np.testing.assert_allclose(weights, alone.weights.values, atol=0.05)


@pytest.mark.slow
def test_a_process_that_stops_or_ends_is_noticed(client: Client, rng: np.random.Generator) -> None:
    with MultiWorkerLearner(
        client, CONFIG, 2, insecure=True, start_timeout=ARRIVAL, timeout=60.0, lease=4.0
    ) as learner:
        learner.update(batches(rng))
        processes = learner_processes(client)
        processes[0].suspend()
        learner.timeout, began = 5.0, time.monotonic()
        with pytest.raises(LearnerLostError, match="did not answer within 5 s"):
            learner.update(batches(rng))
        assert time.monotonic() - began < 5.0 + GONE
        wait_until_gone(processes)

        learner.timeout = 60.0
        learner.restart()
        processes = learner_processes(client)
        processes[0].kill()  # between two calls: the other process must not wait for the next one
        wait_until_gone(processes)
        with pytest.raises(LearnerLostError, match=r"learner process 0 on .* was killed by SIGKILL"):
            learner.update(batches(rng))


@pytest.mark.slow
def test_nothing_outlives_its_dask_worker(client: Client, rng: np.random.Generator) -> None:
    with MultiWorkerLearner(client, CONFIG, 2, insecure=True, start_timeout=ARRIVAL) as learner:
        processes = learner_processes(client)
        processes[1].suspend()  # suspended, so that it cannot see its input close
        os.kill(client.run(os.getpid)[learner.workers[1]], signal.SIGKILL)
        # the error may name the other, since TensorFlow ends a process whose peer is lost
        with pytest.raises(LearnerLostError, match=r"learner process [01] on tls://"):
            learner.update(batches(rng))
        wait_until_gone(processes)
    client.wait_for_workers(2, timeout=GONE)  # its nanny starts a new one


@pytest.mark.slow
def test_a_frozen_dask_worker_is_an_error_and_its_process_ends(client: Client, rng: np.random.Generator) -> None:
    with MultiWorkerLearner(client, CONFIG, 2, insecure=True, start_timeout=ARRIVAL, lease=4.0) as learner:
        learner.update(batches(rng))
        processes = learner_processes(client)
        worker = psutil.Process(client.run(os.getpid)[learner.workers[0]])
        worker.suspend()
        try:
            learner.timeout = 5.0
            # either it does not answer, or its lease ends it and the other process with it
            with pytest.raises(
                LearnerLostError, match=r"learner process (0 .* did not answer within 5 s|[01] on tls://)"
            ):
                learner.update(batches(rng))
            wait_until_gone(processes)
        finally:
            worker.resume()


@pytest.mark.slow
def test_the_whole_ring_on_one_cluster(client: Client) -> None:
    config = small_config()
    with MultiWorkerLearner(client, config, 2, insecure=True, start_timeout=ARRIVAL) as learner:
        *_, last = train(config, rollouts=ClusterRollouts(client), learner=learner)
        assert last.step >= config.total_steps
        assert last.updates == learner.updates > 0


DRIVER = """
import os, signal, sys
sys.path[:0] = sys.argv[1].split(os.pathsep)
from distributed import Client
from test_multiworker import ARRIVAL, CONFIG
from dqnkit.cluster.multiworker import MultiWorkerLearner
from dqnkit.cluster.security import read_certificates
with Client(sys.argv[2], security=read_certificates(sys.argv[3])) as client:
    learner = MultiWorkerLearner(client, CONFIG, 2, insecure=True, start_timeout=ARRIVAL, lease=4.0)
    print("ready", flush=True)
    signal.pause()
"""


@pytest.mark.slow
def test_nothing_outlives_its_driver(client: Client, certificates: Path) -> None:
    command = [sys.executable, "-c", DRIVER, os.pathsep.join(sys.path), client.scheduler.address, str(certificates)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdout is not None
        assert driver.stdout.readline() == "ready\n"
        processes = learner_processes(client)
        assert sorted(processes) == [0, 1]
        driver.kill()
    wait_until_gone(processes)
