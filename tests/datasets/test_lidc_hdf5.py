"""LIDC in HDF5: PHiSeg's layout as it lies in tests/data, CCDM's made of it by moving the readers' axis."""

import csv
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from napari_diffseg.datasets import lidc_hdf5
from napari_diffseg.errors import DatasetError, ScanError

SAMPLE = Path(__file__).parents[1] / "data" / "lidc" / "hdf5"
MAIN, MORE = "data_lidc.hdf5", "lidc_crops_train_more.hdf5"


@pytest.fixture
def copy(tmp_path):
    """A copy of one file, alone in its folder, with arrays replaced, or removed where None is given."""

    def make(name=MAIN, **arrays):
        path = tmp_path / name
        path.write_bytes((SAMPLE / name).read_bytes())
        with h5py.File(path, "r+") as file:
            for place, array in arrays.items():
                place = place.replace("__", "/")
                del file[place]
                if array is not None:
                    file[place] = array
        return path

    return make


@pytest.fixture
def refused(copy):
    """The one sentence or two with which a changed file is refused when it is listed."""

    def check(match, name=MAIN, **arrays):
        with pytest.raises(DatasetError, match=match) as caught:
            lidc_hdf5.read(copy(name, **arrays))
        assert "\n" not in str(caught.value)

    return check


def main(place):
    with h5py.File(SAMPLE / MAIN) as file:
        return file[place][:]


def more(name):
    with h5py.File(SAMPLE / MORE) as file:
        return file["train_more"][name][:]


def by_name(dataset):
    return {case.name: case for case in dataset.cases}


def test_a_folder_gives_the_crops_of_all_its_files_by_group():
    assert lidc_hdf5.recognises(SAMPLE)
    dataset = lidc_hdf5.read(SAMPLE)
    assert [(case.name, case.group) for case in dataset.cases] == [
        ("test-00000", "test"),
        ("test-00001", "test"),
        ("train-00000", "train"),
        ("train-00001", "train"),
        ("train-00002", "train"),
        ("train-00003", "train"),
        ("train_more-00000", "train"),
        ("train_more-00001", "train"),
        ("train_more-00002", "train"),
        ("val-00000", "validation"),
        ("val-00001", "validation"),
    ]
    assert (dataset.dimensions, dataset.modality, [info.name for info in dataset.classes]) == (
        2,
        "CT",
        ["nodule"],
    )


def test_one_file_gives_its_own_crops_alone():
    assert lidc_hdf5.recognises(SAMPLE / MAIN)
    assert len(lidc_hdf5.read(SAMPLE / MAIN).cases) == 8


def test_the_order_of_axes_is_not_guessed_from_the_group():
    for case in lidc_hdf5.read(SAMPLE).cases:
        found = case.read()
        assert found.scan.data.shape == (1, 1, 128, 128)
        assert [read.data.shape for read in found.reads] == [(1, 128, 128)] * 4


def test_crops_come_as_they_are_stored():
    found = by_name(lidc_hdf5.read(SAMPLE))["train-00001"].read()
    np.testing.assert_array_equal(found.scan.data[0, 0], main("train/images")[1])
    for reader, read in enumerate(found.reads):
        np.testing.assert_array_equal(read.data[0], main("train/labels")[1, :, :, reader])
    assert found.scan.data.dtype == np.float64
    assert found.scan.name == "train-00001"


def test_packed_crops_have_the_numbers_of_plain_ones():
    found = by_name(lidc_hdf5.read(SAMPLE))["train_more-00002"].read()
    grey = (found.scan.data + 0.5) * 256
    np.testing.assert_array_equal(grey, np.rint(grey))
    assert (grey.min(), grey.max()) == (0, 255)
    bits = np.unpackbits(more("labels_packed")[2], axis=-1).reshape(4, 128, 128)
    np.testing.assert_array_equal(np.concatenate([read.data for read in found.reads]), bits)


def test_ccdm_order_of_axes_gives_the_same_masks(copy):
    path = copy(
        **{
            f"{group}__labels": np.moveaxis(main(f"{group}/labels"), -1, 1)
            for group in ("train", "val", "test")
        }
    )
    plain, ccdm = by_name(lidc_hdf5.read(SAMPLE / MAIN)), by_name(lidc_hdf5.read(path))
    assert plain.keys() == ccdm.keys()
    for name in plain:
        for one, other in zip(plain[name].read().reads, ccdm[name].read().reads, strict=True):
            np.testing.assert_array_equal(one.data, other.data)


