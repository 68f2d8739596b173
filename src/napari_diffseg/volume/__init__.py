"""Scans, label maps and the grids they lie on."""

from napari_diffseg.volume.grid import Box, Grid, Shape, Spacing
from napari_diffseg.volume.label_map import LabelMap
from napari_diffseg.volume.scan import Origin, Scan

__all__ = ["Box", "Grid", "LabelMap", "Origin", "Scan", "Shape", "Spacing"]
