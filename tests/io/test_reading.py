"""What comes out of a NIfTI file."""

import hashlib
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from napari_diffseg.errors import GridMismatchError, ScanError
from napari_diffseg.io import read_channels, read_labels, read_stack, read_volume

HEADS = sorted((Path(__file__).parents[1] / "data" / "orientations").glob("*.nii.gz"))


def save(path, data, affine=None, kind=nib.Nifti1Image, **header):
    image = kind(data, np.diag([1.0, 2.0, 3.0, 1.0]) if affine is None else affine)
    for field, value in header.items():
        image.header[field] = value
    nib.save(image, path)
    return path


def counting(shape=(4, 5, 6), dtype=np.int16):
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype)


@pytest.mark.parametrize("path", HEADS, ids=lambda path: path.name[:3])
def test_one_head_stored_five_ways_reads_as_one_scan(path):
    first, other = read_volume(HEADS[0]), read_volume(path)
    assert len(HEADS) == 5
    assert np.array_equal(other.data, first.data)
    assert np.allclose(other.grid.affine, first.grid.affine, rtol=0, atol=1e-5)
    assert nib.aff2axcodes(other.grid.affine) == ("I", "P", "L")


def test_scaled_voxels_become_float32_with_the_scale_applied():
    scan = read_volume(HEADS[0])
    assert scan.data.dtype == np.float32
    assert scan.data.max() == pytest.approx(255 * 0.36296, abs=0.01)


@pytest.mark.parametrize("dtype", ["u1", "i1", "<i2", ">i2", "<u2", ">i4", "<f4", ">f4", ">f8"])
def test_unscaled_voxels_keep_their_dtype_in_native_order(tmp_path, dtype):
    data = counting(dtype=np.int8).astype(dtype)
    header = nib.Nifti1Header(endianness=">" if dtype[0] == ">" else "<")
    header.set_data_dtype(dtype)
    nib.save(nib.Nifti1Image(data, np.eye(4), header), tmp_path / "scan.nii")
    scan = read_volume(tmp_path / "scan.nii")
    assert scan.data.dtype == np.dtype(dtype).newbyteorder("=")
    assert scan.data.dtype.isnative
    assert np.array_equal(scan.data[0, ::-1, ::-1, ::-1], data.transpose(2, 1, 0))


@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize("ending", [".nii", ".nii.gz", ".NII.GZ"])
def test_both_versions_read_packed_or_not(tmp_path, kind, ending):
    path = save(tmp_path / f"scan{ending}", counting(), kind=kind)
    scan = read_volume(path)
    assert scan.data.shape == (1, 6, 5, 4)
    assert scan.grid.spacing_mm == (3.0, 2.0, 1.0)
    assert isinstance(scan.origin.header, nib.Nifti2Header) == (kind is nib.Nifti2Image)


def test_origin_names_the_file_without_its_folder_and_its_checksum(tmp_path):
    path = save(tmp_path / "scan.nii.gz", counting())
    origin = read_volume(path).origin
    assert origin.name == "scan.nii.gz"
    assert origin.shape == (4, 5, 6)
    assert origin.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("name", "channel", "modality"),
    [
        ("BraTS_001_T1Gd.nii.gz", "t1ce", "MR"),
        ("BraTS-GLI-00001-000-t2f.nii.gz", "flair", "MR"),
        ("case-t1ce.nii", "t1ce", "MR"),
        ("sub-02_T1w.nii.gz", "t1", "MR"),
        ("t2.nii.gz", "t2", "MR"),
        ("FLAIR.nii.gz", "flair", "MR"),
        ("flair_on_t1.nii.gz", "image", ""),
        ("statistics2.nii.gz", "image", ""),
    ],
)
def test_the_file_name_tells_the_sequence_when_it_is_plain(tmp_path, name, channel, modality):
    scan = read_volume(save(tmp_path / name, counting()))
    assert (scan.channels, scan.modality) == ((channel,), modality)


def test_a_given_channel_name_wins_over_the_file_name(tmp_path):
    scan = read_volume(save(tmp_path / "t1.nii.gz", counting()), channel="flair")
    assert (scan.channels, scan.modality) == (("flair",), "MR")


def test_nan_and_constant_voxels_are_read_as_they_are(tmp_path):
    data = np.full((3, 3, 3), np.nan, dtype=np.float32)
    assert np.isnan(read_volume(save(tmp_path / "scan.nii", data)).data).all()


