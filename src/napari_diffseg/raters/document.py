"""JSON documents of a rater project: read with suspicion, replaced as a whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from napari_diffseg.errors import RaterProjectError
from napari_diffseg.io.atomic import replacing

FORMAT = 1
_MOST_BYTES = 2**26


class Part(BaseModel):
    """Anything that stands in a document of a project."""

    # JSON knows no NaN
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


Document = TypeVar("Document", bound=Part)


def read_document(path: Path, kind: type[Document], advice: str) -> Document:
    """The document in a file.

    Args:
        path: of the JSON file.
        kind: what it should hold.
        advice: what to do where it does not, in a sentence.

    Raises:
        RaterProjectError: the file is missing, unreadable, too large, of a newer format, or says what it
            may not.
    """
    content = _content(path, advice)
    version = content.get("format") if isinstance(content, dict) else None
    if isinstance(version, int) and version > FORMAT:
        raise RaterProjectError(
            f"{shown(path)} is of format {version}, and this version reads up to {FORMAT}. "
            "Install a newer napari-diffseg."
        )
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise RaterProjectError(f"{shown(path)} is not valid {_first_fault(error)}. {advice}") from error
    except RecursionError as error:
        raise RaterProjectError(f"{shown(path)} is nested too deeply. {advice}") from error


def write_document(path: Path, document: Part) -> None:
    """Replace the document in a file.

    Raises:
        RaterProjectError: it could not be written, or could not be read again; the old one stays.
    """
    text = document.model_dump_json(indent=1) + "\n"
    try:  # copies with changed fields were not looked at yet
        type(document).model_validate_json(text)
    except ValidationError as error:
        raise RaterProjectError(
            f"{shown(path)} cannot hold what it should {_first_fault(error)}. Nothing was saved; choose "
            "otherwise there."
        ) from error
    try:
        with replacing(path) as partial:
            partial.write_text(text, encoding="utf-8")
    except OSError as error:
        raise unsaved(path, error) from error


def made(kind: type[Document], what: str, content: Mapping[str, object]) -> Document:
    """A document, or a part of one, from what a person chose.

    Raises:
        RaterProjectError: something in it is impossible.
    """
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise RaterProjectError(
            f"{what} cannot be as asked {_first_fault(error)}. Choose otherwise there."
        ) from error


def _first_fault(error: ValidationError) -> str:
    """Where a document is wrong first, and how: "at “cases.3.name”: Field required"."""
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"])) or "the top"
    return f"at “{where[:200]}”: {first['msg']}"


def unsaved(path: Path, error: Exception) -> RaterProjectError:
    """What a person hears when a file of a project could not be written."""
    cause = error.__cause__ or error
    reason = getattr(cause, "strerror", None) or str(cause).rstrip(".")
    return RaterProjectError(
        f"{shown(path)} could not be saved ({reason}). Free some disk space, or see whether the folder can "
        "still be reached; what was saved before is untouched."
    )


def shown(path: Path) -> str:
    """A path as a person finds it in its project."""
    return "/".join(path.parts[-5:] if "reads" in path.parts[-5:] else path.parts[-2:])


def _content(path: Path, advice: str) -> object:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise RaterProjectError(f"{shown(path)} is larger than {_MOST_BYTES >> 20} MiB. {advice}")
        return json.loads(path.read_bytes())
    except OSError as error:
        raise RaterProjectError(f"{shown(path)} cannot be read ({error.strerror}). {advice}") from error
    except (ValueError, RecursionError) as error:
        raise RaterProjectError(f"{shown(path)} is damaged: it is not JSON. {advice}") from error
