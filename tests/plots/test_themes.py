"""Pictures on white and on dark pages: the palette's colours in both, ink that can be read."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from dqnkit.plots import PALETTE, Picture
from dqnkit.plots.canvas import INK, SHARPNESS, Canvas
from dqnkit.plots.lines import SHADES, error_curves
from dqnkit.plots.ring import RING_PARTS, ring
from dqnkit.plots.sketch import Axis, sketch
from dqnkit.plots.themes import DARK_GROUND, READABLE, compact_png, contrast, on_dark, themed_image
from dqnkit.types import Array

BLUE = PALETTE["online network"]["color"]


def pixels(png: bytes) -> Array:
    """The pixels of an image ``[H, W, RGBA]``."""
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))


def colours(png: bytes) -> set[str]:
    """The opaque colours in an image."""
    shown = pixels(png).reshape(-1, 4)
    return {"#" + bytes(row[:3]).hex().upper() for row in np.unique(shown[shown[:, 3] == 255], axis=0)}


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#FFFFFF", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("name", PALETTE)
def test_a_quantity_has_its_colour_in_both_themes_and_can_be_seen(name: str) -> None:
    color = PALETTE[name]["color"]
    assert contrast(on_dark(color), DARK_GROUND) >= READABLE
    assert on_dark(color) == color or name in ("table", "reference")


@pytest.mark.parametrize("opacity", [0.1, 0.18, 0.4, 0.6, 0.85])
@pytest.mark.parametrize("name", PALETTE)
def test_what_is_faint_is_no_fainter_on_dark_pages(name: str, opacity: float) -> None:
    def over(color: str, ground: str) -> str:
        pairs = zip(bytes.fromhex(color[1:]), bytes.fromhex(ground[1:]), strict=True)
        return "#" + "".join(f"{round(opacity * top + (1 - opacity) * below):02X}" for top, below in pairs)

    color = PALETTE[name]["color"]
    on_white = contrast(over(color, "#FFFFFF"), "#FFFFFF")
    on_dark_page = contrast(over(on_dark(color, opacity), DARK_GROUND), DARK_GROUND)
    assert on_dark_page >= min(READABLE, on_white) - 0.02  # rounding


def test_words_can_be_read_on_both_grounds() -> None:
    assert contrast(INK, "#FFFFFF") >= 4.5
    assert contrast(on_dark(INK), DARK_GROUND) >= 4.5


def test_no_single_grey_could_be_read_on_both_grounds() -> None:
    greys = [f"#{level:02X}{level:02X}{level:02X}" for level in range(256)]
    assert max(min(contrast(grey, "#FFFFFF"), contrast(grey, DARK_GROUND)) for grey in greys) < 4.5


@pytest.mark.parametrize("picture", [ring("learner"), error_curves({"a": [1.0, 2.0]})], ids=["ring", "curves"])
def test_a_figure_has_white_paper_and_a_transparent_ground(picture: Picture) -> None:
    light, dark = pixels(picture.png), pixels(picture.dark)
    assert light.shape == dark.shape
    assert (dark[..., 3] == 255).any()
    assert tuple(light[0, 0]) == (255, 255, 255, 255)
    assert dark[0, 0, 3] == 0
    assert INK in colours(picture.png)
    assert {on_dark(INK)} <= colours(picture.dark)


def test_a_line_keeps_its_colour_on_dark_pages() -> None:
    picture = error_curves({"a": [1.0, 2.0]}, kinds={"a": "online network"})
    assert BLUE in colours(picture.png) & colours(picture.dark)


def test_on_dark_pages_words_on_the_ground_are_light_and_those_on_colour_as_on_white() -> None:
    canvas = Canvas(90, 30)
    canvas.rectangle((0, 0), (30, 30), BLUE)
    canvas.rectangle((30, 0), (60, 30), "#F1F1F1")
    for x in (15, 45, 75):
        canvas.text((x, 15), "█", 12)
    middle = pixels(canvas.picture("").dark)[15 * SHARPNESS, [15 * SHARPNESS, 45 * SHARPNESS, 75 * SHARPNESS], :3]
    assert ["#" + bytes(row).hex().upper() for row in middle] == [INK, on_dark(INK), on_dark(INK)]


def test_white_shows_the_ground_unless_it_lies_on_colour() -> None:
    canvas = Canvas(60, 30)
    canvas.rectangle((0, 0), (30, 30), BLUE)
    canvas.circle((15, 15), 5, "white")
    canvas.circle((45, 15), 5, "white", INK, 1)
    canvas.line([(0, 28), (60, 28)], "white", 2)
    dark = pixels(canvas.picture("").dark)
    assert tuple(dark[15 * SHARPNESS, 15 * SHARPNESS]) == (255, 255, 255, 255)
    assert dark[15 * SHARPNESS, 45 * SHARPNESS, 3] == 0
    assert not dark[28 * SHARPNESS, :, 3].any()


def test_a_compact_picture_keeps_the_commonest_colours_exactly() -> None:
    image = np.full((80, 80, 4), 255, dtype=np.uint8)
    image[..., :2] = np.stack(np.mgrid[:80, :80], axis=-1) * 3
    image[:40] = (1, 2, 3, 255)
    image[40:60] = (200, 100, 50, 128)
    compact = pixels(compact_png(Image.fromarray(image)))
    assert (compact[:60] == image[:60]).all()
    assert np.abs(compact.astype(int) - image)[60:].max() < 32


def test_common_colours_that_are_much_alike_stay_two() -> None:
    image = np.zeros((40, 80, 3), dtype=np.uint8)
    image[:, :40], image[:, 40:] = (204, 235, 227), (204, 226, 239)  # the lit environment and the lit weights
    assert (pixels(compact_png(Image.fromarray(image)))[..., :3] == image).all()


def test_each_lit_part_of_the_ring_is_filled_with_its_own_colour() -> None:
    lit = pixels(ring(*RING_PARTS).png).reshape(-1, 4)
    for part in RING_PARTS.values():
        color = np.frombuffer(bytes.fromhex(PALETTE[part.color]["color"][1:]), dtype=np.uint8)
        fill = np.round(255 - 0.2 * (255 - color.astype(float)))
        assert (np.abs(lit[:, :3] - fill).max(axis=1) <= 1).sum() > 1_000, part.title


def test_the_page_chooses_and_without_style_sheets_the_one_on_paper_is_shown() -> None:
    html = ring("learner").html
    assert html.count("<img") == 1
    sheet = html[html.index("<style>") : html.index("</style>")]
    assert '[data-jp-theme-light="false"] .dqnkit-' in sheet
    assert html == ring("learner").html  # nothing in it hangs on chance
    assert "<style>" not in Picture(ring().png, "no dark one").html


def test_an_alternative_text_ends_no_attribute() -> None:
    assert 'alt="&quot;&lt;a&gt;&quot;"' in themed_image(b"", b"", '"<a>"', "")


def test_a_sketch_has_no_paper_on_dark_pages() -> None:
    drawn = sketch([1, 2], [], gap=[], span=(0, 3), unit="", axis=Axis("steps", 9), quantity="loss", alt="a curve")
    assert drawn.html.count("image/svg+xml") == 2
    dark = base64.b64decode(re.findall(r"base64,([^\")]+)", drawn.html)[0]).decode()  # the one of the style sheet
    assert 'fill="white"' not in dark


def test_no_curve_looks_like_a_reference() -> None:
    for style in SHADES:
        channels = bytes.fromhex(style["color"][1:])
        assert max(channels) - min(channels) > 20, f"{style['color']} is grey"
        dashes = style["linestyle"]
        assert dashes == "-" or max(dashes[1]) > 3, f"{dashes} is dotted"
