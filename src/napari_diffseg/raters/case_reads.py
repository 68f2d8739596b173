"""The reads of one case that are held against one another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from napari_diffseg.errors import SettingsError
from napari_diffseg.raters.consensus import EmptyReads
from napari_diffseg.raters.marks import Marks, marks_of
from napari_diffseg.raters.stack import require_one_grid
from napari_diffseg.volume.label_map import LabelMap


@dataclass(frozen=True, slots=True, eq=False)
class CaseReads:
    """Who drew what.

    Args:
        case: its name.
        raters: a name for each read, no two alike.
        reads: maps of classes on one grid.
        marks: lesions of each read; none given takes the connected pieces of the maps.
        patient: cases of one patient are no independent evidence; empty for one of its own.
    """

    case: str
    raters: tuple[str, ...]
    reads: tuple[LabelMap, ...]
    marks: tuple[Marks, ...] = ()
    patient: str = ""

    def __post_init__(self) -> None:
        """Refuse reads that cannot be compared.

        Raises:
            SettingsError: there is none, or as many names.
            GridMismatchError: they do not lie on one grid.
        """
        require_one_grid(self.reads)
        if len(set(self.raters)) != len(self.reads):
            raise SettingsError(
                f"Case {self.case} has {len(self.reads)} reads and {len(set(self.raters))} raters. "
                "Give each read one name of its own."
            )

    def lesions(self) -> tuple[Marks, ...]:
        """Of each read."""
        return self.marks or tuple(marks_of(read.data) for read in self.reads)

    def counted(self, empty_reads: EmptyReads) -> CaseReads:
        """Without the reads that marked nothing, no voxel and no point, where those are to be left out.

        One stays where all would go, so that the case keeps its grid.
        """
        if empty_reads == "saw nothing":
            return self
        marked = [place for place in range(len(self.reads)) if self._marks_anything(place)]
        return self.only(marked or [0])

    def only(self, places: Sequence[int]) -> CaseReads:
        """Some of the reads."""
        return replace(
            self,
            raters=tuple(self.raters[place] for place in places),
            reads=tuple(self.reads[place] for place in places),
            marks=tuple(self.marks[place] for place in places) if self.marks else (),
        )

    def _marks_anything(self, place: int) -> bool:
        return bool(self.reads[place].data.any() or (self.marks and self.marks[place].kinds))
