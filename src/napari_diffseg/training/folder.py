"""The folder of a run: its names, how it is made, and the runs of a folder. Torch-free.

    RUN/run.toml                 everything needed to repeat it
    RUN/split.json               which cases are for what
    RUN/events.jsonl             what happened
    RUN/status.json              how it stands
    RUN/control/                 requests
    RUN/state/step-NNNNNN/       to resume from, the last two
    RUN/best.safetensors         checkpoints for segmenting
    RUN/last.safetensors
    RUN/preview/                 one case of the validation part as the last validated weights see it
    RUN/cache/                   prepared cases; may be deleted
    RUN/log.txt                  what the process said
    RUN/forecast.json            what it would take; of a check, which leaves nothing else
    RUN/tensorboard/             its curves, where they are asked for
    RUN/without-diffusion/       where it is asked for, a run of the same network without diffusion
    RUN/comparison.json          and which of the two is better

Its process alone writes here, but for control/.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from napari_diffseg.errors import TrainingError
from napari_diffseg.training.config import RunConfig, read_run, write_run
from napari_diffseg.training.events import Event, EventReader, Validated, curves
from napari_diffseg.training.status import Status, read_status

RUN = "run.toml"
SPLIT = "split.json"
LOG = "log.txt"
BEST = "best.safetensors"
LAST = "last.safetensors"
PREVIEW = "preview"
CACHE = "cache"
STATES = "state"

_HALF_WRITTEN = ".????????????????????????????????-*"
"""What a process that was killed leaves of a file or a folder that was to be put in place as a whole."""


@dataclass(frozen=True, slots=True, eq=False)
class RunSummary:
    """One row of a table of runs.

    Args:
        folder: of the run.
        config: what it trains.
        status: how it stands; None when it never started.
        events: what happened, without steps that were done again.
    """

    folder: Path
    config: RunConfig
    status: Status | None
    events: tuple[Event, ...]

    @property
    def best(self) -> Validated | None:
        """The validation that the best checkpoint comes from."""
        found = [event for event in self.events if isinstance(event, Validated) and event.best]
        return found[-1] if found else None

    @property
    def checkpoint(self) -> Path | None:
        """The best checkpoint, or else the last one."""
        return next((path for name in (BEST, LAST) if (path := self.folder / name).is_file()), None)


def make_run(folder: Path, config: RunConfig) -> None:
    """Make the folder of a new run.

    Raises:
        TrainingError: there is a run already, or the folder cannot be made.
    """
    if (folder / RUN).exists():
        raise TrainingError(
            f"{folder.name} already holds a run. Resume it with --resume, or choose another folder."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_run(config, folder / RUN)
    except OSError as error:
        raise TrainingError(
            f"The run folder {folder.name} cannot be made: {error.strerror}. Choose another place."
        ) from error


def unwritable(run: Path, error: OSError) -> TrainingError:
    """What to say where a process cannot write into a run's folder."""
    return TrainingError(
        f"The run folder {run} cannot be written to: {error.strerror}. Ask its owner for the right, or copy "
        "it elsewhere."
    )


def clear_leftovers(run: Path) -> None:
    """Remove what the run's process was writing when it was killed; for the one that goes on."""
    for folder in (run, run / STATES, run / CACHE):
        for path in folder.glob(_HALF_WRITTEN):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def read_summary(folder: Path) -> RunSummary:
    """A run as it stands now.

    Raises:
        TrainingError: the folder holds no run, or one that cannot be read.
    """
    if not (folder / RUN).is_file():
        raise TrainingError(f"{folder.name} holds no run: there is no {RUN} in it. Choose another folder.")
    events = curves(EventReader(folder).new())
    return RunSummary(folder, read_run(folder / RUN), read_status(folder), tuple(events))


def runs_in(folder: Path) -> list[Path]:
    """The folders of the runs right inside a folder, the newest first."""
    found = [path.parent for path in folder.glob(f"*/{RUN}")]
    return sorted(found, key=lambda path: (path / RUN).stat().st_mtime, reverse=True)
