"""What a layer of ours knows about the voxels it shows; it stands in the layer's metadata."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Integer

from napari_diffseg.results.options import SliceAxis
from napari_diffseg.results.result import Provenance
from napari_diffseg.volume import Box, Grid, Origin, Scan, Spacing

METADATA_KEY = "diffseg"
AXES = ("I", "P", "L")


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """Which voxels of which scan a layer shows, and how they came about.

    Args:
        scan_grid: the whole scan's grid, with the true affine that napari is never told.
        box: the voxels of the scan that the layer covers.
        origin: the scan's file, on which the layer is written; None for a scan made in memory.
        channel: name of an image's channel; empty for other layers.
        modality: of an image; empty when unknown and for other layers.
        run: number of the run among those of the viewer, from 1; 0 for what no run made.
        slice_axis: across which a run's members were drawn slice by slice; None for those drawn as volumes
            and for what no run made.
        provenance: of a finished run's layers.
        preview: of a training run's weights, rather than of an image.
    """

    scan_grid: Grid
    box: Box
    origin: Origin | None = None
    channel: str = ""
    modality: str = ""
    run: int = 0
    slice_axis: SliceAxis | None = None
    provenance: Provenance | None = None
    preview: bool = False

    @classmethod
    def of_scan(cls, scan: Scan) -> Source:
        """The whole of a scan, no channel named."""
        return cls(scan.grid, Box.whole(scan.grid.shape), scan.origin, modality=scan.modality)

    @property
    def grid(self) -> Grid:
        """Where the layer's own voxels lie."""
        return self.scan_grid.crop(self.box)

    @property
    def translate_mm(self) -> Spacing:
        """The first voxel's centre along the scan's own axes, a whole number of voxels from the scan's.

        The grid of the box says the same, except where the axes of a file do not stand square.
        """
        grid = self.scan_grid
        d, h, w = (
            first + start * edge
            for first, start, edge in zip(grid.translate_mm, self.box.start, grid.spacing_mm, strict=True)
        )
        return d, h, w

    def restored(self, labels: Integer[np.ndarray, "*n D H W"]) -> Integer[np.ndarray, "*n d h w"]:
        """Labels on the box as labels on the whole scan, background around them."""
        whole = np.zeros((*labels.shape[:-3], *self.scan_grid.shape), dtype=labels.dtype)
        whole[(..., *self.box.slices)] = labels
        return whole

    def placing(self, leading: str = "") -> dict[str, Any]:
        """Arguments that put a napari layer in its place: millimetres and names of the axes.

        Args:
            leading: name of an axis before the three of the volume, for example "member".
        """
        first = bool(leading)
        return {
            "scale": (*(1.0,) * first, *self.scan_grid.spacing_mm),
            "translate": (*(0.0,) * first, *self.translate_mm),
            "axis_labels": (*(leading,) * first, *AXES),
            "units": (*("pixel",) * first, *("mm",) * 3),
            "metadata": {METADATA_KEY: self},
        }


def source_in(layer: Mapping[str, Any], shape: tuple[int, ...]) -> Source | None:
    """What a layer's own metadata says, where it is still true.

    Args:
        layer: "metadata", "scale" and "translate" of the layer, as napari hands them to writers.
        shape: of its data; axes before the last three are not compared.

    Returns:
        None for a layer that we did not make, or whose data or place were changed since.
    """
    source = layer["metadata"].get(METADATA_KEY)
    if not isinstance(source, Source) or shape[-3:] != source.grid.shape:
        return None
    seen = np.concatenate([layer["scale"][-3:], layer["translate"][-3:]])
    said = (*source.scan_grid.spacing_mm, *source.translate_mm)
    return source if np.allclose(seen, said, rtol=0, atol=1e-3) else None
