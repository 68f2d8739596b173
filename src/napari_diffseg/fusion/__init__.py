"""Several answers to one label map."""

from napari_diffseg.fusion.majority import majority
from napari_diffseg.fusion.relative_area import relative_area
from napari_diffseg.fusion.squared_mean import squared_mean
from napari_diffseg.fusion.staple import (
    StapleLabels,
    StapleMask,
    empty_members,
    staple_labels,
    staple_mask,
)
from napari_diffseg.fusion.staple_consensus import StapleConsensus, staple, staple_consensus
from napari_diffseg.fusion.threshold import consensus_from_mean
from napari_diffseg.fusion.votes import most_voted, votes

__all__ = [
    "StapleConsensus",
    "StapleLabels",
    "StapleMask",
    "consensus_from_mean",
    "empty_members",
    "majority",
    "most_voted",
    "relative_area",
    "squared_mean",
    "staple",
    "staple_consensus",
    "staple_labels",
    "staple_mask",
    "votes",
]
