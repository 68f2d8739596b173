"""How readers are taken together: the way, and the share of them where that asks for one."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QObject, Qt, Signal
from qtpy.QtWidgets import QComboBox, QDoubleSpinBox

from napari_diffseg.widgets.comparing.fusing import Wanted
from napari_diffseg.widgets.rows import Rows

WAYS: dict[Wanted, tuple[str, str]] = {
    "majority": ("Majority", "The label that most readers give; a tie goes to background."),
    "union": ("Union", "What at least one reader marked."),
    "intersection": ("Intersection", "What all readers marked."),
    "level": ("Level", "What at least this share of the readers marked."),
    "staple": (
        "STAPLE",
        "Estimates each reader's sensitivity and specificity, and weighs the readers by it. It looks at the "
        "box around all reads with 10 mm on every side.",
    ),
    "mean": ("Soft mean", "The share of readers that marked each voxel, as a map."),
}
"""Title and description of each."""


class WayRows(QObject):
    """One or two rows among others.

    Args:
        title: of the first.
        ways: those that are offered.
        rows: that they are added to.

    Signals:
        changed: another way was chosen.
    """

    changed = Signal()

    def __init__(self, title: str, ways: Sequence[Wanted], rows: Rows) -> None:
        super().__init__(rows)
        self._rows, self._box, self._share = rows, QComboBox(), QDoubleSpinBox()
        for way in ways:
            words, tip = WAYS[way]
            self._box.addItem(words, way)
            self._box.setItemData(self._box.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self._share.setRange(0.01, 1.0)
        self._share.setSingleStep(0.05)
        self._share.setValue(0.5)
        self._share.setToolTip(WAYS["level"][1])
        rows.add(title, self._box)
        rows.add("Share", self._share)
        self._box.currentIndexChanged.connect(self._follow)
        self._follow()

    @property
    def wanted(self) -> Wanted:
        """The chosen one."""
        chosen: Wanted = self._box.currentData()
        return chosen

    @property
    def level(self) -> float:
        """The share of readers that the way "level" asks for."""
        return self._share.value()

    def choose(self, way: Wanted) -> None:
        """Choose a way that is offered."""
        self._box.setCurrentIndex(self._box.findData(way))

    def _follow(self, *_: object) -> None:
        self._rows.setRowVisible(self._share, self.wanted == "level")
        self.changed.emit()
