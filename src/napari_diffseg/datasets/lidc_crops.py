"""The two ways in which a group of an HDF5 file holds crops of LIDC: as plain arrays, or packed."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

import h5py
import numpy as np
from jaxtyping import Real, Shaped

from napari_diffseg.datasets.hdf5_file import array_in, place
from napari_diffseg.datasets.image import read_grey
from napari_diffseg.datasets.lidc import READERS
from napari_diffseg.datasets.lidc_series import Series, uid_text
from napari_diffseg.errors import DatasetError
from napari_diffseg.io.stored import SPACING_RANGE_MM

_MOST_CROPS, _LONGEST_EDGE = 200_000, 1024
_PACKED_EDGE = 128
_PACKED_MASKS = (READERS, _PACKED_EDGE**2 // 8)
_MOST_PACKED_BYTES = 2**17

_MASKS, _REALS, _INTEGERS, _IDS, _TEXTS = "bui", "uif", "ui", "uiS", "S"  # kinds of NumPy's types
_WIDEST_NUMBER, _WIDEST_TEXT = 8, 64

Crop = tuple[Real[np.ndarray, "H W"], Shaped[np.ndarray, "reader H W"]]


@dataclass(frozen=True, slots=True, eq=False)
class PlainCrops:
    """images (N, H, W) and labels, readers last as PHiSeg has them or second as CCDM does; uids (N,)."""

    images: h5py.Dataset
    labels: h5py.Dataset
    uids: h5py.Dataset
    readers_last: bool

    @classmethod
    def of(cls, group: h5py.Group) -> PlainCrops:
        """Its arrays, their shapes and types checked.

        Raises:
            DatasetError: one is missing, or does not fit the others.
        """
        images, labels = _array(group, "images", _REALS, axes=3), _array(group, "labels", _MASKS, axes=4)
        count, *edges = images.shape
        if not 0 < min(edges) <= max(edges) <= _LONGEST_EDGE:
            raise _unfit(images, f"images of 1 to {_LONGEST_EDGE} pixels along an edge")
        last, second = (count, *edges, READERS), (count, READERS, *edges)
        if labels.shape not in (last, second):
            raise _unfit(labels, f"the shape {last} or {second}, as images has {images.shape}")
        return cls(images, labels, _column(group, "uids", _IDS, count), labels.shape == last)

    def series(self) -> dict[str, Series]:
        """Nothing: such a file tells no more of a series than its uid."""
        return {}

    def read(self, row: int) -> Crop:
        """One crop as it is stored, and its masks."""
        labels = self.labels[row]
        return self.images[row], np.moveaxis(labels, -1, 0) if self.readers_last else labels


@dataclass(frozen=True, slots=True, eq=False)
class PackedCrops:
    """images_webp and offsets (N + 1,), labels_packed (N, 4, 2048), uids, patient and pixel_spacing_mm (N,).

    An image is a lossless WebP of 128 × 128 grey values v, and stands for v / 256 - 0.5, the numbers that
    the plain arrays hold; a mask has one bit a pixel.
    """

    images: h5py.Dataset
    offsets: h5py.Dataset
    labels: h5py.Dataset
    uids: h5py.Dataset
    patients: h5py.Dataset
    spacings_mm: h5py.Dataset

    @classmethod
    def of(cls, group: h5py.Group) -> PackedCrops:
        """Its arrays, their shapes and types checked.

        Raises:
            DatasetError: one is missing, or does not fit the others.
        """
        images = _array(group, "images_webp", _INTEGERS, axes=1)
        labels = _array(group, "labels_packed", _INTEGERS, axes=3)
        if images.dtype != np.uint8:
            raise _unfit(images, "bytes")
        if labels.dtype != np.uint8 or labels.shape[1:] != _PACKED_MASKS:
            raise _unfit(labels, f"bytes, {_PACKED_MASKS} a crop")
        count = len(labels)
        return cls(
            images,
            _column(group, "offsets", _INTEGERS, count + 1),
            labels,
            _column(group, "uids", _IDS, count),
            _column(group, "patient", _TEXTS, count),
            _column(group, "pixel_spacing_mm", _REALS, count),
        )

    def series(self) -> dict[str, Series]:
        """The series of all crops by `uid_text`.

        Raises:
            DatasetError: a spacing is impossible.
        """
        spacings_mm, (least, most) = self.spacings_mm[:], SPACING_RANGE_MM
        if not ((spacings_mm >= least) & (spacings_mm <= most)).all():
            raise _unfit(self.spacings_mm, f"{least:g} to {most:g} mm in every row")
        return {
            uid_text(uid): Series(patient.decode(errors="replace"), spacing_mm)
            for uid, patient, spacing_mm in zip(
                self.uids[:].tolist(), self.patients[:].tolist(), spacings_mm.tolist(), strict=True
            )
        }

    def read(self, row: int) -> Crop:
        """One crop, unpacked, and its masks.

        Raises:
            DatasetError: its bytes lie elsewhere than in the array, or its image has another size.
            ScanError: its image is damaged.
        """
        start, stop = map(int, self.offsets[row : row + 2])
        if not 0 <= start < stop <= min(start + _MOST_PACKED_BYTES, len(self.images)):
            raise _unfit(self.offsets, f"the place of 1 to {_MOST_PACKED_BYTES} bytes in row {row}")
        content = self.images[start:stop].tobytes()
        values = read_grey(BytesIO(content), f"image {row} of {place(self.images)}")
        if values.shape != (_PACKED_EDGE, _PACKED_EDGE):
            raise _unfit(self.images, f"{_PACKED_EDGE} × {_PACKED_EDGE} pixels in image {row}")
        masks = np.unpackbits(self.labels[row], axis=-1)
        return values / 256 - 0.5, masks.reshape(READERS, _PACKED_EDGE, _PACKED_EDGE)


def crops_of(group: h5py.Group) -> PlainCrops | PackedCrops:
    """The crops of a group.

    Raises:
        DatasetError: an array is missing, lies elsewhere, or does not fit the others.
    """
    return PackedCrops.of(group) if "images_webp" in group else PlainCrops.of(group)


def _column(group: h5py.Group, name: str, kinds: str, count: int) -> h5py.Dataset:
    array = _array(group, name, kinds, axes=1)
    if len(array) != count or count > _MOST_CROPS:
        raise _unfit(array, f"{count} values, and at most {_MOST_CROPS}")
    return array


def _array(group: h5py.Group, name: str, kinds: str, *, axes: int) -> h5py.Dataset:
    array = array_in(group, name)
    dtype, widest = array.dtype, _WIDEST_TEXT if array.dtype.kind == _TEXTS else _WIDEST_NUMBER
    if len(array.shape) != axes or dtype.kind not in kinds or dtype.itemsize > widest:
        raise _unfit(array, f"{axes} axes of {'short texts' if kinds == _TEXTS else 'numbers'}")
    return array


def _unfit(array: h5py.Dataset, expected: str) -> DatasetError:
    return DatasetError(
        f"{place(array)} is {array.dtype} of the shape {array.shape}, "
        f"where this was expected: {expected}. Export the file again from its source."
    )
