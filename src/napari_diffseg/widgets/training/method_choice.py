"""Which method a run trains, and which of its presets."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event as Flag

from pydantic import ValidationError
from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtWidgets import QComboBox, QVBoxLayout, QWidget

from napari_diffseg.datasets.dataset import Dataset
from napari_diffseg.errors import TrainingError
from napari_diffseg.methods.registry import MethodEntry, methods
from napari_diffseg.training.presets import new_run
from napari_diffseg.widgets.errand import Errand
from napari_diffseg.widgets.plain_label import PlainLabel
from napari_diffseg.widgets.rows import Rows
from napari_diffseg.widgets.training.config_form import ConfigForm

_FIRST_METHOD, _FIRST_PRESET = "imgx", "small"
_LOADED_AFTER_MS = 500


class MethodChoice(QWidget):
    """A method, what it is in a sentence, and one of its presets, which are known once torch is there.

    Signals:
        changed: another method or preset is chosen, or presets are there now.
        failed: why the methods cannot be loaded, a DiffSegError.
    """

    changed = Signal()
    failed = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.method, self.preset, self.about = QComboBox(), QComboBox(), PlainLabel()
        self._loaded = False
        self._lay_out()
        self.method.currentIndexChanged.connect(self._list_presets)
        self.preset.currentIndexChanged.connect(self._tell)
        self._list_presets()
        QTimer.singleShot(_LOADED_AFTER_MS, self._load)

    @property
    def entry(self) -> MethodEntry:
        """Of the chosen method."""
        return methods()[self.method.currentData()]

    def proposal(self, dataset: Dataset) -> ConfigForm | None:
        """The preset's settings for a data set, in a form; None as long as the methods are being loaded.

        Raises:
            TrainingError: the preset does not take such data.
        """
        if not self._loaded:
            return None
        preset = self.preset.currentText()
        run = new_run("run", method_name=self.entry.name, preset=preset, dataset=dataset)
        try:
            return ConfigForm(run, self.entry.load().Config.model_validate(run.config))
        except ValidationError as error:
            raise TrainingError(
                f"{self.entry.title} ({preset}) does not take {dataset.dimensions}D data: "
                f"{error.errors()[0]['msg']}. Choose another preset."
            ) from error

    def _lay_out(self) -> None:
        for entry in methods().values():
            self.method.addItem(entry.title, entry.name)
            self.method.setItemData(self.method.count() - 1, entry.about, Qt.ItemDataRole.ToolTipRole)
        self.method.setCurrentIndex(max(0, self.method.findData(_FIRST_METHOD)))
        self.preset.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.preset.setToolTip("A set of settings: those of the paper, or small ones for a first try.")
        row = QWidget()
        Rows(row).add("Method", self.method, self.preset)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(row)
        layout.addWidget(self.about)

    def _load(self) -> None:
        """Import torch and the methods where the window does not wait for it."""
        errand = Errand(self, _load_methods)
        errand.told.connect(self._note_loaded)
        errand.failed.connect(self.failed)
        errand.run()

    def _note_loaded(self, *_: object) -> None:
        self._loaded = True
        self._list_presets()

    def _list_presets(self, *_: object) -> None:
        self.about.say(self.entry.sentence)
        self.preset.blockSignals(True)
        self.preset.clear()
        presets = list(self.entry.load().PRESETS) if self._loaded else []
        self.preset.addItems(presets or ["loading…"])
        self.preset.setEnabled(bool(presets))
        self.preset.setCurrentIndex(presets.index(_FIRST_PRESET) if _FIRST_PRESET in presets else 0)
        self.preset.blockSignals(False)
        self._tell()

    def _tell(self, *_: object) -> None:
        self.changed.emit()


def _load_methods(given_up: Flag) -> Iterator[bool]:
    """Tells when all of them are there."""
    for entry in methods().values():
        if given_up.is_set():
            return
        entry.load()
    yield True
