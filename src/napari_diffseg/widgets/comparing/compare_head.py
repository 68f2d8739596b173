"""Which case is compared, and with whose eyes."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QStandardItemModel
from qtpy.QtWidgets import QComboBox, QSizePolicy, QWidget

from napari_diffseg.widgets.comparing.comparing import Comparable
from napari_diffseg.widgets.plain_label import PlainLabel
from napari_diffseg.widgets.question import Answer, Question
from napari_diffseg.widgets.rows import column_in, row_of

ALL = "All cases"
OWNER = "The project’s owner"
_SURE = (
    "The owner sees every finished read with its reader’s name, also of cases that are still blinded. "
    "Whoever still reads in this project should not look.\nAre you the owner?"
)
_WHO = "Choose your name above, or look as the project’s owner."


class CompareHead(QWidget):
    """Lists the cases that may be compared; the others are there, greyed, with the reason.

    Attributes:
        rater: who reads; empty while nobody said so.
        by: the rater who looks; None for the project's owner.

    Signals:
        looked: somebody else looks now.
        chosen: something else is to be compared.
    """

    looked = Signal()
    chosen = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.rater = ""
        self.by: str | None = ""
        self._listed: tuple[Comparable, ...] = ()
        self.cases, self.eyes = QComboBox(), QComboBox()
        self.question, self.nothing = Question(), PlainLabel()
        self.cases.setToolTip("The case whose readers are compared, or all that may be.")
        self.cases.setPlaceholderText("choose a case")
        self.cases.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.eyes.setToolTip("Who looks. A rater sees others once every reader of a case has finished.")
        column_in(self, row_of(self.cases, self.eyes), self.question, self.nothing)
        self.cases.activated.connect(self._choose)
        self.eyes.activated.connect(self._look)

    @property
    def case(self) -> str:
        """The chosen case; empty for all, or for none."""
        found = self.cases.currentData()
        return found if isinstance(found, str) else ""

    @property
    def is_all(self) -> bool:
        """Whether all cases are chosen."""
        return self.cases.currentIndex() >= 0 and not self.case

    def comparable(self) -> tuple[str, ...]:
        """The cases that may be compared."""
        return tuple(listed.case for listed in self._listed if not listed.obstacle)

    def take_rater(self, rater: str) -> None:
        """Somebody else reads."""
        self.rater, self.by = rater, rater
        self.question.withdraw()
        self.eyes.clear()
        self.eyes.addItems(([rater] if rater else []) + [OWNER])
        self.eyes.setCurrentIndex(0 if rater else -1)
        self.eyes.setPlaceholderText("who looks?")
        self.show_cases(())
        self.nothing.say("" if rater else _WHO)

    def show_cases(self, found: Sequence[Comparable]) -> None:
        """List cases; the chosen one stays chosen where it may be compared."""
        before, self._listed = (self.case, self.is_all), tuple(found)
        self.cases.clear()
        for listed in found:
            words = f"{listed.case} – {listed.obstacle}" if listed.obstacle else listed.case
            self.cases.addItem(words, listed.case)
            self._enable(self.cases.count() - 1, enabled=not listed.obstacle)
        if len(self.comparable()) > 1:
            self.cases.insertItem(0, f"{ALL} ({len(self.comparable())})")
        self.cases.setCurrentIndex(-1)
        if before[1] and len(self.comparable()) > 1:
            self.cases.setCurrentIndex(0)
        elif before[0] in self.comparable():
            self.cases.setCurrentIndex(self.cases.findData(before[0]))
        self.nothing.say(self._why_nothing())

    def choose(self, case: str) -> bool:
        """Choose a case; False where it may not be compared."""
        if case not in self.comparable():
            return False
        self.cases.setCurrentIndex(self.cases.findData(case))
        self._choose()
        return True

    def choose_all(self) -> None:
        """Choose all cases."""
        self.cases.setCurrentIndex(0)
        self._choose()

    def look_as_owner(self) -> None:
        """Look with the owner's eyes."""
        self.by = None
        self.eyes.setCurrentIndex(self.eyes.count() - 1)
        self.looked.emit()

    def ask_owner(self, then: Answer) -> None:
        """Ask whether the person is the owner before something that only the owner does."""
        self.question.ask(_SURE, {"I am the owner": then, "No": None})

    def _look(self, *_: object) -> None:
        wanted = None if self.eyes.currentText() == OWNER else self.rater
        if wanted == self.by:
            return
        if wanted is None:
            self.eyes.setCurrentIndex(0 if self.rater else -1)
            self.ask_owner(self.look_as_owner)
            return
        self.question.withdraw()
        self.by = wanted
        self.looked.emit()

    def _choose(self, *_: object) -> None:
        if self.case or self.is_all:
            self.chosen.emit()

    def _enable(self, row: int, *, enabled: bool) -> None:
        items = self.cases.model()
        item = items.item(row) if isinstance(items, QStandardItemModel) else None
        if item is not None:
            item.setEnabled(enabled)
        self.cases.setItemData(row, self.cases.itemText(row), Qt.ItemDataRole.ToolTipRole)

    def _why_nothing(self) -> str:
        if self.by == "":
            return _WHO
        if self.comparable():
            return ""
        if self.by is None:
            return "No case has two finished reads yet."
        return "No case can be compared yet: every reader of a case must have finished it first."
