"""Where voxels lie: a grid, and a box of voxels inside it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from napari_diffseg.errors import PreparationError

Spacing = tuple[float, float, float]
Shape = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Box:
    """Voxels from `start` up to and not including `stop`, in (D, H, W) of the display order."""

    start: Shape
    stop: Shape

    @classmethod
    def whole(cls, shape: Shape) -> Box:
        """The box that covers a volume of `shape`."""
        return cls((0, 0, 0), shape)

    @classmethod
    def around(cls, centre: Iterable[float], size: Iterable[float]) -> Box:
        """A box of `size` voxels with its middle nearest to voxel `centre`; not clipped."""
        start = [round(c - s / 2 + 0.5) for c, s in zip(centre, size, strict=True)]
        stop = [a + max(1, round(s)) for a, s in zip(start, size, strict=True)]
        return cls((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))

    @property
    def shape(self) -> Shape:
        """Voxels along (D, H, W)."""
        d, h, w = (stop - start for start, stop in zip(self.start, self.stop, strict=True))
        return d, h, w

    @property
    def slices(self) -> tuple[slice, slice, slice]:
        """The box as an index into a (D, H, W) array."""
        d, h, w = (slice(start, stop) for start, stop in zip(self.start, self.stop, strict=True))
        return d, h, w

    def clipped(self, shape: Shape) -> Box:
        """The part of the box inside a volume of `shape`.

        Raises:
            PreparationError: nothing of the box lies inside.
        """
        start = [min(max(a, 0), n) for a, n in zip(self.start, shape, strict=True)]
        stop = [min(max(b, 0), n) for b, n in zip(self.stop, shape, strict=True)]
        if any(b <= a for a, b in zip(start, stop, strict=True)):
            raise PreparationError(
                f"The box {self} holds no voxel of the scan, whose size is "
                f"{' × '.join(map(str, shape))} voxels. Choose a box inside the scan."
            )
        return Box((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))

    def widened(self, by: Iterable[int]) -> Box:
        """The box with so many more voxels on both sides along (D, H, W); not clipped."""
        d, h, w = by
        (d0, h0, w0), (d1, h1, w1) = self.start, self.stop
        return Box((d0 - d, h0 - h, w0 - w), (d1 + d, h1 + h, w1 + w))

    def is_inside(self, shape: Shape) -> bool:
        """Whether it holds a voxel, and all that it holds lie in a volume of `shape`."""
        return all(0 <= a < b <= n for a, b, n in zip(self.start, self.stop, shape, strict=True))

    def __str__(self) -> str:
        return ",".join(f"{start}:{stop}" for start, stop in zip(self.start, self.stop, strict=True))


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """A regular grid of voxels in the patient.

    Args:
        shape: voxels along (D, H, W).
        affine: from voxel index (d, h, w, 1) to RAS+ millimetres.
    """

    shape: Shape
    affine: Float64[np.ndarray, "4 4"]

    @property
    def spacing_mm(self) -> Spacing:
        """Voxel edge along (D, H, W)."""
        d, h, w = np.linalg.norm(self.affine[:3, :3], axis=0).tolist()
        return d, h, w

    @property
    def extent_mm(self) -> Spacing:
        """Outer size along (D, H, W)."""
        d, h, w = (n * edge for n, edge in zip(self.shape, self.spacing_mm, strict=True))
        return d, h, w

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel in millilitres."""
        return float(abs(np.linalg.det(self.affine[:3, :3]))) / 1000

    @property
    def translate_mm(self) -> Spacing:
        """The first voxel's centre, measured along the grid's own axes.

        Two series of one oblique frame overlay in a viewer that knows scale and translation alone.
        """
        axes = self.affine[:3, :3] / np.asarray(self.spacing_mm)
        d, h, w = (axes.T @ self.affine[:3, 3]).tolist()
        return d, h, w

    def crop(self, box: Box) -> Grid:
        """The grid of the voxels inside `box`."""
        affine = self.affine.copy()
        affine[:3, 3] += affine[:3, :3] @ np.asarray(box.start, dtype=float)
        return Grid(box.shape, affine)

    def matches(self, other: Grid, tolerance_mm: float = 1e-3) -> bool:
        """Whether both have one shape and lie on one another within `tolerance_mm`."""
        return self.shape == other.shape and bool(
            np.allclose(self.affine, other.affine, rtol=0, atol=tolerance_mm)
        )
