"""A scan with the masks of one or several raters, still on disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from napari_diffseg.errors import DatasetError, GridMismatchError
from napari_diffseg.volume.label_map import LabelMap
from napari_diffseg.volume.mismatch import mismatch
from napari_diffseg.volume.scan import Scan

Group = Literal["train", "validation", "test"]


@dataclass(frozen=True, slots=True, eq=False)
class LabelledScan:
    """A scan and what its raters drew.

    Args:
        scan: an image is a scan of one slice.
        reads: one mask a rater, on the scan's grid; an empty one is a rater who drew nothing.
    """

    scan: Scan
    reads: tuple[LabelMap, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One case of a data set.

    Args:
        name: unique in the data set.
        patient: cases of one patient are never split.
        source: reads the files.
        group: where the data set itself puts the case; None where it leaves that open.
        ratings: what each rater said of what they drew, value by the name of a question; none where the
            layout does not tell.
    """

    name: str
    patient: str
    source: Callable[[], LabelledScan]
    group: Group | None = None
    ratings: tuple[Mapping[str, int], ...] = ()

    def read(self) -> LabelledScan:
        """The case in display order.

        Raises:
            ScanError: a file cannot be read.
            DatasetError: there is no mask.
            GridMismatchError: a mask does not lie on the scan.
        """
        found = self.source()
        if not found.reads:
            raise DatasetError(f"Case {self.name} has no mask. Add one, or leave the case out.")
        for mask in found.reads:
            difference = mismatch(mask.grid, found.scan.grid)
            if difference:
                raise GridMismatchError(
                    f"A mask of case {self.name} does not lie on its image: {difference}. "
                    "Resample one onto the other, or leave the case out."
                )
        return found
