"""The panel of the cell that joins a live class: consent, how it stands, and a button to ask for help."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets

Act = Callable[[str, str], None]


class ClassForm:
    """Buttons below a text.

    Args:
        act: called with what a button asks ("agree", "decline", "raise", "lower", "leave") and the text in the field
            beside it.
        needs_address: whether the reader has to type the address of the class.
    """

    def __init__(self, act: Act, needs_address: bool) -> None:
        self._act = act
        self.text = ipywidgets.HTML()
        self.said = ipywidgets.HTML()
        self.address = ipywidgets.Text(placeholder="https://…", description="Address", layout={"width": "24em"})
        self.note = ipywidgets.Text(
            placeholder="for example where you sit", description="Note", layout={"width": "20em"}
        )
        agree, decline = self._button("Join the class", "agree"), self._button("Not now", "decline")
        agree.button_style = "primary"
        self.asking = [*([self.address] if needs_address else []), agree, decline]
        self.hand = self._button("Raise your hand", "raise")
        leave = self._button("Leave the class", "leave")
        self.joined = [self.hand, self.note, leave]
        self.row = ipywidgets.HBox(self.asking, layout={"flex_flow": "row wrap"})
        self.box = ipywidgets.VBox([self.text, self.row, self.said])
        self._state = "asking"

    def show(self, state: str, html: str, has_raised_hand: bool) -> None:
        """Show how it stands."""
        self.text.value = f'<div role="status">{html}</div>'
        self.hand.description = "Lower your hand" if has_raised_hand else "Raise your hand"
        self.hand.dqnkit_action = "lower" if has_raised_hand else "raise"
        if state != self._state:
            self._state = state
            self.said.value = ""
            self.row.children = {"asking": self.asking, "joined": self.joined}.get(state, [])

    def say(self, text: str) -> None:
        """Say below the buttons what is wrong."""
        self.said.value = f'<div role="alert">✗ {escape(text)}</div>'

    def _button(self, label: str, action: str) -> Any:
        button = ipywidgets.Button(description=label, layout={"width": "auto"})
        button.dqnkit_action = action
        button.on_click(self._clicked)
        return button

    def _clicked(self, button: Any) -> None:
        text = self.address.value if button.dqnkit_action == "agree" else self.note.value
        self._act(button.dqnkit_action, text)
