"""Requests to a run, a file each in control/, which any process may write. Torch-free."""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path
from typing import Literal, get_args

from napari_diffseg.io.atomic import replacing

CONTROL = "control"

Request = Literal["pause", "resume", "stop", "finish-epoch"]


def ask(run: Path, request: Request) -> None:
    """Leave a request for the run's process, which answers with an `Answered` event."""
    folder = run / CONTROL
    folder.mkdir(exist_ok=True)
    with replacing(folder / f"{uuid.uuid4().hex}.json") as partial:
        partial.write_text(json.dumps({"request": request, "time": time.time()}), encoding="utf-8")


def asked(run: Path) -> list[tuple[Path, Request]]:
    """Requests that wait, the oldest first, with their files; what is no request is removed."""
    found: list[tuple[float, Path, Request]] = []
    for path in (run / CONTROL).glob("*.json"):
        if path.name.startswith("."):  # not in place yet
            continue
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            request, when = content["request"], float(content["time"])
        except (OSError, ValueError, KeyError, TypeError):
            request, when = None, 0.0
        if request in get_args(Request):
            found.append((when, path, request))
        else:
            path.unlink(missing_ok=True)
    return [(path, request) for _, path, request in sorted(found, key=lambda one: one[:2])]
