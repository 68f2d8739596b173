"""Looks at the runs of a folder once a second, in a thread: a slow disk must not stop the window."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from qtpy.QtCore import QObject, QTimer, Signal

from napari_diffseg.errors import DiffSegError
from napari_diffseg.layers import Preview, read_preview
from napari_diffseg.training.folder import RUN, runs_in
from napari_diffseg.widgets.training.following import Curves, Follower, Seen
from napari_diffseg.widgets.worker import Worker, work

_EVERY_MS = 1000

Key = tuple[Path, float]
"""A run's folder and when it was made: another run may have taken the place."""


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """The runs at a moment.

    Args:
        runs: the newest first.
        unreadable: why runs are not among them, a sentence each.
        chosen: the run that was asked for; None when it is none of the runs.
        curves: of the chosen run; None where nothing is new.
        log: of the chosen run, its end.
        preview: of the chosen run; None where nothing is new.
    """

    runs: tuple[Seen, ...]
    unreadable: tuple[str, ...]
    chosen: Seen | None
    curves: Curves | None
    log: str
    preview: Preview | None


class Watch(QObject):
    """Tells how the runs of a folder stand.

    Args:
        folder: that holds the runs' folders; need not exist.

    Signals:
        looked: a Look.
        failed: why there is none, a DiffSegError.
    """

    looked = Signal(object)
    failed = Signal(object)

    def __init__(self, folder: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.folder = folder
        self.chosen: Path | None = None
        self._eyes = _Eyes()
        self._worker: Worker | None = None
        self._again = False
        self._timer = QTimer(self)
        self._timer.setInterval(_EVERY_MS)
        self._timer.timeout.connect(self.look)
        self._timer.start()

    def choose(self, run: Path | None) -> None:
        """Tell this run's curves, log and preview from now on, from their beginning."""
        self.chosen, self._eyes = run, self._eyes.fresh()
        self.look()

    def move(self, folder: Path) -> None:
        """Look at the runs of another folder."""
        self.folder = folder
        self.choose(None)

    def look(self) -> None:
        """Look now, or right after the look that is going on."""
        if self._worker is not None:
            self._again = True
            return
        self._again = False
        self._worker = work(
            self._eyes.look,
            self.folder,
            self.chosen,
            yielded=self._tell,
            errored=self.failed,
            finished=self._end,
        )

    def close(self) -> None:
        """Look no more, and leave no thread."""
        self._timer.stop()
        self.blockSignals(True)
        if self._worker is not None:
            self._worker.join()

    def _tell(self, found: Look) -> None:
        if found.chosen is None or found.chosen.summary.folder == self.chosen:
            self.looked.emit(found)

    def _end(self) -> None:
        self._worker = None
        if self._again and self._timer.isActive():
            self.look()


class _Eyes:
    """What was seen so far; used by one thread at a time."""

    def __init__(self, followers: dict[Key, Follower] | None = None) -> None:
        self._followers = {} if followers is None else followers
        self._told = -1
        self._previewed: int | None = None

    def fresh(self) -> _Eyes:
        """Others that know the runs, and have told nothing yet."""
        return _Eyes(self._followers)

    def look(self, folder: Path, chosen: Path | None) -> Iterator[Look]:
        """One look."""
        unreadable: list[str] = []
        seen = [found for run in runs_in(folder) if (found := self._see(run, unreadable))]
        one = next((run for run in seen if run.summary.folder == chosen), None)
        follower = self._of(one.summary.folder) if one else None
        yield Look(
            tuple(seen),
            tuple(unreadable),
            one,
            self._curves(follower),
            follower.log() if follower else "",
            self._preview(one, unreadable),
        )

    def _see(self, run: Path, unreadable: list[str]) -> Seen | None:
        try:
            return self._of(run).look()
        except (DiffSegError, OSError) as error:
            unreadable.append(f"{run.name}: {error}")
            return None

    def _of(self, run: Path) -> Follower:
        key = (run, (run / RUN).stat().st_mtime)
        if key not in self._followers:
            self._followers[key] = Follower(run)
        return self._followers[key]

    def _curves(self, follower: Follower | None) -> Curves | None:
        if follower is None or follower.events == self._told:
            return None
        self._told = follower.events
        return follower.curves()

    def _preview(self, run: Seen | None, unreadable: list[str]) -> Preview | None:
        step = run.validated[-1].step if run and run.validated else None
        if run is None or step is None or step == self._previewed:
            return None
        try:
            found = read_preview(run.summary.folder)
        except DiffSegError as error:
            unreadable.append(f"{run.summary.folder.name} has a damaged preview. {error}")
            return None
        if found is not None:  # otherwise it is just being replaced
            self._previewed = step
        return found
