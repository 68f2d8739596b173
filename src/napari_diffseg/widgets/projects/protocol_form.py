"""How raters work in a new project."""

from __future__ import annotations

from typing import Literal

from qtpy.QtWidgets import QCheckBox, QComboBox, QTextEdit, QVBoxLayout, QWidget

from napari_diffseg.raters.project_document import Protocol
from napari_diffseg.widgets.rows import Rows

_EMPTY: dict[Literal["saw nothing", "left out"], str] = {
    "saw nothing": "The reader saw nothing",
    "left out": "Nothing: left out of consensus and agreement",
}
_LONGEST = next(rule.max_length for rule in Protocol.model_fields["about"].metadata)
_LINES = 3


class ProtocolForm(QWidget):
    """The settings of a protocol; at first those of most studies.

    Attributes:
        start: whether a model's answer may be a start in the blinded phase.
        names: whether names are shown in the unblinded one.
        empty: what a finished read without a mark says.
        about: instructions.
    """

    def __init__(self) -> None:
        super().__init__()
        self.start = QCheckBox("Blinded readers may start from a model’s answer")
        self.names = QCheckBox("Show readers’ names once a case is unblinded")
        self.empty, self.about = QComboBox(), QTextEdit()
        self._fill()
        form = QWidget()
        rows = Rows(form)
        rows.add("Empty read", self.empty)
        rows.add("Instructions", self.about)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        for part in (form, self.start, self.names):
            layout.addWidget(part)
        self.about.textChanged.connect(self._limit)

    def protocol(self) -> Protocol:
        """What the form says."""
        return Protocol(
            allow_start_from_member=self.start.isChecked(),
            show_names=self.names.isChecked(),
            empty_reads=self.empty.currentData(),
            about=self.about.toPlainText().strip(),
        )

    def _fill(self) -> None:
        for value, words in _EMPTY.items():
            self.empty.addItem(words, value)
        self.empty.setToolTip("What a read says that is finished without a single mark.")
        self.about.setPlaceholderText("what to outline, what to leave out, which window …")
        self.about.setToolTip("Readers find this under their list of cases.")
        self.about.setAcceptRichText(False)
        self.about.setTabChangesFocus(True)
        self.about.setFixedHeight((_LINES + 1) * self.about.fontMetrics().lineSpacing())
        self.start.setToolTip(
            "A proposed outline is an influence, so most studies forbid it until everybody has finished. "
            "Each read records the answers that it started from."
        )
        self.names.setToolTip("Otherwise they are reader 1 to reader n, numbered anew in every case.")

    def _limit(self) -> None:
        """As a line of limited length does: what is too much does not appear."""
        if len(self.about.toPlainText()) > _LONGEST:
            self.about.setPlainText(self.about.toPlainText()[:_LONGEST])
