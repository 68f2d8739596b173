"""A training run carried out in front of a shell: a bar on a terminal, a line now and then in a pipe."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from napari_diffseg.cli.interrupt import cancelling
from napari_diffseg.cli.output import Output
from napari_diffseg.training.comparison import read_comparison
from napari_diffseg.training.config import read_run
from napari_diffseg.training.control import ask
from napari_diffseg.training.events import (
    Ended,
    Event,
    EventReader,
    Prepared,
    Started,
    Stepped,
    Validated,
    Warned,
)
from napari_diffseg.training.folder import LOG, RUN
from napari_diffseg.training.launch import launch
from napari_diffseg.training.status import read_status
from napari_diffseg.training.without_diffusion import WITHOUT_DIFFUSION

_POLL_S = 0.3
_LINE_EVERY_S = 30.0

Show = Callable[[Event], None]


def carry_out(run: Path, output: Output) -> Ended:
    """Start or resume a run, and then its control, and show how they go on; Ctrl+C asks them to stop.

    Returns:
        How the whole ended: not "finished" before there is the comparison that the run asks for.

    Raises:
        TrainingError: the folder holds no run, or one that is going on.
    """
    readers = {"": EventReader(run), "without diffusion, ": EventReader(run / WITHOUT_DIFFUSION)}
    for reader in readers.values():
        reader.new()  # what happened before
    process, ended = launch(run), None
    with cancelling(lambda: ask(run, "stop")), _shown(output) as show:
        while True:
            over = process.poll() is not None  # asked first, so that the last words are read after it
            for lead, reader in readers.items():
                for event in reader.new():
                    _tell(event, output, lead)
                    show(event)
                    if isinstance(event, Ended) and not lead:
                        ended = event
            if over:
                return _followed(run, ended or _lost(run), process.returncode)
            time.sleep(_POLL_S)


def _followed(run: Path, ended: Ended, code: int) -> Ended:
    """How the run ended, or what follows it where that is still to be done."""
    config = read_run(run / RUN)
    if ended.state != "finished" or not config.with_control or read_comparison(run, config) is not None:
        return ended
    if code == 0:
        return Ended(state="stopped", step=ended.step)
    return Ended(
        state="failed",
        step=ended.step,
        sentence=f"{run.name} is trained, but was not held against its network without diffusion; "
        f"{run / LOG} says why. Go on with: napari-diffseg train --resume {run}",
    )


def _lost(run: Path) -> Ended:
    """The process ended without a last word."""
    status = read_status(run)
    step = status.step if status else 0
    return Ended(
        state="failed",
        step=step,
        sentence=f"The run's process ended at step {step} without a word; {run / LOG} may say why. Resume it "
        "with --resume.",
    )


def _tell(event: Event, output: Output, lead: str) -> None:
    if isinstance(event, Warned):
        output.warn(event.sentence)
    elif isinstance(event, Validated):
        values = ("dice", "ged", "matched_iou", "hd95_mm")
        found = ", ".join(f"{n} {event.metrics[n]:.4g}" for n in values if event.metrics.get(n) is not None)
        best = ", the best so far" if event.best else ""
        output.note(f"{lead}step {event.step}: {found} over {event.cases} cases{best}")


@contextmanager
def _shown(output: Output) -> Iterator[Show]:
    console = output.errors
    if output.quiet or not console.is_terminal:
        yield _lines(output)
        return
    columns = BarColumn(), TextColumn("{task.description}", markup=False), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("starting", total=None)

        def show(event: Event) -> None:
            if isinstance(event, Prepared):
                what = f"prepared {event.done} of {event.cases} cases"
                progress.update(task, total=event.cases, completed=event.done, description=what)
            elif isinstance(event, Stepped):
                progress.update(
                    task, completed=event.step, description=f"step {event.step} · loss {event.loss:.4g}"
                )
            elif isinstance(event, Started):
                progress.reset(task, total=event.steps, completed=event.step, description="training")

        yield show


def _lines(output: Output) -> Show:
    said = -_LINE_EVERY_S

    def show(event: Event) -> None:
        nonlocal said
        if isinstance(event, Stepped) and time.monotonic() - said > _LINE_EVERY_S:
            said = time.monotonic()
            output.note(f"step {event.step}: loss {event.loss:.4g}, {event.seconds:.2g} s a step")

    return show
