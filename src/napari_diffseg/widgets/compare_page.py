"""The page that compares the readers of a case with one another and with a model."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from napari.components import ViewerModel
from napari.utils.theme import get_theme
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QPushButton, QTabBar, QVBoxLayout, QWidget

from napari_diffseg.errors import DiffSegError
from napari_diffseg.layers.comparison import ComparisonLayers
from napari_diffseg.raters.project import Project
from napari_diffseg.results.result import Result
from napari_diffseg.volume.grid import Shape
from napari_diffseg.widgets.agreement_panel import AgreementPanel
from napari_diffseg.widgets.column import scrolling
from napari_diffseg.widgets.compare_head import CompareHead
from napari_diffseg.widgets.compare_wording import millilitres
from napari_diffseg.widgets.comparing import AllCases, CaseComparison, compare_all, compare_case, find_cases
from napari_diffseg.widgets.consensus_panel import ConsensusPanel
from napari_diffseg.widgets.errand import Errand
from napari_diffseg.widgets.export_dialog import ExportDialog
from napari_diffseg.widgets.fusing import Fused
from napari_diffseg.widgets.model_panel import ModelPanel
from napari_diffseg.widgets.plain_label import PlainLabel
from napari_diffseg.widgets.reader_legend import MOST_TOGETHER, ReaderLegend


class ComparePage(QWidget):
    """Shows one case at a time, or the numbers of all.

    Args:
        viewer: gets the layers.
        project: of the cases.

    Attributes:
        comparison: on screen; None before the first, and for all cases.
        layers: of it.

    Signals:
        showing: the layers of a case are about to be added; others should go.
    """

    showing = Signal()

    def __init__(self, viewer: ViewerModel, project: Project) -> None:
        super().__init__()
        self._viewer, self._project = viewer, project
        self.comparison: CaseComparison | None = None
        self.layers: ComparisonLayers | None = None
        self._all: AllCases | None = None
        self._fused: Fused | None = None
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
        _give_up(self._comparing)
        self._comparing = None
        self.message.say("")
        if self.layers is not None:
            layers, self.layers = self.layers, None
            layers.remove()
        self.comparison = self._all = self._fused = None
        self.consensus.take(None)
        self.model.take((), self.head.by)
        self.head.cases.setCurrentIndex(-1)
        self._show_parts()

    def take_project(self, project: Project) -> None:
        """The project's folders are trusted now."""
        self._project = project

    def close_down(self) -> None:
        """The dock closes; whoever calls it gives up the errands."""
        self._viewer.dims.events.point.disconnect(self._follow_slice)
        self._viewer.layers.events.removed.disconnect(self._note_removed)
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
        panels = QWidget()
        column = QVBoxLayout(panels)
        column.setContentsMargins(0, 0, 0, 0)
        for panel, title in self._panels.items():
            self.tabs.addTab(title)
            column.addWidget(panel)
        column.addStretch(1)
        self.export.setToolTip("Masks, consensus, ratings and agreement as files; for the project’s owner.")
        parts = (self.head, self.message, self.structure, self.legend, self.tabs, panels, self.export)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(scrolling(*parts, growing=panels))

    def _connect(self) -> None:
        self.head.looked.connect(self._look_anew)
        self.head.chosen.connect(self._compare)
        self.structure.currentIndexChanged.connect(self._show_structure)
        self.tabs.currentChanged.connect(self._show_parts)
        self.legend.arranged.connect(self._arrange)
        self.legend.mapped.connect(self._show_map)
        self.legend.reader.connect(self._show_reader)
        self.agreement.slice_chosen.connect(self._go_to_slice)
        self.agreement.voxel_chosen.connect(self._go_to)
        self.consensus.made.connect(self._show_consensus)
        self.model.drawn.connect(self._show_ensemble)
        self.export.clicked.connect(self._ask_export)
        self._viewer.dims.events.point.connect(self._follow_slice)
        self._viewer.layers.events.removed.connect(self._note_removed)

    def _look_anew(self) -> None:
        self.clear()
        self.look()

    def _begin_with(self, case: str) -> None:
        """Unless the person was quicker."""
        if self.comparison is None and self._comparing is None and self._all is None:
            self.head.choose(case)

    def _compare(self) -> None:
        chosen, everything = self.head.case, self.head.is_all
        index = self.head.cases.currentIndex()
        self.clear()
        self.head.cases.setCurrentIndex(index)
        if everything:
            cases = self.head.comparable()
            self._comparing = Errand(self, compare_all, self._project, cases, self.head.by)
        else:
            self._comparing = Errand(self, compare_case, self._project, chosen, self.head.by)
        self.message.say(f"Comparing the readers of {chosen or 'all cases'}…")
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
        self.comparison = found
        reads = found.reads
        self.layers = ComparisonLayers(self._viewer, found.scan, reads, found.agreement.box)
        if len(reads.raters) > MOST_TOGETHER:
            self.legend.choose("one by one")
        self.consensus.take(found)
        self.model.take((reads.case,), self.head.by, found)
        self.layers.begin(_fullest(found))

    def _show_structure(self, *_: object) -> None:
        place = max(0, self.structure.currentIndex())
        self.model.choose_class(place)
        if self._all is not None:
            self.agreement.show_all(self._all, place)
        if self.comparison is None or self.layers is None:
            return
        self.legend.show_readers(_volumes(self.comparison, place), len(self.comparison.agreement.raters))
        self.agreement.show_case(self.comparison, place)
        self.layers.show_votes(
            self.comparison.disagreements[place].votes, len(self.comparison.agreement.raters)
        )
        self._arrange()
        self._follow_slice()
        if self._fused is not None and self._fused.share is not None:
            self._show_consensus(self._fused)

    def _arrange(self) -> None:
        if self.layers is not None:
            place = max(0, self.structure.currentIndex())
            self.layers.show_readers(place + 1, self.legend.arrangement.currentData())
            for reader, box in enumerate(self.legend.readers):
                self.layers.show_reader(reader, box.isChecked())

    def _show_map(self, shown: bool) -> None:
        if self.layers is not None and self.layers.votes is not None:
            self.layers.votes.visible = shown

    def _show_reader(self, place: int, shown: bool) -> None:
        if self.layers is not None:
            self.layers.show_reader(place, shown)

    def _show_consensus(self, found: Fused) -> None:
        self._fused = found
        if self.layers is None:
            return
        self.legend.votes.setChecked(False)
        if found.consensus is not None:
            self.layers.show_consensus(found.consensus.labels.data, self._project.document.labels)
        elif found.share is not None:
            place = max(0, self.structure.currentIndex())
            self.layers.show_share("share of readers", found.share[place], found.box)

    def _show_ensemble(self, result: Result) -> None:
        place = min(max(0, self.structure.currentIndex()), len(result.classes) - 1)
        if self.layers is not None:
            self.legend.votes.setChecked(False)
            self.layers.show_share("model’s mean", result.mean[place], result.box)

    def turn_to(self, panel: QWidget) -> None:
        """Show one of the three panels."""
        self.tabs.setCurrentIndex(list(self._panels).index(panel))

    def _show_parts(self, *_: object) -> None:
        shown = self.comparison is not None or self._all is not None
        self.structure.setEnabled(shown)
        self.tabs.setVisible(shown)
        self.tabs.setTabVisible(list(self._panels).index(self.consensus), self.comparison is not None)
        for place, panel in enumerate(self._panels):
            panel.setVisible(shown and place == self.tabs.currentIndex())
        # numbers of a model need the room
        self.legend.setVisible(self.comparison is not None and self.model.isHidden())

    def _go_to_slice(self, number: int) -> None:
        if self.layers is not None:
            self.layers.go_to_slice(number)

    def _go_to(self, voxel: Shape) -> None:
        if self.layers is not None:
            self.layers.go_to(voxel)

    def _follow_slice(self, *_: object) -> None:
        if self.layers is not None and not self.layers.is_gone():
            self.agreement.curve.show_slice(self.layers.slice_in_view())

    def _note_removed(self, *_: object) -> None:
        if self.layers is not None and self.layers.is_gone():
            self.clear()

    def _ask_export(self, *_: object) -> None:
        """Every reader's masks: the owner's to take."""
        if self.head.by is None:
            self._export()
        else:
            self.head.ask_owner(self._export)

    def _export(self) -> None:
        self.open_export()

    def open_export(self, folder: Path | None = None) -> ExportDialog:
        """Open the form of an export.

        Args:
            folder: in which the new one is made; None for the project's neighbour.
        """
        dialog = ExportDialog(self._project, self)
        if folder is not None:
            dialog.use_folder(folder)
        dialog.open()
        return dialog

    def _explain(self, error: DiffSegError) -> None:
        self.message.say(str(error))

    def _end_looking(self) -> None:
        self._looking = None

    def _end_comparing(self) -> None:
        self._comparing = None


def _give_up(errand: Errand | None) -> None:
    if errand is not None:
        errand.give_up()


def _fullest(found: CaseComparison) -> Shape:
    """The middle of the box, in the slice that most is marked in."""
    marked, box = found.disagreements[0].marked, found.agreement.box
    d, h, w = ((a + b) // 2 for a, b in zip(box.start, box.stop, strict=True))
    return (int(marked.argmax()) if marked.any() else d), h, w


def _volumes(found: CaseComparison, place: int) -> list[tuple[str, str]]:
    """Name and volume of every reader, also of those that are left out."""
    structure = found.agreement.structures[place]
    volumes = dict(zip(found.agreement.raters, structure.volumes_ml, strict=True))
    return [
        (f"{name} (you)" if name == found.own else name, _told(volumes.get(name)))
        for name in found.reads.raters
    ]


def _told(volume: float | None) -> str:
    return "left out" if volume is None else f"{millilitres(volume)} ml"
