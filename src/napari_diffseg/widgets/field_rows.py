"""The input widget of one field, made from its type."""

from __future__ import annotations

import types
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from magicgui.widgets import CheckBox, ComboBox, LineEdit, SpinBox
from magicgui.widgets.bases import ValueWidget
from pydantic.fields import FieldInfo
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QFileDialog, QPushButton, QWidget

AUTOMATIC = "automatic"
_SCALARS = (int, float, str)


@dataclass(frozen=True, slots=True)
class Row:
    """An input widget, what a value that it shows means to the field, and what else helps to fill it in."""

    widget: ValueWidget[Any]
    read: Callable[[Any], Any] = lambda value: value
    beside: tuple[QWidget, ...] = ()

    @property
    def value(self) -> Any:
        """What the field gets."""
        return self.read(self.widget.value)


@dataclass(frozen=True, slots=True)
class _Kind:
    """A field's type: what one value of it is, and whether it may be None or several values.

    Args:
        single: the type of one value; None where no row can show it.
        optional: None is allowed.
        several: a tuple is allowed.
        alone: one value without a tuple is allowed.
    """

    single: Any
    optional: bool
    several: bool
    alone: bool


def row_for(field: FieldInfo, value: Any, *, name: str, label: str, tooltip: str, empty: str) -> Row | None:
    """The row of a field, showing its value; None for a type that has none.

    Whole numbers are spin boxes, choices combo boxes, yes and no check boxes. Fractions are text (1e-4 is no
    matter for a spin box), and so are tuples, with commas, files, and what may be None.

    Args:
        field: of a pydantic model.
        value: shown at first.
        name: of the field.
        label: in front of the row.
        tooltip: of the row.
        empty: the word that stands for None.
    """
    look: dict[str, Any] = {"name": name, "label": label, "tooltip": tooltip}
    kind = _kind(field.annotation)
    row: Row | None = None
    if kind.several:
        row = _text(kind, value, empty, look) if kind.single in (*_SCALARS, bool) else None
    elif get_origin(kind.single) is Literal:
        row = Row(_combo(kind, value, empty, look))
    elif kind.single is bool and not kind.optional:
        row = Row(CheckBox(value=value, text=look.pop("label"), **look))
    elif kind.single is int and not kind.optional:
        row = Row(_whole_number(field, value, look))
    elif kind.single in _SCALARS:
        row = _text(kind, value, empty, look)
    elif kind.single is Path:
        row = _file(_text(kind, value, empty, look))
    if row is not None:
        _keep_from_wheel(row.widget)
    return row


def _kind(annotation: Any) -> _Kind:
    union = get_origin(annotation) in (Union, types.UnionType)
    kinds = [_plain(kind) for kind in (get_args(annotation) if union else (annotation,))]
    optional = types.NoneType in kinds
    tuples = [kind for kind in kinds if get_origin(kind) is tuple]
    inside = {_plain(item) for kind in tuples for item in get_args(kind) if item is not ...}
    singles = {kind for kind in kinds if kind is not types.NoneType} - set(tuples)
    one = inside | singles
    return _Kind(one.pop() if len(one) == 1 else None, optional, bool(tuples), bool(singles))


def _plain(annotation: Any) -> Any:
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def _combo(kind: _Kind, value: Any, empty: str, look: dict[str, Any]) -> ComboBox:
    choices = [(_word(choice), choice) for choice in get_args(kind.single)]
    return ComboBox(choices=[(empty, None), *choices] if kind.optional else choices, value=value, **look)


def _word(choice: Any) -> str:
    return AUTOMATIC if choice == "auto" else str(choice)


def _whole_number(field: FieldInfo, value: int, look: dict[str, Any]) -> SpinBox:
    least, most = _limit(field, "ge", -(2**53)), _limit(field, "le", 2**53)
    return SpinBox(value=value, min=least, max=most, **look)


def _limit(field: FieldInfo, name: str, otherwise: int) -> int:
    return next((getattr(rule, name) for rule in field.metadata if hasattr(rule, name)), otherwise)


def _text(kind: _Kind, value: Any, empty: str, look: dict[str, Any]) -> Row:
    row = LineEdit(value=_written(value, kind), **look)
    row.native.setPlaceholderText(empty if kind.optional else "")
    return Row(row, partial(_read, kind))


def _file(row: Row) -> Row:
    """The row of a file's name, with a button that asks for the file."""
    button = QPushButton("Choose…")

    def choose(*_: object) -> None:
        name, _kind = QFileDialog.getOpenFileName(button, row.widget.tooltip)
        if name:
            row.widget.value = name

    button.clicked.connect(choose)
    return replace(row, beside=(button,))


def _written(value: Any, kind: _Kind) -> str:
    if value is None:
        return ""
    if isinstance(value, tuple):
        lone = "," if kind.alone and len(value) == 1 else ""
        return ", ".join(_item(item) for item in value) + lone
    return _item(value)


def _item(value: Any) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _read(kind: _Kind, text: str) -> Any:
    """What the field gets; numbers stay text, which pydantic reads."""
    if kind.optional and not text.strip():
        return None
    if kind.several and (not kind.alone or "," in text):
        return [item.strip() for item in text.split(",") if item.strip()]
    return text


def _keep_from_wheel(widget: ValueWidget[Any]) -> None:
    """A wheel that scrolls the dock must not change a number under the pointer."""
    native = widget.native
    native.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    native.installEventFilter(_Wheel(native))


class _Wheel(QObject):
    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802 (Qt's name)
        """Pass the wheel of a widget without focus on to what lies behind it."""
        if event is None or event.type() != QEvent.Type.Wheel:
            return False
        if isinstance(watched, QWidget) and watched.hasFocus():
            return False
        event.ignore()
        return True
