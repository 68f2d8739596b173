"""A run's events in a shell: a bar on a terminal, a line for each member in a pipe."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, TextColumn

from napari_diffseg.cli.output import Output
from napari_diffseg.errors import CancelledError
from napari_diffseg.results.events import BatchHalved, Event, Finished, MemberDone, Plan, Planned, Stepped
from napari_diffseg.results.result import Result
from napari_diffseg.results.timing import expected_s
from napari_diffseg.volume.wording import times

Show = Callable[[Event], None]


def follow(run: Iterable[Event], output: Output, *, checkpoint_sha256: str) -> Result:
    """Draw a run to its end and show how it goes on.

    Args:
        run: the events.
        output: where to show them.
        checkpoint_sha256: whose last speed on this machine gives the time expected.

    Raises:
        CancelledError: the events ended without a result.
    """
    with _shown(output) as show:
        for event in run:
            if isinstance(event, Planned):
                output.note(_plan_line(event.plan, checkpoint_sha256))
            elif isinstance(event, BatchHalved):
                output.note(f"Out of memory; going on with {event.at_once} {event.what} at once.")
            elif isinstance(event, Finished):
                return event.result
            show(event)
    raise CancelledError("The run ended before its first member was finished; nothing was kept.")


@contextmanager
def _shown(output: Output) -> Iterator[Show]:
    console = output.errors
    if output.quiet or not console.is_terminal:
        yield _member_lines(output)
        return
    columns = BarColumn(), TextColumn("{task.description}", markup=False)
    with Progress(*columns, console=console, transient=True) as progress:
        yield _bar(progress)


def _bar(progress: Progress) -> Show:
    task = progress.add_task("starting", total=None)

    def show(event: Event) -> None:
        if isinstance(event, Stepped):
            progress.update(
                task,
                total=event.members * event.steps,
                completed=event.member * event.steps + event.step,
                description=f"member {event.member + 1} of {event.members} · "
                f"step {event.step} of {event.steps} · about {_duration(event.remaining_s)} left",
            )

    return show


def _member_lines(output: Output) -> Show:
    remaining_s = math.inf

    def show(event: Event) -> None:
        nonlocal remaining_s
        if isinstance(event, Stepped):
            remaining_s = event.remaining_s
        elif isinstance(event, MemberDone):
            left = event.member + 1 < event.members
            about = f", about {_duration(remaining_s)} left" if left else ""
            output.note(f"member {event.member + 1} of {event.members} done{about}")

    return show


def _plan_line(plan: Plan, checkpoint_sha256: str) -> str:
    calls = plan.members * plan.steps
    seconds = expected_s(
        checkpoint_sha256, plan.device, plan.precision, calls=calls, voxels=math.prod(plan.box.shape)
    )
    members = "1 member" if plan.members == 1 else f"{plan.members} members"
    steps = "1 step" if plan.steps == 1 else f"{plan.steps} steps"
    time = "time known after the first step" if seconds is None else f"about {_duration(seconds)}"
    return (
        f"{members}{_of_slices(plan)} in {steps} on {times(plan.box.shape)} voxels, "
        f"{plan.device}, {plan.precision}, {plan.needed_gib:.2g} of {plan.free_gib:.3g} GiB free, {time}"
    )


def _of_slices(plan: Plan) -> str:
    if plan.slices_at_once is None:
        return ""
    slices = "1 slice" if plan.slices == 1 else f"{plan.slices} slices"
    return f" of {slices}, {plan.slices_at_once * plan.members_at_once} at once,"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{math.ceil(seconds)} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
