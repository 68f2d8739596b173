"""A scan becomes layers and comes back; layers of strangers are taken as shown or refused."""

from pathlib import Path

import dask.array
import numpy as np
import pytest
from napari.layers import Image

from napari_diffseg.errors import GridMismatchError, ScanError
from napari_diffseg.io import read_volume
from napari_diffseg.layers import grid_of, orientation_note, scan_layers, scan_of
from napari_diffseg.volume import Grid, Scan

HEADS = sorted((Path(__file__).parents[1] / "data" / "orientations").glob("*.nii.gz"))


def foreign(name="other", shape=(4, 5, 6), **look):
    return Image(np.arange(np.prod(shape), dtype=np.float32).reshape(shape), name=name, **look)


@pytest.mark.parametrize("path", HEADS, ids=lambda path: path.name[:3])
def test_one_head_stored_five_ways_becomes_one_layer(path, opened):
    (first,), (layer,) = opened(HEADS[0]), opened(path)
    assert np.array_equal(layer.data, first.data)
    assert layer.scale == pytest.approx(first.scale)
    assert layer.translate == pytest.approx(first.translate, abs=1e-4)
    assert layer.axis_labels == ("I", "P", "L")
    assert [str(unit) for unit in layer.units] == ["millimeter"] * 3


def test_an_oblique_layer_has_no_affine_and_its_true_one_in_metadata(oblique_file, opened):
    (layer,) = opened(oblique_file)
    assert np.array_equal(layer.affine.affine_matrix, np.eye(4))
    assert np.array_equal(layer.metadata["diffseg"].grid.affine, read_volume(oblique_file).grid.affine)


def test_a_layer_of_ours_gives_back_the_scan_it_came_from(oblique_file, opened):
    read = read_volume(oblique_file)
    scan = scan_of(opened(oblique_file), ["t1"])
    assert np.array_equal(scan.data, read.data)
    assert np.array_equal(scan.grid.affine, read.grid.affine)
    assert (scan.name, scan.origin.sha256) == ("head", read.origin.sha256)
    assert orientation_note(opened(oblique_file)) == ""


def test_each_channel_is_a_layer_and_they_come_back_as_one_scan(oblique_file):
    read = read_volume(oblique_file)
    both = Scan(np.concatenate([read.data, read.data + 1]), read.grid, ("t1", "t2"), "MR", read.origin)
    layers = [Image(data, **look) for data, look, _ in scan_layers(both)]
    assert [layer.name for layer in layers] == ["head · t1", "head · t2"]
    scan = scan_of(layers, ["t1", "t2"])
    assert np.array_equal(scan.data, both.data)
    assert (scan.channels, scan.modality) == (("t1", "t2"), "MR")


def test_contrast_leaves_out_bright_specks_and_voxels_that_are_no_number():
    data = np.linspace(0, 100, 30**3, dtype=np.float32).reshape(1, 30, 30, 30)
    data[0, 0, 0] = np.nan
    data[0, 9, 9, :9] = 1e6
    ((_, look, _),) = scan_layers(Scan(data, Grid((30, 30, 30), np.eye(4))))
    low, high = look["contrast_limits"]
    assert 0 <= low < 10
    assert 90 < high < 110


@pytest.mark.parametrize("value", [7.0, np.nan])
def test_a_constant_or_empty_image_can_still_be_shown(value):
    data = np.full((1, 3, 3, 3), value, dtype=np.float32)
    ((_, look, _),) = scan_layers(Scan(data, Grid((3, 3, 3), np.eye(4))))
    low, high = look["contrast_limits"]
    assert high > low


def test_a_foreign_layer_is_taken_as_shown_and_said_to_be_unverified():
    layer = foreign(scale=(3, 1, 2), translate=(10, 20, 30))
    scan = scan_of([layer], ["image"])
    assert scan.grid.spacing_mm == pytest.approx((3, 1, 2))
    assert scan.grid.translate_mm == pytest.approx((10, 20, 30))
    assert scan.grid.affine[:3, 3] == pytest.approx([-30, -20, -10])  # RAS of (inferior, posterior, left)
    assert scan.name == "other"
    assert "“other”" in orientation_note([layer])
    assert "unverified" in orientation_note([layer])


