"""Why a file is not taken as a source's, or not with these settings, in words."""

from __future__ import annotations

from pydantic import ValidationError

from napari_diffseg.checkpoints.official.model import Settings
from napari_diffseg.checkpoints.official.pickles import shown
from napari_diffseg.checkpoints.official.sources import SOURCES, Source
from napari_diffseg.errors import CheckpointError


def other_source(file: str, entry: Source, found: str) -> CheckpointError:
    """The file is not `entry`'s but that of `found`, a source's name or the words for another."""
    other = next((source for source in SOURCES.values() if source.name == found), None)
    readable = other is not None and other.module
    return CheckpointError(
        f"{file} looks like a checkpoint of {other.title if other else found}, not of {entry.title}. "
        + (f"Import it as {found}." if readable else "Such checkpoints cannot be imported yet.")
    )


def about_setting(
    file: str, entry: Source, settings: type[Settings], error: ValidationError
) -> CheckpointError:
    """The first complaint about a setting, with the settings that there are."""
    first = error.errors()[0]
    name = ".".join(map(str, first["loc"]))
    known = f"Network settings of {entry.title} are {', '.join(settings.model_fields)}."
    if first["type"] == "missing":
        choices = " or ".join(getattr(settings.model_fields[name].annotation, "__args__", ()))
        return CheckpointError(
            f"{file} does not tell “{name}”. Give it as a network setting: {choices or 'a value'}."
        )
    if first["type"] == "extra_forbidden":
        return CheckpointError(f"“{shown(name)}” is read from the file, or is no setting. {known}")
    problem = first["msg"].removeprefix("Value error, ").rstrip(".")
    if first["type"] == "value_error":  # several that do not fit one another
        return CheckpointError(f"{file} has no network of these settings: {problem}. {known}")
    return CheckpointError(f"{name} is {shown(repr(first['input']))}: {problem}. {known}")
