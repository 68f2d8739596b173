"""A form over the fields of any options model."""

from __future__ import annotations

import types
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar, Union, get_args, get_origin

from magicgui.widgets import CheckBox, ComboBox, LineEdit, SpinBox
from magicgui.widgets.bases import ValueWidget
from psygnal import Signal
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from qtpy.QtWidgets import QWidget

from napari_diffseg.errors import SettingsError
from napari_diffseg.widgets.rows import Rows

AUTOMATIC = "automatic"
Options = TypeVar("Options", bound=BaseModel)


class OptionsForm(Generic[Options]):
    """One row a field; it knows no field by name.

    Whole numbers are spin boxes, choices combo boxes, yes and no check boxes; fractions are text (1e-4 is
    no matter for a spin box), and so is what may be None, shown as "automatic". A field of any other type
    has no row and keeps its value, and so does one whose row is not shown.

    Args:
        options: shown at first.

    Attributes:
        rows: the input widget of each field, by the field's name.
        changed: emitted when a person or the program changed a row.
    """

    changed = Signal()

    def __init__(self, options: Options) -> None:
        self._options = options
        fields = type(options).model_fields.items()
        made = {name: _row(name, field, getattr(options, name)) for name, field in fields}
        self.rows: dict[str, ValueWidget[Any]] = {name: row for name, row in made.items() if row is not None}
        self._hidden: frozenset[str] = frozenset()
        self._panels: list[_Panel] = []
        for row in self.rows.values():
            row.changed.connect(self._tell)

    def options(self, **others: Any) -> Options:
        """The options as they stand in the form.

        Args:
            others: values of fields that have no row.

        Raises:
            SettingsError: a row holds what its field cannot be.
        """
        fields = type(self._options).model_fields
        shown = {name: _value(row) for name, row in self.rows.items() if name not in self._hidden}
        values = self._options.model_dump() | shown | others
        try:
            return type(self._options).model_validate(values)
        except ValidationError as error:
            first = error.errors()[0]
            title = fields[str(first["loc"][0])].title
            raise SettingsError(f"{title} cannot be “{first['input']}”: {first['msg']}.") from error

    def panel(self, names: Iterable[str], beside: dict[str, Sequence[QWidget]] | None = None) -> QWidget:
        """Some of the rows under one another, labels on the left.

        Args:
            names: of the fields, in order.
            beside: widgets at the end of a field's row.
        """
        panel = QWidget()
        layout, placed = Rows(panel), {}
        for name in names:
            row = self.rows[name]
            if isinstance(row, CheckBox):
                layout.addRow(row.native)
                placed[name] = row.native
            else:
                placed[name] = layout.add(row.label, row.native, *(beside or {}).get(name, ()))
        self._panels.append(_Panel(panel, layout, placed))
        return panel

    def hide(self, names: Iterable[str]) -> None:
        """Show all rows but these, whose fields are as they were at first."""
        self._hidden = frozenset(names)
        for panel in self._panels:
            for name, placed in panel.placed.items():
                panel.layout.setRowVisible(placed, name not in self._hidden)
            panel.widget.setVisible(not self._hidden.issuperset(panel.placed))

    def _tell(self, *_: object) -> None:
        self.changed.emit()


@dataclass(frozen=True, slots=True)
class _Panel:
    """Some rows under one another, and what stands for each of them in the layout."""

    widget: QWidget
    layout: Rows
    placed: dict[str, QWidget]


def _row(name: str, field: FieldInfo, value: Any) -> ValueWidget[Any] | None:
    look: dict[str, Any] = {"name": name, "label": field.title or name, "tooltip": field.description}
    kind, optional = _kind(field.annotation)
    if get_origin(kind) is Literal:
        return _combo(kind, optional, value, look)
    if kind is bool and not optional:
        return CheckBox(value=value, text=look.pop("label"), **look)
    if kind is int and not optional:
        return _whole_number(field, value, look)
    if kind in (int, float, str):
        return _text(optional, value, look)
    return None


def _kind(annotation: Any) -> tuple[Any, bool]:
    """The type without None, and whether None was in it."""
    if get_origin(annotation) not in (Union, types.UnionType):
        return annotation, False
    kinds = [kind for kind in get_args(annotation) if kind is not types.NoneType]
    return (kinds[0] if len(kinds) == 1 else None), len(kinds) < len(get_args(annotation))


def _combo(kind: Any, optional: bool, value: Any, look: dict[str, Any]) -> ComboBox:
    choices = [(_word(choice), choice) for choice in get_args(kind)]
    return ComboBox(choices=[(AUTOMATIC, None), *choices] if optional else choices, value=value, **look)


def _word(choice: Any) -> str:
    return AUTOMATIC if choice == "auto" else str(choice)


def _whole_number(field: FieldInfo, value: int, look: dict[str, Any]) -> SpinBox:
    least, most = _limit(field, "ge", -(2**53)), _limit(field, "le", 2**53)
    return SpinBox(value=value, min=least, max=most, **look)


def _text(optional: bool, value: Any, look: dict[str, Any]) -> LineEdit:
    row = LineEdit(value="" if value is None else str(value), **look)
    row.native.setPlaceholderText(AUTOMATIC if optional else "")
    return row


def _limit(field: FieldInfo, name: str, otherwise: int) -> int:
    return next((getattr(rule, name) for rule in field.metadata if hasattr(rule, name)), otherwise)


def _value(row: ValueWidget[Any]) -> Any:
    """The row's value; None for an empty text that shows "automatic"."""
    text = isinstance(row, LineEdit)
    return None if text and not row.value and row.native.placeholderText() == AUTOMATIC else row.value
