"""What everybody who uses LIDC-IDRI's reads should know, a sentence or two each."""

from __future__ import annotations

from napari_diffseg.raters.lidc.grouping import LEAST_IOU

UNBLINDED = (
    "The reads are LIDC-IDRI's unblinded ones, made after each reader had seen the others' marks; the "
    "blinded ones were never published."
)
SESSIONS = (
    "“session 1” is the first reading session in a case's file and not a person: the readers are anonymous, "
    "and their order means nothing across cases."
)
SLOTS = (
    "The readers of LIDC-IDRI are anonymous and differ from scan to scan, and these files fill the places of "
    "a case's masks from the front. An empty mask is a reader who drew nothing there."
)
NUMBERS = (
    "Nodules with outlines that have one number in several sessions of a case are taken for one nodule: "
    f"their outlines overlap by an IoU of {LEAST_IOU:g} or more, and no session has two of them. Points are "
    "not matched."
)
BARE = (
    "The CT was not at hand, so the image is blank. The slices are those that the marks lie on, of 512 × 512 "
    "pixels; how far apart pixels are is unknown, and 1 mm was taken: lengths, areas and volumes in mm or ml "
    "mean nothing."
)
LICENCE = "LIDC-IDRI: CC BY 3.0"
CITATION = (
    "Armato et al., Data From LIDC-IDRI, The Cancer Imaging Archive (2015), doi:10.7937/K9/TCIA.2015.LO9QL9SX"
)
