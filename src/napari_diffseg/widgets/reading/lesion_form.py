"""What a rater says about the lesion in hand: kind, class, the form's questions, a note."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QLineEdit, QWidget

from napari_diffseg.raters.lesion import Lesion
from napari_diffseg.raters.rating_form import RatingForm
from napari_diffseg.results.result import ClassInfo
from napari_diffseg.widgets.reading.rating_rows import RatingRows
from napari_diffseg.widgets.rows import Rows

_LONGEST_NOTE = 10_000


class LesionForm(QWidget):
    """A form over one lesion; rows that leave no choice are not there.

    Args:
        form: of the project.
        classes: of the project.

    Signals:
        changed: the lesion as it is now.
        left: the person wants back to the picture.
    """

    changed = Signal(object)
    left = Signal()

    def __init__(self, form: RatingForm, classes: Sequence[ClassInfo]) -> None:
        super().__init__()
        self._form = form
        self._lesion: Lesion | None = None
        self.kind, self.label, self.note = QComboBox(), QComboBox(), QLineEdit()
        for label, info in enumerate(classes, start=1):
            self.label.addItem(info.name, label)
        self.note.setMaxLength(_LONGEST_NOTE)
        self.note.setPlaceholderText("none")
        self._rows = Rows(self)
        self._rows.setVerticalSpacing(2)
        self._rows.add("Kind", self.kind)
        self._rows.add("Class", self.label)
        self.ratings = RatingRows(form, self._rows)
        self._rows.add("Note", self.note)
        self._rows.setRowVisible(self.label, len(classes) > 1)
        self.kind.activated.connect(self._tell)
        self.label.activated.connect(self._tell)
        self.ratings.changed.connect(self._tell)
        self.note.editingFinished.connect(self._tell)
        self.ratings.left.connect(self.left)
        self.show_lesion(None)

    def show_lesion(self, lesion: Lesion | None, *, frozen: bool = False) -> None:
        """Show a lesion; None for none in hand."""
        if lesion is None or self._lesion is None or lesion.number != self._lesion.number:
            self._tell()  # a note that is being typed
        self._lesion = lesion
        self.setEnabled(lesion is not None and not frozen)
        self.ratings.set_visible(lesion is None or self._form.kind(lesion.kind).rated)
        self.ratings.show_answers(lesion.ratings if lesion else {})
        self._offer_kinds(lesion)
        self.label.setCurrentIndex(self.label.findData(lesion.label if lesion else 1))
        if not self.note.hasFocus() or lesion is None or self.note.text() == lesion.note:
            self.note.setText(lesion.note if lesion else "")

    def _offer_kinds(self, lesion: Lesion | None) -> None:
        owns = self._form.kind(lesion.kind).owns if lesion else "mask"
        kinds = [kind for kind in self._form.kinds if kind.owns == owns]
        self.kind.clear()
        for kind in kinds:
            self.kind.addItem(kind.name, kind.name)
        self.kind.setCurrentIndex(self.kind.findData(lesion.kind) if lesion else 0)
        self._rows.setRowVisible(self.kind, len(kinds) > 1)

    def _tell(self, *_: object) -> None:
        before = self._lesion
        if before is None or not self.isEnabled():
            return
        now = before.model_copy(
            update={
                "kind": self.kind.currentData() or before.kind,
                "label": self.label.currentData() or before.label,
                "ratings": self.ratings.answers(),
                "note": self.note.text(),
            }
        )
        if now != before:
            self._lesion = now
            self.changed.emit(now)
