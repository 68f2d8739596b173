"""What comes after a run that asks whether diffusion helps: its control, and the comparison."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from threading import Event, Thread

import psutil

from napari_diffseg.training.comparison import cases_to_compare, compare
from napari_diffseg.training.config import RunConfig, read_run
from napari_diffseg.training.control import CONTROL, asked
from napari_diffseg.training.ending import sentence_of
from napari_diffseg.training.events import Ended, EventLog, Warned
from napari_diffseg.training.folder import RUN
from napari_diffseg.training.run import train
from napari_diffseg.training.start import accelerator_of, by_the_first, is_first
from napari_diffseg.training.status import beat, read_status
from napari_diffseg.training.without_diffusion import make_control

logger = logging.getLogger(__name__)

_BEAT_S, _FORWARD_S = 1.0, 0.2


def follow_up(run: Path) -> Ended:
    """Train the control of a finished run and compare the two, as far as that is not done yet.

    Requests to the run are handed on to its control, and its heartbeat goes on. Whatever goes wrong is told
    among the run's events, and takes nothing from the run itself.

    Raises:
        TrainingError: run.toml cannot be read.
    """
    gc.collect()  # the run's network is in the control's way
    config = read_run(run / RUN)
    try:
        with _meanwhile(partial(beat, run), _BEAT_S) if is_first(config.train) else nullcontext():
            ended = _followed(run, config)
    except Exception as error:
        logger.info("There is no comparison", exc_info=True)
        ended = Ended(state="failed", step=0, sentence=sentence_of(error))
    if ended.state == "failed" and is_first(config.train):
        _warn(run, f"Diffusion could not be held against a network without it. {ended.sentence}")
    return ended


def _followed(run: Path, config: RunConfig) -> Ended:
    accelerator = accelerator_of(config.train)
    control = by_the_first(accelerator, lambda: _ready(run, config))
    status = read_status(control)
    if status is not None and (status.state, status.step) == ("finished", config.train.steps):
        ended = Ended(state="finished", step=status.step)
    elif accelerator.is_main_process:
        with _meanwhile(partial(_forward, run, control), _FORWARD_S):
            ended = train(control)
    else:
        ended = train(control)
    if ended.state != "finished" or by_the_first(accelerator, lambda: _compared(run)):
        return ended
    return Ended(state="stopped", step=ended.step)


def _ready(run: Path, config: RunConfig) -> Path:
    cases_to_compare(run)  # tells of too few now, not when the control is trained
    return make_control(run, config)


def _compared(run: Path) -> bool:
    """Whether there is a comparison, or somebody asked to stop first."""
    began = psutil.Process().create_time()

    def go_on() -> bool:
        requests = asked(run, since=began)
        for path, _ in requests:
            path.unlink(missing_ok=True)
        return all(request != "stop" for _, request in requests)

    return compare(run, go_on=go_on) is not None


def _forward(run: Path, control: Path) -> None:
    """Hand on requests, each file as it is."""
    (control / CONTROL).mkdir(exist_ok=True)
    for path in (run / CONTROL).glob("[!.]*"):
        path.replace(control / CONTROL / path.name)


@contextmanager
def _meanwhile(work: Callable[[], None], every_s: float) -> Iterator[None]:
    """Do a piece of work again and again in a thread; what a disk refuses is tried the next time."""
    over = Event()

    def repeat() -> None:
        while not over.is_set():
            with suppress(OSError):
                work()
            over.wait(every_s)

    thread = Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _warn(run: Path, sentence: str) -> None:
    log = EventLog(run)
    log.say(Warned(sentence=sentence), safely=True)
    log.close()
