"""Files dropped on napari, masks saved from it, and the sample: through napari's own plugin calls."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from napari.layers import Image, Labels
from napari.utils.notifications import notification_manager
from npe2 import PluginManager

from napari_diffseg.errors import ResultError, ScanError
from napari_diffseg.io import read_volume, write_volume
from napari_diffseg.layers import get_reader, orientation_note, sample_head, write_labels

HEADS = sorted((Path(__file__).parents[1] / "data" / "orientations").glob("*.nii.gz"))
LUNG = Path(__file__).parents[1] / "data" / "dicom" / "ct_lung"
PLUGIN = "napari-diffseg"
MAY_DIFFER = {"datatype", "bitpix", "vox_offset", "scl_slope", "scl_inter", "cal_min", "cal_max"}


@pytest.fixture(autouse=True)
def _installed():
    """A viewer without a window does not look for plugins by itself."""
    PluginManager.instance().discover()


def assert_lies_on(saved, scan):
    """Bit-equal affine, and every header field but the dtype's."""
    before, after = nib.load(scan), nib.load(saved)
    assert before.affine.tobytes() == after.affine.tobytes()
    same = {key: before.header[key].tobytes() == after.header[key].tobytes() for key in list(before.header)}
    assert {key for key in same if not same[key]} <= MAY_DIFFER


def test_a_file_dropped_on_napari_becomes_a_grey_layer(viewer, oblique_file):
    (layer,) = viewer.open(oblique_file, plugin=PLUGIN)
    assert isinstance(layer, Image)
    assert layer.colormap.name == "gray"
    assert np.array_equal(layer.data, read_volume(oblique_file).data[0])


def test_several_files_become_several_layers(viewer, save, tmp_path):
    paths = [save(tmp_path / f"{name}.nii.gz", np.ones((3, 4, 5))) for name in ("t1", "flair")]
    viewer.open(paths, plugin=PLUGIN)
    assert [layer.name for layer in viewer.layers] == ["t1", "flair"]
    assert [layer.metadata["diffseg"].modality for layer in viewer.layers] == ["MR", "MR"]


@pytest.mark.parametrize("name", ["case-seg.nii", "brain_mask.nii.gz", "consensus.nii", "labelsTr/case.nii"])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_a_mask_becomes_labels_that_can_be_painted_on(viewer, save, tmp_path, name, dtype):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    (layer,) = viewer.open(save(path, np.arange(60).reshape(3, 4, 5) % 3, dtype=dtype), plugin=PLUGIN)
    assert isinstance(layer, Labels)
    assert layer.data.dtype == np.uint8
    layer.data_setitem((np.array([0]),) * 3, 2)
    assert layer.data[0, 0, 0] == 2


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("head.nii", np.ones((3, 4, 5))),
        ("segment_anything.nii", np.ones((3, 4, 5))),
        ("masked-t1.nii", np.ones((3, 4, 5))),
        ("brain-mask.nii", np.full((3, 4, 5), 0.5)),
        ("brain-mask-ct.nii", np.full((3, 4, 5), -1000.0)),
    ],
)
def test_what_is_not_named_a_mask_or_holds_other_numbers_is_an_image(viewer, save, tmp_path, name, data):
    (layer,) = viewer.open(save(tmp_path / name, data, dtype=np.float32), plugin=PLUGIN)
    assert isinstance(layer, Image)


def test_written_members_and_means_open_with_their_axis_in_front(viewer, oblique_file, tmp_path):
    scan = read_volume(oblique_file)
    maps = np.stack([scan.data[0] > 300, scan.data[0] > 600]).astype(np.uint8)
    for name, data in (("members.nii.gz", maps), ("mean.nii.gz", maps / np.float32(3))):
        write_volume(tmp_path / name, data, scan.origin, scan.grid)
    members, mean = viewer.open([tmp_path / "members.nii.gz", tmp_path / "mean.nii.gz"], plugin=PLUGIN)
    assert np.array_equal(members.data, maps)
    assert (type(members), members.axis_labels) == (Labels, ("member", "I", "P", "L"))
    assert (type(mean), mean.axis_labels) == (Image, ("volume", "I", "P", "L"))
    assert mean.scale == pytest.approx((1, *scan.grid.spacing_mm))


def test_a_damaged_file_ends_in_one_sentence(viewer, tmp_path):
    (tmp_path / "cut.nii.gz").write_bytes(b"no scan")
    with pytest.raises(ScanError, match=r"cut\.nii\.gz"):
        viewer.open(tmp_path / "cut.nii.gz", plugin=PLUGIN)


@pytest.mark.parametrize("opened", [LUNG, LUNG / "1-16.dcm"], ids=["folder", "file"])
def test_a_dicom_series_becomes_one_grey_layer(viewer, opened):
    (layer,) = viewer.open(opened, plugin=PLUGIN)
    assert isinstance(layer, Image)
    assert layer.name == "ct_lung"
    assert np.array_equal(layer.data, read_volume(LUNG).data[0])
    assert layer.metadata["diffseg"].modality == "CT"


