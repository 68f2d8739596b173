"""Layers that other readers made: which can be used, and where their voxels lie."""

from __future__ import annotations

import numpy as np
from napari.layers import Image, Labels

from napari_diffseg.errors import ScanError
from napari_diffseg.io.stored import SPACING_RANGE_MM
from napari_diffseg.volume import Grid
from napari_diffseg.volume.wording import times

# unit vectors of inferior, posterior and left in RAS+, as columns
_DISPLAY_AXES = np.array([[0.0, 0.0, -1.0], [0.0, -1.0, 0.0], [-1.0, 0.0, 0.0]])


def check_usable(layer: Image | Labels) -> None:
    """Refuse a layer whose voxels cannot be a scan's channel.

    Raises:
        ScanError: it is colour, multiscale, not 3D, not in memory, not real numbers, turned or
            sheared, or its spacing is impossible.
    """
    _check_kind(layer)
    _check_ndim(layer)
    _check_in_memory(layer)
    _check_straight(layer)
    _check_spacing(layer)


def shown_grid(layer: Image | Labels) -> Grid:
    """The grid as napari shows it: axes (inferior, posterior, left), scale and translation in mm.

    Raises:
        ScanError: the layer is measured in something else than lengths.
    """
    unit_mm = _unit_mm(layer)
    affine = np.eye(4)
    affine[:3, :3] = _DISPLAY_AXES * (layer.scale * unit_mm)
    affine[:3, 3] = _DISPLAY_AXES @ (layer.translate * unit_mm)
    d, h, w = layer.data.shape
    return Grid((d, h, w), affine)


def _unit_mm(layer: Image | Labels) -> np.ndarray:
    """Millimetres that one unit of each axis is; a pixel is taken for a millimetre."""
    for unit in layer.units:
        if str(unit) not in ("pixel", "dimensionless") and not unit.is_compatible_with("mm"):
            raise ScanError(
                f"“{layer.name}” is measured in {unit} where a length is needed. "
                "Set its units to mm, or open its file through File → Open."
            )
    return np.array([(1 * u).to("mm").magnitude if u.is_compatible_with("mm") else 1.0 for u in layer.units])


def _check_kind(layer: Image | Labels) -> None:
    if isinstance(layer, Image) and layer.rgb:
        raise ScanError(
            f"“{layer.name}” is a colour picture (RGB) where one number a voxel is needed. "
            "Choose a grey layer, or right-click this one and choose “Split RGB”."
        )
    if layer.multiscale:
        raise ScanError(
            f"“{layer.name}” is multiscale, {len(layer.data)} copies of different resolution, where one "
            "volume is needed. Open the volume to segment as a layer of its own."
        )
    if layer.data.dtype.kind not in "biuf":
        raise ScanError(
            f"“{layer.name}” holds numbers of type {layer.data.dtype} where real ones are needed. "
            "Convert it first, for example to its absolute values."
        )


def _check_ndim(layer: Image | Labels) -> None:
    seen = times(layer.data.shape)
    if layer.ndim > 3:
        raise ScanError(
            f"“{layer.name}” is {layer.ndim}D ({seen} voxels) where 3D is needed. "
            "Right-click it, choose “Split Stack”, and take the volume to segment."
        )
    if layer.ndim < 3 or sorted(layer.data.shape)[1] < 2:  # a volume of one slice is an image
        raise ScanError(f"“{layer.name}” is 2D ({seen} voxels) where 3D is needed. Choose the whole volume.")


def _check_in_memory(layer: Image | Labels) -> None:
    if not isinstance(layer.data, np.ndarray):
        kind = type(layer.data).__module__.partition(".")[0]
        raise ScanError(
            f"“{layer.name}” is a {kind} array, read piece by piece, where all of it must be in memory. "
            "Open its file through File → Open, or add numpy.asarray of it as a new layer."
        )


def _check_straight(layer: Image | Labels) -> None:
    linear = layer.affine.affine_matrix
    straight = np.allclose(layer.rotate, np.eye(3)) and np.allclose(layer.shear, 0)
    if not straight or not np.allclose(linear, np.eye(len(linear))):
        raise ScanError(
            f"“{layer.name}” is turned, sheared or moved by napari, and its orientation cannot be told "
            "from that; open it through File → Open."
        )


def _check_spacing(layer: Image | Labels) -> None:
    spacing = np.asarray(layer.scale) * _unit_mm(layer)
    least, most = SPACING_RANGE_MM
    if not (np.isfinite(spacing).all() and spacing.min() >= least and spacing.max() <= most):
        raise ScanError(
            f"“{layer.name}” has voxels of {times(spacing)} mm; {least:g} to {most:g} mm is possible. "
            "Correct its scale, or open its file through File → Open."
        )
    if not np.isfinite(layer.translate).all():
        raise ScanError(f"“{layer.name}” lies nowhere: its translation is {layer.translate}. Correct it.")
