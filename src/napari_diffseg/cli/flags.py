"""A flag for every field of `SamplingOptions`: names, defaults, limits and help stand there alone."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable
from typing import Any, cast

import typer
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from napari_diffseg.results.options import SamplingOptions
from napari_diffseg.volume.grid import Box

_BOX = re.compile(r"(-?\d{1,9}):(-?\d{1,9}),(-?\d{1,9}):(-?\d{1,9}),(-?\d{1,9}):(-?\d{1,9})")
_LIMITS = {"ge": "min", "le": "max"}
_SHELL_HAS_NONE = {"preview": False}


def with_sampling_flags(command: Callable[..., None]) -> Callable[..., None]:
    """A command with a flag for every field, that gets the `SamplingOptions` made from them.

    Args:
        command: takes `options`, by keyword.
    """
    fields = {
        name: field for name, field in SamplingOptions.model_fields.items() if name not in _SHELL_HAS_NONE
    }

    @functools.wraps(command)
    def with_flags(**values: Any) -> None:
        chosen = {name: values.pop(name) for name in fields}
        command(**values, options=_options(chosen))

    own = inspect.signature(command, eval_str=True).parameters.values()
    parameters = [parameter for parameter in own if parameter.name != "options"]
    parameters += [_flag(name, field) for name, field in fields.items()]
    typed = cast(Any, with_flags)
    typed.__signature__ = inspect.Signature(parameters)
    typed.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return with_flags


def box(text: str) -> Box:
    """The box of "z0:z1,y0:y1,x0:x1", in voxels of the display order.

    Raises:
        typer.BadParameter: the text is of another form.
    """
    found = _BOX.fullmatch(text.replace(" ", ""))
    if found is None:
        raise typer.BadParameter(f"“{text}” is not z0:z1,y0:y1,x0:x1, for example 10:40,0:52,8:44.")
    z0, z1, y0, y1, x0, x1 = map(int, found.groups())
    return Box((z0, y0, x0), (z1, y1, x1))


def _flag(name: str, field: FieldInfo) -> inspect.Parameter:
    limits = {
        ours: getattr(rule, theirs)
        for rule in field.metadata
        for theirs, ours in _LIMITS.items()
        if hasattr(rule, theirs)
    }
    special: dict[str, Any] = {"parser": box, "metavar": "z0:z1,y0:y1,x0:x1"} if name == "box" else {}
    option = typer.Option(field.default, _flag_name(name), help=field.description, **limits, **special)
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=option, annotation=field.annotation
    )


def _flag_name(field: str) -> str:
    return "--" + field.replace("_", "-")


def _options(values: dict[str, Any]) -> SamplingOptions:
    try:
        return SamplingOptions(**values, **_SHELL_HAS_NONE)
    except ValidationError as error:
        first = error.errors()[0]
        hint = _flag_name(str(first["loc"][0]))
        raise typer.BadParameter(f"{first['input']!r}: {first['msg']}.", param_hint=hint) from error
