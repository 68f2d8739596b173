"""What a form says of a model's fields: label, help and range, from the model itself."""

from __future__ import annotations

import inspect
import re

from pydantic import BaseModel
from pydantic.fields import FieldInfo

_UNITS = {"mm": "mm", "voxels": "voxels"}
_WORDS = {"unet": "Network", "rgb": "RGB", "ema": "EMA"}
_ATTRIBUTE = re.compile(r"    (\w+): (.+)")


def label_of(name: str, field: FieldInfo) -> str:
    """The field's title, or its name in words, with the unit that it ends in, such as "Spacing (mm)"."""
    if field.title or name in _WORDS:
        return field.title or _WORDS[name]
    *words, last = name.split("_")
    unit = f" ({_UNITS[last]})" if words and last in _UNITS else f" {last}"
    text = (" ".join(words) + unit).strip()
    return text[0].upper() + text[1:]


def help_of(model: type[BaseModel]) -> dict[str, str]:
    """What there is to say of each field, in a sentence or more, the range at the end.

    Taken from the field's description, or else from "Attributes:" in the docstring of the model or of one
    that it extends.
    """
    said: dict[str, str] = {}
    for kind in reversed(model.__mro__):
        said |= attributes(kind.__doc__ or "") if issubclass(kind, BaseModel) else {}
    return {
        name: " ".join(filter(None, [field.description or said.get(name, ""), _range(field)]))
        for name, field in model.model_fields.items()
    }


def attributes(docstring: str) -> dict[str, str]:
    """The entries of a Google docstring's "Attributes:", each as one line that begins with a capital."""
    found: dict[str, str] = {}
    _, _, section = inspect.cleandoc(docstring).partition("\nAttributes:\n")
    name = ""
    for line in section.splitlines():
        if line and not line.startswith(" "):
            break
        if entry := _ATTRIBUTE.fullmatch(line):
            name, text = entry.groups()
            found[name] = text[0].upper() + text[1:]
        elif name and line.strip():
            found[name] += f" {line.strip()}"
    return found


def _range(field: FieldInfo) -> str:
    """For example "From 1 to 64." or "More than 0, at most 1."; empty where anything goes."""
    limits = {
        sign: getattr(rule, sign)
        for rule in field.metadata
        for sign in ("ge", "gt", "le", "lt")
        if getattr(rule, sign, None) is not None
    }
    if {"ge", "le"} <= limits.keys():
        return f"From {limits['ge']} to {limits['le']}."
    words = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
    text = ", ".join(f"{words[sign]} {limits[sign]}" for sign in words if sign in limits)
    return f"{text[0].upper()}{text[1:]}." if text else ""
