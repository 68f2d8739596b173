"""What is saved, how long somebody has worked, and the button that ends it; red when something is wrong."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QPushButton, QWidget

from napari_diffseg.errors import DiffSegError
from napari_diffseg.widgets.plain_label import PlainLabel
from napari_diffseg.widgets.rater_wording import clock, time_of_day
from napari_diffseg.widgets.rows import column_in, row_of

_AT_FIRST = "Saves itself as you draw."
_AGAIN = "It is tried again every two seconds; keep napari open."


class SaveLine(QWidget):
    """One line, and over it what went wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.saved, self.worked, self.trouble = PlainLabel(_AT_FIRST), QLabel(), PlainLabel()
        self.finish = QPushButton("Finish…")
        self.finish.setToolTip("Freeze this read; it counts as your answer then.")
        self.saved.setWordWrap(False)
        self.worked.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.worked.setToolTip("Time of active work on this case; it stops after half a minute without any.")
        column_in(self, self.trouble, row_of(self.saved, self.worked, self.finish), spacing=2)

    def begin(self) -> None:
        """Another case is open."""
        self.saved.say(_AT_FIRST)
        self.finish.show()
        self.trouble.say("")

    def show_saved(self, at: float) -> None:
        """All is saved up to this second since 1970."""
        self.saved.say(f"Saved {time_of_day(at)}")
        self.trouble.say("")

    def show_frozen(self) -> None:
        """A finished read is open."""
        self.saved.say("Finished: it stays as it is.")
        self.trouble.say("")
        self.worked.setText("")
        self.finish.hide()

    def show_trouble(self, error: DiffSegError, *, again: bool) -> None:
        """Say what is wrong.

        Args:
            error: what a person should hear.
            again: whether it is tried again.
        """
        self.saved.say("Not saved!")
        self.trouble.say(f"{error} {_AGAIN}" if again else str(error))

    def show_work(self, seconds: float, *, idle: bool) -> None:
        """Show the time of work."""
        self.worked.setText(f"{clock(seconds)} · paused" if idle else clock(seconds))

    def colour(self, error: str) -> None:
        """Take the theme's colour for errors, #rrggbb."""
        self.trouble.setStyleSheet(f"color: {error}; font-weight: bold;")
