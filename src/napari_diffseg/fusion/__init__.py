"""Several answers to one label map."""

from napari_diffseg.fusion.majority import majority
from napari_diffseg.fusion.relative_area import relative_area
from napari_diffseg.fusion.squared_mean import squared_mean
from napari_diffseg.fusion.staple import (
    StapleLabels,
    StapleMask,
    empty_members,
    staple,
    staple_labels,
    staple_mask,
)
from napari_diffseg.fusion.threshold import consensus_from_mean

__all__ = [
    "StapleLabels",
    "StapleMask",
    "consensus_from_mean",
    "empty_members",
    "majority",
    "relative_area",
    "squared_mean",
    "staple",
    "staple_labels",
    "staple_mask",
]
