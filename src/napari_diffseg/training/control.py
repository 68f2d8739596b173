"""Requests to a run, a file each in control/, which any process may write. Torch-free."""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from napari_diffseg.io.atomic import replacing

CONTROL = "control"

Request = Literal["pause", "resume", "stop", "finish-epoch"]


class Stopped(Exception):
    """A request to stop was heard."""


class _Asked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    request: Request
    time: float


def ask(run: Path, request: Request) -> None:
    """Leave a request for the run's process, which answers with an `Answered` event.

    Raises:
        OSError: the run's folder cannot be written to.
    """
    folder = run / CONTROL
    folder.mkdir(exist_ok=True)
    with replacing(folder / f"{uuid.uuid4().hex}.json") as partial:
        partial.write_text(_Asked(request=request, time=time.time()).model_dump_json(), encoding="utf-8")


def asked(run: Path, *, since: float) -> list[tuple[Path, Request]]:
    """Requests that wait, the oldest first, with their files.

    Args:
        run: its folder.
        since: seconds since 1970; what was asked earlier was meant for a process that is no more, and is
            removed, as is all that is no request.
    """
    found: list[tuple[float, Path, Request]] = []
    for path in (run / CONTROL).glob("[!.]*"):  # hidden ones are not in place yet
        try:
            note = _Asked.model_validate_json(path.read_bytes())
        except OSError:  # perhaps the next time
            continue
        except ValidationError:
            note = None
        if note is not None and note.time >= since:
            found.append((note.time, path, note.request))
        else:
            path.unlink(missing_ok=True)
    return [(path, request) for _, path, request in sorted(found)]
