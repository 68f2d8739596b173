"""How fast a checkpoint last ran on this machine, so that a person is told the time before a click."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import platformdirs
from pydantic import Field, TypeAdapter, ValidationError

from napari_diffseg.io.atomic import replacing

logger = logging.getLogger(__name__)

_MOST_ENTRIES = 500
_SecondsPerVoxel = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_Speeds = TypeAdapter(dict[str, _SecondsPerVoxel])


def remember(
    checkpoint_sha256: str, device: str, precision: str, *, calls: int, voxels: int, seconds: float
) -> None:
    """Keep the speed of a run; one that cannot be kept is not worth an error.

    Args:
        checkpoint_sha256: of the checkpoint's file.
        device: that was used.
        precision: that was used.
        calls: of the network, over all members.
        voxels: of the box.
        seconds: that the calls took together.
    """
    if min(calls, voxels, seconds) <= 0:
        return
    key, path = _key(checkpoint_sha256, device, precision), _path()
    speeds = {name: speed for name, speed in _speeds(path).items() if name != key}
    newest = [*speeds.items(), (key, seconds / calls / voxels)][-_MOST_ENTRIES:]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as partial:
            partial.write_bytes(_Speeds.dump_json(dict(newest)))
    except OSError:
        logger.info("The speed of this run could not be kept in %s", path, exc_info=True)


def expected_s(
    checkpoint_sha256: str, device: str, precision: str, *, calls: int, voxels: int
) -> float | None:
    """Seconds that the calls of a run should take, from the last run here; None when there was none."""
    speed = _speeds(_path()).get(_key(checkpoint_sha256, device, precision))
    return None if speed is None else speed * calls * voxels


def _path() -> Path:
    return Path(platformdirs.user_cache_dir("napari-diffseg", appauthor=False)) / "speeds.json"


def _key(checkpoint_sha256: str, device: str, precision: str) -> str:
    return f"{checkpoint_sha256} {device} {precision}"


def _speeds(path: Path) -> dict[str, float]:
    """By checkpoint, device and precision, the latest last; a damaged file is forgotten."""
    try:
        return _Speeds.validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return {}
