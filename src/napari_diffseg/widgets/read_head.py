"""Which case is read, and under which rules."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QPushButton, QSizePolicy, QVBoxLayout, QWidget
from superqt import QElidingLabel

from napari_diffseg.raters.read_record import ReadRecord
from napari_diffseg.widgets.plain_label import PlainLabel
from napari_diffseg.widgets.rater_wording import PHASES
from napari_diffseg.widgets.rows import row_of


class ReadHead(QWidget):
    """The case's name between the buttons to its neighbours, the phase below.

    Signals:
        stepped: the person wants the next case (1) or the one before (-1).
    """

    stepped = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.previous, self.next, self.name = QPushButton("‹"), QPushButton("›"), QElidingLabel()
        self.phase = PlainLabel()
        for button, tip in ((self.previous, "Previous case (PageUp)"), (self.next, "Next case (PageDown)")):
            button.setToolTip(tip)
            button.setFixedWidth(32)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        font = self.name.font()
        font.setBold(True)
        self.name.setFont(font)
        self.name.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.name.setTextFormat(Qt.TextFormat.PlainText)
        self.name.setElideMode(Qt.TextElideMode.ElideMiddle)
        self.name.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        line = row_of(self.previous, self.name, self.next)
        row = line.layout()
        assert row is not None
        layout.addWidget(line)
        layout.addWidget(self.phase)
        self.previous.clicked.connect(lambda: self.stepped.emit(-1))
        self.next.clicked.connect(lambda: self.stepped.emit(1))

    def show_case(self, record: ReadRecord) -> None:
        """Say which case is open."""
        again = f" · session {record.session}" if record.session > 1 else ""
        self.name.setText(f"{record.case}{again}")
        self.name.setToolTip(f"{record.case}, read by {record.rater}, session {record.session}")
        self.phase.say(PHASES[record.phase])
