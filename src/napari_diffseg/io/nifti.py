"""Scans, label maps and maps in and out of files, in display order on this side.

Everything is read from and written to NIfTI; a scan may come from a DICOM series too.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import nibabel
import numpy as np
from jaxtyping import Float64, Real, Shaped, UInt

from napari_diffseg.errors import GridMismatchError, ResultError, ScanError
from napari_diffseg.io.atomic import replacing
from napari_diffseg.io.dicom_mark import looks_like_dicom
from napari_diffseg.io.sequence import channel_of, modality_of
from napari_diffseg.io.stored import ENDINGS, Stored, load
from napari_diffseg.volume import Grid, LabelMap, Origin, Scan
from napari_diffseg.volume.mismatch import mismatch
from napari_diffseg.volume.orientation import from_display
from napari_diffseg.volume.wording import times

StrPath = str | os.PathLike[str]

_GREATEST_LABEL = 65535
_ROUNDING = 1e-4


def read_volume(path: StrPath, *, channel: str | None = None) -> Scan:
    """A scan of one channel from a .nii or .nii.gz file, or from a DICOM series.

    Args:
        path: a 3D file; a 4D one with a single volume counts as 3D. Or a folder of DICOM slices, or one of
            these: all of its series is read.
        channel: its name; None takes it from the file name ("t1", "t1ce", "t2", "flair"), or "image".

    Returns:
        Data (1, D, H, W): a view of the file's array, of its dtype when the header asks for no
        scaling, otherwise float32. NaN stays NaN. For DICOM see `io.dicom.read_series`.

    Raises:
        ScanError: the file is missing, damaged, no NIfTI, 2D, 4D, coloured, too large, or has an
            impossible voxel size or orientation; or the folder is no single series of plain slices.
    """
    path = Path(path)
    if not path.name.lower().endswith(ENDINGS) and looks_like_dicom(path):
        # here, since pydicom takes half a second to import
        from napari_diffseg.io.dicom import read_dicom

        return read_dicom(path, channel=channel)
    stored = load(path, single=True)
    name = channel_of(stored.origin.name) if channel is None else channel
    return Scan(stored.data, stored.grid, (name,), modality_of(name), stored.origin)


def read_channels(paths: Mapping[str, StrPath]) -> Scan:
    """A scan of several channels, one co-registered file each.

    Args:
        paths: channel name to file, in the order wanted. The files may store their axes in
            different orders.

    Returns:
        Data (channel, D, H, W) of a dtype that holds all of them; the origin is the first file's.

    Raises:
        ScanError: no file given, or one cannot be read (see `read_volume`).
        GridMismatchError: a file does not lie on the first one's grid within 0.001 mm.
    """
    scans = [read_volume(path, channel=name) for name, path in paths.items()]
    if not scans:
        raise ScanError("No file was given. Name at least one channel and its file.")
    first = scans[0]
    for other in scans[1:]:
        _check_same_grid(first, other)
    modality = next((scan.modality for scan in scans if scan.modality), "")
    data = np.concatenate([scan.data for scan in scans])
    return Scan(data, first.grid, tuple(paths), modality, first.origin)


def read_stack(path: StrPath) -> Scan:
    """All volumes of a 3D or 4D file, one channel each: what `write_volume` wrote from (n, D, H, W).

    Returns:
        Data (n, D, H, W) with channels named "1" to "n".

    Raises:
        ScanError: the file cannot be read (see `read_volume`).
    """
    stored = load(Path(path), single=False)
    names = tuple(str(number) for number in range(1, len(stored.data) + 1))
    return Scan(stored.data, stored.grid, names, "", stored.origin)


def read_labels(path: StrPath) -> LabelMap:
    """A label map from a .nii or .nii.gz file.

    Args:
        path: a 3D file of whole numbers from 0 to 65535, of whatever dtype; scaling may leave
            them 1e-4 off.

    Returns:
        Labels as uint8 where they fit, otherwise as uint16.

    Raises:
        ScanError: as `read_volume`, or a voxel holds another number.
    """
    stored = load(Path(path), single=True)
    return LabelMap(_whole_numbers(stored), stored.grid, stored.origin)


def write_volume(
    path: StrPath,
    data: Shaped[np.ndarray, "*n D H W"],
    origin: Origin | None,
    grid: Grid,
) -> None:
    """Write labels or maps exactly onto the file that a scan came from.

    Args:
        path: ends in .nii or .nii.gz; its folder exists; an old file is replaced at once.
        data: in display order and of the grid's shape. Several classes or members lie on the
            first axis here and on the last one in the file; n = 1 is written as 3D. Floats become
            float32; integers of 8 or 16 bits keep their type; wider ones and truth values take the
            smallest that holds them.
        origin: whose axis order, affine and header (its extensions and patient field left out) the
            file gets; one without a header, such as a DICOM series, gives order and affine alone. Without
            an origin the file is written as it is displayed.
        grid: where the voxels of `data` lie.

    Raises:
        GridMismatchError: data, grid and origin differ in shape.
        ResultError: the ending is another, or the file could not be written; nothing is left then.
    """
    path = Path(path)
    if not path.name.endswith((".nii", ".nii.gz")):
        raise ResultError(f"{path.name} must end in .nii or .nii.gz. Choose such a name.")
    if data.shape[-3:] != grid.shape:
        raise GridMismatchError(
            f"{path.name}: data of {times(data.shape)} voxels do not fit the grid of {times(grid.shape)}. "
            "Restore them to the whole scan first."
        )
    try:
        image = _image(data, origin, grid)
        with replacing(path) as partial:
            nibabel.save(image, partial)
    except OSError as error:
        raise ResultError(
            f"{path} could not be written ({error}). Free some disk space or choose another folder."
        ) from error


def _check_same_grid(first: Scan, other: Scan) -> None:
    difference = mismatch(first.grid, other.grid)
    if difference:
        raise GridMismatchError(
            f"{_file(first)} and {_file(other)} do not lie on one grid: {difference}. "
            "Register and resample one onto the other first."
        )


def _file(scan: Scan) -> str:
    return scan.origin.name if scan.origin else scan.name


def _whole_numbers(stored: Stored) -> UInt[np.ndarray, "D H W"]:
    values: Real[np.ndarray, "D H W"] = stored.data[0]
    whole, wrong = values, (values < 0) | (values > _GREATEST_LABEL)
    if values.dtype.kind == "f":
        whole = np.rint(values)
        wrong |= ~np.isclose(values, whole, rtol=0, atol=_ROUNDING)  # NaN is close to nothing
    if wrong.any():
        raise ScanError(
            f"{stored.origin.name} holds {values[wrong][0]:g} where labels are whole numbers "
            f"from 0 to {_GREATEST_LABEL}. Choose the mask, not the scan."
        )
    return np.asarray(whole, dtype=np.min_scalar_type(int(whole.max())))


def _image(data: Shaped[np.ndarray, "*axes"], origin: Origin | None, grid: Grid) -> nibabel.Nifti1Image:
    volumes = data if data.ndim == 4 else data[np.newaxis]
    volumes = volumes.astype(_file_dtype(data), copy=False)
    if origin is None:
        return _plain(volumes, grid.affine)
    in_file = from_display(volumes, origin.affine)
    if in_file.shape[1:] != origin.shape:
        raise GridMismatchError(
            f"Data of {times(in_file.shape[1:])} voxels do not fit {origin.name} of {times(origin.shape)}. "
            "Restore them to the whole scan first."
        )
    if origin.header is None:
        return _plain(in_file, origin.affine)
    header = _header(origin, volumes.dtype)
    # the header's own affine, to the last bit and in the unit that the header says
    parts = _volumes_last(in_file), header.get_best_affine(), header
    if isinstance(header, nibabel.Nifti2Header):
        return nibabel.Nifti2Image(*parts)
    return nibabel.Nifti1Image(*parts)


def _plain(volumes: Shaped[np.ndarray, "n i j k"], affine: Float64[np.ndarray, "4 4"]) -> nibabel.Nifti1Image:
    image = nibabel.Nifti1Image(_volumes_last(volumes), affine)
    image.header.set_xyzt_units("mm")
    return image


def _header(origin: Origin, dtype: np.dtype[np.generic]) -> nibabel.Nifti1Header:
    header: nibabel.Nifti1Header = origin.header.copy()
    header.set_data_dtype(dtype)
    header.set_slope_inter(1, 0)
    header["cal_min"] = header["cal_max"] = 0  # the image's window, not the mask's
    # both may name the patient
    header.extensions.clear()
    if "db_name" in header:  # not in NIfTI-2
        header["db_name"] = b""
    return header


def _volumes_last(volumes: Shaped[np.ndarray, "n i j k"]) -> Shaped[np.ndarray, "i j k *n"]:
    return volumes[0] if len(volumes) == 1 else np.moveaxis(volumes, 0, -1)


def _file_dtype(data: Shaped[np.ndarray, "*axes"]) -> np.dtype[np.generic]:
    if data.dtype.kind == "f":
        return np.dtype(np.float32)
    if data.dtype.kind == "b":
        return np.dtype(np.uint8)
    if data.dtype.itemsize <= 2:
        return data.dtype
    return np.result_type(np.min_scalar_type(int(data.min())), np.min_scalar_type(int(data.max())))
