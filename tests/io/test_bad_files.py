"""Files that cannot be a scan are refused in one sentence that names them and says what to do."""

import gzip
import struct
import tracemalloc

import nibabel as nib
import numpy as np
import pytest

from napari_diffseg.errors import ScanError
from napari_diffseg.io import read_labels, read_stack, read_volume

PNG = b"\x89PNG\r\n\x1a\n" + bytes(500)


def noise(shape=(16, 16, 16)):
    return np.random.default_rng(0).integers(0, 255, shape, dtype=np.uint8)


def save(path, data, affine=None):
    nib.save(nib.Nifti1Image(data, np.eye(4) if affine is None else affine), path)
    return path


def patched(path, offset, layout, *values):
    """A good file with a few bytes of its header overwritten."""
    content = bytearray(save(path, noise()).read_bytes())
    struct.pack_into(layout, content, offset, *values)
    path.write_bytes(content)
    return path


def refuse(path, said, read=read_volume):
    with pytest.raises(ScanError, match=said) as caught:
        read(path)
    message = str(caught.value)
    assert path.name in message
    assert "\n" not in message
    assert message.endswith(".")


@pytest.mark.parametrize("read", [read_volume, read_labels, read_stack])
def test_a_missing_file_is_named_with_its_folder(tmp_path, read):
    refuse(tmp_path / "nowhere.nii.gz", "There is no file", read)


def test_a_folder_is_not_taken_for_a_file(tmp_path):
    (tmp_path / "scan.nii").mkdir()
    refuse(tmp_path / "scan.nii", "is a folder")


def test_another_ending_is_refused_before_reading(tmp_path):
    refuse(tmp_path / "scan.mha", "does not end in")


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
@pytest.mark.parametrize("kept", [0, 1, 100, 348, 352, 0.5, -1])
def test_a_file_cut_short_anywhere_is_refused(tmp_path, ending, kept):
    path = save(tmp_path / f"scan{ending}", noise())
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept) if isinstance(kept, float) else kept])
    refuse(path, "cut short")


def test_bytes_spoiled_inside_a_packed_file_are_noticed(tmp_path):
    path = save(tmp_path / "scan.nii.gz", noise())
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 50] = bytes(50)
    path.write_bytes(content)
    refuse(path, "damaged or cut short")


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
@pytest.mark.parametrize("content", [PNG, gzip.compress(PNG)], ids=["png", "packed png"])
def test_a_picture_with_the_wrong_name_is_refused(tmp_path, ending, content):
    path = tmp_path / f"scan{ending}"
    path.write_bytes(content)
    refuse(path, "is not a NIfTI volume")


@pytest.mark.parametrize(
    "shape", [(16, 16), (16, 1, 1), (1, 16, 1), (1, 1, 16, 4)], ids=lambda shape: "x".join(map(str, shape))
)
def test_a_file_without_three_axes_is_refused_in_whichever_order(tmp_path, shape):
    refuse(save(tmp_path / "scan.nii", noise(shape)), "three axes are needed")


@pytest.mark.parametrize("shape", [(16, 16, 1), (16, 1, 16), (1, 16, 16)], ids=str)
def test_a_volume_of_one_slice_is_an_image(tmp_path, shape):
    scan = read_volume(save(tmp_path / "scan.nii", noise(shape)))
    assert sorted(scan.data.shape) == [1, 1, 16, 16]
    assert scan.data.shape[1:] == scan.grid.shape


@pytest.mark.parametrize("shape", [(4, 4, 4, 3), (4, 4, 4, 1, 3)])
def test_a_4d_file_is_refused_with_its_number_of_volumes(tmp_path, shape):
    refuse(save(tmp_path / "scan.nii", noise(shape)), "3 volumes")
    refuse(save(tmp_path / "scan.nii", noise(shape)), "3 volumes", read_labels)


def test_colour_is_refused(tmp_path):
    colour = np.zeros((4, 4, 4), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    refuse(save(tmp_path / "scan.nii.gz", colour), "colour")


def test_complex_numbers_are_refused(tmp_path):
    refuse(save(tmp_path / "scan.nii.gz", np.zeros((4, 4, 4), dtype=np.complex64)), "complex")


@pytest.mark.parametrize("edge_mm", [0.0, 0.0009, 101.0, 1e30])
def test_an_impossible_voxel_size_is_refused_with_its_value(tmp_path, edge_mm):
    # bytes 280 to 328 of the header are the affine, row by row
    path = patched(tmp_path / "scan.nii", 280, "<12f", edge_mm, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0)
    refuse(path, "voxels measure .* 0.001 to 100 mm")


def test_an_affine_that_is_not_a_number_is_refused(tmp_path):
    refuse(patched(tmp_path / "scan.nii", 280, "<f", np.nan), "not a number")


def test_axes_in_one_plane_are_refused(tmp_path):
    path = patched(tmp_path / "scan.nii", 280, "<12f", 1, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0)
    refuse(path, "one plane")


def test_more_than_two_to_the_31_voxels_are_refused(tmp_path):
    refuse(patched(tmp_path / "scan.nii", 42, "<3h", 2048, 2048, 2048), "more than 2³¹")


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_a_small_file_that_claims_a_gigabyte_takes_no_memory(tmp_path, ending):
    path = patched(tmp_path / "claim.nii", 42, "<3h", 1024, 1024, 1024)
    if ending == ".nii.gz":
        (tmp_path / "claim.nii.gz").write_bytes(gzip.compress(path.read_bytes()))
        path = tmp_path / "claim.nii.gz"
    tracemalloc.start()
    try:
        refuse(path, "is cut short")
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("offset", "layout", "value"),
    [(40, "<h", -3), (40, "<h", 99), (42, "<h", -4), (42, "<h", 0), (70, "<h", 1), (70, "<h", 9999)],
    ids=["axes<0", "99 axes", "size<0", "size 0", "bits", "unknown dtype"],
)
def test_a_header_of_nonsense_is_refused(tmp_path, offset, layout, value):
    refuse(patched(tmp_path / "scan.nii", offset, layout, value), "scan.nii")


def test_any_spoiled_header_byte_gives_a_scan_or_a_sentence(tmp_path):
    path = save(tmp_path / "scan.nii", noise((4, 4, 4)))
    good = path.read_bytes()
    rng = np.random.default_rng(1)
    for offset in range(352):
        content = bytearray(good)
        content[offset] = rng.integers(256)
        path.write_bytes(content)
        try:
            assert read_volume(path).data.ndim == 4
        except ScanError as error:
            assert str(error).endswith(".")  # noqa: PT017 (either outcome is right)
