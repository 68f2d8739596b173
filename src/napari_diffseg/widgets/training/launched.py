"""The processes of runs that a window started, and what becomes of them when it closes."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from subprocess import Popen

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QMessageBox, QWidget

from napari_diffseg.training.control import ask
from napari_diffseg.training.launch import launch
from napari_diffseg.training.status import read_status


class Launched(QObject):
    """Starts runs and, when the window closes while some of them go on, asks once whether to keep them.

    It belongs to the window, since the question must come when the dock was closed long before.

    Args:
        window: whose closing is watched.
    """

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._processes: dict[Path, Popen[bytes]] = {}
        self._begun: dict[Path, float] = {}
        window.installEventFilter(self)

    @classmethod
    def of(cls, widget: QWidget) -> Launched:
        """The one of the window that a widget is in; of a floating dock, the window that it left."""
        while (parent := widget.parentWidget()) is not None:
            widget = parent
        found = widget.findChildren(cls)
        return found[0] if found else cls(widget)

    def launch(self, run: Path) -> None:
        """Start or resume a run; nothing happens while its process is starting.

        Raises:
            TrainingError: it goes on already, or is none.
        """
        if run not in self.starting():
            self._begun[run] = time.time()
            process = self._processes[run] = launch(run)
            # somebody must wait for it, whatever becomes of this, or the system keeps its entry for ever
            threading.Thread(target=process.wait, daemon=True).start()

    def starting(self) -> list[Path]:
        """Runs whose process is there and has not said so yet."""
        return [run for run in self.going_on() if not _has_spoken(run, self._begun[run])]

    def going_on(self) -> list[Path]:
        """Runs that were started here and have not ended."""
        return [run for run, process in self._processes.items() if process.poll() is None]

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802 (Qt's name)
        """Called by Qt for every event of the window."""
        if event is not None and event.type() == QEvent.Type.Close and (runs := self.going_on()):
            if not keep_running(self._window, runs):
                for run in runs:
                    ask(run, "stop")
            self._processes.clear()  # asked once
        return False


def keep_running(window: QWidget, runs: Sequence[Path]) -> bool:
    """Ask the person; closing the question keeps them."""
    box = QMessageBox(window)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setWindowTitle("Training goes on")
    names = ", ".join(run.name for run in runs)
    box.setText(f"Still training: {names}.")
    box.setInformativeText("Keep it running without napari? The Train dock finds it again next time.")
    keep = box.addButton("Keep running", QMessageBox.ButtonRole.AcceptRole)
    stop = box.addButton("Save and stop", QMessageBox.ButtonRole.DestructiveRole)
    box.setDefaultButton(keep)
    box.setEscapeButton(keep)
    box.exec()
    return box.clickedButton() is not stop


def _has_spoken(run: Path, begun: float) -> bool:
    status = read_status(run)
    return status is not None and status.heartbeat >= begun
