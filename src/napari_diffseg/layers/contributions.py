"""What the manifest names: the reader, the writer and the sample scan."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import napari
import numpy as np
from jaxtyping import Real, UInt
from napari.layers import Labels
from napari.utils.notifications import show_warning

from napari_diffseg.io import read_stack, read_volume, write_volume
from napari_diffseg.io.dicom_mark import looks_like_dicom
from napari_diffseg.io.sample import sample_path
from napari_diffseg.io.sequence import channel_of, modality_of
from napari_diffseg.layers.foreign import check_usable, shown_grid
from napari_diffseg.layers.scans import LayerData, contrast_of, scan_layers
from napari_diffseg.layers.source import Source, source_in
from napari_diffseg.volume import Box, Scan

Reader = Callable[[str | Sequence[str]], list[LayerData]]

_LABEL_WORDS = {"label", "labels", "mask", "masks", "seg", "segmentation", "aseg", "consensus", "members"}
_LABEL_FOLDERS = {"labels", "labelstr", "labelsts", "masks"}
_GREATEST_LABEL = 65535


def get_reader(path: str | Sequence[str]) -> Reader | None:
    """The reader of .nii and .nii.gz files, and of DICOM series.

    A folder of DICOM slices, or one of them, becomes an image layer of the whole series. A NIfTI file
    becomes a labels layer when its name has a word for it (label, mask, seg, segmentation, consensus,
    members …) or it lies in a folder labels, labelsTr, labelsTs or masks, and all of its voxels are whole
    numbers from 0 to 65535. Every other NIfTI file becomes an image layer. Several volumes in one file
    stay one layer with an axis more.

    Args:
        path: of one file or folder, or several.

    Returns:
        A function of the same argument that gives the layers and raises ScanError for a file that
        cannot be read; None when a file has another ending and is not DICOM.
    """
    return _read if all(_is_nifti(name) or looks_like_dicom(Path(name)) for name in _names(path)) else None


def write_labels(path: str, data: Any, meta: Mapping[str, Any]) -> list[str]:
    """Save a labels layer exactly on the file of the scan that it lies on.

    A layer on a part of a scan is written with background around it. A layer that we did not make
    belongs to the scan in the viewer that it covers voxel by voxel; when there is none, it is
    written as it is shown and a warning says so.

    Args:
        path: ends in .nii or .nii.gz.
        data: labels (D, H, W), or (member, D, H, W).
        meta: of the layer, as napari hands it to writers.

    Returns:
        The path.

    Raises:
        ResultError: the file could not be written.
        ScanError: a layer of no known scan that is not 3D, or is turned or sheared by napari.
    """
    labels = np.asarray(data)
    source = source_in(meta, labels.shape) or _beneath(meta, labels.shape) or _as_shown(data, meta)
    write_volume(path, source.restored(labels), source.origin, source.scan_grid)
    return [path]


def sample_head() -> list[LayerData]:
    """The head MR that comes with the plugin.

    Raises:
        ScanError: the file is missing.
    """
    return scan_layers(read_volume(sample_path(), channel="t1"))


def _is_nifti(name: str) -> bool:
    return name.lower().endswith((".nii", ".nii.gz"))


def _names(path: str | Sequence[str]) -> list[str]:
    return [os.fspath(name) for name in ([path] if isinstance(path, str | os.PathLike) else path)]


def _read(path: str | Sequence[str]) -> list[LayerData]:
    return [layer for name in _names(path) for layer in _layers_in(Path(name))]


def _layers_in(path: Path) -> list[LayerData]:
    if not _is_nifti(path.name):
        return scan_layers(read_volume(path))
    scan = read_stack(path)
    labels = _whole_numbers(scan.data) if _speaks_of_labels(path) else None
    if labels is not None:
        return [_layer(scan, labels, "member", "labels")]
    if len(scan.data) > 1:
        return [_layer(scan, scan.data, "volume", "image", contrast_limits=contrast_of(scan.data))]
    channel = channel_of(path.name)
    return scan_layers(replace(scan, channels=(channel,), modality=modality_of(channel)))


def _layer(scan: Scan, data: Real[np.ndarray, "n D H W"], leading: str, kind: str, **look: Any) -> LayerData:
    place = Source.of_scan(scan).placing(leading if len(data) > 1 else "")
    return (data if len(data) > 1 else data[0]), {"name": scan.name, **look, **place}, kind


def _speaks_of_labels(path: Path) -> bool:
    words = re.split(r"[^a-z0-9]+", path.name.lower())
    return not _LABEL_WORDS.isdisjoint(words) or path.parent.name.lower() in _LABEL_FOLDERS


def _whole_numbers(data: Real[np.ndarray, "n D H W"]) -> UInt[np.ndarray, "n D H W"] | None:
    """A copy that can be painted on; None when these are no labels."""
    if data.dtype.kind == "f" and not np.array_equal(data, np.rint(data)):
        return None
    if data.min() < 0 or data.max() > _GREATEST_LABEL:
        return None
    return np.array(data, dtype=np.min_scalar_type(int(data.max())), order="C")


def _beneath(meta: Mapping[str, Any], shape: tuple[int, ...]) -> Source | None:
    """The scan in the viewer that a layer of this shape and place covers voxel by voxel."""
    viewer = napari.current_viewer()
    layers = viewer.layers if viewer else ()
    fitting = [source_in({**meta, "metadata": layer.metadata}, shape) for layer in layers]
    known = [source for source in fitting if source is not None]
    agreed = all(source.grid.matches(known[0].grid) for source in known)
    return known[0] if known and agreed else None


def _as_shown(data: Any, meta: Mapping[str, Any]) -> Source:
    layer = Labels(data, **{name: meta[name] for name in _PLACE if name in meta})
    check_usable(layer)
    grid = shown_grid(layer)
    show_warning(
        f"“{layer.name}” lies on no scan that was opened through File → Open, so its orientation is "
        "unverified. It was saved as it is shown: anterior up, the patient's left on the right."
    )
    return Source(grid, Box.whole(grid.shape))


_PLACE = ("name", "scale", "translate", "rotate", "shear", "affine", "units")
