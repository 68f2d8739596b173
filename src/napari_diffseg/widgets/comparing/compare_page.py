"""The page that compares the readers of a case with one another and with a model."""

from __future__ import annotations

from functools import partial

from napari.components import ViewerModel
from napari.utils.theme import get_theme
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QPushButton, QTabBar, QWidget

from napari_diffseg.errors import DiffSegError
from napari_diffseg.raters.project import Project
from napari_diffseg.widgets.column import scrolling
from napari_diffseg.widgets.comparing.agreement_panel import AgreementPanel
from napari_diffseg.widgets.comparing.compare_head import CompareHead
from napari_diffseg.widgets.comparing.compared_case import ComparedCase
from napari_diffseg.widgets.comparing.comparing import (
    AllCases,
    CaseComparison,
    compare_all,
    compare_case,
    find_cases,
)
from napari_diffseg.widgets.comparing.consensus_panel import ConsensusPanel
from napari_diffseg.widgets.comparing.export_dialog import ExportDialog
from napari_diffseg.widgets.comparing.model_panel import ModelPanel
from napari_diffseg.widgets.comparing.reader_legend import ReaderLegend
from napari_diffseg.widgets.errand import Errand
from napari_diffseg.widgets.plain_label import PlainLabel
from napari_diffseg.widgets.rows import column_in


