"""Scans and results as napari layers and back: the one place that knows both."""

from napari_diffseg.layers.arrays import ResultArrays
from napari_diffseg.layers.channels import match_channels
from napari_diffseg.layers.contributions import get_reader, sample_head, write_labels
from napari_diffseg.layers.labelled import LabelledImage, labelled_images, saved_cases, write_cases
from napari_diffseg.layers.outline import RegionOutline
from napari_diffseg.layers.pace import qt_later
from napari_diffseg.layers.preview import Preview, read_preview
from napari_diffseg.layers.preview_layers import PreviewLayers
from napari_diffseg.layers.regions import box_around, box_of_rectangle, box_of_slice, slice_in_view
from napari_diffseg.layers.results import ResultLayers
from napari_diffseg.layers.scans import grid_of, orientation_note, outline_of, scan_layers, scan_of

__all__ = [
    "LabelledImage",
    "Preview",
    "PreviewLayers",
    "RegionOutline",
    "ResultArrays",
    "ResultLayers",
    "box_around",
    "box_of_rectangle",
    "box_of_slice",
    "get_reader",
    "grid_of",
    "labelled_images",
    "match_channels",
    "orientation_note",
    "outline_of",
    "qt_later",
    "read_preview",
    "sample_head",
    "saved_cases",
    "scan_layers",
    "scan_of",
    "slice_in_view",
    "write_cases",
    "write_labels",
]
