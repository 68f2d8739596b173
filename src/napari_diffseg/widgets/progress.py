"""How far a run is."""

from __future__ import annotations

from qtpy.QtWidgets import QProgressBar, QVBoxLayout, QWidget

from napari_diffseg.results.events import BatchHalved, Event, MemberDone, Planned, Stepped
from napari_diffseg.widgets.plain_label import PlainLabel
from napari_diffseg.widgets.wording import duration


class RunProgress(QWidget):
    """A bar over all steps of all members, and a line: "member 2 of 5 · step 3 of 5 · about 12 s left"."""

    def __init__(self) -> None:
        super().__init__()
        self.bar, self.line = QProgressBar(), PlainLabel()
        self.bar.setTextVisible(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.bar)
        layout.addWidget(self.line)
        self.hide()

    def begin(self) -> None:
        """A run was asked for; how long it is, is not known yet."""
        self.bar.setRange(0, 0)
        self.line.say("Preparing the scan…")
        self.show()

    def say(self, text: str) -> None:
        """Show another line, until the next event."""
        self.line.say(text)

    def show_event(self, event: Event) -> None:
        """Take in the run's next event."""
        match event:
            case Planned(plan=plan):
                self.bar.setRange(0, plan.members * plan.slices * plan.steps)
            case Stepped():
                self.bar.setRange(0, event.members * event.steps)
                self.bar.setValue(event.member * event.steps + event.step)
                self.line.say(_line(event))
            case MemberDone():
                self.bar.setValue(
                    max(self.bar.value(), (event.member + 1) * self.bar.maximum() // event.members)
                )
            case BatchHalved():
                self.line.say(f"Out of memory: going on with {event.at_once} {event.what} at once.")


def _line(event: Stepped) -> str:
    parts = []
    if event.members > 1:
        parts.append(f"member {event.member + 1} of {event.members}")
    if event.steps > 1:
        parts.append(f"step {event.step} of {event.steps}")
    left = f"about {duration(event.remaining_s)} left" if event.remaining_s > 0 else "finishing"
    return " · ".join([*parts, left])
