"""Which case is read, and under which rules."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QPushButton, QSizePolicy, QWidget

from napari_diffseg.raters.read_record import ReadRecord
from napari_diffseg.widgets.plain_label import PlainLabel, embolden, one_line
from napari_diffseg.widgets.rater_wording import PHASES
from napari_diffseg.widgets.rows import column_in, row_of


class ReadHead(QWidget):
    """The case's name between the buttons to its neighbours, the phase below.

    Signals:
        stepped: the person wants the next case (1) or the one before (-1).
    """

    stepped = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.previous, self.next, self.name = QPushButton("‹"), QPushButton("›"), one_line()
        self.phase = PlainLabel()
        for button, tip in ((self.previous, "Previous case (PageUp)"), (self.next, "Next case (PageDown)")):
            button.setToolTip(tip)
            button.setFixedWidth(32)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        embolden(self.name)
        self.name.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.name.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        column_in(self, row_of(self.previous, self.name, self.next), self.phase)
        self.previous.clicked.connect(lambda: self.stepped.emit(-1))
        self.next.clicked.connect(lambda: self.stepped.emit(1))

    def show_case(self, record: ReadRecord) -> None:
        """Say which case is open."""
        again = f" · session {record.session}" if record.session > 1 else ""
        self.name.setText(f"{record.case}{again}")
        self.name.setToolTip(f"{record.case}, read by {record.rater}, session {record.session}")
        self.phase.say(PHASES[record.phase])
