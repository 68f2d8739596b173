"""What goes into a NIfTI file lies exactly on the one it came from."""

import itertools
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from napari_diffseg.errors import GridMismatchError, ResultError
from napari_diffseg.io import read_labels, read_stack, read_volume, write_volume
from napari_diffseg.volume import Grid, Origin
from napari_diffseg.volume.orientation import display_affine, to_display

HEADS = sorted((Path(__file__).parents[1] / "data" / "orientations").glob("*.nii.gz"))
MAY_DIFFER = {"datatype", "bitpix", "scl_slope", "scl_inter", "vox_offset", "cal_min", "cal_max"}


def stored(path, permutation=(0, 1, 2), flips=(1, 1, 1), degrees=(0, 0, 0), kind=nib.Nifti1Image):
    """A file of random numbers whose axes run as told, qform and sform in agreement."""
    axes = np.zeros((3, 3))
    axes[list(permutation), range(3)] = flips
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix() @ axes * [1.5, 0.75, 2.5]
    affine[:3, 3] = [-31.25, 12.5, 7.125]
    image = kind(np.random.default_rng(0).integers(0, 999, (5, 6, 7)).astype(np.int16), affine)
    image.set_sform(affine, 1)
    image.set_qform(affine, 1)
    image.header["descrip"] = b"phantom"
    image.header["cal_max"] = 800
    image.header.set_xyzt_units("mm", "sec")
    nib.save(image, path)
    return path


def changed_fields(before, after):
    return {name for name in before.keys() if before[name].tobytes() != after[name].tobytes()}  # noqa: SIM118


@pytest.mark.parametrize("permutation", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("flips", list(itertools.product((1, -1), repeat=3)))
@pytest.mark.parametrize("degrees", [(0, 0, 0), (20, 15, 10)], ids=["straight", "oblique"])
def test_data_affine_and_header_come_back_exactly(tmp_path, permutation, flips, degrees):
    source = stored(tmp_path / "scan.nii", permutation, flips, degrees)
    scan = read_volume(source)
    write_volume(tmp_path / "labels.nii", (scan.data[0] > 500).astype(np.uint8), scan.origin, scan.grid)
    before, after = nib.load(source), nib.load(tmp_path / "labels.nii")
    assert np.array_equal(np.asanyarray(after.dataobj), np.asanyarray(before.dataobj) > 500)
    assert before.affine.tobytes() == after.affine.tobytes()
    assert after.get_data_dtype() == np.uint8
    assert changed_fields(before.header, after.header) <= MAY_DIFFER


@pytest.mark.parametrize("path", HEADS, ids=lambda path: path.name[:3])
def test_a_real_head_in_any_order_is_written_back_onto_itself(tmp_path, path):
    scan = read_volume(path)
    write_volume(tmp_path / "again.nii.gz", scan.data[0], scan.origin, scan.grid)
    before, after = nib.load(path), nib.load(tmp_path / "again.nii.gz")
    assert np.array_equal(after.get_fdata(dtype=np.float32), before.get_fdata(dtype=np.float32))
    assert before.affine.tobytes() == after.affine.tobytes()
    assert changed_fields(before.header, after.header) <= MAY_DIFFER


def test_form_codes_of_the_source_are_kept(tmp_path):
    image = nib.load(stored(tmp_path / "source.nii"))
    image.header["qform_code"], image.header["sform_code"] = 0, 4
    nib.save(image, tmp_path / "scan.nii")
    scan = read_volume(tmp_path / "scan.nii")
    write_volume(tmp_path / "map.nii", scan.data[0], scan.origin, scan.grid)
    header = nib.load(tmp_path / "map.nii").header
    assert (int(header["qform_code"]), int(header["sform_code"])) == (0, 4)


def test_a_nifti_2_scan_gets_nifti_2_labels(tmp_path):
    scan = read_volume(stored(tmp_path / "scan.nii", kind=nib.Nifti2Image))
    write_volume(tmp_path / "map.nii", scan.data[0], scan.origin, scan.grid)
    assert isinstance(nib.load(tmp_path / "map.nii"), nib.Nifti2Image)


def test_a_scan_in_metres_is_written_in_metres(tmp_path):
    image = nib.Nifti1Image(np.ones((3, 4, 5), dtype=np.uint8), np.diag([0.002, 0.003, 0.004, 1]))
    image.header.set_xyzt_units("meter")
    nib.save(image, tmp_path / "scan.nii")
    scan = read_volume(tmp_path / "scan.nii")
    write_volume(tmp_path / "map.nii", scan.data[0], scan.origin, scan.grid)
    assert nib.load(tmp_path / "map.nii").affine.tobytes() == nib.load(tmp_path / "scan.nii").affine.tobytes()
    assert read_volume(tmp_path / "map.nii").grid.matches(scan.grid)


def test_members_lie_on_the_last_axis_and_read_back_first(tmp_path):
    scan = read_volume(stored(tmp_path / "scan.nii", (2, 0, 1), (-1, 1, -1)))
    members = np.random.default_rng(1).integers(0, 4, (3, *scan.grid.shape), dtype=np.uint8)
    write_volume(tmp_path / "members.nii.gz", members, scan.origin, scan.grid)
    assert nib.load(tmp_path / "members.nii.gz").shape == (5, 6, 7, 3)
    assert np.array_equal(read_stack(tmp_path / "members.nii.gz").data, members)


def test_a_single_class_is_written_as_a_3d_file(tmp_path):
    scan = read_volume(stored(tmp_path / "scan.nii"))
    write_volume(tmp_path / "mean.nii.gz", scan.data, scan.origin, scan.grid)
    assert nib.load(tmp_path / "mean.nii.gz").shape == (5, 6, 7)


@pytest.mark.parametrize(
    ("data", "expected"),
    [(3, "u1"), (300, "u2"), (70_000, "u4"), (0.25, "f4"), (True, "u1"), (np.uint16(3), "u2"), (-5, "i1")],
)
def test_numbers_are_stored_in_a_type_that_holds_them(tmp_path, data, expected):
    scan = read_volume(stored(tmp_path / "scan.nii"))
    write_volume(tmp_path / "map.nii", np.full(scan.grid.shape, data), scan.origin, scan.grid)
    assert nib.load(tmp_path / "map.nii").get_data_dtype() == np.dtype(expected)
    assert (read_volume(tmp_path / "map.nii").data == data).all()


def test_probabilities_are_stored_without_rounding_or_scaling(tmp_path):
    scan = read_volume(stored(tmp_path / "scan.nii"))
    mean = np.random.default_rng(2).random(scan.grid.shape, dtype=np.float32)
    write_volume(tmp_path / "mean.nii.gz", mean, scan.origin, scan.grid)
    assert np.array_equal(read_volume(tmp_path / "mean.nii.gz").data[0], mean)


def test_without_an_origin_the_display_grid_itself_is_written(tmp_path):
    affine = np.array([[0, 0, -1.0, 5], [0, -2.0, 0, 6], [-3.0, 0, 0, 7], [0, 0, 0, 1]])
    grid = Grid((2, 3, 4), affine)
    labels = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    write_volume(tmp_path / "labels.nii", labels, None, grid)
    back = read_labels(tmp_path / "labels.nii")
    assert np.array_equal(back.data, labels)
    assert back.grid.matches(grid)
    assert np.array_equal(nib.load(tmp_path / "labels.nii").affine, affine)


def test_without_a_header_the_origins_own_axes_are_written(tmp_path):
    affine = np.array([[-1.0, 0, 0, 5], [0, -2.0, 0, 6], [0, 0, 3.0, 7], [0, 0, 0, 1]])
    in_file = np.arange(24, dtype=np.uint8).reshape(4, 3, 2)
    grid = Grid((2, 3, 4), display_affine(affine, in_file.shape))
    labels = to_display(in_file, affine)
    write_volume(tmp_path / "labels.nii", labels, Origin("series", in_file.shape, affine), grid)
    written = nib.load(tmp_path / "labels.nii")
    assert np.array_equal(written.dataobj, in_file)
    assert np.array_equal(written.affine, affine)
    assert np.array_equal(read_labels(tmp_path / "labels.nii").data, labels)


def test_a_patient_named_in_the_header_is_not_passed_on(tmp_path):
    image = nib.load(stored(tmp_path / "source.nii"))
    image.header["db_name"] = b"Doe^Jane"
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"Doe^Jane"))
    nib.save(image, tmp_path / "scan.nii")
    scan = read_volume(tmp_path / "scan.nii")
    write_volume(tmp_path / "map.nii", scan.data[0], scan.origin, scan.grid)
    assert b"Doe" not in (tmp_path / "map.nii").read_bytes()
    assert len(scan.origin.header.extensions) == 1  # the scan's own header is as it was


