"""Several answers to one label map."""

from napari_diffseg.fusion.majority import majority
from napari_diffseg.fusion.threshold import consensus_from_mean

__all__ = ["consensus_from_mean", "majority"]
