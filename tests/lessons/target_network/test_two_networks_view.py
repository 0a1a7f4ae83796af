"""The widgets of the lesson on the target network: the two networks with sliders, the player, the five loop parts."""

from __future__ import annotations

import asyncio
import base64
import io
import itertools
import json
import re
from types import SimpleNamespace

import numpy as np
import pytest

from dqnkit.errors import InvalidDataError
from dqnkit.presets import preset
from dqnkit.replay import ReplayBuffer
from dqnkit.small_environments import GridWorld
from dqnkit.types import Transition

pytest.importorskip("tensorflow")
pytest.importorskip("ipywidgets")
pytest.importorskip("matplotlib")
Image = pytest.importorskip("PIL.Image")

from dqnkit.learner import Learner  # noqa: E402
from dqnkit.lessons.target_network.answers.target_sync import target_sync  # noqa: E402
from dqnkit.lessons.target_network.two_networks_view import TwoNetworks, train_and_look, two_networks  # noqa: E402
from dqnkit.widgets.video_player import player  # noqa: E402
from dqnkit.widgets.watch import Sliders  # noqa: E402

CONFIG = preset("dqnkit/GridWorld-v0", hidden_sizes=(8,), batch_size=4, xla=False)
ROOM = GridWorld(observation="xy")


@pytest.fixture
def replay():
    rng = np.random.default_rng(0)
    places = rng.uniform(-1, 1, (2, 50, 2)).astype(np.float32)
    buffer = ReplayBuffer(50)
    rewards, discounts = np.ones(50, np.float32), np.full(50, 0.9, np.float32)
    buffer.add(Transition(places[0], rng.integers(4, size=50, dtype=np.int32), rewards, discounts, places[1]))
    return buffer


def look_at(replay, period, tau, updates):
    knobs = Sliders(period=(1, 1000, period), tau=(0.01, 1.0, tau))
    return list(train_and_look(Learner(CONFIG), replay, ROOM, ROOM.optimal_q(0.9), target_sync, knobs, updates, seed=0))


def test_the_target_follows_as_the_sliders_say(replay):
    hard = look_at(replay, 15, 1.0, 30)
    assert [look.update for look in hard] == [10, 20, 30]
    np.testing.assert_array_equal(hard[2].target, hard[2].online)  # copied after 15 and 30 updates
    assert not np.allclose(hard[1].target, hard[1].online)
    assert not np.allclose(hard[0].target, hard[1].target)
    soft = look_at(replay, 1, 0.01, 10)[0]
    distance = np.abs(soft.target - soft.online).max()
    assert 0 < distance < np.abs(hard[0].target - hard[0].online).max()


def test_it_learns_as_the_learner_does_alone(replay):
    watched, alone = Learner(CONFIG), Learner(CONFIG)
    list(
        train_and_look(
            watched, replay, ROOM, ROOM.optimal_q(0.9), target_sync, Sliders(period=(1, 9, 5), tau=(0, 1, 1.0)), 12, 3
        )
    )
    rng = np.random.default_rng(3)
    for _ in range(12):
        alone.update(replay.sample(1, 4, rng).transitions, target_period=5)
    np.testing.assert_allclose(watched.get_weights().values, alone.get_weights().values, atol=1e-6)


def test_without_a_browser_it_ends_with_the_recorded_run(replay):
    run = asyncio.run(two_networks(Learner(CONFIG), replay, ROOM, target_sync, updates=25))
    assert [look.update for look in run.looks] == [10, 20, 25] == run.about["updates"]
    assert run.last.error > 0
    values = np.frombuffer(run.values, np.float32).reshape(3, 2, -1)  # as the browser has them
    np.testing.assert_allclose(values[2], [run.last.online, run.last.target], rtol=1e-6)
    assert "after 25 updates" in run._repr_mimebundle_()[0]["text/plain"]
    json.dumps(run.about, allow_nan=False)


def test_a_run_that_was_stopped_at_once_is_shown_too():
    run = TwoNetworks([], ROOM, ROOM.optimal_q(0.9).max(axis=1))
    assert run.last is None
    assert run.picture().alt


def a_video(folder, name, frames):
    path = folder / f"{name}.gif"
    shades = [Image.new("RGB", (30, 20), (9 * number % 256, 0, 0)) for number in range(frames)]
    shades[0].save(path, save_all=True, append_images=shades[1:], duration=20)
    return SimpleNamespace(path=path, description=f"{name} <{frames}>")


def test_the_player_holds_every_frame_once(tmp_path):
    shown = player({"one": a_video(tmp_path, "a", 25), "two": a_video(tmp_path, "b", 7)}, frames=30, width=60)
    one, two = shown.data["about"]["videos"]
    assert (one["description"], two["description"]) == ("a <25>", "b <7>")
    assert (one["frames"], one["columns"], two["frames"], two["columns"]) == (25, 10, 7, 7)
    sheet = Image.open(io.BytesIO(base64.b64decode(one["sheet"].split(",")[1])))
    assert sheet.size == (10 * 60, 3 * 40)
    reds = [sheet.convert("RGB").getpixel((30 + 60 * (n % 10), 20 + 40 * (n // 10)))[0] for n in range(25)]
    assert all(now < later for now, later in itertools.pairwise(reds))
    assert shown.picture.alt == "one: a <25>; two: b <7>"
    assert "&lt;25&gt;" in shown.html()


def test_two_players_do_not_disturb_each_other(tmp_path):
    videos = {"one": a_video(tmp_path, "a", 3)}
    marks = [re.search(r'id="(dqnkit-\w+)"', player(videos).html())[1] for _ in range(2)]
    assert marks[0] != marks[1]


def test_long_videos_are_thinned(tmp_path):
    (video,) = player({"long": a_video(tmp_path, "a", 28)}, frames=5, width=30).data["about"]["videos"]
    assert video["frames"] == 5
    assert len(video["sheet"]) < 3_000


def test_a_player_needs_a_video():
    with pytest.raises(InvalidDataError, match="at least one"):
        player({})
