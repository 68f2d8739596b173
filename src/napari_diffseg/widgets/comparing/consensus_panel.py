"""One label map from all readers: how it is made, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QPushButton, QWidget

from napari_diffseg.errors import DiffSegError
from napari_diffseg.raters.project_document import ProjectDocument
from napari_diffseg.widgets.comparing import compare_wording as words
from napari_diffseg.widgets.comparing.comparing import CaseComparison
from napari_diffseg.widgets.comparing.fusing import Fused, fuse
from napari_diffseg.widgets.comparing.way_rows import WAYS, WayRows
from napari_diffseg.widgets.errand import Errand
from napari_diffseg.widgets.plain_label import PlainLabel
from napari_diffseg.widgets.rater_wording import millilitres
from napari_diffseg.widgets.rows import Rows, column_in
from napari_diffseg.widgets.sheet import Sheet


class ConsensusPanel(QWidget):
    """Asks for a way and shows what came of it.

    Args:
        project: of the cases.

    Signals:
        made: a Fused, to be shown in the viewer.
    """

    made = Signal(object)

    def __init__(self, project: ProjectDocument) -> None:
        super().__init__()
        self._project = project
        self._comparison: CaseComparison | None = None
        self._errand: Errand | None = None
        self._rows, self.make = QWidget(), QPushButton("Make it")
        self.way = WayRows("Way", tuple(WAYS), Rows(self._rows))
        self.about, self.empty = PlainLabel(), PlainLabel(words.empty_reads(project.protocol.empty_reads))
        self.volumes, self.warning, self.message = PlainLabel(), PlainLabel(), PlainLabel()
        self.trust = Sheet(("Reader", "Sensitivity", "Specificity"), most_rows=8)
        self._lay_out()
        self.way.changed.connect(self._show_way)
        self.make.clicked.connect(self.begin)
        self._show_way()

    def take(self, comparison: CaseComparison | None) -> None:
        """Another case is compared; None for none."""
        if self._errand is not None:
            self._errand.give_up()
            self._errand = None
        self._comparison = comparison
        self.make.setEnabled(comparison is not None)
        self._clear()

    def begin(self, *_: object) -> None:
        """Make the consensus as chosen."""
        if self._comparison is None or self._errand is not None:
            return
        self.make.setEnabled(False)
        self._clear()
        reads, classes = self._comparison.counted, len(self._project.labels)
        self._errand = Errand(self, fuse, reads, classes, self.way.wanted, self.way.level)
        self._errand.told.connect(self._show)
        self._errand.failed.connect(self._explain)
        self._errand.ended.connect(self._end)
        self._errand.run()

    def colour(self, warning: str) -> None:
        """Take the theme's colour for warnings, #rrggbb."""
        self.warning.setStyleSheet(f"color: {warning};")

    def _lay_out(self) -> None:
        self.make.setEnabled(False)
        self.make.setToolTip("Show the consensus in the picture; it can be corrected there and saved.")
        asked = self._rows, self.about, self.empty, self.make
        layout = column_in(self, *asked, self.volumes, self.trust, self.warning, self.message, spacing=6)
        layout.setContentsMargins(0, 6, 0, 0)
        layout.addStretch(1)

    def _show_way(self) -> None:
        self.about.say(WAYS[self.way.wanted][1])

    def _clear(self) -> None:
        for label in (self.volumes, self.warning, self.message):
            label.say("")
        self.trust.hide()

    def _show(self, found: Fused) -> None:
        names = [info.name for info in self._project.labels]
        told = [f"{name} {millilitres(ml)} ml" for name, ml in zip(names, found.volumes_ml, strict=True)]
        title = WAYS[found.wanted][0]
        self.volumes.say(f"{title} of {len(found.readers)} reads: {', '.join(told)}.")
        if found.consensus is not None and found.consensus.reliability:
            self.trust.show_rows(list(_trust(found, names)))
            self.trust.show()
        if found.consensus is not None:
            self.warning.say(" ".join(found.consensus.warnings))
        self.made.emit(found)

    def _explain(self, error: DiffSegError) -> None:
        self.message.say(str(error))

    def _end(self) -> None:
        self._errand = None
        self.make.setEnabled(self._comparison is not None)


def _trust(found: Fused, names: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    assert found.consensus is not None
    for row in found.consensus.reliability:
        structure = f", {names[row.label - 1]}" if len(names) > 1 else ""
        reader = found.readers[row.read]
        yield f"{reader}{structure}", words.number(row.sensitivity, 3), words.number(row.specificity, 4)
