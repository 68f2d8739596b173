"""A button that finds out what a run would take."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QPushButton

from napari_diffseg.errors import DiffSegError
from napari_diffseg.training.config import RunConfig
from napari_diffseg.training.forecast import Forecast
from napari_diffseg.widgets.errand import Errand
from napari_diffseg.widgets.training.checking import check, forecast_in_words


class CheckButton(QPushButton):
    """Carries out one check at a time; pressed meanwhile, it asks to stop.

    Signals:
        said: how the check goes, or what it found, in a sentence.
    """

    said = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setToolTip("Time a few steps in a process of their own, and measure the memory they take.")
        self._errand: Errand | None = None
        self._steps = 0
        self._end()

    @property
    def is_checking(self) -> bool:
        """Whether a check goes on."""
        return self._errand is not None

    def begin(self, config: RunConfig) -> None:
        """Check a run."""
        self._steps = config.train.steps
        self.setText("Stop checking")
        self.said.emit("Preparing a case and timing a few steps…")
        self._errand = Errand(self, check, config)
        self._errand.told.connect(self._tell)
        self._errand.failed.connect(self._explain)
        self._errand.ended.connect(self._end)
        self._errand.run()

    def give_up(self) -> None:
        """End the check that goes on, if there is one; nothing more is heard of it."""
        if self._errand is not None:
            self._errand.give_up()
            self._end()

    def _end(self) -> None:
        self._errand = None
        self.setText("Check time and memory")

    def _tell(self, found: Forecast) -> None:
        self.said.emit(forecast_in_words(found, self._steps))

    def _explain(self, error: DiffSegError) -> None:
        self.said.emit(str(error))