class ComparePage(QWidget):
    """Shows one case at a time, or the numbers of all.

    Args:
        viewer: gets the layers.
        project: of the cases.

    Attributes:
        case: on screen; None before the first, and for all cases.

    Signals:
        showing: the layers of a case are about to be added; others should go.
    """

    showing = Signal()

    def __init__(self, viewer: ViewerModel, project: Project) -> None:
        super().__init__()
        self._viewer, self._project = viewer, project
        self.case: ComparedCase | None = None
        self._all: AllCases | None = None
        self._looking: Errand | None = None
        self._comparing: Errand | None = None
        self.head, self.legend, self.structure = CompareHead(), ReaderLegend(), QComboBox()
        self.agreement, self.consensus = AgreementPanel(), ConsensusPanel(project.document)
        self.model, self.tabs = ModelPanel(project), QTabBar()
        self._panels = {self.agreement: "Agreement", self.consensus: "Consensus", self.model: "Model"}
        self.message, self.export = PlainLabel(), QPushButton("Export reads…")
        self._lay_out()
        self._connect()
        self._show_parts()
        self.colour()

    def take_rater(self, rater: str) -> None:
        """Somebody else reads."""
        self.clear()
        self.head.take_rater(rater)

    def look(self, case: str = "") -> None:
        """Find out which cases may be compared.

        Args:
            case: that is compared at once where it may be, and nothing is yet.
        """
        if self.head.by == "":
            self.head.show_cases(())
            return
        _give_up(self._looking)
        self._looking = Errand(self, find_cases, self._project, self.head.by)
        self._looking.told.connect(self.head.show_cases)
        if case:
            self._looking.ended.connect(partial(self._begin_with, case))
        self._looking.failed.connect(self._explain)
        self._looking.ended.connect(self._end_looking)
        self._looking.run()

    def clear(self) -> None:
        """Take everything off the screen; what is being computed is given up."""
        self._take_off()
        self.head.cases.setCurrentIndex(-1)

    def take_project(self, project: Project) -> None:
        """The project's folders are trusted now."""
        self._project = project
        self.model.take_project(project)

    def close_down(self) -> None:
        """The dock closes; whoever calls it gives up the errands."""
        self.model.close_down()
        self.clear()

    def colour(self) -> None:
        """Take the colours of the viewer's theme."""
        self.agreement.curve.colour(self._viewer.theme)
        self.consensus.colour(get_theme(self._viewer.theme).warning.as_hex())

    def _lay_out(self) -> None:
        for info in self._project.document.labels:
            self.structure.addItem(info.name)
        self.structure.setToolTip("The structure that is compared.")
        self.structure.setVisible(self.structure.count() > 1)
        self.tabs.setDrawBase(False)
        for title in self._panels.values():
            self.tabs.addTab(title)
        panels = QWidget()
        column_in(panels, *self._panels).addStretch(1)
        self.export.setToolTip("Masks, consensus, ratings and agreement as files; for the project’s owner.")
        parts = (self.head, self.message, self.structure, self.legend, self.tabs, panels, self.export)
        column_in(self, scrolling(*parts, growing=panels))

    def _connect(self) -> None:
        self.head.looked.connect(self._look_anew)
        self.head.chosen.connect(self._compare)
        self.structure.currentIndexChanged.connect(self._show_structure)
        self.tabs.currentChanged.connect(self._show_parts)
        self.export.clicked.connect(self._ask_export)

    def _look_anew(self) -> None:
        self.clear()
        self.look()

    def _take_off(self) -> None:
        _give_up(self._comparing)
        self._comparing = None
        self.message.say("")
        case, self.case, self._all = self.case, None, None
        if case is not None:
            case.close()
        self.consensus.take(None)
        self.model.take((), self.head.by)
        self._show_parts()

    def _begin_with(self, case: str) -> None:
        """Unless the person was quicker."""
        if self.case is None and self._comparing is None and self._all is None:
            self.head.choose(case)

    def _compare(self) -> None:
        self._take_off()
        case, cases, by = self.head.case, self.head.comparable(), self.head.by
        if self.head.is_all:
            self._comparing = Errand(self, compare_all, self._project, cases, by)
        else:
            self._comparing = Errand(self, compare_case, self._project, case, by)
        self.message.say(f"Comparing the readers of {case or 'all cases'}…")
        self._comparing.told.connect(self._show)
        self._comparing.failed.connect(self._explain)
        self._comparing.ended.connect(self._end_comparing)
        self._comparing.run()

    def _show(self, found: CaseComparison | AllCases | int) -> None:
        if isinstance(found, int):
            self.message.say(f"{found} of {len(self.head.comparable())} cases are compared…")
            return
        self.message.say("")
        if isinstance(found, AllCases):
            self._all = found
            self.model.take(self.head.comparable(), self.head.by)
        else:
            self._show_case(found)
        self._show_parts()
        self._show_structure()

    def _show_case(self, found: CaseComparison) -> None:
        self.showing.emit()
        self.case = ComparedCase(
            self._viewer, found, self._project.document, legend=self.legend, agreement=self.agreement
        )
        self.case.gone.connect(self.clear)
        self.consensus.made.connect(self.case.show_consensus)
        self.model.drawn.connect(self.case.show_ensemble)
        self.consensus.take(found)
        self.model.take((found.reads.case,), self.head.by, found)

    def _show_structure(self, *_: object) -> None:
        place = max(0, self.structure.currentIndex())
        self.model.choose_class(place)
        if self._all is not None:
            self.agreement.show_all(self._all, place)
        if self.case is not None:
            self.case.show_structure(place)

    def turn_to(self, panel: QWidget) -> None:
        """Show one of the three panels."""
        self.tabs.setCurrentIndex(list(self._panels).index(panel))

    def _show_parts(self, *_: object) -> None:
        shown = self.case is not None or self._all is not None
        self.structure.setEnabled(shown)
        self.tabs.setVisible(shown)
        self.tabs.setTabVisible(list(self._panels).index(self.consensus), self.case is not None)
        for place, panel in enumerate(self._panels):
            panel.setVisible(shown and place == self.tabs.currentIndex())
        # numbers of a model need the room
        self.legend.setVisible(self.case is not None and self.model.isHidden())

    def _ask_export(self, *_: object) -> None:
        """Every reader's masks: the owner's to take."""
        if self.head.by is None:
            self._export()
        else:
            self.head.ask_owner(self._export)

    def _export(self) -> None:
        ExportDialog(self._project, self).open()

    def _explain(self, error: DiffSegError) -> None:
        self.message.say(str(error))

    def _end_looking(self) -> None:
        self._looking = None

    def _end_comparing(self) -> None:
        self._comparing = None


def _give_up(errand: Errand | None) -> None:
    if errand is not None:
        errand.give_up()