def test_lengths_in_other_units_become_millimetres():
    layer = foreign(scale=(300, 0.1, 2), units=("um", "cm", "mm"))
    assert grid_of([layer]).spacing_mm == pytest.approx((0.3, 1, 2))


def test_a_layer_of_ours_that_was_rescaled_since_is_a_foreign_one(oblique_file, opened):
    (layer,) = opened(oblique_file)
    layer.scale = (1, 1, 1)
    assert orientation_note([layer])
    assert grid_of([layer]).spacing_mm == pytest.approx((1, 1, 1))


def test_a_processed_copy_lies_on_its_oblique_scan_as_shown(oblique_file, opened):
    (layer,) = opened(oblique_file)
    copy = Image(layer.data * 2, scale=layer.scale, translate=layer.translate, units=layer.units)
    scan = scan_of([copy, layer], ["t1", "t2"])
    assert np.array_equal(scan.grid.affine, read_volume(oblique_file).grid.affine)


def test_a_mask_of_true_and_false_becomes_numbers():
    layer = Image(np.eye(4, dtype=bool)[None].repeat(3, axis=0))
    assert scan_of([layer], ["image"]).data.dtype == np.uint8


PERMUTING = np.array([[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])


@pytest.mark.filterwarnings("ignore:Non-orthogonal slicing")  # napari's own, about such an affine
@pytest.mark.parametrize(
    ("layer", "said"),
    [
        (lambda: Image(np.zeros((4, 5, 6, 3), np.uint8), rgb=True), "colour picture"),
        (lambda: Image([np.zeros((8, 8, 8)), np.zeros((4, 4, 4))], multiscale=True), "multiscale"),
        (lambda: Image(dask.array.zeros((4, 5, 6))), "dask array"),
        (lambda: foreign(shape=(5, 6)), "2D"),
        (lambda: foreign(shape=(1, 1, 6)), "2D"),
        (lambda: foreign(shape=(2, 4, 5, 6)), "4D"),
        (lambda: foreign(affine=PERMUTING), "open it through File → Open"),
        (lambda: foreign(rotate=[[1, 0, 0], [0, 0.8, 0.6], [0, -0.6, 0.8]]), "open it through File → Open"),
        (lambda: foreign(shear=[0.1, 0, 0]), "open it through File → Open"),
        (lambda: foreign(scale=(-1, 1, 1)), "Correct its scale"),
        (lambda: foreign(scale=(500, 1, 1)), "500 × 1 × 1 mm"),
        (lambda: foreign(units=("s", "mm", "mm")), "measured in second"),
    ],
)
def test_a_layer_that_cannot_be_a_scan_is_refused_in_a_sentence(layer, said):
    with pytest.raises(ScanError, match=said) as caught:
        scan_of([layer()], ["image"])
    assert str(caught.value).startswith("“")
    assert "\n" not in str(caught.value)


def test_missing_and_doubled_channels_are_refused():
    layer = foreign()
    with pytest.raises(ScanError, match="1 layers were chosen for 2 channels"):
        scan_of([layer], ["t1", "t2"])
    with pytest.raises(ScanError, match="chosen for two channels"):
        scan_of([layer, layer], ["t1", "t2"])
    with pytest.raises(ScanError, match="No layer"):
        scan_of([], [])


def test_channels_on_two_grids_are_refused_with_the_difference(tmp_path, opened, save):
    here, there = np.eye(4), np.eye(4)
    there[0, 3] += 5
    ones = np.ones((4, 5, 6))
    first, other = opened(save(tmp_path / "a.nii", ones, here), save(tmp_path / "b.nii", ones, there))
    with pytest.raises(GridMismatchError, match=r"“a” and “b”.*5 mm apart"):
        scan_of([first, other], ["t1", "t2"])
    with pytest.raises(GridMismatchError, match="voxels"):
        scan_of([first, foreign(shape=(3, 3, 3))], ["t1", "t2"])
