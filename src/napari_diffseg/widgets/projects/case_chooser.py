"""The person chooses scans, and sees which of them are one case."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QFileDialog, QPushButton, QVBoxLayout, QWidget

from napari_diffseg.errors import DiffSegError
from napari_diffseg.io.naming import unused
from napari_diffseg.widgets.errand import Errand
from napari_diffseg.widgets.plain_label import PlainLabel
from napari_diffseg.widgets.projects.case_draft import CaseDraft, drafts_of, joined, separated
from napari_diffseg.widgets.projects.dicom_folder import series_in
from napari_diffseg.widgets.projects.draft_table import DraftTable
from napari_diffseg.widgets.rows import equal

_ABOUT = (
    "Cases. Files whose names differ in the sequence alone (NAME_flair, NAME_t1) make one case. Two clicks "
    "change what a row says."
)


class CaseChooser(QWidget):
    """A table of cases, and buttons that add to it and correct it.

    Args:
        taken: names that a case cannot have any more.

    Attributes:
        drafts: the cases.

    Signals:
        changed: there are other cases.
    """

    changed = Signal()

    def __init__(self, taken: Iterable[str] = ()) -> None:
        super().__init__()
        self._taken = frozenset(taken)
        self.drafts: tuple[CaseDraft, ...] = ()
        self.table, self.message = DraftTable(), PlainLabel()
        self.add_files, self.add_dicom = QPushButton("Add NIfTI files…"), QPushButton("Add DICOM folder…")
        self.join, self.split, self.drop = QPushButton("Join"), QPushButton("Split"), QPushButton("Remove")
        self.copy = QCheckBox("Copy the scans into the project")
        self._fill()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        add, correct = equal(self.add_files, self.add_dicom), equal(self.join, self.split, self.drop)
        for part in (PlainLabel(_ABOUT), add, self.table, correct, self.message, self.copy):
            layout.addWidget(part, int(part is self.table))
        self._connect()
        self._review()

    def add_scans(self, *paths: Path) -> None:
        """Add files, or folders of one DICOM series each; one that is listed already is not added again."""
        listed = {path for draft in self.drafts for path in draft.files.values()}
        self.add(drafts_of([path for path in dict.fromkeys(paths) if path not in listed]))

    def add_folder(self, folder: Path) -> None:
        """Look for DICOM series in a folder and add them."""
        self.add_dicom.setEnabled(False)
        self.message.say(f"Looking for DICOM series in {folder.name}…")
        errand = Errand(self, series_in, folder)
        errand.told.connect(self._take_series)
        errand.failed.connect(self._explain)
        errand.ended.connect(self._end_looking)
        errand.run()

    def add(self, drafts: Sequence[CaseDraft]) -> None:
        """Add cases under names that are free."""
        self._put([*self.drafts, *drafts])

    def remove(self, case: str) -> None:
        """Leave out the case of this name."""
        self._put([draft for draft in self.drafts if draft.name != case])

    def point_at(self, case: str) -> None:
        """Choose the row of this name."""
        names = [draft.name for draft in self.drafts]
        if case in names:
            self.table.selectRow(names.index(case))

    def _fill(self) -> None:
        self.add_dicom.setToolTip("The folder of one series, or of several; a case for each of them.")
        self.join.setToolTip(
            "Make one case of the chosen rows, a channel each. Their images must lie on one grid."
        )
        self.split.setToolTip("Make a case of each file of the chosen rows.")
        self.drop.setToolTip("Leave the chosen rows out.")
        self.copy.setChecked(True)
        self.copy.setToolTip(
            "Otherwise they stay where they are, and everybody must reach them under the same path. "
            "DICOM is always written into the project."
        )

    def _connect(self) -> None:
        self.add_files.clicked.connect(self._ask_files)
        self.add_dicom.clicked.connect(self._ask_dicom)
        self.join.clicked.connect(self._join)
        self.split.clicked.connect(self._split)
        self.drop.clicked.connect(self._drop)
        self.table.edited.connect(self._edit)
        self.table.refused.connect(self.message.say)
        self.table.itemSelectionChanged.connect(self._review)

    def _put(self, drafts: Sequence[CaseDraft]) -> None:
        """Show these cases; of two with one name the later one gets a number."""
        names = set(self._taken)
        found: list[CaseDraft] = []
        for draft in drafts:
            found.append(replace(draft, name=unused(draft.name, names)))
            names.add(found[-1].name)
        self.drafts = tuple(found)
        self.message.say("")
        self.table.show_drafts(self.drafts)
        self.changed.emit()

    def _edit(self, place: int, draft: CaseDraft) -> None:
        others = {other.name for other in self.drafts if other is not self.drafts[place]}
        named = replace(draft, name=unused(draft.name, others | self._taken))
        self._put([*self.drafts[:place], named, *self.drafts[place + 1 :]])

    def _join(self, *_: object) -> None:
        first, *others = places = self.table.chosen()
        case = joined([self.drafts[place] for place in places])
        kept = [draft for place, draft in enumerate(self.drafts) if place not in others]
        self._put([case if draft is self.drafts[first] else draft for draft in kept])

    def _split(self, *_: object) -> None:
        chosen = self.table.chosen()
        parts = [
            separated(draft) if place in chosen and len(draft.files) > 1 else (draft,)
            for place, draft in enumerate(self.drafts)
        ]
        self._put([draft for part in parts for draft in part])

    def _drop(self, *_: object) -> None:
        chosen = self.table.chosen()
        self._put([draft for place, draft in enumerate(self.drafts) if place not in chosen])

    def _review(self, *_: object) -> None:
        chosen = [self.drafts[place] for place in self.table.chosen()]
        self.join.setEnabled(len(chosen) > 1)
        self.split.setEnabled(any(len(draft.files) > 1 for draft in chosen))
        self.drop.setEnabled(bool(chosen))

    def _ask_files(self, *_: object) -> None:
        names, _kind = QFileDialog.getOpenFileNames(self, "Add scans", "", "NIfTI (*.nii *.nii.gz)")
        self.add_scans(*(Path(name) for name in names))

    def _ask_dicom(self, *_: object) -> None:
        name = QFileDialog.getExistingDirectory(self, "Add the DICOM series in a folder")
        if name:
            self.add_folder(Path(name))

    def _take_series(self, found: tuple[CaseDraft, ...]) -> None:
        listed = {path for draft in self.drafts for path in draft.files.values()}
        self.add([draft for draft in found if listed.isdisjoint(draft.files.values())])

    def _explain(self, error: DiffSegError) -> None:
        self.message.say(str(error))

    def _end_looking(self) -> None:
        self.add_dicom.setEnabled(True)
