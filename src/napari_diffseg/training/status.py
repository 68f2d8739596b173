"""How a run stands, in status.json, which is replaced as a whole. Torch-free."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from napari_diffseg.errors import TrainingError
from napari_diffseg.io.alive import LifeSign
from napari_diffseg.io.atomic import replacing

STATUS = "status.json"

State = Literal["preparing", "running", "paused", "finished", "stopped", "failed", "lost"]
ALIVE: tuple[State, ...] = ("preparing", "running", "paused")


class Status(LifeSign):
    """How a run stands, and which process says so.

    Attributes:
        state: as its process said last; "lost" when that process is no more.
        step: done.
        steps: of the whole run.
        seconds_left: as far as the last steps tell; None before the first ones.
        memory_bytes: most that was alive at once on the GPU; None on a CPU.
        sentence: what went wrong.
    """

    state: State
    step: int = 0
    steps: int = 0
    seconds_left: float | None = None
    memory_bytes: int | None = None
    sentence: str = ""


def write_status(run: Path, status: Status) -> None:
    """Replace the run's status.

    Raises:
        OSError: the disk is full, or somebody holds the file.
    """
    with replacing(run / STATUS) as partial:
        partial.write_text(status.model_dump_json(), encoding="utf-8")


def read_status(run: Path) -> Status | None:
    """The run's status; None where there is none yet. A dead process's run is "lost"."""
    try:
        status = Status.model_validate_json((run / STATUS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if status.state in ALIVE and not status.is_alive():
        return status.model_copy(update={"state": "lost"})
    return status


def beat(run: Path) -> None:
    """Say that this process is still at a run, which stands as it did.

    Raises:
        OSError: as `write_status`.
    """
    status = read_status(run)
    if status is not None:
        write_status(run, status.model_copy(update=LifeSign().model_dump()))


def require_idle(run: Path) -> None:
    """Make sure that no process works in the folder.

    Raises:
        TrainingError: one does.
    """
    status = read_status(run)
    if status is not None and status.state in ALIVE:
        raise TrainingError(
            f"{run.name} is going on already (process {status.pid} on {status.host}). Pause or stop it there."
        )
