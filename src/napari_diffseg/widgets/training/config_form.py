"""All settings of a run but its data: those that most people need, and the others under a title."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from magicgui.widgets import CheckBox
from pydantic import BaseModel
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from napari_diffseg.methods.registry import method
from napari_diffseg.training.config import RunConfig
from napari_diffseg.widgets.options_form import OptionsForm
from napari_diffseg.widgets.plain_label import PlainLabel
from napari_diffseg.widgets.section import Section

_EMPTY = "none"
_LEFT, _RIGHT = ("steps", "precision"), ("batch",)
_TITLES = {
    "train": "Training",
    "validation": "Validation",
    "augmentation": "Augmentation",
    "preparation": "Preparation",
    "data": "Data",
}
_ELSEWHERE = {"train": (*_LEFT, *_RIGHT), "validation": ("every",), "data": ("path", "skip_bad")}


class ConfigForm(QWidget):
    """A form made from the fields of a run's config and of its method's; every preset comes back unchanged.

    Args:
        run: shown at first.
        config: of the method, as `run` has it.

    Attributes:
        run: the form of the run, with a form for each section.
        method: the form of the method's config.
        cost: of the comparison without diffusion; the caller's words.
        others: all settings but the first few.

    Signals:
        changed: a setting was changed.
    """

    changed = Signal()

    def __init__(self, run: RunConfig, config: BaseModel) -> None:
        super().__init__()
        self.run: OptionsForm[RunConfig] = OptionsForm(run, empty=_EMPTY)
        self.method: OptionsForm[Any] = OptionsForm(config, empty=_EMPTY)
        train, validation = self.run.groups["train"], self.run.groups["validation"]
        validation.rows["every"].label = "Validate"
        columns, right = QHBoxLayout(), QVBoxLayout()
        columns.setSpacing(10)
        right.setSpacing(4)
        for panel in (train.panel(_RIGHT), validation.panel(("every",))):
            right.addWidget(panel)
        columns.addWidget(train.panel(_LEFT), 13)  # room for “automatic”
        columns.addLayout(right, 12)
        self.cost = PlainLabel()
        self.others = Section("All settings", self._rest())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(columns)
        layout.addWidget(self._control(run))
        layout.addWidget(self.others)
        for form in (self.run, self.method):
            form.changed.connect(self._tell)

    def settings(self, name: str, path: Path, *, skip_bad: bool) -> RunConfig:
        """The run as it stands in the form.

        Args:
            name: of the run.
            path: of the data set.
            skip_bad: the person agreed to leave bad cases out.

        Raises:
            SettingsError: a row holds what its field cannot be, or two rows contradict one another.
        """
        data = self.run.groups["data"].options(path=path, skip_bad=skip_bad)
        config = self.method.options().model_dump(mode="json")
        return self.run.options(name=name, config=config, data=data)

    def _control(self, run: RunConfig) -> QWidget:
        """Whether to compare with the network without diffusion; not offered where the method has none."""
        row, part = self.run.rows["with_control"], QWidget()
        assert isinstance(row, CheckBox)
        row.text = "Does diffusion help here? Compare without it"
        layout = QVBoxLayout(part)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(row.native)
        layout.addWidget(self.cost)
        if not method(run.method).control:
            part.hide()
        return part

    def _rest(self) -> QWidget:
        rest = QWidget()
        layout = QVBoxLayout(rest)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(Section("Method", self.method.panel(self.method.names)))
        for group, title in _TITLES.items():
            form = self.run.groups[group]
            names = [name for name in form.names if name not in _ELSEWHERE.get(group, ())]
            layout.addWidget(Section(title, form.panel(names)))
        return rest

    def _tell(self, *_: object) -> None:
        self.changed.emit()
