"""lock.json beside an open read: who has it open, so that nobody opens it twice."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

from pydantic import Field, ValidationError

from napari_diffseg.errors import RaterProjectError
from napari_diffseg.io.alive import LifeSign
from napari_diffseg.io.atomic import replacing
from napari_diffseg.raters.document import unsaved

LOCK = "lock.json"
_BEAT_S = 10.0


class Holder(LifeSign):
    """Who has a read open.

    Attributes:
        token: of this opening, for one process may try to open a read twice.
        opened: seconds since 1970.
    """

    token: str = Field(default_factory=lambda: uuid.uuid4().hex, max_length=64)
    opened: float = Field(default_factory=time.time, ge=0, le=3e10)


class Lock:
    """Keeps a read for this process until it is released.

    A lock whose process is gone, or which was not renewed for a minute on another machine, is taken over.

    Args:
        folder: of the session.

    Raises:
        RaterProjectError: the read is open elsewhere, or the lock cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._path, self._holder = folder / LOCK, Holder()
        holder = _read(self._path)
        if holder is not None and holder.is_alive():
            raise RaterProjectError(f"This read is open already ({_words(holder)}). Close it there first.")
        self._write()
        self._require_ours()  # somebody may have done the same just now

    def beat(self) -> None:
        """Renew it, at most every ten seconds.

        Raises:
            RaterProjectError: somebody took it over meanwhile, for example while this machine slept, or it
                cannot be written.
        """
        if time.time() - self._holder.heartbeat < _BEAT_S:
            return
        self._require_ours()
        self._holder = self._holder.model_copy(update={"heartbeat": time.time()})
        self._write()

    def release(self) -> None:
        """Let others open the read; a lock that somebody took over is left alone."""
        holder = _read(self._path)
        if holder is not None and holder.token == self._holder.token:
            self._path.unlink(missing_ok=True)

    def ours(self) -> bool:
        """Whether nobody took it over."""
        holder = _read(self._path)
        return holder is None or holder.token == self._holder.token

    def _require_ours(self) -> None:
        holder = _read(self._path)
        if holder is not None and holder.token != self._holder.token:
            raise RaterProjectError(
                f"This read was opened elsewhere meanwhile ({_words(holder)}), so no more is saved here. "
                "Close one of the two and open the read again."
            )

    def _write(self) -> None:
        try:
            with replacing(self._path) as partial:
                partial.write_text(self._holder.model_dump_json(), encoding="utf-8")
        except OSError as error:
            raise unsaved(self._path, error) from error


def _read(path: Path) -> Holder | None:
    """Who holds it; None where there is no lock, or none that can be read: it is only ever there whole."""
    try:
        return Holder.model_validate_json(path.read_bytes()[: 2**16])
    except (OSError, ValidationError):
        return None


def _words(holder: Holder) -> str:
    since = datetime.fromtimestamp(holder.opened, UTC).astimezone()
    return f"process {holder.pid} on {holder.host}, since {since:%H:%M}"