def test_a_crop_with_four_empty_masks_keeps_them():
    found = by_name(lidc_hdf5.read(SAMPLE))["train-00003"].read()
    assert [int(read.data.max()) for read in found.reads] == [0, 0, 0, 0]


def test_patient_and_spacing_come_from_the_table_beside_the_file():
    cases = by_name(lidc_hdf5.read(SAMPLE))
    with (SAMPLE / "index.csv").open() as file:
        for row in csv.DictReader(file):
            case = cases[f"{row['split']}-{int(row['row']):05d}"]
            assert case.patient == row["patient"]
            edge = pytest.approx(float(row["pixel_spacing_mm"]))
            assert case.read().scan.grid.spacing_mm == (1, edge, edge)


def test_packed_crops_tell_patient_and_spacing_themselves():
    case = by_name(lidc_hdf5.read(SAMPLE))["train_more-00002"]
    assert case.patient == "LIDC-IDRI-0003"
    assert case.read().scan.grid.spacing_mm[1] == pytest.approx(float(more("pixel_spacing_mm")[2]))


def test_without_the_table_a_series_is_a_patient_and_a_pixel_one_mm(copy):
    cases = by_name(lidc_hdf5.read(copy()))
    uids = main("train/uids")
    assert [cases[f"train-{row:05d}"].patient for row in range(4)] == [
        f"{int(uid) % 2**64:016x}" for uid in uids
    ]
    assert cases["train-00000"].read().scan.grid.spacing_mm == (1, 1, 1)


def test_a_series_named_in_another_file_is_its_patient_there_too(copy):
    path = copy()
    copy(MORE, train_more__uids=np.resize(main("train/uids"), 3))
    assert by_name(lidc_hdf5.read(path.parent))["train-00000"].patient == "LIDC-IDRI-0002"


def test_uids_may_be_text(copy):
    uids = np.array([b"1.3.6.1", b"1.3.6.1", b"1.3.6.2", b"1.3.6.2"])
    assert by_name(lidc_hdf5.read(copy(train__uids=uids)))["train-00002"].patient == "1.3.6.2"


def test_no_file_stays_open(copy):
    path = copy()
    case = lidc_hdf5.read(path).cases[0]
    case.read()
    with h5py.File(path, "r+"):  # refused while this process has it open to read
        pass


@pytest.mark.parametrize("content", [b"", b"\x89HDF\r\n\x1a\n", b"PK\x03\x04" + bytes(100)])
def test_another_file_of_that_ending_is_refused(content, tmp_path):
    (tmp_path / MAIN).write_bytes(content)
    assert lidc_hdf5.recognises(tmp_path)
    with pytest.raises(DatasetError, match=f"{MAIN} is no HDF5 file, or is damaged"):
        lidc_hdf5.read(tmp_path)


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("name", [MAIN, MORE])
def test_a_file_cut_short_is_refused(name, kept, copy):
    path = copy(name)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(DatasetError, match="damaged or cut short"):
        lidc_hdf5.read(path)


def test_a_damaged_part_is_told_when_its_crop_is_read(copy):
    path = copy()
    with h5py.File(path) as file:
        place = file["train/images"].id.get_chunk_info(0).byte_offset
    content = bytearray(path.read_bytes())
    content[place + 50 : place + 500] = bytes(450)
    path.write_bytes(content)
    cases = by_name(lidc_hdf5.read(path))
    with pytest.raises(DatasetError, match="damaged or cut short"):
        cases["train-00000"].read()
    cases["train-00001"].read()


def test_other_files_and_folders_are_not_recognised(tmp_path):
    assert not lidc_hdf5.recognises(tmp_path)
    assert not lidc_hdf5.recognises(tmp_path / "missing")
    assert not lidc_hdf5.recognises(SAMPLE / "index.csv")


def test_hdf5_of_something_else_is_refused(tmp_path):
    with h5py.File(tmp_path / "weights.h5", "w") as file:
        file["layer/kernel"] = np.zeros(3)
    with pytest.raises(DatasetError, match="none of the groups train, val, test, train_more"):
        lidc_hdf5.read(tmp_path / "weights.h5")


