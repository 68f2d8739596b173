"""One NIfTI file as it lies on disk: opened with suspicion, refused in a sentence.

Size, shape and affine are checked on the header, before memory is taken for the voxels.
"""

from __future__ import annotations

import gzip
import hashlib
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from jaxtyping import Float64, Real
from nibabel.affines import voxel_sizes
from nibabel.filebasedimages import ImageFileError

from napari_diffseg.errors import ScanError
from napari_diffseg.volume import Grid, Origin
from napari_diffseg.volume.orientation import display_affine, to_display
from napari_diffseg.volume.wording import times

ENDINGS = (".nii", ".nii.gz")
MOST_VOXELS = 2**31
SPACING_RANGE_MM = (0.001, 100.0)
_DEFLATE_RATIO = 1032  # one byte of deflate holds at most this many
_UNIT_MM = {1: 1000.0, 3: 0.001}  # NIfTI codes of metre and micrometre; all others mean mm


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """The volumes of one file in display order.

    Args:
        data: as many volumes as the file holds; a view of the file's array.
        grid: where the voxels lie.
        origin: the file's own shape, affine, header and checksum.
    """

    data: Real[np.ndarray, "volume D H W"]
    grid: Grid
    origin: Origin


def load(path: Path, *, single: bool) -> Stored:
    """Read a NIfTI-1 or NIfTI-2 file, compressed or not.

    Args:
        path: ends in .nii or .nii.gz.
        single: whether a file of several volumes is refused.

    Returns:
        Data of the file's dtype in native byte order when the header asks for no scaling,
        otherwise scaled to float32. NaN stays NaN. Axes beyond the fourth are counted together.

    Raises:
        ScanError: no such file, not NIfTI, cut short, colour or complex numbers, fewer than
            three axes or more than one of them of a single voxel, several volumes where one is wanted,
            more than 2³¹ voxels, or an unusable affine.
    """
    _check_path(path)
    with _explained(path):
        image = _opened(path)
    _check_dtype(path, image)
    _check_shape(path, image)
    if single:
        _check_single(path, image)
    _check_size(path, image)
    affine = _affine_mm(image)
    check_affine(path.name, affine)
    with _explained(path):
        voxels, sha256 = _voxels(image), _sha256(path)
        _check_packing(path)
    origin = Origin(path.name, voxels.shape[:3], affine, image.header.copy(), sha256)
    return _in_display_order(voxels, origin)


def _opened(path: Path) -> nibabel.Nifti1Image:
    image = nibabel.load(path, mmap=False)
    if not isinstance(image, nibabel.Nifti1Image):
        raise ImageFileError(f"{type(image).__name__} is no volume")
    return image


def _in_display_order(voxels: Real[np.ndarray, "i j k *volumes"], origin: Origin) -> Stored:
    volumes = voxels.reshape(*origin.shape, -1, order="F")
    data = to_display(np.moveaxis(volumes, -1, 0), origin.affine)
    _, d, h, w = data.shape
    return Stored(data, Grid((d, h, w), display_affine(origin.affine, origin.shape)), origin)


def _voxels(image: nibabel.Nifti1Image) -> Real[np.ndarray, "i j k *volumes"]:
    proxy: Any = image.dataobj
    if (proxy.slope, proxy.inter) != (1, 0):
        return np.asarray(proxy, dtype=np.float32)
    voxels = np.asarray(proxy.get_unscaled())
    if voxels.dtype.itemsize > 8:  # long double, which neither torch nor napari knows
        return voxels.astype(np.float64)
    return voxels.astype(voxels.dtype.newbyteorder("="), copy=False)


def _check_packing(path: Path) -> None:
    """Read to the checksum at the end: nibabel stops at the last voxel and would not notice."""
    if path.name.lower().endswith(".gz"):
        with gzip.open(path) as file:
            while file.read(2**20):
                pass


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _affine_mm(image: nibabel.Nifti1Image) -> Float64[np.ndarray, "4 4"]:
    affine: Float64[np.ndarray, "4 4"] = np.array(image.affine, dtype=np.float64)
    affine[:3] *= _UNIT_MM.get(int(image.header["xyzt_units"]) & 7, 1.0)
    return affine


