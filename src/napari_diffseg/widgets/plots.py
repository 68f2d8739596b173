"""Plots in a viewer's colours, and an axis of logarithms that a person can read."""

from __future__ import annotations

import math
from typing import Any

import pyqtgraph
from napari.utils.theme import get_theme
from qtpy.QtGui import QColor

_AXIS_WIDTH = 52
_TITLE_SIZE = "8pt"
_MOST_TICKS = 4
_FAINT = 90


class LogAxis(pyqtgraph.AxisItem):  # type: ignore[misc]  # pyqtgraph is not typed
    """Round numbers also where the values span less than two decades; pyqtgraph's own shows one or none."""

    def __init__(self) -> None:
        super().__init__("left")

    def tickValues(self, minVal: Any, maxVal: Any, size: Any) -> Any:  # noqa: N802 (pyqtgraph's)
        """Called by pyqtgraph."""
        if not self.logMode or maxVal - minVal > 2:
            return super().tickValues(minVal, maxVal, size)
        return [(1.0, [math.log10(tick) for tick in _round_numbers(10**minVal, 10**maxVal)])]

    def tickStrings(self, values: Any, scale: Any, spacing: Any) -> list[str]:  # noqa: N802 (pyqtgraph's)
        """Called by pyqtgraph."""
        if not self.logMode:
            return list(super().tickStrings(values, scale, spacing))
        return [f"{10**value:.3g}" for value in values]


def plot_on(
    canvas: pyqtgraph.GraphicsLayoutWidget, row: int, *, logarithmic: bool = False
) -> pyqtgraph.PlotItem:
    """A plot below those that are there, all of their axes on one line."""
    axes = {"left": LogAxis()} if logarithmic else {}
    plot = canvas.addPlot(row=row, col=0, axisItems=axes)
    plot.getAxis("left").setWidth(_AXIS_WIDTH)
    plot.setMenuEnabled(False)
    for side in ("left", "bottom"):
        plot.getAxis(side).enableAutoSIPrefix(False)
    return plot


def title(plot: pyqtgraph.PlotItem, text: str) -> None:
    """Write over a plot, in the colour that it has."""
    plot.setTitle(text, size=_TITLE_SIZE, color=plot.titleLabel.opts["color"])


def line_on(plot: pyqtgraph.PlotItem, colour: str, *, faint: bool = False) -> pyqtgraph.PlotDataItem:
    """A line without points, which stays quick with a million of them."""
    pen = QColor(colour)
    pen.setAlpha(_FAINT if faint else 255)
    line = plot.plot(pen=pyqtgraph.mkPen(pen, width=1 if faint else 2))
    line.setDownsampling(auto=True, method="peak")
    line.setClipToView(True)
    return line


def colour(canvas: pyqtgraph.GraphicsLayoutWidget, theme_name: str) -> None:
    """Give a canvas and its plots the colours of a napari theme."""
    theme = get_theme(theme_name)
    canvas.setBackground(theme.background.as_hex())
    for plot in canvas.ci.items:
        for side in ("left", "bottom"):
            plot.getAxis(side).setPen(theme.secondary.as_hex())
            plot.getAxis(side).setTextPen(theme.text.as_hex())
        plot.titleLabel.setText(plot.titleLabel.text, color=theme.text.as_hex(), size=_TITLE_SIZE)


def _round_numbers(low: float, high: float) -> list[float]:
    """A few between the two: 1, 2 and 5 times powers of ten, or when these are too few equally far apart."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found = [times * 10.0**power for power in powers for times in (1, 2, 5)]
    found = [number for number in found if low <= number <= high]
    if len(found) > _MOST_TICKS:
        return [number for number in found if f"{number:e}".startswith("1")]
    if len(found) > 1:
        return found
    step = 10.0 ** math.floor(math.log10((high - low) / 2))
    return [n * step for n in range(math.ceil(low / step), math.floor(high / step) + 1, 2)]
