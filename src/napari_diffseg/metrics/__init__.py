"""How well a mask agrees with another."""

from napari_diffseg.metrics.centroid import centroid_distance_mm
from napari_diffseg.metrics.overlap import dice, iou
from napari_diffseg.metrics.surface import hd95_mm, normalised_surface_distance

__all__ = ["centroid_distance_mm", "dice", "hd95_mm", "iou", "normalised_surface_distance"]
