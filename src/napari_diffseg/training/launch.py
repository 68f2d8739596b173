"""A run's own process, which outlives whoever started it. Torch-free."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from napari_diffseg.errors import TrainingError
from napari_diffseg.training.folder import LOG, RUN, unwritable
from napari_diffseg.training.status import require_idle
from napari_diffseg.training.without_diffusion import WITHOUT_DIFFUSION

_DETACHED: int = getattr(subprocess, "DETACHED_PROCESS", 0) | getattr(
    subprocess, "CREATE_NEW_PROCESS_GROUP", 0
)
"""Windows' words for a session of its own; elsewhere there are none."""


def launch(run: Path, *, check: bool = False) -> subprocess.Popen[bytes]:
    """Start or resume a run in a process of its own session; what it says goes to its log.txt.

    Args:
        run: its folder.
        check: only forecast what the run would take.

    Raises:
        TrainingError: the folder holds no run, or one that is going on, or whose control is; or it cannot be
            written to.
    """
    if not (run / RUN).is_file():
        raise TrainingError(f"{run.name} holds no run: there is no {RUN} in it. Choose another folder.")
    for folder in (run, run / WITHOUT_DIFFUSION):
        require_idle(folder)
    command = [sys.executable, "-m", "napari_diffseg.training", str(run.resolve())]
    command += ["--check"] if check else []
    try:
        log = (run / LOG).open("ab")
    except OSError as error:
        raise unwritable(run, error) from error
    with log:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            creationflags=_DETACHED,
        )
