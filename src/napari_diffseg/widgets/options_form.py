"""A form over the fields of any options model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from magicgui.widgets import CheckBox
from magicgui.widgets.bases import ValueWidget
from psygnal import Signal
from pydantic import BaseModel, ValidationError
from qtpy.QtWidgets import QWidget

from napari_diffseg.errors import SettingsError
from napari_diffseg.widgets.field_help import help_of, label_of
from napari_diffseg.widgets.field_rows import AUTOMATIC, Row, row_for
from napari_diffseg.widgets.rows import Rows
from napari_diffseg.widgets.section import Section

Options = TypeVar("Options", bound=BaseModel)


class OptionsForm(Generic[Options]):
    """One row a field, and a form within the form for a field that is a model; it knows no field by name.

    A field of a type that has no row keeps its value, and so does one whose row is not shown.

    Args:
        options: shown at first.
        empty: the word that stands for None.

    Attributes:
        rows: the input widget of each field, by the field's name.
        groups: the form of each field that is a model.
        changed: emitted when a person or the program changed a row.
    """

    changed = Signal()

    def __init__(self, options: Options, *, empty: str = AUTOMATIC) -> None:
        self._options = options
        fields, told = type(options).model_fields, help_of(type(options))
        values = {name: getattr(options, name) for name in fields}
        self.groups: dict[str, OptionsForm[Any]] = {
            name: OptionsForm(value, empty=empty)
            for name, value in values.items()
            if isinstance(value, BaseModel)
        }
        made = {
            name: row_for(
                field, values[name], name=name, label=label_of(name, field), tooltip=told[name], empty=empty
            )
            for name, field in fields.items()
            if name not in self.groups
        }
        self._rows: dict[str, Row] = {name: row for name, row in made.items() if row is not None}
        self.rows: dict[str, ValueWidget[Any]] = {name: row.widget for name, row in self._rows.items()}
        self._hidden: frozenset[str] = frozenset()
        self._panels: list[_Panel] = []
        for row in self.rows.values():
            row.changed.connect(self._tell)
        for form in self.groups.values():
            form.changed.connect(self._tell)

    @property
    def names(self) -> tuple[str, ...]:
        """The fields that are shown, in order."""
        shown = self.rows.keys() | self.groups.keys()
        return tuple(name for name in type(self._options).model_fields if name in shown)

    def options(self, **others: Any) -> Options:
        """The options as they stand in the form.

        Args:
            others: values of fields that have no row.

        Raises:
            SettingsError: a row holds what its field cannot be, or two rows contradict one another.
        """
        kept = {name: getattr(self._options, name) for name in type(self._options).model_fields}
        shown = {name: row.value for name, row in self._rows.items() if name not in self._hidden}
        inside = {name: form.options() for name, form in self.groups.items() if name not in self._hidden}
        try:
            return type(self._options).model_validate(kept | shown | inside | others)
        except ValidationError as error:
            raise SettingsError(self._sentence(error)) from error

    def panel(self, names: Iterable[str], beside: dict[str, Sequence[QWidget]] | None = None) -> QWidget:
        """Some of the rows under one another, labels on the left; forms within the form are sections.

        Args:
            names: of the fields, in order.
            beside: widgets at the end of a field's row.
        """
        panel = QWidget()
        layout = Rows(panel)
        placed = {name: self._place(name, layout, (beside or {}).get(name, ())) for name in names}
        self._panels.append(_Panel(panel, layout, placed))
        return panel

    def hide(self, names: Iterable[str]) -> None:
        """Show all rows but these, whose fields are as they were at first."""
        self._hidden = frozenset(names)
        for panel in self._panels:
            for name, placed in panel.placed.items():
                panel.layout.setRowVisible(placed, name not in self._hidden)
            panel.widget.setVisible(not self._hidden.issuperset(panel.placed))

    def _place(self, name: str, layout: Rows, beside: Sequence[QWidget]) -> QWidget:
        if name in self.groups:
            form, field = self.groups[name], type(self._options).model_fields[name]
            section = Section(label_of(name, field), form.panel(form.names))
            layout.addRow(section)
            return section
        row = self.rows[name]
        if isinstance(row, CheckBox):
            layout.addRow(row.native)
            return row.native
        return layout.add(row.label, row.native, *self._rows[name].beside, *beside)

    def _sentence(self, error: ValidationError) -> str:
        """What is wrong, beginning with the label of the row where it is one row that is wrong."""
        first = error.errors()[0]
        why = first["msg"].removeprefix("Value error, ").rstrip(".")
        if not first["loc"]:
            return f"{why}."
        name = str(first["loc"][0])
        label = label_of(name, type(self._options).model_fields[name])
        return f"{label} cannot be “{first['input']}”: {why}."

    def _tell(self, *_: object) -> None:
        self.changed.emit()


@dataclass(frozen=True, slots=True)
class _Panel:
    """Some rows under one another, and what stands for each of them in the layout."""

    widget: QWidget
    layout: Rows
    placed: dict[str, QWidget]
