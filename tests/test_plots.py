"""The learning curve: what is in the picture, for whatever a run has recorded, and the file that it becomes."""

from __future__ import annotations

import io
import itertools
import subprocess
import sys

import numpy as np
import pytest

from dqnkit.errors import InvalidDataError, MissingExtraError
from dqnkit.plots import PALETTE, learning_curve, to_png

matplotlib = pytest.importorskip("matplotlib")
Image = pytest.importorskip("PIL.Image")

NAN, INF = float("nan"), float("inf")
METRICS = {
    "step": [500, 1000, 1500, 2000],
    "episodes": [20, 40, 55, 60],
    "updates": [0, 60, 120, 180],
    "episode_return": [NAN, 21.0, 40.0, 90.0],
    "loss": [NAN, 0.3, 0.2, 0.25],
    "mean_max_q": [NAN, 5.0, 40.0, 70.0],
    "epsilon": [1.0, 0.5, 0.05, 0.05],
    "samples_per_insert": [0.0, 4.0, 6.0, 7.0],
    "policy_lag": [0, 1, 1, 1],
    "steps_per_second": [9000.0] * 4,
    "seconds": [0.1, 0.2, 0.3, 0.4],
}


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))


def lines(axes):
    """The lines on a panel: colour -> values."""
    return {line.get_color(): np.asarray(line.get_ydata()) for line in axes.lines}


def texts(figure):
    return " ".join(text.get_text() for text in figure.findobj(matplotlib.text.Text)).replace("\n", " ")


def test_each_panel_shows_its_column_over_environment_steps():
    figure = learning_curve(METRICS, title="CartPole-v1")

    shown = [axes.lines[0].get_ydata() for axes in figure.axes]
    for values, name in zip(shown, ("episode_return", "mean_max_q", "loss", "epsilon"), strict=True):
        np.testing.assert_array_equal(values, METRICS[name])
    np.testing.assert_array_equal(figure.axes[0].lines[0].get_xdata(), METRICS["step"])
    assert figure.axes[-1].get_xlabel() == "environment steps"
    assert all(axes.get_ylabel() and axes.get_title(loc="left") for axes in figure.axes)
    assert "CartPole-v1" in texts(figure)
    assert "What to look for" in texts(figure)


def test_many_steps_are_counted_in_thousands_and_millions():
    def axis(last):
        axes = learning_curve({"step": [last], "loss": [1.0]}, title="").axes[-1]
        return axes.get_xlabel(), axes.lines[0].get_xdata()[0]

    assert axis(50_000) == ("environment steps (thousands)", 50)
    assert axis(3_000_000) == ("environment steps (millions)", 3)


def test_goal_bound_and_single_episodes_are_drawn_and_named():
    figure = learning_curve(METRICS, title="", threshold=475, max_q_bound=100, episodes=([100, 1900], [12.0, 80.0]))

    returns, max_q = figure.axes[:2]
    reference = PALETTE["reference"]["color"]
    assert set(lines(returns)[reference]) == {475}
    assert set(lines(max_q)[reference]) == {100}
    np.testing.assert_array_equal(returns.collections[0].get_offsets(), [[100, 12], [1900, 80]])
    for words in ("solved: 475", "1 / (1 − gamma) = 100", "single episodes", "overestimation"):
        assert words in texts(figure)


@pytest.mark.parametrize("bound", [None, 100.0])
def test_values_that_explode_get_a_logarithmic_axis(bound):
    def scale(values, name="mean_max_q"):
        figure = learning_curve({**METRICS, name: values}, title="", max_q_bound=bound)
        return {"mean_max_q": figure.axes[1], "loss": figure.axes[2]}[name].get_yscale()

    assert scale([1.0, 2.0, 50.0, 90.0]) == "linear"
    assert scale([1.0, 2.0, 1e5, 1e30]) == "log"
    assert scale([-1.0, 2.0, 1e5, INF]) == "symlog"
    assert scale([0.1, 0.2, 0.3, 2.0], "loss") == "linear"
    assert scale([0.1, 0.2, 1e9, INF], "loss") == "log"


@pytest.mark.parametrize(
    "metrics",
    [
        {},
        {name: [] for name in METRICS},
        {name: values[:1] for name, values in METRICS.items()},
        {name: values[1:2] for name, values in METRICS.items()},
        {"step": [1, 2, 3]},
        {"step": [1, 2, 3], "loss": [NAN, NAN, NAN]},
        {"step": [1, 2, 3], "loss": [NAN, INF, 1.0], "episode_return": [-INF, 0.0, 0.0]},
        {"step": [0, 0], "mean_max_q": np.float32([1e38, -1e38])},
        {"step": [1, 2], "episode_return": [None, 3]},
    ],
)
def test_whatever_a_run_has_written_makes_a_picture(metrics):
    figure = learning_curve(metrics, title="", threshold=1.0)
    picture = pixels(to_png(figure))
    assert picture.shape[:2] == (1080, 960)
    for axes, name in zip(figure.axes, ("episode_return", "mean_max_q", "loss", "epsilon"), strict=True):
        empty = not np.isfinite(np.array(metrics.get(name, []), dtype=float)).any()
        assert ("nothing to show yet" in [text.get_text() for text in axes.texts]) == empty


