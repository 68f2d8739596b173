"""Files in and out."""

from napari_diffseg.io.atomic import replacing, replacing_folder
from napari_diffseg.io.nifti import read_channels, read_labels, read_stack, read_volume, write_volume

__all__ = [
    "read_channels",
    "read_labels",
    "read_stack",
    "read_volume",
    "replacing",
    "replacing_folder",
    "write_volume",
]