def test_data_of_another_shape_are_refused(tmp_path):
    scan = read_volume(stored(tmp_path / "scan.nii"))
    with pytest.raises(GridMismatchError, match=r"map\.nii"):
        write_volume(tmp_path / "map.nii", scan.data[0, :-1], scan.origin, scan.grid)
    half = Grid((6, 6, 5), scan.grid.affine)
    with pytest.raises(GridMismatchError, match=r"scan\.nii"):
        write_volume(tmp_path / "map.nii", scan.data[0, :-1], scan.origin, half)
    assert not (tmp_path / "map.nii").exists()


def test_another_ending_is_refused_before_writing(tmp_path):
    scan = read_volume(stored(tmp_path / "scan.nii"))
    with pytest.raises(ResultError, match=r"must end in \.nii"):
        write_volume(tmp_path / "map.mha", scan.data[0], scan.origin, scan.grid)


def test_a_missing_folder_is_one_sentence(tmp_path):
    scan = read_volume(stored(tmp_path / "scan.nii"))
    with pytest.raises(ResultError, match="choose another folder"):
        write_volume(tmp_path / "nowhere" / "map.nii", scan.data[0], scan.origin, scan.grid)


FULL_DISK = """
import resource, sys
import numpy as np
from napari_diffseg.errors import ResultError
from napari_diffseg.io import read_volume, write_volume

scan = read_volume(sys.argv[1])
noise = np.random.default_rng(0).random(scan.grid.shape, dtype=np.float32)
resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600))
try:
    write_volume(sys.argv[2], noise, scan.origin, scan.grid)
except ResultError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a limit on file size is a POSIX thing")
@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_a_disk_that_runs_full_leaves_the_old_file_and_nothing_else(tmp_path, ending):
    source = stored(tmp_path / "scan.nii")
    target = tmp_path / f"map{ending}"
    target.write_bytes(b"old")
    command = [sys.executable, "-c", FULL_DISK, str(source), str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "could not be written" in done.stdout
    assert "Free some disk space" in done.stdout
    assert done.stderr == ""
    assert target.read_bytes() == b"old"
    assert {path.name for path in tmp_path.iterdir()} == {"scan.nii", target.name}
