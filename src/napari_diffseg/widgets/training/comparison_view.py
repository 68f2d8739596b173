"""Does diffusion help here? The answer of a run that was held against its network without diffusion."""

from __future__ import annotations

from qtpy.QtWidgets import QWidget

from napari_diffseg.training.comparison import Comparison
from napari_diffseg.widgets.plain_label import PlainLabel, heading
from napari_diffseg.widgets.rows import column_in


class ComparisonView(QWidget):
    """The verdict, the numbers behind it, and what they do not say; gone while there is none.

    Attributes:
        verdict: whether one of the two is better.
        numbers: both means and their difference with its interval.
        note: what the reader should not take from them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.verdict, self.numbers, self.note = PlainLabel(), PlainLabel(), PlainLabel()
        column_in(
            self, heading("Does diffusion help here?"), self.verdict, self.numbers, self.note, spacing=2
        )
        self.show_comparison(None)

    def show_comparison(self, found: Comparison | None) -> None:
        """Show what was found, or nothing."""
        if found is not None:
            self.verdict.say(found.verdict)
            self.numbers.say(found.sentence.replace(" %", "\N{NO-BREAK SPACE}%"))
            self.note.say(found.note)
        self.setVisible(found is not None)
