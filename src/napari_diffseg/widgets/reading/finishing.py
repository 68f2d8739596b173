"""How a read ends, and how one that has ended begins again."""

from __future__ import annotations

from functools import partial

from qtpy.QtCore import Signal

from napari_diffseg.raters.read_record import ReadRecord
from napari_diffseg.widgets.question import Question
from napari_diffseg.widgets.rater_wording import finished_when
from napari_diffseg.widgets.reading.rater_session import ReadSession

_SURE = "Finish this read? It is frozen then; reading the case again begins a new session."


class Finishing(Question):
    """Asks before a read is frozen, and where a frozen one is opened.

    Signals:
        finished: the read is frozen; its ReadRecord.
        again: the person wants to read the case anew, from "empty" or from what they "finished".
    """

    finished = Signal(object)
    again = Signal(str)

    def begin(self, session: ReadSession) -> None:
        """Look for what may have been forgotten, ask, and freeze the read."""
        session.find_concerns(partial(self._ask, session))

    def look_back(self, record: ReadRecord) -> None:
        """A finished read is shown: offer another session."""
        answers = {
            "Again from this": partial(self.again.emit, "finished"),
            "Again from empty": partial(self.again.emit, "empty"),
            "Just look": None,
        }
        self.ask(finished_when(record), answers)

    def _ask(self, session: ReadSession, concerns: tuple[str, ...]) -> None:
        finish = partial(session.finish, self.finished.emit)
        words = "Finish all the same" if concerns else "Finish"
        self.ask("\n".join(concerns) or _SURE, {words: finish, "Go on reading": None})
