"""How much of each slice the readers dispute, as a plot; a click goes to the slice."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyqtgraph
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_diffseg.raters.disagreement import Disagreement
from napari_diffseg.widgets.plots import colour, line_on, plot_on, title
from napari_diffseg.widgets.rows import column_in

_DISPUTED, _MARKED, _HERE = "#e08e2b", "#2e86de", "#2fa36b"  # on dark and on light
_HEIGHT, _LEAST_WIDTH = 128, 120
_BESIDE = 2
_MOST_TICKS = 6


class DisagreementCurve(QWidget):
    """Two lines over the axial slices: what anyone marked, and what some marked and others did not.

    Attributes:
        plot: of both.

    Signals:
        chosen: number of the slice that the person clicked.
    """

    chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._slices = 0
        self._canvas = pyqtgraph.GraphicsLayoutWidget()
        self.plot = plot_on(self._canvas, 0)
        self._marked, self._disputed = line_on(self.plot, _MARKED), line_on(self.plot, _DISPUTED)
        self._here = pyqtgraph.InfiniteLine(pen=pyqtgraph.mkPen(_HERE, width=1))
        self.plot.addItem(self._here)
        self.plot.setMouseEnabled(x=False, y=False)
        self.plot.hideButtons()
        self._canvas.ci.layout.setContentsMargins(0, 2, 0, 2)
        self._canvas.setMinimumWidth(_LEAST_WIDTH)
        self._canvas.setFixedHeight(_HEIGHT)
        self._canvas.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._canvas.setToolTip("Click to go to a slice; the green line is the one in view.")
        self._canvas.scene().sigMouseClicked.connect(self._click)
        title(
            self.plot,
            f'Slices, mm²: <span style="color:{_MARKED}">marked by anyone</span>, '
            f'<span style="color:{_DISPUTED}">in dispute</span>',
        )
        column_in(self, self._canvas)

    def show_case(self, found: Disagreement, pixel_mm2: float) -> None:
        """Draw another case or structure.

        Args:
            found: its votes.
            pixel_mm2: area of a voxel in an axial slice.
        """
        self._slices = len(found.marked)
        slices = np.arange(self._slices)
        self._marked.setData(slices, found.marked * pixel_mm2)
        self._disputed.setData(slices, found.disputed * pixel_mm2)
        there = np.flatnonzero(found.marked)
        low, high = (there[0], there[-1]) if len(there) else (0, self._slices - 1)
        self.plot.getAxis("bottom").setTickSpacing(
            levels=[(max(1, math.ceil((high - low) / _MOST_TICKS)), 0)]
        )
        self.plot.setXRange(max(0, low - _BESIDE), min(self._slices - 1, high + _BESIDE), padding=0.02)
        self.plot.setYRange(0, max(1.0, float(found.marked.max(initial=0)) * pixel_mm2), padding=0.05)

    def show_slice(self, number: int) -> None:
        """Say which slice is in view."""
        self._here.setValue(number)

    def colour(self, theme: str) -> None:
        """Take the colours of a napari theme."""
        colour(self._canvas, theme)

    def go_to(self, x: float) -> None:
        """Choose the slice nearest to a place on the axis."""
        if self._slices:
            self.chosen.emit(min(max(0, round(x)), self._slices - 1))

    def _click(self, event: Any) -> None:
        self.go_to(float(self.plot.vb.mapSceneToView(event.scenePos()).x()))