def test_one_point_is_visible_as_a_dot():
    axes = learning_curve({"step": [5], "episode_return": [3.0]}, title="").axes[0]
    assert axes.lines[0].get_marker() == "o"


@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        ({"step": [1, 2], "loss": [1.0]}, "'loss' has 1 values, but 'step' has 2"),
        ({"step": [1], "loss": ["much"]}, "'loss' takes numbers"),
    ],
)
def test_columns_that_do_not_fit_are_refused(metrics, message):
    with pytest.raises(InvalidDataError, match=message):
        learning_curve(metrics, title="")


def test_without_matplotlib_the_error_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"pip install .dqnkit\[course\]."):
        learning_curve(METRICS, title="")


def test_the_paper_is_white_and_opaque_whatever_style_the_reader_has():
    dark = {"figure.facecolor": "black", "axes.facecolor": "black", "text.color": "white", "savefig.transparent": True}
    with matplotlib.rc_context(dark):
        png = to_png(learning_curve(METRICS, title="CartPole-v1", threshold=475))
        assert matplotlib.rcParams["text.color"] == "white"  # the reader's style is unchanged
    assert png == to_png(learning_curve(METRICS, title="CartPole-v1", threshold=475))
    picture = pixels(png)
    assert (picture[..., 3] == 255).all()
    assert (picture[..., :3] == 255).all(axis=-1).mean() > 0.8


@pytest.mark.parametrize("bound", [None, 100.0])
def test_no_text_is_cut_off(bound):
    figure = learning_curve(METRICS, title="CartPole-v1", threshold=475, max_q_bound=bound, episodes=([1], [1.0]))
    picture = pixels(to_png(figure))[..., :3]
    margin = np.concatenate(
        [picture[:2].ravel(), picture[-2:].ravel(), picture[:, :2].ravel(), picture[:, -2:].ravel()]
    )
    assert (margin == 255).all()


def full_disk(*_):
    raise OSError(28, "No space left on device")


def test_a_picture_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "curve.png"
    figure = learning_curve(METRICS, title="")
    assert to_png(figure, path) == path.read_bytes()
    assert path.read_bytes().startswith(b"\x89PNG")

    before = path.read_bytes()
    monkeypatch.setattr("os.replace", full_disk)
    with pytest.raises(OSError, match="No space left"):
        to_png(figure, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_pyplot_is_never_imported_and_the_palette_needs_no_matplotlib():
    program = (
        "import sys\n"
        "from dqnkit.plots import PALETTE, learning_curve, to_png\n"
        "assert 'matplotlib' not in sys.modules\n"
        "to_png(learning_curve({'step': [1], 'loss': [1.0]}, title=''))\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)


# Linear RGB as seen with each kind of colour blindness: Machado, Oliveira and Fernandes (2009), severity 1.
EYES = {
    "usual": np.eye(3),
    "protanopia": np.array([[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]]),
    "deuteranopia": np.array([[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]]),
    "tritanopia": np.array([[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]]),
}


def lab(linear):
    """CIE L*a*b* of a linear RGB colour, where distances agree with perception."""
    to_xyz = np.array([[0.4125, 0.3576, 0.1804], [0.2127, 0.7152, 0.0722], [0.0193, 0.1192, 0.9503]])
    xyz = to_xyz @ np.clip(linear, 0, 1) / (0.9505, 1.0, 1.0888)
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("eye", EYES)
def test_colours_stay_apart_for_every_eye(eye):
    srgb = {name: np.array(matplotlib.colors.to_rgb(look["color"])) for name, look in PALETTE.items()}
    seen = {
        name: lab(EYES[eye] @ np.where(c < 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4))
        for name, c in srgb.items()
    }
    for (one, colour), (other, another) in itertools.combinations(seen.items(), 2):
        assert np.linalg.norm(colour - another) > 15, f"{one} looks like {other}"
        assert colour[0] < 80, f"{one} is too light for white paper"


def test_lines_that_share_a_panel_differ_in_their_dashes_too():
    styles = {name: look["linestyle"] for name, look in PALETTE.items()}
    assert styles["online network"] != styles["target network"] != styles["reference"] != styles["environment"]
