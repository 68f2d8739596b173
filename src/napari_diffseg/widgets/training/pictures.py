"""Three cases of a data set, and what the colours on them mean."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtGui import QImage, QPixmap
from qtpy.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_diffseg.results.result import ClassInfo
from napari_diffseg.widgets.plain_label import PlainLabel
from napari_diffseg.widgets.training.picture import Picture

_SIDE = 104
_MOST_CLASSES = 4


class Pictures(QWidget):
    """Pictures beside one another, a legend of the classes under them."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[QLabel] = []
        self._row, self._legend = QHBoxLayout(), QHBoxLayout()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        for row in (self._row, self._legend):
            row.setSpacing(6)
            layout.addLayout(row)
        self.hide()

    def begin(self, classes: Sequence[ClassInfo]) -> None:
        """Pictures of other cases will come."""
        self.shown = []
        for row in (self._row, self._legend):
            _empty(row)
        for info in classes[:_MOST_CLASSES]:
            patch, name = QLabel(), PlainLabel(info.name)
            patch.setFixedSize(10, 10)
            patch.setStyleSheet(f"background: {info.colour}; border-radius: 2px;")
            name.setWordWrap(False)
            name.setToolTip(info.meaning)
            self._legend.addWidget(patch)
            self._legend.addWidget(name)
        if len(classes) > _MOST_CLASSES:
            more = PlainLabel(f"and {len(classes) - _MOST_CLASSES} more")
            more.setToolTip(", ".join(info.name for info in classes[_MOST_CLASSES:]))
            self._legend.addWidget(more)
        for row in (self._row, self._legend):
            row.addStretch(1)
        self.show()

    def add(self, picture: Picture) -> None:
        """Show one more."""
        label = QLabel()
        label.setPixmap(_pixmap(picture))
        label.setFixedSize(_SIDE, _SIDE)
        label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        label.setStyleSheet("background: black; border-radius: 3px;")
        label.setToolTip(f"{picture.case}, the slice with the most mask")
        self.shown.append(label)
        self._row.insertWidget(len(self.shown) - 1, label)


def _pixmap(picture: Picture) -> QPixmap:
    height, width, _ = picture.pixels.shape
    data = np.ascontiguousarray(picture.pixels)
    image = QImage(data.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888)
    wide = max(1, round(width * picture.aspect))
    stretched = image.scaled(wide, height, transformMode=Qt.TransformationMode.SmoothTransformation)
    return QPixmap.fromImage(stretched).scaled(
        _SIDE, _SIDE, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
    )


def _empty(layout: QHBoxLayout) -> None:
    while (item := layout.takeAt(0)) is not None:
        widget = item.widget()
        if widget is not None:
            widget.deleteLater()
