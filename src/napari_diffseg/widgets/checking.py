"""What a run would take: a few of its steps are timed in a process of their own."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from threading import Event as Flag

from pydantic import BaseModel, ConfigDict, ValidationError

from napari_diffseg.errors import TrainingError
from napari_diffseg.training.config import RunConfig
from napari_diffseg.training.folder import make_run
from napari_diffseg.widgets.wording import duration, memory

_HEARD_S = 0.2
_PATIENCE_S = 5.0


class Estimate(BaseModel):
    """What the timed steps took."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    seconds_a_step: float
    memory_bytes: int
    parameters: int
    device: str

    def sentence(self, steps: int) -> str:
        """For a person; validations come on top, and how long they take is not known before."""
        return (
            f"On {self.device.upper()} about {duration(self.seconds_a_step * steps)} at "
            f"{self.seconds_a_step:.2g} s a step, validations on top; {memory(self.memory_bytes / 2**30)} of "
            f"memory, {self.parameters / 1e6:.2g} million parameters."
        )


def check(config: RunConfig, given_up: Flag) -> Iterator[Estimate]:
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
        command = [sys.executable, "-m", "napari_diffseg.training", "--check", str(run)]
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            said = _said(process, given_up)
        if said is not None:
            yield _estimate(process.returncode, *said)


def _said(process: subprocess.Popen[bytes], given_up: Flag) -> tuple[str, str] | None:
    """Both streams in the end; None when it was given up."""
    while True:
        try:
            out, err = process.communicate(timeout=_HEARD_S)
            return out.decode(errors="replace"), err.decode(errors="replace")
        except subprocess.TimeoutExpired:
            if given_up.is_set():
                _end(process)
                return None


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.communicate(timeout=_PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()


def _estimate(code: int, out: str, err: str) -> Estimate:
    lines = out.strip().splitlines() or [""]
    try:
        if code == 0:
            return Estimate.model_validate_json(lines[-1])
    except ValidationError:
        pass
    why = err.strip().splitlines() or [f"the check ended with code {code}"]
    raise TrainingError(why[-1])
