"""One compared case on screen: its layers, the legend that steers them, and the curve that follows them."""

from __future__ import annotations

from napari.components import ViewerModel
from qtpy.QtCore import QObject, Signal

from napari_diffseg.layers.comparison import ComparisonLayers
from napari_diffseg.raters.project_document import ProjectDocument
from napari_diffseg.results.result import Result
from napari_diffseg.volume.grid import Shape
from napari_diffseg.widgets.comparing.agreement_panel import AgreementPanel
from napari_diffseg.widgets.comparing.comparing import CaseComparison
from napari_diffseg.widgets.comparing.fusing import Fused
from napari_diffseg.widgets.comparing.reader_legend import MOST_TOGETHER, ReaderLegend
from napari_diffseg.widgets.rater_wording import millilitres


class ComparedCase(QObject):
    """Shows one structure at a time.

    Args:
        viewer: gets the layers.
        found: the case.
        project: names the classes.
        legend: steers what is shown.
        agreement: shows the numbers, and says where the person wants to go.

    Attributes:
        layers: of the case.

    Signals:
        gone: the person deleted the scan's layers.
    """

    gone = Signal()

    def __init__(
        self,
        viewer: ViewerModel,
        found: CaseComparison,
        project: ProjectDocument,
        *,
        legend: ReaderLegend,
        agreement: AgreementPanel,
    ) -> None:
        super().__init__()
        self._viewer, self.found, self._project = viewer, found, project
        self._legend, self._agreement = legend, agreement
        self._place = 0
        self._fused: Fused | None = None
        self._result: Result | None = None
        self.layers = ComparisonLayers(viewer, found.scan, found.reads, found.agreement.box)
        if len(found.reads.raters) > MOST_TOGETHER:
            legend.choose("one by one")
        legend.arranged.connect(self._arrange)
        legend.mapped.connect(self._show_map)
        legend.reader.connect(self.layers.show_reader)
        agreement.slice_chosen.connect(self.layers.go_to_slice)
        agreement.voxel_chosen.connect(self.layers.go_to)
        viewer.dims.events.point.connect(self._follow_slice)
        viewer.layers.events.removed.connect(self._note_removed)
        self.layers.begin(_fullest(found))

    def show_structure(self, place: int) -> None:
        """Show a structure, from 0, in all that is on screen."""
        self._place, counted = place, len(self.found.agreement.raters)
        self._legend.show_readers(_volumes(self.found, place), counted)
        self._agreement.show_case(self.found, place)
        self.layers.show_votes(self.found.disagreements[place].votes, counted)
        self._arrange()
        self._follow_slice()
        if self._fused is not None and self._fused.share is not None:
            self.show_consensus(self._fused)
        if self._result is not None:
            self.show_ensemble(self._result)

    def show_consensus(self, found: Fused) -> None:
        """Show what came of taking the reads together."""
        self._fused = found
        self._legend.votes.setChecked(False)
        if found.consensus is not None:
            self.layers.show_consensus(found.consensus.labels.data, self._project.labels)
        elif found.share is not None:
            self.layers.show_share("share of readers", found.share[self._place], found.box)

    def show_ensemble(self, result: Result) -> None:
        """Show the mean of a model's members."""
        self._result = result
        self._legend.votes.setChecked(False)
        place = min(self._place, len(result.classes) - 1)
        self.layers.show_share("model’s mean", result.mean[place], result.box)

    def close(self) -> None:
        """Take the layers away, and listen to nobody any more."""
        self._legend.arranged.disconnect(self._arrange)
        self._legend.mapped.disconnect(self._show_map)
        self._legend.reader.disconnect(self.layers.show_reader)
        self._agreement.slice_chosen.disconnect(self.layers.go_to_slice)
        self._agreement.voxel_chosen.disconnect(self.layers.go_to)
        self._viewer.dims.events.point.disconnect(self._follow_slice)
        self._viewer.layers.events.removed.disconnect(self._note_removed)
        self.layers.remove()
        self.deleteLater()

    def _arrange(self) -> None:
        self.layers.show_readers(self._place + 1, self._legend.arrangement.currentData())
        for reader, box in enumerate(self._legend.readers):
            self.layers.show_reader(reader, box.isChecked())

    def _show_map(self, shown: bool) -> None:
        if self.layers.votes is not None:
            self.layers.votes.visible = shown

    def _follow_slice(self, *_: object) -> None:
        if not self.layers.is_gone():  # without layers a viewer has two dimensions
            self._agreement.curve.show_slice(self.layers.slice_in_view())

    def _note_removed(self, *_: object) -> None:
        if self.layers.is_gone():
            self.gone.emit()


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
