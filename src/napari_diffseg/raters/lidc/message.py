"""What an annotation file of LIDC-IDRI says of one CT series.

The names are those of the XML: a *nodule* of 3 mm and more has outlines (`roi`) and nine characteristics, a
smaller one is a single point, a *non-nodule* another point.

Source:
    Armato et al., The Lung Image Database Consortium (LIDC) and Image Database Resource Initiative (IDRI),
    Medical Physics 38(2), 2011, doi:10.1118/1.3528204.
"""

from __future__ import annotations

from dataclasses import dataclass

Pixel = tuple[int, int]
"""Column (x) and row (y), both from 0; the middle of a pixel is at whole numbers."""


@dataclass(frozen=True, slots=True)
class Roi:
    """One outline of a nodule on one slice.

    Args:
        z_mm: imageZposition, the slice's place along the patient.
        sop_uid: imageSOP_UID of the slice.
        inclusion: False for a hole.
        edge_map: the outline's pixels, the first ones outside the nodule; it may not be closed.
    """

    z_mm: float
    sop_uid: str
    inclusion: bool
    edge_map: tuple[Pixel, ...]


@dataclass(frozen=True, slots=True)
class Nodule:
    """What a reader called a nodule.

    Args:
        nodule_id: another one with each reader.
        characteristics: name in the XML and value, as they stand; none for a nodule below 3 mm.
        rois: in the order of the file.
    """

    nodule_id: str
    characteristics: tuple[tuple[str, int], ...]
    rois: tuple[Roi, ...]

    @property
    def is_point(self) -> bool:
        """Whether this is a nodule below 3 mm, marked by a single point."""
        return len(self.rois) == 1 and len(self.rois[0].edge_map) == 1


@dataclass(frozen=True, slots=True)
class NonNodule:
    """A mark of 3 mm or more that its reader called no nodule: a point (`locus`)."""

    non_nodule_id: str
    z_mm: float
    sop_uid: str
    locus: Pixel


@dataclass(frozen=True, slots=True)
class ReadingSession:
    """What one reader marked in the unblinded read."""

    nodules: tuple[Nodule, ...]
    non_nodules: tuple[NonNodule, ...]


@dataclass(frozen=True, slots=True)
class ReadMessage:
    """One annotation file of a CT series; the order of its sessions means nothing across files."""

    series_uid: str
    sessions: tuple[ReadingSession, ...]
