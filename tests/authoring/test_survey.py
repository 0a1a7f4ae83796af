"""How long a notebook takes, and what its code is for: counted on small notebooks, and held for all lessons."""

from __future__ import annotations

import re

import pytest

pytest.importorskip("jupytext")

import jupytext

from dqnkit.authoring.source import Source, read_sources, sized
from dqnkit.authoring.survey import HEADING, core_and_optional, lines_of, time_for
from dqnkit.course_folder import find_notebooks

SMALL = """\
# %% [markdown]
# # Five words [a link](https://example.com) here

# %%
import numpy as np
from dqnkit.classroom import check
from dqnkit.plots import error_curves


# %%
# a comment
def q_update(x):
    return x


check("q_update", q_update)
error_curves(
    np.zeros(3),
)

# %% Draw
error_curves(np.zeros(3))

# %% [markdown]
# ## More (optional)

# %%
predict("a-b")

# %% [markdown]
# ### Its part

# %% [markdown]
# ## The end
"""


def test_lines_are_counted_by_what_they_are_for() -> None:
    lines = lines_of(jupytext.reads(SMALL, fmt="py:percent").cells[:3])
    assert (lines.first_cell, lines.all, lines.plumbing, lines.drawing) == (3, 9, 3, 3)
    assert (lines.plumbing_share, lines.share_with_drawing) == (3 / 9, 6 / 9)


def test_time_is_reckoned_from_words_code_exercises_and_predictions() -> None:
    core, optional = core_and_optional(jupytext.reads(SMALL, fmt="py:percent").cells)
    assert time_for(core).words == 5 + 2
    assert time_for(core).exercises == 10
    assert time_for(core).minutes == pytest.approx(7 / 120 + 9 / 10 + 10)
    assert (time_for(optional).words, time_for(optional).predictions) == (4, 1)


SOURCES = read_sources(find_notebooks())
PREFORMATTED = re.compile(r"^```[^`]*```$|^    .*$", re.MULTILINE)
YOUR_TURN = re.compile(r"Your turn: .* \(\d+ minutes, difficulty [123] of 3\)")


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.lesson)
def test_what_a_reader_sees_is_about_the_subject(source: Source) -> None:
    lines = lines_of(source.cells)
    assert lines.first_cell <= 5
    assert lines.plumbing_share <= 0.10
    assert lines.share_with_drawing <= 0.20


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.lesson)
def test_no_line_is_cut_at_the_right_of_a_page_of_1000_pixels(source: Source) -> None:
    for cell in source.cells:
        if cell.cell_type == "code":
            assert len(cell.metadata.get("title", "")) <= 80
            lines = [] if cell.metadata.get("title") else sized(cell.source, fast=False).split("\n")
            assert not [line for line in lines if len(line) > 100]
        else:  # what is preformatted in a text is set larger, and would break in two
            blocks = "\n".join(PREFORMATTED.findall(cell.source))
            assert not [line for line in blocks.split("\n") if len(line) > 85]


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.lesson)
def test_every_notebook_has_the_same_headings(source: Source) -> None:
    texts = [cell.source for cell in source.cells if cell.cell_type == "markdown"]
    assert any("**After this notebook you will be able to**" in text for text in texts)
    headings = [heading for text in texts for heading in HEADING.findall(text)]
    assert len(headings[0][1].partition(" · ")[2]) <= 48  # one line of a page of 1,000 pixels
    numbered = [text.partition(". ")[0] for marks, text in headings if marks == "##" and text[0].isdigit()]
    assert numbered == [str(number) for number in range(1, len(numbered) + 1)]
    own = [text for marks, text in headings if "difficulty" in text]
    assert own
    assert not [text for text in own if not YOUR_TURN.fullmatch(text)]
    assert not [text for text in texts if "difficulty" in text and not any(heading in text for heading in own)]
    assert {("###", "Quiz"), ("###", "Further reading")} <= set(headings)
    titles = [cell.metadata.get("title") for cell in source.cells]
    assert titles[-2:] == ["Download your progress", "Hand in your work, where a class asks for it"]


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.lesson)
def test_hints_are_in_the_result_of_a_check_and_use_has_no_cell_of_its_own(source: Source) -> None:
    code = [cell.source for cell in source.cells if cell.cell_type == "code"]
    assert not [cell for cell in code if "hints(" in cell]
    assert not [cell for cell in code if " = use(" in cell and len(cell.strip().split("\n")) == 1]


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.lesson)
def test_what_unfolds_is_html_in_which_backticks_would_be_shown_as_they_are(source: Source) -> None:
    text = "\n".join(cell.source for cell in source.cells if cell.cell_type == "markdown")
    folded = re.findall(r"<details>.*?</details>", text, re.DOTALL)
    assert [part for part in folded if "`" in part and "\n\n" not in part] == []
