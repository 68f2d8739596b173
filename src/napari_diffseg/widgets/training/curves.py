"""A run's numbers as plots: loss, learning rate, and a metric of the validations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyqtgraph
from qtpy.QtWidgets import QComboBox, QSizePolicy, QVBoxLayout, QWidget

from napari_diffseg.training.events import Validated
from napari_diffseg.widgets.plots import colour, line_on, plot_on, title
from napari_diffseg.widgets.training.event_wording import metric_in_words
from napari_diffseg.widgets.training.following import Curves

_LOSS, _RATE, _METRIC = "#2e86de", "#e08e2b", "#2fa36b"  # on dark and on light
_LEAST_WIDTH, _LEAST_HEIGHTS = 120, (130, 64)


class CurvesView(QWidget):
    """Three plots over one axis of steps.

    Attributes:
        loss: every step's, and a smooth line through them; on a logarithmic axis where all are above 0.
        rate: of the optimiser.
        validation: a metric's values; the best weights' is ringed.
        shown: which metric that is.
    """

    def __init__(self) -> None:
        super().__init__()
        self._validated: tuple[Validated, ...] = ()
        self._steps, self._judged = pyqtgraph.GraphicsLayoutWidget(), pyqtgraph.GraphicsLayoutWidget()
        self.loss = plot_on(self._steps, 0, logarithmic=True)
        self.rate = plot_on(self._steps, 1)
        self.validation = plot_on(self._judged, 0)
        self.shown = QComboBox()
        self.shown.setToolTip("Which metric of the validations is shown; the ring is the best checkpoint's.")
        self._raw, self._smooth = line_on(self.loss, _LOSS, faint=True), line_on(self.loss, _LOSS)
        self._rates = line_on(self.rate, _RATE)
        self._metrics = self.validation.plot(pen=_METRIC, symbol="o", symbolSize=5, symbolBrush=_METRIC)
        self._best = self.validation.plot(pen=None, symbol="o", symbolSize=12, symbolBrush=None)
        self._best.setSymbolPen(pyqtgraph.mkPen(_METRIC, width=2))
        self._lay_out()
        self.shown.currentIndexChanged.connect(self._draw_metric)

    def colour(self, theme: str) -> None:
        """Take the colours of a napari theme."""
        for canvas in (self._steps, self._judged):
            colour(canvas, theme)

    def clear(self) -> None:
        """Another run is shown, of which nothing is known yet."""
        for line in (self._raw, self._smooth, self._rates, self._metrics, self._best):
            line.setData([], [])
        self._list((), "")
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
        if names != [self.shown.itemData(place) for place in range(self.shown.count())]:
            self._list(names, self.shown.currentData() or deciding)
        self._draw_metric()

    def _lay_out(self) -> None:
        title(self.loss, "Loss")
        title(self.rate, "Learning rate")
        self.loss.getAxis("bottom").setStyle(showValues=False)
        for row, share in enumerate((5, 2)):
            self._steps.ci.layout.setRowStretchFactor(row, share)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        for canvas, least in zip((self._steps, self._judged), _LEAST_HEIGHTS, strict=True):
            canvas.ci.layout.setContentsMargins(0, 2, 0, 2)
            canvas.ci.layout.setSpacing(0)
            canvas.setMinimumSize(_LEAST_WIDTH, least)
            canvas.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        for plot in (self.rate, self.validation):
            plot.setXLink(self.loss)
        layout.addWidget(self._steps, 5)
        layout.addWidget(self.shown)
        layout.addWidget(self._judged, 3)

    def _list(self, names: Sequence[str], chosen: str) -> None:
        self.shown.blockSignals(True)
        self.shown.clear()
        for name in names:
            self.shown.addItem(metric_in_words(name), name)
        self.shown.setCurrentIndex(max(0, self.shown.findData(chosen)))
        self.shown.blockSignals(False)
        for widget in (self.shown, self._judged):
            widget.setVisible(bool(names))

    def _draw_metric(self, *_: object) -> None:
        name = self.shown.currentData()
        points = [(event.step, event.metrics.get(name)) for event in self._validated]
        defined = np.array([point for point in points if point[1] is not None], dtype=float).reshape(-1, 2)
        self._metrics.setData(defined[:, 0], defined[:, 1])
        best = next((event for event in reversed(self._validated) if event.best), None)
        ringed = defined[defined[:, 0] == best.step] if best else defined[:0]
        self._best.setData(ringed[:, 0], ringed[:, 1])
        low = 0.0 if (defined[:, 1] >= 0).all() else None  # no room for a Dice below 0
        self.validation.getViewBox().setLimits(yMin=low)