def _check_path(path: Path) -> None:
    if not path.name.lower().endswith(ENDINGS):
        raise ScanError(
            f"{path.name} does not end in .nii or .nii.gz, nor is it DICOM. Convert it to NIfTI first."
        )
    if not path.exists():
        raise ScanError(f"There is no file {path}. Check its folder and its name.")
    if not path.is_file():
        raise ScanError(f"{path} is a folder, where one NIfTI file is needed. Choose a file inside it.")


def _check_shape(path: Path, image: nibabel.Nifti1Image) -> None:
    seen = times(image.shape)
    if len(image.shape) < 3 or sorted(image.shape[:3])[1] == 1:  # a volume of one slice is an image
        raise ScanError(
            f"{path.name} has {seen} voxels where three axes are needed. Choose the whole volume."
        )
    if math.prod(image.shape) < 1:
        raise ScanError(f"{path.name} holds no voxels ({seen}). Export it again from its source.")
    if math.prod(image.shape) > MOST_VOXELS:
        raise ScanError(f"{path.name} has {seen} voxels, more than 2³¹. Crop or resample it first.")


def _check_single(path: Path, image: nibabel.Nifti1Image) -> None:
    volumes = math.prod(image.shape[3:])
    if volumes > 1:
        raise ScanError(
            f"{path.name} holds {volumes} volumes (4D) where one is needed. "
            "Split it into single volumes and open the one to segment."
        )


def _check_size(path: Path, image: nibabel.Nifti1Image) -> None:
    needed = math.prod(image.shape) * image.get_data_dtype().itemsize
    found = path.stat().st_size
    if needed > found * (_DEFLATE_RATIO if path.name.lower().endswith(".gz") else 1):
        raise ScanError(
            f"{path.name} is cut short: {times(image.shape)} voxels take {needed} bytes and the file "
            f"has {found}. Copy it again from its source."
        )


def _check_dtype(path: Path, image: nibabel.Nifti1Image) -> None:
    dtype = image.get_data_dtype()
    if dtype.kind not in "iuf":
        kind = "complex" if dtype.kind == "c" else "colour"
        raise ScanError(
            f"{path.name} holds {kind} voxels where one number a voxel is needed. "
            "Convert it to a plain grey-value volume."
        )


def check_affine(name: str, affine: Float64[np.ndarray, "4 4"]) -> None:
    """Refuse the affine of a file that cannot be one.

    Args:
        name: of the file.
        affine: from its voxel index to millimetres.

    Raises:
        ScanError: it is not of numbers, its voxels are impossibly small or large, or its axes lie in one
            plane.
    """
    if not np.isfinite(affine).all():
        raise ScanError(f"{name} has an orientation that is not a number. Export it again.")
    spacing = voxel_sizes(affine)
    least, most = SPACING_RANGE_MM
    if spacing.min() < least or spacing.max() > most:
        raise ScanError(
            f"{name} says its voxels measure {times(spacing)} mm; {least:g} to {most:g} mm is "
            "possible. Correct the voxel size in its header."
        )
    # the volume of a voxel whose edges are 1: 1 for right angles, 0 when they lie in one plane
    if abs(np.linalg.det(affine[:3, :3] / spacing)) < 1e-3:
        raise ScanError(f"{name} has an orientation whose axes lie in one plane. Export it again.")


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Whatever nibabel throws at a stranger's bytes becomes one sentence about the file."""
    try:
        yield
    except ImageFileError as error:
        raise ScanError(
            f"{path.name} is not a NIfTI volume, whatever its ending says, or its header is cut short. "
            "Export it again as NIfTI."
        ) from error
    except PermissionError as error:
        raise ScanError(f"{path.name} may not be read. Ask its owner for the right to read it.") from error
    except MemoryError as error:
        raise ScanError(f"{path.name} does not fit into memory. Close other programs or crop it.") from error
    except Exception as error:
        raise ScanError(
            f"{path.name} is damaged or cut short ({_first_line(error)}). Copy it again from its source."
        ) from error


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
