"""One case in the viewer, with all that belongs to it: layers, tools, keys, and the session that saves it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from napari.components import ViewerModel
from qtpy.QtCore import QObject

from napari_diffseg.layers.read_tools import ReadTools
from napari_diffseg.layers.read_view import ReadView
from napari_diffseg.layers.reads import ReadLayers, Window
from napari_diffseg.raters.lesion import FIRST_POINT, Lesion, next_number
from napari_diffseg.raters.project import Project
from napari_diffseg.widgets.projects.rater_opening import OpenCase
from napari_diffseg.widgets.rater_wording import rated, size
from napari_diffseg.widgets.reading.lesion_table import LesionRow
from napari_diffseg.widgets.reading.point_placing import PointPlacing
from napari_diffseg.widgets.reading.rater_session import ReadSession
from napari_diffseg.widgets.reading.read_keys import ReadKeys


class ReadOnScreen(QObject):
    """A case that is drawn in, or a finished one that is only looked at.

    Args:
        viewer: gets the layers.
        project: of the case.
        opened: the case.
        actions: of keys, while it is drawn in.
        window: grey values that the person chose before.
        parent: of this.

    Attributes:
        session: None for a finished read.
        in_hand: number of the lesion or class that the brush has, or of the point chosen last.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        project: Project,
        opened: OpenCase,
        actions: Mapping[str, Callable[[], None]],
        window: Window | None,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._document, self.opened = project.document, opened
        self.layers = ReadLayers(
            viewer,
            opened.scan,
            opened.mask,
            project.document.labels,
            name=opened.record.case,
            window=window,
        )
        self.labels = self.layers.labels
        self.view = ReadView(viewer, self.labels)
        self.tools = ReadTools(self.labels, opened.scan.grid.spacing_mm, self.view.slice_in_view)
        self.placing = PointPlacing(viewer, self.labels, self)
        self.session: ReadSession | None = None
        self._keys: ReadKeys | None = None
        if opened.read is None:
            self.freeze()
        else:
            self.session = ReadSession(opened.read, self.layers, self.tools, opened.counts, self)
            self._keys = ReadKeys(self.labels, actions)
            self.labels.mode = "paint"
        self.layers.show_points(self.lesions)
        self.in_hand = self._first()
        self.take(self.in_hand)
        self.view.begin()

    @property
    def lesions(self) -> tuple[Lesion, ...]:
        """Those that count."""
        return self.opened.lesions if self.session is None else self.session.lesions

    @property
    def is_frozen(self) -> bool:
        """Whether it is only looked at."""
        return self.session is None or not self.session.read.editable

    def lesion(self) -> Lesion | None:
        """The one in hand."""
        return next((lesion for lesion in self.lesions if lesion.number == self.in_hand), None)

    def rows(self) -> list[LesionRow]:
        """A row for each lesion, and for each class that was drawn without one."""
        voxels = self.opened.counts.voxels() if self.session is None else self.session.voxels
        classes, grid = self._document.labels, self.opened.scan.grid
        rows = [
            LesionRow(number, info.colour, f"{info.name}, no lesion", size(voxels[number], grid.voxel_ml))
            for number, info in enumerate(classes, start=1)
            if number in voxels
        ]
        for lesion in self.lesions:
            told = "point" if lesion.voxel else size(voxels.get(lesion.number, 0), grid.voxel_ml)
            missing = self._document.form.missing(lesion.kind, lesion.ratings)
            rows.append(
                LesionRow(
                    lesion.number,
                    self.layers.colour_of(lesion.number),
                    self._what(lesion),
                    told,
                    rated(lesion, self._document.form),
                    tuple(field.title for field in missing),
                )
            )
        return rows

    def take(self, number: int) -> None:
        """Take a lesion in hand: the brush draws it from now on."""
        self.in_hand = number
        if 0 < number < FIRST_POINT:
            self.labels.selected_label = number

    def step(self, by: int) -> int | None:
        """Number of the lesion so many rows below the one in hand, round the end; None without rows."""
        numbers = [row.number for row in self.rows()]
        if not numbers:
            return None
        here = numbers.index(self.in_hand) if self.in_hand in numbers else -by
        return numbers[(here + by) % len(numbers)]

    def go_to(self, number: int) -> bool:
        """Show a lesion or a class; False where it has no voxel."""
        lesion = next((lesion for lesion in self.lesions if lesion.number == number), None)
        return self.view.go_to(number, lesion.voxel if lesion else None)

    def freeze(self) -> None:
        """Let nothing be drawn any more."""
        self.placing.end()
        self._unbind()
        self.layers.freeze()

    def close(self) -> bool:
        """Save, leave the read, and take the layers away; False where the disk does not answer."""
        self.placing.end()
        self._unbind()
        saved = self.session is None or self.session.close()
        self.layers.remove()
        self.deleteLater()
        return saved

    def _unbind(self) -> None:
        if self._keys is not None:
            self._keys.remove()
            self._keys = None

    def _first(self) -> int:
        """The first lesion, or the number that painting makes one with."""
        outlined = [lesion.number for lesion in self.lesions if lesion.voxel is None]
        classes = len(self._document.labels)
        known = (*self.lesions, *(self.opened.read.removed_lesions if self.opened.read else ()))
        return outlined[0] if outlined else next_number(known, owns="mask", classes=classes)

    def _what(self, lesion: Lesion) -> str:
        several = len(self._document.labels) > 1
        return f"{lesion.kind}, {self._document.labels[lesion.label - 1].name}" if several else lesion.kind
