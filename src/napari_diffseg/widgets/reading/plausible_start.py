"""A model's answers for a lesion, one of which a rater may take as a start; it is always recorded."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool
from napari.components import ViewerModel
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QPushButton, QSlider, QSpinBox, QWidget

from napari_diffseg.checkpoints.document import Document
from napari_diffseg.errors import DiffSegError
from napari_diffseg.layers.answers import Answer, AnswerLayer
from napari_diffseg.raters.boxes import box_of
from napari_diffseg.raters.project_document import ProjectDocument
from napari_diffseg.raters.read_record import StartedFrom
from napari_diffseg.results.events import Event, Finished
from napari_diffseg.results.options import SamplingOptions
from napari_diffseg.results.result import Result
from napari_diffseg.volume import Box
from napari_diffseg.widgets.engine import Engine
from napari_diffseg.widgets.job import Request
from napari_diffseg.widgets.model import ModelChooser
from napari_diffseg.widgets.model_scan import scan_for
from napari_diffseg.widgets.plain_label import PlainLabel
from napari_diffseg.widgets.preferences import preferred_folders
from napari_diffseg.widgets.progress import RunProgress
from napari_diffseg.widgets.rater_wording import millilitres
from napari_diffseg.widgets.reading.read_on_screen import ReadOnScreen
from napari_diffseg.widgets.rows import Rows, column_in, equal

_MARGIN_MM = 10.0
_FORBIDDEN = "The protocol does not let a model’s answer be a start while the read is blinded."
_ABOUT = (
    "Samples answers for the lesion in hand, in a box around it, or around the cursor where it has no voxel "
    "yet. The read records which answer it started from."
)


class PlausibleStart(QWidget):
    """Offered where the protocol allows it, otherwise a sentence.

    Args:
        viewer: gets the outline of the answer that is looked at.
        project: of the reads.

    Attributes:
        answers: by member, on the box; None before any are drawn.
    """

    def __init__(self, viewer: ViewerModel, project: ProjectDocument) -> None:
        super().__init__()
        self._viewer, self._project = viewer, project
        self._read: ReadOnScreen | None = None
        self._awaited = False  # what the engine draws is for the read that is open now
        self._engine: Engine | None = None
        self._result: Result | None = None
        self._number = 0
        self._layer: AnswerLayer | None = None
        self.answers: Bool[np.ndarray, "member d h w"] | None = None
        self.obstacle, self.about, self.message = PlainLabel(), PlainLabel(_ABOUT), PlainLabel()
        self.model, self.members = ModelChooser(preferred_folders()), QSpinBox()
        self.start, self.progress = QPushButton("Draw answers"), RunProgress()
        self.slider, self.which = QSlider(Qt.Orientation.Horizontal), PlainLabel()
        self.take, self.drop = QPushButton("Start from this one"), QPushButton("None of them")
        self._controls, self._choice = QWidget(), QWidget()
        self._lay_out()
        self.start.clicked.connect(self._press)
        self.slider.valueChanged.connect(self._look)
        self.take.clicked.connect(self._take)
        self.drop.clicked.connect(self._forget)

    def take_read(self, read: ReadOnScreen | None) -> None:
        """Offer starts for a read that is drawn in; None for none."""
        if self._engine is not None:
            self._engine.cancel()
        self._forget()
        self.message.say("")
        self._read, self._awaited = read, False
        session = read.session if read is not None else None
        forbidden = session is not None and not session.read.may_start_from_member
        self.obstacle.say(_FORBIDDEN if forbidden else "")
        self._controls.setVisible(not forbidden)

    def close_down(self) -> None:
        """Leave no thread; may be called again."""
        if self._engine is not None:
            self._engine.close()
        self._forget()

    def _lay_out(self) -> None:
        self.members.setRange(2, 16)
        self.members.setValue(4)
        self.members.setToolTip("How many answers are drawn.")
        self.slider.setToolTip("Look at one answer after the other; the white outline in the picture.")
        self.take.setToolTip("It takes the place of what the lesion has; Ctrl+Z takes it back.")
        rows = QWidget()
        Rows(rows).add("Answers", self.members)
        column_in(self._choice, self.which, self.slider, equal(self.take, self.drop))
        drawn = self.start, self.progress, self._choice
        column_in(self._controls, self.about, self.model, rows, *drawn)
        column_in(self, self.obstacle, self._controls, self.message)
        self._choice.hide()

    def _press(self, *_: object) -> None:
        if self._engine is not None and self._engine.job is not None:
            self.start.setEnabled(False)
            self._engine.cancel()
            return
        self._forget()
        self.message.say("")
        try:
            request = self._request()
        except DiffSegError as error:
            self._explain(error)
            return
        self._awaited = True
        self.start.setText("Cancel")
        self.progress.begin()
        self._ready_engine().run(request)

    def _ready_engine(self) -> Engine:
        """Made when it is needed first, since it loads torch."""
        if self._engine is None:
            self._engine = Engine(self)
            self._engine.told.connect(self._note)
            self._engine.failed.connect(self._explain)
            self._engine.ended.connect(self._end)
        return self._engine

    def _request(self) -> Request:
        assert self._read is not None
        self._number = self._read.in_hand
        path, document = self.model.chosen()
        scan, seed = self._read.opened.scan, int(np.random.default_rng().integers(2**32))
        options = SamplingOptions(
            members=self.members.value(), seed=seed, preview=False, box=self._box(document)
        )
        return Request(scan_for(document, scan), path, document, options)

    def _box(self, document: Document) -> Box:
        """Around the lesion with a margin; without voxels around the cursor, as large as trained on."""
        assert self._read is not None
        labels, grid = self._read.labels, self._read.opened.scan.grid
        around = box_of(labels.data, self._number)
        if around is not None:
            return around.widened(round(_MARGIN_MM / edge) for edge in grid.spacing_mm).clipped(grid.shape)
        seen = document.training.extent_mm if document.training else None
        sizes_mm = [(a + b) / 2 for a, b in zip(seen.low, seen.high, strict=True)] if seen else [40.0] * 3
        centre = [float(at) for at in labels.world_to_data(self._viewer.dims.point[-3:])]
        voxels = [size / edge for size, edge in zip(sizes_mm, grid.spacing_mm, strict=True)]
        return Box.around(centre, voxels).clipped(grid.shape)

    def _note(self, event: Event) -> None:
        self.progress.show_event(event)
        if isinstance(event, Finished) and self._awaited and not event.cancelled:
            self._show(event.result)

    def _show(self, result: Result) -> None:
        assert self._read is not None
        self._result, label = result, self._label(result)
        self.answers = result.members == label if label else result.members > 0
        self._layer = AnswerLayer(self._viewer, self._read.labels, result.box, self.answers)
        self.slider.setRange(0, len(self.answers) - 1)
        self.slider.setValue(0)
        self._look(0)
        self._choice.show()

    def _label(self, result: Result) -> int:
        """The model's class of the name that the lesion's has, or its only one; 0 takes all together."""
        assert self._read is not None
        lesion, classes = self._read.lesion(), self._project.labels
        mine = lesion.label if lesion else min(self._number, len(classes))
        names = [info.name.casefold() for info in result.classes]
        wanted = classes[mine - 1].name.casefold()
        return names.index(wanted) + 1 if wanted in names else 0

    def _look(self, member: int) -> None:
        if self.answers is None or self._layer is None or self._result is None:
            return
        self._layer.show(member)
        volume = np.count_nonzero(self.answers[member]) * self._result.scan_grid.voxel_ml
        self.which.say(f"Answer {member + 1} of {len(self.answers)}: {millilitres(volume)} ml")
        self.take.setEnabled(bool(self.answers[member].any()))

    def _take(self, *_: object) -> None:
        read, result, answers, member = self._read, self._result, self.answers, self.slider.value()
        if read is None or read.session is None or result is None or answers is None:
            return
        source = StartedFrom(
            checkpoint=result.provenance.checkpoint,
            sha256=result.provenance.checkpoint_sha256,
            member=member,
            seed=result.options.seed,
            box=result.box,
            lesion=self._number,
        )
        answer = Answer(self._number, result.box, answers[member])
        read.session.start_from_member(answer, source, self._tell)
        self._forget()

    def _tell(self, answer: Answer) -> None:
        self.message.say(f"Lesion {answer.number} starts from a model’s answer; the read says so.")

    def _forget(self, *_: object) -> None:
        if self._layer is not None:
            self._layer.remove()
        self._layer = self._result = self.answers = None
        self._choice.hide()

    def _explain(self, error: DiffSegError) -> None:
        self.message.say(str(error))

    def _end(self) -> None:
        self.start.setText("Draw answers")
        self.start.setEnabled(True)
        self.progress.hide()
