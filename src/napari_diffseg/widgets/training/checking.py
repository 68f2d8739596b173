"""What a run would take: a few of its steps are timed in a process of their own."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from threading import Event as Flag

from napari_diffseg.training.config import RunConfig
from napari_diffseg.training.folder import make_run
from napari_diffseg.training.forecast import Forecast, read_forecast
from napari_diffseg.training.launch import launch
from napari_diffseg.widgets.wording import duration, memory

_HEARD_S = 0.2
_PATIENCE_S = 5.0


def check(config: RunConfig, given_up: Flag) -> Iterator[Forecast]:
    """Time a few steps of a run; nothing is left of it.

    Args:
        config: of the run.
        given_up: set when nobody waits for it any more.

    Raises:
        TrainingError: the run would fail; says why.
    """
    with tempfile.TemporaryDirectory(prefix="napari-diffseg-check-", ignore_cleanup_errors=True) as folder:
        run = Path(folder) / "check"
        make_run(run, config)
        process = launch(run, check=True)
        while process.poll() is None:
            if given_up.wait(_HEARD_S):
                _end(process)
                return
        yield read_forecast(run)


def forecast_in_words(found: Forecast, steps: int) -> str:
    """For a person; validations come on top, and how long they take is not known before.

    Args:
        found: by a check.
        steps: of the run.
    """
    return (
        f"On {found.device.upper()} about {duration(found.seconds_a_step * steps)} at "
        f"{found.seconds_a_step:.2g} s a step, validations on top; {memory(found.memory_bytes / 2**30)} of "
        f"memory, {found.parameters / 1e6:.2g} million parameters."
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
