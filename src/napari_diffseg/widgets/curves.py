"""A run's numbers as plots: loss, learning rate, and a metric of the validations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyqtgraph
from napari.utils.theme import get_theme
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QComboBox, QVBoxLayout, QWidget

from napari_diffseg.training.events import Validated
from napari_diffseg.widgets.following import Curves
from napari_diffseg.widgets.run_wording import metric_in_words

_LOSS, _RATE, _METRIC = "#2e86de", "#e08e2b", "#2fa36b"  # on dark and on light
_FAINT = 90
_AXIS_WIDTH = 52
_HEIGHTS = {"loss": 3, "rate": 2, "metric": 3}
_SMALL = "8pt"


class CurvesView(QWidget):
    """Three plots over one axis of steps, and which metric the last one shows.

    Attributes:
        shown: which of the validations' metrics is shown.
        loss: every step's, and a smooth line through them; on a logarithmic axis where all are above 0.
        rate: of the optimiser.
        validation: the metric's values; the best weights' is ringed.
    """

    def __init__(self) -> None:
        super().__init__()
        self._validated: tuple[Validated, ...] = ()
        self.shown = QComboBox()
        self.shown.setToolTip("Which metric of the validations the last plot shows.")
        self._canvas = pyqtgraph.GraphicsLayoutWidget()
        self._canvas.setMinimumSize(120, 210)
        self.loss, self.rate, self.validation = (self._plot(row) for row in range(3))
        for plot in (self.rate, self.validation):
            plot.setXLink(self.loss)
        self._raw, self._smooth = self._line(self.loss, _LOSS, _FAINT), self._line(self.loss, _LOSS)
        self._rates = self._line(self.rate, _RATE)
        self._metrics = self.validation.plot(pen=_METRIC, symbol="o", symbolSize=5, symbolBrush=_METRIC)
        self._best = self.validation.plot(pen=None, symbol="o", symbolSize=12, symbolBrush=None)
        self._best.setSymbolPen(pyqtgraph.mkPen(_METRIC, width=2))
        self._title(self.loss, "Loss")
        self._title(self.rate, "Learning rate")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self._canvas, 1)
        layout.addWidget(self.shown)
        self.shown.currentIndexChanged.connect(self._draw_metric)
        self.shown.hide()

    def colour(self, theme_name: str) -> None:
        """Take the colours of a napari theme."""
        theme = get_theme(theme_name)
        self._canvas.setBackground(theme.background.as_hex())
        for plot in (self.loss, self.rate, self.validation):
            for side in ("left", "bottom"):
                plot.getAxis(side).setPen(theme.secondary.as_hex())
                plot.getAxis(side).setTextPen(theme.text.as_hex())
            plot.titleLabel.setText(plot.titleLabel.text, color=theme.text.as_hex(), size=_SMALL)

    def clear(self) -> None:
        """Another run is shown, of which nothing is known yet."""
        for line in (self._raw, self._smooth, self._rates, self._metrics, self._best):
            line.setData([], [])
        self.shown.clear()
        self.shown.hide()
        self._validated = ()

    def show_steps(self, curves: Curves) -> None:
        """Draw loss and learning rate anew."""
        self.loss.setLogMode(y=bool(len(curves.losses)) and bool((curves.losses > 0).all()))
        self._raw.setData(curves.steps, curves.losses)
        self._smooth.setData(curves.steps, curves.smoothed)
        self._rates.setData(curves.steps, curves.rates)

    def show_validations(self, validated: Sequence[Validated], deciding: str) -> None:
        """Draw the metric anew.

        Args:
            validated: in order.
            deciding: the metric that selects the best weights; shown until the person chooses another.
        """
        self._validated = tuple(validated)
        names = list(dict.fromkeys(name for event in validated for name in event.metrics))
        listed = [self.shown.itemData(place) for place in range(self.shown.count())]
        if names != listed:
            self._list(names, self.shown.currentData() or deciding)
        self._draw_metric()

    def _list(self, names: Sequence[str], chosen: str) -> None:
        self.shown.blockSignals(True)
        self.shown.clear()
        for name in names:
            self.shown.addItem(metric_in_words(name), name)
        self.shown.setCurrentIndex(max(0, self.shown.findData(chosen)))
        self.shown.blockSignals(False)
        self.shown.setVisible(bool(names))

    def _draw_metric(self, *_: object) -> None:
        name = self.shown.currentData()
        points = [(event.step, event.metrics.get(name)) for event in self._validated]
        defined = np.array([point for point in points if point[1] is not None], dtype=float).reshape(-1, 2)
        self._metrics.setData(defined[:, 0], defined[:, 1])
        best = next((event for event in reversed(self._validated) if event.best), None)
        ringed = defined[defined[:, 0] == best.step] if best else defined[:0]
        self._best.setData(ringed[:, 0], ringed[:, 1])
        self._title(self.validation, metric_in_words(name) if name else "Validation")

    def _plot(self, row: int) -> pyqtgraph.PlotItem:
        plot = self._canvas.addPlot(row=row, col=0)
        self._canvas.ci.layout.setRowStretchFactor(row, list(_HEIGHTS.values())[row])
        plot.getAxis("left").setWidth(_AXIS_WIDTH)
        plot.setMenuEnabled(False)
        plot.getViewBox().setDefaultPadding(0.04)
        for side in ("left", "bottom"):
            plot.getAxis(side).enableAutoSIPrefix(False)
        if row < 2:
            plot.getAxis("bottom").setStyle(showValues=False)
        return plot

    def _line(self, plot: pyqtgraph.PlotItem, colour: str, alpha: int = 255) -> pyqtgraph.PlotDataItem:
        pen = QColor(colour)
        pen.setAlpha(alpha)
        line = plot.plot(pen=pyqtgraph.mkPen(pen, width=1 if alpha < 255 else 2))
        line.setDownsampling(auto=True, method="peak")
        line.setClipToView(True)
        return line

    def _title(self, plot: pyqtgraph.PlotItem, text: str) -> None:
        plot.setTitle(text, size=_SMALL, color=plot.titleLabel.opts["color"])
