"""How well a mask agrees with another, and a set of masks with another set."""

from napari_diffseg.metrics.centroid import centroid_distance_mm
from napari_diffseg.metrics.energy_distance import EnergyDistance, energy_distance
from napari_diffseg.metrics.matched_iou import matched_iou
from napari_diffseg.metrics.overlap import dice, iou, pairwise_iou
from napari_diffseg.metrics.surface import hd95_mm, normalised_surface_distance

__all__ = [
    "EnergyDistance",
    "centroid_distance_mm",
    "dice",
    "energy_distance",
    "hd95_mm",
    "iou",
    "matched_iou",
    "normalised_surface_distance",
    "pairwise_iou",
]
