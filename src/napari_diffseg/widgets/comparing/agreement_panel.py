"""How far the readers of a case agree: slice by slice, pair by pair, lesion by lesion; or over all cases."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_diffseg.volume.grid import Shape
from napari_diffseg.widgets.comparing import compare_wording as words
from napari_diffseg.widgets.comparing.comparing import AllCases, CaseComparison
from napari_diffseg.widgets.comparing.disagreement_curve import DisagreementCurve
from napari_diffseg.widgets.plain_label import PlainLabel
from napari_diffseg.widgets.rows import column_in
from napari_diffseg.widgets.sheet import Sheet

_MEASURES = ("Dice", "IoU", "HD95 mm", "Δ ml")


class AgreementPanel(QWidget):
    """Of one case a curve and tables, of all cases a table.

    Signals:
        slice_chosen: number of the axial slice that the person wants to see.
        voxel_chosen: the place of a lesion that they want to see, (D, H, W).
    """

    slice_chosen = Signal(int)
    voxel_chosen = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._places: list[Shape] = []
        self.curve = DisagreementCurve()
        self.pairs = Sheet(("Pair", *_MEASURES))
        self.sessions = Sheet(("Reader, sessions", *_MEASURES), most_rows=2)
        self.chance, self.left_out, self.seen = PlainLabel(), PlainLabel(), PlainLabel()
        self.lesions = Sheet(("Lesion", "Seen by"), most_rows=3)
        self.all_cases = Sheet(("Mean over cases", "Mean", "95 % interval"), most_rows=12)
        self.about_all = PlainLabel()
        self._one, self._all = QWidget(), QWidget()
        self._lay_out()
        self.curve.chosen.connect(self.slice_chosen)
        self.lesions.chosen.connect(self._go_to)

    def show_case(self, found: CaseComparison, place: int) -> None:
        """Show one case.

        Args:
            found: its comparison.
            place: of the structure, from 0.
        """
        structure, agreed = found.agreement.structures[place], found.agreement
        _, h_mm, w_mm = found.scan.grid.spacing_mm
        self.curve.show_case(found.disagreements[place], h_mm * w_mm)
        self.pairs.show_rows(list(words.pair_rows(structure)), words.pair_tips(structure))
        sessions = list(words.session_rows(found.sessions, place))
        self.sessions.show_rows(sessions, words.session_tips(found.sessions, place))
        self.sessions.setVisible(bool(sessions))
        self.chance.say(words.beyond_chance(agreed, structure))
        self.chance.setToolTip(words.box_rule(agreed.margin_mm) + " Intervals are over cases: see All cases.")
        self.left_out.say(words.left_out(agreed))
        self._places = [finding.voxel for finding in agreed.detection.findings]
        self.lesions.show_rows(list(words.finding_rows(agreed.detection, agreed.raters)))
        self.lesions.setVisible(bool(self._places))
        self.seen.say(words.seen(agreed.detection))
        self.seen.setToolTip(f"One lesion: {agreed.detection.rule.words}.")
        self._turn(self._one)

    def show_all(self, found: AllCases, place: int) -> None:
        """Show the means over all cases.

        Args:
            found: of them.
            place: of the structure, from 0.
        """
        readers = words.summary_rows(found.summary.structures[place], found.summary)
        self.all_cases.show_rows([*readers, *words.session_summary_rows(found.sessions, place)])
        self.about_all.say(
            f"{words.summed_up(found.summary)}\n\nOf each case its mean over pairs counts once; intervals "
            f"are from 10,000 resamples of the cases.\n\n{words.box_rule(found.margin_mm)}\n\nOne lesion: "
            f"{found.rule}."
        )
        self._turn(self._all)

    def _lay_out(self) -> None:
        one = (self.curve, self.pairs, self.sessions, self.left_out, self.chance, self.seen, self.lesions)
        for page, parts in ((self._one, one), (self._all, (self.all_cases, self.about_all))):
            column_in(page, *parts, spacing=6).addStretch(1)
        self.sessions.setToolTip(
            "What one reader drew in several sessions, also after seeing the others. Only the reader and the "
            "project’s owner see this."
        )
        self.pairs.setToolTip("Two empty masks agree perfectly; HD95 is not defined where either is empty.")
        self.about_all.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        column_in(self, self._one, self._all).setContentsMargins(0, 6, 0, 0)
        self._all.hide()

    def _turn(self, page: QWidget) -> None:
        self._one.setVisible(page is self._one)
        self._all.setVisible(page is self._all)

    def _go_to(self, row: int) -> None:
        self.voxel_chosen.emit(self._places[row])