def test_arrays_that_do_not_fit_each_other_are_refused(refused):
    refused(
        r"train/labels .* \(4, 128, 128, 3\).*expected: the shape \(4, 128, 128, 4\)",
        train__labels=np.zeros((4, 128, 128, 3), "u1"),
    )
    refused(r"train/labels .* \(3, 128, 128, 4\)", train__labels=np.zeros((3, 128, 128, 4), "u1"))
    refused(r"train/images .*expected: 3 axes", train__images=np.zeros((4, 128 * 128)))
    refused(r"train/images .*complex128", train__images=np.zeros((4, 128, 128), complex))
    refused(r"train/images .*1 to 1024 pixels", train__images=np.zeros((4, 2048, 1)))
    refused(r"train/labels .*float64", train__labels=np.zeros((4, 128, 128, 4)))
    refused(r"train/uids .*expected: 4 values", train__uids=np.zeros(5, "i8"))
    refused(r"train/uids .*object", train__uids=["a", "b", "c", "d"])
    refused(r"train/uids in data_lidc.hdf5 is missing", train__uids=None)
    refused(r"train in data_lidc.hdf5 is no group", train=np.zeros(3))


def test_packed_arrays_that_do_not_fit_each_other_are_refused(refused):
    refused(
        r"labels_packed .*bytes, \(4, 2048\) a crop",
        MORE,
        train_more__labels_packed=np.zeros((3, 4, 2047), "u1"),
    )
    refused(r"images_webp .*expected: bytes", MORE, train_more__images_webp=np.zeros(9, "u2"))
    refused(r"offsets .*expected: 4 values", MORE, train_more__offsets=np.zeros(3, "i8"))
    refused(r"patient .*short texts", MORE, train_more__patient=np.array([b"x" * 65] * 3))
    refused(
        r"pixel_spacing_mm .*100 mm in every row",
        MORE,
        train_more__pixel_spacing_mm=np.array([0.7, np.nan, 0.7]),
    )


@pytest.mark.parametrize(
    "offsets", [[-1, 10, 20, 30], [0, 0, 20, 30], [30, 20, 10, 0], [0, 2**62, 2**62, 2**62]]
)
def test_offsets_outside_the_bytes_are_told_when_the_crop_is_read(offsets, copy):
    path = copy(MORE, train_more__offsets=np.array(offsets))
    with pytest.raises(DatasetError, match=r"offsets .*bytes in row 0"):
        lidc_hdf5.read(path).cases[0].read()


def test_bytes_that_are_no_image_are_told_when_the_crop_is_read(copy):
    path = copy(MORE, train_more__images_webp=np.zeros(len(more("images_webp")), "u1"))
    with pytest.raises(ScanError, match=r"image 0 of train_more/images_webp .* is no PNG, JPEG, BMP or WebP"):
        lidc_hdf5.read(path).cases[0].read()


def test_an_image_of_another_size_is_told_when_the_crop_is_read(copy, tmp_path):
    from PIL import Image

    Image.new("L", (64, 128)).save(tmp_path / "x.webp", lossless=True)
    content = np.frombuffer((tmp_path / "x.webp").read_bytes(), "u1")
    path = copy(MORE, train_more__images_webp=content, train_more__offsets=np.array([0, *[len(content)] * 3]))
    with pytest.raises(DatasetError, match="128 × 128 pixels in image 0"):
        lidc_hdf5.read(path).cases[0].read()


def test_masks_of_other_numbers_are_told_when_the_crop_is_read(copy):
    path = copy(train__labels=main("train/labels") * 3 + main("train/labels").cumsum(axis=1).astype("u1"))
    with pytest.raises(ScanError, match="mask 0 of train-00000 holds"):
        by_name(lidc_hdf5.read(path))["train-00000"].read()


def declared(path, name, shape, **options):
    """A file that declares an array and stores nothing of it."""
    with h5py.File(path, "r+") as file:
        dtype = file[name].dtype
        del file[name]
        file.create_dataset(name, shape, dtype, **options)
    return path