def test_a_mask_drawn_on_a_dicom_series_is_saved_on_its_axes(viewer, tmp_path):
    (scan,) = viewer.open(LUNG, plugin=PLUGIN)
    marked = np.zeros(scan.data.shape, dtype=np.uint8)
    marked[1, 2, 3] = 1
    mask = viewer.add_labels(marked, scale=scan.scale, translate=scan.translate, metadata=scan.metadata)
    (saved,) = mask.save(str(tmp_path / "mask.nii.gz"), plugin=PLUGIN)
    (where,) = np.argwhere(np.asanyarray(nib.load(saved).dataobj))
    assert nib.load(saved).affine @ (*where, 1) == pytest.approx(
        read_volume(LUNG).grid.affine @ (1, 2, 3, 1), abs=1e-4
    )


def test_a_folder_without_dicom_is_left_to_others(tmp_path):
    (tmp_path / "scan.tif").write_bytes(bytes(500))
    assert get_reader(str(tmp_path)) is None
    assert get_reader(str(LUNG)) is not None


def test_files_of_other_kinds_are_left_to_others():
    assert get_reader("scan.tif") is None
    assert get_reader(["scan.nii", "scan.mha"]) is None


@pytest.mark.parametrize("path", HEADS, ids=lambda path: path.name[:3])
def test_a_mask_saved_from_any_storage_order_lies_on_its_file(viewer, tmp_path, path):
    (scan,) = viewer.open(path, plugin=PLUGIN)
    marked = np.zeros(scan.data.shape, dtype=np.uint8)
    marked[2, 3, 4] = 1
    mask = viewer.add_labels(marked, scale=scan.scale, translate=scan.translate, metadata=scan.metadata)
    (saved,) = mask.save(str(tmp_path / "mask.nii.gz"), plugin=PLUGIN)
    assert_lies_on(saved, path)
    (i, j, k) = np.argwhere(np.asanyarray(nib.load(saved).dataobj))[0]
    where = nib.load(path).affine @ [i, j, k, 1]
    assert where == pytest.approx(read_volume(path).grid.affine @ [2, 3, 4, 1], abs=1e-4)


def test_a_mask_opened_corrected_and_saved_changes_in_that_voxel_alone(viewer, save, tmp_path):
    data = np.random.default_rng(0).integers(0, 3, (5, 6, 7))
    path = save(tmp_path / "case-labels.nii.gz", data, dtype=np.uint8)
    (layer,) = viewer.open(path, plugin=PLUGIN)
    layer.data_setitem((np.array([1]),) * 3, (layer.data[1, 1, 1] + 1) % 3)
    (saved,) = layer.save(str(tmp_path / "corrected.nii.gz"), plugin=PLUGIN)
    assert_lies_on(saved, path)
    assert np.count_nonzero(np.asanyarray(nib.load(saved).dataobj) != data) == 1


def test_a_mask_begun_in_napari_is_saved_on_the_oblique_scan_under_it(
    make_napari_viewer, oblique_file, tmp_path
):
    viewer = make_napari_viewer()
    (scan,) = viewer.open(oblique_file, plugin=PLUGIN)
    mask = viewer.add_labels(np.ones(scan.data.shape, int), scale=scan.scale, translate=scan.translate)
    (saved,) = mask.save(str(tmp_path / "mask.nii.gz"), plugin=PLUGIN)
    assert_lies_on(saved, oblique_file)


def test_a_mask_on_no_scan_is_saved_as_shown_with_a_warning(tmp_path, viewer, opened):
    mask = viewer.add_labels(np.eye(4, dtype=int)[None].repeat(3, 0), scale=(3, 1, 1), translate=(5, 6, 7))
    (saved,) = mask.save(str(tmp_path / "mask.nii.gz"), plugin=PLUGIN)
    assert "unverified" in notification_manager.records[-1].message
    (again,) = opened(saved)
    assert np.array_equal(again.data, mask.data)
    assert again.translate == pytest.approx((5, 6, 7))


def test_a_mask_that_cannot_be_saved_says_why(tmp_path, viewer, oblique_file):
    (scan,) = viewer.open(oblique_file, plugin=PLUGIN)
    meta = {"metadata": scan.metadata, "scale": scan.scale, "translate": scan.translate}
    with pytest.raises(ResultError, match="could not be written"):
        write_labels(str(tmp_path / "no such folder" / "mask.nii"), np.ones(scan.data.shape, int), meta)


def test_the_sample_head_opens_from_the_menu(make_napari_viewer):
    viewer = make_napari_viewer()
    (layer,) = viewer.open_sample(PLUGIN, "head_mr")
    assert layer.name == "head_mr_mni152"
    assert layer.data.shape == (189, 233, 197)
    assert orientation_note([layer]) == ""
    assert layer.metadata["diffseg"].modality == "MR"
    assert len(sample_head()) == 1