def test_a_4d_file_of_one_volume_counts_as_3d(tmp_path):
    assert read_volume(save(tmp_path / "scan.nii", counting((4, 5, 6, 1)))).data.shape == (1, 6, 5, 4)


def test_a_stack_reads_all_volumes_as_channels(tmp_path):
    scan = read_stack(save(tmp_path / "members.nii", counting((4, 5, 6, 3))))
    assert scan.data.shape == (3, 6, 5, 4)
    assert scan.channels == ("1", "2", "3")
    assert scan.data[2].min() == 2


def test_a_header_without_sform_and_qform_falls_back_to_voxel_size(tmp_path):
    image = nib.Nifti1Image(counting(), None)
    image.header.set_zooms((1.0, 2.0, 3.0))
    nib.save(image, tmp_path / "scan.nii")
    assert read_volume(tmp_path / "scan.nii").grid.spacing_mm == (3.0, 2.0, 1.0)


def test_a_sheared_scan_is_read_with_its_edges_as_spacing(tmp_path):
    affine = np.eye(4)
    affine[0, 1] = 0.75
    scan = read_volume(save(tmp_path / "scan.nii", counting(), affine))
    assert scan.grid.spacing_mm == pytest.approx((1.0, 1.25, 1.0))


@pytest.mark.parametrize(("code", "unit_mm"), [(0, 1.0), (2, 1.0), (1, 1000.0), (3, 0.001)])
def test_metres_and_micrometres_become_millimetres(tmp_path, code, unit_mm):
    path = save(tmp_path / "scan.nii", counting(), np.diag([1 / unit_mm] * 3 + [1]), xyzt_units=code)
    assert read_volume(path).grid.spacing_mm == pytest.approx((1.0, 1.0, 1.0))


def test_channels_stored_in_different_orders_stack_on_one_grid():
    scan = read_channels({"t1": HEADS[0], "t2": HEADS[2]})
    assert scan.channels == ("t1", "t2")
    assert scan.modality == "MR"
    assert np.array_equal(scan.data[0], scan.data[1])
    assert scan.origin.name == HEADS[0].name


def test_channels_on_different_grids_name_both_files_and_the_difference(tmp_path):
    small = save(tmp_path / "small.nii", counting())
    shifted = save(tmp_path / "shifted.nii", counting(), np.diag([1.0, 2.0, 3.5, 1.0]))
    with pytest.raises(GridMismatchError, match=r"small\.nii and shifted\.nii .* 3 × 2 × 1 against 3\.5"):
        read_channels({"t1": small, "t2": shifted})


def test_no_channel_at_all_is_refused():
    with pytest.raises(ScanError, match="at least one channel"):
        read_channels({})


@pytest.mark.parametrize(
    ("dtype", "greatest", "expected"),
    [("f4", 2, "u1"), ("f8", 2, "u1"), ("i2", 255, "u1"), ("i4", 300, "u2"), ("u1", 0, "u1")],
)
def test_labels_of_any_dtype_become_the_smallest_unsigned(tmp_path, dtype, greatest, expected):
    data = np.zeros((3, 4, 5), dtype=dtype)
    data[1, 2, 3] = greatest
    labels = read_labels(save(tmp_path / "mask.nii.gz", data))
    assert labels.data.dtype == np.dtype(expected)
    assert labels.data.max() == greatest
    assert labels.data.shape == labels.grid.shape == (5, 4, 3)


def test_labels_scaled_in_the_header_are_whole_again(tmp_path):
    image = nib.Nifti1Image(np.full((3, 3, 3), 255, dtype=np.uint8), np.eye(4))
    image.header.set_slope_inter(1 / 255, 0)
    nib.save(image, tmp_path / "mask.nii")
    assert (read_labels(tmp_path / "mask.nii").data == 1).all()


@pytest.mark.parametrize(
    ("value", "said"), [(0.5, "0.5"), (np.nan, "nan"), (np.inf, "inf"), (-1, "-1"), (7e4, "70000")]
)
def test_what_is_no_label_is_refused_with_its_value(tmp_path, value, said):
    data = np.zeros((3, 4, 5), dtype=np.float32)
    data[1, 2, 3] = value
    with pytest.raises(ScanError, match=rf"mask\.nii holds .*{said}.*Choose the mask"):
        read_labels(save(tmp_path / "mask.nii", data))