def test_sizes_beyond_reason_are_refused_before_memory_is_taken(copy):
    path = declared(copy(), "train/images", (4, 2**20, 2**20), chunks=(1, 128, 128))
    with pytest.raises(DatasetError, match="1 to 1024 pixels"):
        lidc_hdf5.read(path)
    path = declared(copy(), "train/images", (2**40, 128, 128), chunks=(1, 128, 128))
    declared(path, "train/labels", (2**40, 128, 128, 4), chunks=(1, 128, 128, 4))
    declared(path, "train/uids", (2**40,), chunks=(1024,))
    with pytest.raises(DatasetError, match="at most 200000"):
        lidc_hdf5.read(path)


def test_parts_that_would_fill_the_memory_are_refused(copy):
    path = declared(
        copy(), "train/images", (4, 128, 128), chunks=(2**12, 128, 128), maxshape=(None, 128, 128)
    )
    with pytest.raises(DatasetError, match="stored in parts of"):
        lidc_hdf5.read(path)


@pytest.mark.parametrize(
    "link", [h5py.ExternalLink(str(SAMPLE / MAIN), "/train/images"), h5py.SoftLink("/val/images")]
)
def test_links_are_not_followed(link, copy):
    path = copy()
    with h5py.File(path, "r+") as file:
        del file["train/images"]
        file["train/images"] = link
    with pytest.raises(DatasetError, match=r"train/images in data_lidc.hdf5 is a link to elsewhere"):
        lidc_hdf5.read(path)


def test_a_linked_group_is_not_followed(copy):
    path = copy()
    with h5py.File(path, "r+") as file:
        del file["val"]
        file["val"] = h5py.ExternalLink(str(SAMPLE / MAIN), "/val")
    with pytest.raises(DatasetError, match=r"val in data_lidc.hdf5 is a link to elsewhere"):
        lidc_hdf5.read(path)


def test_numbers_in_another_file_are_not_read(copy, tmp_path):
    (tmp_path / "secret").write_bytes(bytes(4 * 128 * 128 * 8))
    path = declared(
        copy(), "train/images", (4, 128, 128), external=[(tmp_path / "secret", 0, h5py.h5f.UNLIMITED)]
    )
    with pytest.raises(DatasetError, match="takes its numbers from another file"):
        lidc_hdf5.read(path)


def test_a_virtual_array_is_not_read(copy):
    path = copy()
    layout = h5py.VirtualLayout((4, 128, 128), "f8")
    layout[:] = h5py.VirtualSource(SAMPLE / MAIN, "train/images", (4, 128, 128))
    with h5py.File(path, "r+") as file:
        del file["train/images"]
        file.create_virtual_dataset("train/images", layout)
    with pytest.raises(DatasetError, match="takes its numbers from another file"):
        lidc_hdf5.read(path)


def test_two_files_with_one_group_are_refused(copy, tmp_path):
    path = copy()
    (tmp_path / "lidc_copy.hdf5").write_bytes(path.read_bytes())
    with pytest.raises(DatasetError, match=r"data_lidc.hdf5 and lidc_copy.hdf5 both hold a group train"):
        lidc_hdf5.read(tmp_path)


@pytest.mark.parametrize(
    "table",
    [
        "patient,uid\na,1\n",
        "uid,patient,pixel_spacing_mm\n1,a,thick\n",
        "uid,patient,pixel_spacing_mm\n1,a,-1\n",
        "uid,patient,pixel_spacing_mm\none,a,1\n",
        "uid,patient,pixel_spacing_mm\n1\n",
        "uid,patient,pixel_spacing_mm\n1,,1\n",
        "\xff\xfe",
    ],
)
def test_a_table_that_is_none_is_refused(table, copy, tmp_path):
    path = copy()
    (tmp_path / "index.csv").write_bytes(table.encode("latin1"))
    with pytest.raises(DatasetError, match=r"index.csv cannot be read as a table"):
        lidc_hdf5.read(path)


def test_a_file_without_crops_is_refused(refused):
    empty = {
        "images": np.zeros((0, 128, 128)),
        "labels": np.zeros((0, 128, 128, 4), "u1"),
        "uids": np.zeros(0, "i8"),
    }
    refused(
        "holds no crop with its 4 masks",
        **{f"{group}__{name}": array for group in ("train", "val", "test") for name, array in empty.items()},
    )


def test_listing_crops_leaves_torch_out():
    code = (
        "import sys; from pathlib import Path; "
        "from napari_diffseg.datasets import cimd, ddti, lidc_hdf5, lidc_pickle, lidc_png, refuge2; "
        f"lidc_hdf5.read(Path({str(SAMPLE)!r})); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
