"""CartPole by hand, without a browser: a page that needs no kernel, and a picture where no script runs."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("anywidget")
pytest.importorskip("matplotlib")

from dqnkit.lessons.start_here.cartpole_picture import cartpole
from dqnkit.lessons.start_here.push_cartpole import push_cartpole

LEFT = 0


def test_it_is_html_with_a_picture_for_pages_without_scripts():
    bundle = push_cartpole(seed=3)._repr_mimebundle_()
    assert set(bundle) == {"text/html", "text/plain"}
    assert 'alt="A cart at' in bundle["text/html"]
    assert 'data = {"seed":3}' in bundle["text/html"]
    assert "metres from the middle" in bundle["text/plain"]


def test_the_picture_says_the_same_in_words():
    assert (
        cartpole(0.5, 0.1).alt
        == "A cart at 0.50 metres from the middle, with a pole that leans 5.7 degrees to the right."
    )
    over = cartpole(-1.0, -0.25, LEFT, "terminated: the pole fell").alt
    assert "14.3 degrees to the left. It was pushed left. The episode has ended: terminated" in over


def test_tensorflow_is_not_imported():
    start = "import sys; from dqnkit.lessons.start_here.push_cartpole import push_cartpole"
    code = f"{start}; push_cartpole(); print('tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "False"
