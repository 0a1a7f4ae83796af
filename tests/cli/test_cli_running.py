"""A run from the command line: its end, the faults of its environment, what it says; in this process, to be quick."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import faulty_envs
import gymnasium as gym
import pytest
from click.testing import CliRunner, Result

from dqnkit import evaluation
from dqnkit.checkpoint import restore
from dqnkit.cli import main, memory
from dqnkit.config import DQNConfig
from dqnkit.errors import ConfigError

Tried = Callable[[int, str, str], None]
QUICK = (
    "--total-steps=400",
    "--learning-starts=64",
    "--samples-per-insert=2",
    "--batch-size=16",
    "--updates-per-call=4",
    "--hidden-sizes=8",
    "--num-envs=2",
    "--no-xla",
    "--evaluation-episodes=3",
)
PICTURES = {  # fault -> what is said instead of a picture
    "NoRenderMode": "draws no pictures: it takes no render_mode",
    "NoRender": "draws no pictures: it has no render()",
    "NonePicture": "draws no pictures: render() gave NoneType",
    "EmptyPicture": "draws no pictures: render() gave an array of the shape (0, 0, 3)",
    "TextPicture": "draws no pictures: render() gave str",
    "NoGL": "raised RuntimeError: an OpenGL platform library has not been loaded",
    "RenderExits": "raised SystemExit: sys.exit(3) ends the whole program (in render)",
}
IN_STEP = ("StepRaises", "StepExits", "WrongShape", "FourValues", "RewardIsList", "TerminatedIsNone", "ResetRaises")


def quickly(faults: Iterable[str], *quick: str) -> list[Any]:
    """Parameters of a test of which only some are for every run: a whole training takes a second or two."""
    return [fault if fault in quick else pytest.param(fault, marks=pytest.mark.slow) for fault in faults]


@pytest.fixture(autouse=True)
def sound_at_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    faulty_envs.arm(10**9)
    yield
    faulty_envs.arm(10**9)


def dqnkit(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def train(name: str, *options: str) -> Result:
    return dqnkit("train", f"faulty_envs:{name}-v0", "--run-dir=run", *QUICK, *options)


@pytest.mark.filterwarnings("ignore:.*render.*:UserWarning")  # Gymnasium's about environments that draw nothing
@pytest.mark.parametrize("fault", quickly(PICTURES, "NoRenderMode", "EmptyPicture"))
def test_without_a_video_the_run_is_complete_and_one_line_says_why(fault: str, tried: Tried) -> None:
    done = train(fault)
    assert done.exit_code == 0, done.output
    (line,) = [line for line in done.stderr.splitlines() if "no picture" in line]
    assert PICTURES[fault] in line
    assert "Mean return over 3 greedy episodes: " in done.stdout
    assert len(json.loads(Path("run/evaluation.json").read_text())["returns"]) == 3
    assert Path("run/learning_curve.png").exists()
    assert "The run is complete" in dqnkit("resume", "run").stdout
    tried(8, f"train, then a video of {fault}", f"status 0, mean printed, evaluation.json written; {line.strip()}")


def test_any_failure_of_the_last_steps_leaves_the_status_as_it_is(
    monkeypatch: pytest.MonkeyPatch, tried: Tried
) -> None:
    for function in ("dqnkit.videos.record_video", "dqnkit.plots.learning_curve"):
        monkeypatch.setattr(function, lambda *_, **__: 1 / 0)
    done = train("Sound")
    assert done.exit_code == 0, done.output
    assert done.stderr.count("no picture: ZeroDivisionError: division by zero") == 2
    assert Path("run/evaluation.json").exists()
    tried(8, "matplotlib and the writer of videos raise an error", "status 0, two lines `no picture: ...`")


@pytest.mark.parametrize("fault", quickly(IN_STEP, "StepExits"))
def test_a_fault_of_the_environment_comes_after_the_save_and_the_run_goes_on_when_it_is_mended(
    fault: str, tried: Tried
) -> None:
    faulty_envs.arm(200)
    done = train(fault, "--no-video")
    assert done.exit_code == 2, done.output
    assert f"dqnkit: faulty_envs:{fault}-v0" in done.stderr
    assert f"{faulty_envs.__file__}:" in done.stderr
    assert "Traceback" not in done.output
    step = restore("run/checkpoints").counters.step
    assert 150 < step <= 200
    assert f"Stopped by an error at step {step}. Mend it, then: dqnkit resume run" in done.stdout
    faulty_envs.arm(10**9)
    mended = dqnkit("resume", "run", "--no-video")
    assert mended.exit_code == 0, mended.output
    assert f"Going on from step {step}" in mended.stdout
    sentence = done.stderr.splitlines()[[line.startswith("dqnkit: ") for line in done.stderr.splitlines()].index(True)]
    tried(10, f"train, {fault} after 200 steps", f"status 2, saved at step {step}, resumed to the end; {sentence}")


def test_a_close_that_fails_at_the_end_loses_nothing(tried: Tried) -> None:
    faulty_envs.arm(300)
    done = train("CloseRaises", "--no-video")
    assert done.exit_code == 2
    assert "raised RuntimeError: the simulator is gone (in close)" in done.stderr
    faulty_envs.arm(10**9)
    assert restore("run/checkpoints").counters.step >= 400
    assert dqnkit("resume", "run", "--no-video").exit_code == 0
    assert Path("run/evaluation.json").exists()
    tried(10, "train, close() raises at the end", "status 2, the last step is saved; resume evaluates")


@pytest.mark.parametrize(
    "fault", ["FourValues", "RewardIsList", "TerminatedIsNone", "CloseRaises", "ResetWithoutSeed", "MakingExits"]
)
def test_what_never_works_is_said_at_once_and_leaves_no_folder(fault: str, tried: Tried) -> None:
    faulty_envs.arm()
    done = train(fault)
    assert done.exit_code == 2, done.output
    assert "Loading TensorFlow" not in done.stderr
    assert not Path("run").exists()
    tried(10, f"train, {fault} from the first step on", f"status 2, no folder; {done.stderr.splitlines()[0]}")


def test_options_of_the_evaluation(tried: Tried) -> None:
    options = ["--no-video", "--evaluation-episodes=2", "--evaluation-steps=30", "--evaluation-epsilon=0.5"]
    done = train("Endless", *options)
    assert done.exit_code == 0, done.output
    assert "Mean return over 2 episodes with epsilon 0.5: 30.0" in done.stdout
    assert "2 of 2 episodes were cut after 30 steps" in done.stdout
    assert "evaluation: 100%" in done.stderr
    assert "60 steps" in done.stderr
    again = dqnkit("evaluate", "run", "--episodes=4", "--evaluation-steps=20")
    assert "4 greedy episodes" in again.stdout
    assert "4 of 4 episodes were cut after 20 steps" in again.stdout
    cut = next(line for line in again.stdout.splitlines() if "cut" in line)
    tried(22, "evaluate --episodes 4 --evaluation-steps 20, episodes never end", cut)


def test_ctrl_c_in_the_evaluation_keeps_the_training(monkeypatch: pytest.MonkeyPatch, tried: Tried) -> None:
    original = evaluation.play_episodes

    def play(*arguments, **settings):
        for number, status in enumerate(original(*arguments, **settings)):
            if number == 5:
                signal.raise_signal(signal.SIGINT)
            yield status

    monkeypatch.setattr(evaluation, "play_episodes", play)
    done = train("Endless", "--no-video")
    assert done.exit_code == 130, done.output
    assert "Stopped while evaluating; the training is complete. Evaluate with: dqnkit resume run" in done.stdout
    assert restore("run/checkpoints").counters.step >= 400
    assert not Path("run/evaluation.json").exists()
    tried(22, "Ctrl-C while the evaluation runs", "status 130, the training is saved; resume evaluates")


def test_what_a_run_says_while_it_trains(tried: Tried) -> None:
    done = train("Sound", "--no-video")
    assert "nan" not in done.output
    assert done.stderr.startswith("Loading TensorFlow, which takes some seconds ...")
    (settings,) = [line for line in done.stdout.splitlines() if line.startswith("Settings")]
    for words in ("total_steps 400", "hidden_sizes 8", "xla False", "samples_per_insert 2.0"):
        assert words in settings
    assert "gamma" not in settings  # it is that of the help page
    tried(25, "the start of a run", settings)
    late = train("Sound", "--no-video", "--run-dir=late", "--learning-starts=390", "--samples-per-insert=8")
    assert "nan" not in late.output
    tried(25, "the progress bar before learning starts", "no loss; `learning starts at 390`")


def test_the_help_of_a_command_begins_with_what_everybody_needs_and_ends_with_examples(tried: Tried) -> None:
    page = dqnkit("train", "--help").stdout
    headings = [
        "Options:",
        "What to learn, and how:",
        "The evaluation:",
        "Rollouts on a cluster:",
        "Machines of a cloud",
    ]
    places = [page.index(heading) for heading in [*headings, "Examples:"]]
    assert places == sorted(places)
    assert page.index("--seed") < page.index("--workers") < page.index("--spot")
    for command in ("train", "resume", "evaluate", "plan", "lab", "course", "certificates"):
        assert f"  dqnkit {command} " in dqnkit(command, "--help").stdout
    tried(25, "dqnkit train --help", f"headings {', '.join(headings)}; then examples")


class Pictures(faulty_envs.Sound):
    observation_space = gym.spaces.Box(0, 255, (96, 96, 3), "uint8")


def computer(root: Path, available: int, limit: int | None = None, used: int = 0) -> Path:
    """The files in which Linux tells how much memory is free, and a container how much it may take."""
    for name, text in {
        "proc/meminfo": f"MemTotal: 1 kB\nMemAvailable: {available // 1024} kB\n",
        "sys/fs/cgroup/memory.max": "max" if limit is None else str(limit),
        "sys/fs/cgroup/memory.current": str(used),
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_the_memory_of_replay_is_compared_with_what_is_free(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], tried: Tried
) -> None:
    config = DQNConfig(total_steps=100_000)
    assert memory.replay_bytes(config, Pictures.observation_space) == pytest.approx(5.53e9, rel=0.01)
    assert memory.replay_bytes(DQNConfig(total_steps=100), Pictures.observation_space) < 6e6
    stacked = DQNConfig(total_steps=100_000, frame_stack=4)
    assert memory.replay_bytes(stacked, gym.spaces.Box(0, 255, (4, 84, 84), "uint8")) == pytest.approx(7.1e8, rel=0.02)
    memory.check_memory(config, Pictures.observation_space, computer(tmp_path, 64 * 10**9))
    assert capsys.readouterr().err == ""
    memory.check_memory(config, Pictures.observation_space, computer(tmp_path, 8 * 10**9))
    said = capsys.readouterr().err
    assert "Replay will grow to 5.5 GB of the 8.0 GB of memory that are free" in said
    tried(25, "replay of 96x96x3, 8 GB free", said.strip())
    for given in ({"available": 2 * 10**9}, {"available": 64 * 10**9, "limit": 3 * 10**9, "used": 10**9}):
        with pytest.raises(ConfigError, match=r"would grow to 5.5 GB, and 2.0 GB are free") as caught:
            memory.check_memory(config, Pictures.observation_space, computer(tmp_path, **given))
        tried(25, f"replay of 96x96x3, {given}", str(caught.value))
    assert memory.free_memory() is None or memory.free_memory() > 0


def test_what_keras_imports_besides_is_left_out_and_can_be_imported_later() -> None:
    code = (
        "import sys; from dqnkit.cli.running import import_tensorflow; import_tensorflow(); "
        "left = {'IPython', 'matplotlib', 'pandas'}; assert not left & {*sys.modules}, left & {*sys.modules}; "
        "import IPython, matplotlib.pyplot, keras; assert keras.Sequential and matplotlib.pyplot.figure"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
