"""Scans as image layers, and image layers as scans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Real
from napari.layers import Image

from napari_diffseg.errors import GridMismatchError, ScanError
from napari_diffseg.io.sequence import channel_of, modality_of
from napari_diffseg.layers.foreign import check_usable, shown_grid
from napari_diffseg.layers.source import Source, source_in
from napari_diffseg.volume import Grid, Origin, Scan
from napari_diffseg.volume.mismatch import mismatch

LayerData = tuple[Any, dict[str, Any], str]

_WINDOW = (1.0, 99.8)
_SAMPLED_VOXELS = 200_000


def scan_layers(scan: Scan, name: str = "") -> list[LayerData]:
    """One grey image layer a channel, as napari's readers return them.

    Args:
        scan: to show.
        name: of the layers; empty for the scan's own.

    Returns:
        Data (D, H, W), shared with the scan; named after it, and after the channel where there
        are several. The contrast leaves out the darkest 1 % and the brightest 0.2 %.
    """
    whole, several, name = Source.of_scan(scan), len(scan.channels) > 1, name or scan.name
    layers: list[LayerData] = []
    for channel, data in zip(scan.channels, scan.data, strict=True):
        look = {
            "name": f"{name} · {channel}" if several else name,
            "colormap": "gray",
            "contrast_limits": contrast_of(data),
        }
        layers.append((data, look | replace(whole, channel=channel).placing(), "image"))
    return layers


def scan_of(layers: Sequence[Image], channels: Sequence[str]) -> Scan:
    """The scan that image layers show.

    Layers that File → Open read know their file and true grid. Others are taken as they are shown:
    axes (inferior, posterior, left), scale and translation in mm; see `orientation_note`.

    Args:
        layers: one for each channel, in order.
        channels: the channels' names.

    Returns:
        Data (channel, D, H, W), shared with the layer when there is one channel. The origin is the
        file of the first layer that has one, otherwise the first layer's name without a header.

    Raises:
        ScanError: a layer is missing or chosen twice, colour, multiscale, not 3D, not in memory,
            turned or sheared by napari, or of impossible spacing.
        GridMismatchError: the layers do not lie on one another.
    """
    return replace(outline_of(layers, channels), data=_stacked(layers))


def outline_of(layers: Sequence[Image], channels: Sequence[str]) -> Scan:
    """The scan that `scan_of` would give, all of its voxels 0 and taking no memory.

    Raises:
        ScanError, GridMismatchError: as `scan_of`.
    """
    if len(layers) != len(channels):
        raise ScanError(
            f"{len(layers)} layers were chosen for {len(channels)} channels ({', '.join(channels)}). "
            "Choose one layer for each channel."
        )
    grid = grid_of(layers)
    sources = [source for layer in layers if (source := _source(layer))]
    origin = next((source.origin for source in sources if source.origin), None)
    return Scan(
        np.broadcast_to(np.float32(0), (len(layers), *grid.shape)),
        grid,
        tuple(channels),
        _modality(layers, sources),
        origin or Origin(layers[0].name, grid.shape, grid.affine),
    )


def grid_of(layers: Sequence[Image]) -> Grid:
    """The grid that `scan_of` would give, without touching a voxel.

    Raises:
        ScanError, GridMismatchError: as `scan_of`.
    """
    if not layers:
        raise ScanError("No layer was chosen. Open a scan through File → Open, or choose its layer.")
    for layer in layers:
        check_usable(layer)
    _check_distinct(layers)
    for other in layers[1:]:
        _check_same_grid(layers[0], other)
    known = next((source.grid for layer in layers if (source := _source(layer))), None)
    return known or shown_grid(layers[0])


def orientation_note(layers: Sequence[Image]) -> str:
    """A line about layers whose orientation only their picture tells; empty when all are known."""
    unknown = [f"“{layer.name}”" for layer in layers if _source(layer) is None]
    if not unknown:
        return ""
    return (
        f"The orientation of {', '.join(unknown)} is unverified: anterior is taken to be up and the "
        "patient's left to be on the right, as in a file opened through File → Open; lengths are taken as mm."
    )


def contrast_of(data: Real[np.ndarray, "*axes"]) -> tuple[float, float]:
    """Contrast limits from about 200,000 voxels; a constant or empty image gets a width of 1."""
    stride = max(1, round((data.size / _SAMPLED_VOXELS) ** (1 / data.ndim)))
    sample = data[(slice(None, None, stride),) * data.ndim]
    sample = sample[np.isfinite(sample)]
    if not sample.size:
        return 0.0, 1.0
    low, high = np.percentile(sample, _WINDOW).tolist()
    if high <= low:
        low, high = float(sample.min()), float(sample.max())
    return (low, high) if high > low else (low, low + 1)


def _source(layer: Image) -> Source | None:
    place = {"metadata": layer.metadata, "scale": layer.scale, "translate": layer.translate}
    return source_in(place, layer.data.shape)


def _stacked(layers: Sequence[Image]) -> Real[np.ndarray, "channel D H W"]:
    volumes = [layer.data.view(np.uint8) if layer.data.dtype == bool else layer.data for layer in layers]
    return volumes[0][np.newaxis] if len(volumes) == 1 else np.stack(volumes)


def _modality(layers: Sequence[Image], sources: Sequence[Source]) -> str:
    said = [source.modality for source in sources]
    named = [modality_of(channel_of(layer.name)) for layer in layers]
    return next(filter(None, [*said, *named]), "")


def _check_distinct(layers: Sequence[Image]) -> None:
    for number, layer in enumerate(layers):
        if layer in layers[:number]:
            raise ScanError(
                f"“{layer.name}” was chosen for two channels. Choose a layer of its own for each channel."
            )


def _check_same_grid(first: Image, other: Image) -> None:
    sources = _source(first), _source(other)
    if sources[0] and sources[1]:
        difference = mismatch(sources[0].grid, sources[1].grid)
    else:  # of a layer that we did not read, only the place on the screen is known
        difference = mismatch(shown_grid(first), shown_grid(other))
    if difference:
        raise GridMismatchError(
            f"“{first.name}” and “{other.name}” do not lie on one grid: {difference}. "
            "Register and resample one onto the other first."
        )
