"""What cannot be segmented ends in one sentence, mostly before the click."""

import numpy as np
import pytest

from napari_diffseg.io import read_volume
from napari_diffseg.layers import scan_layers


def only(viewer, data, **look):
    viewer.layers.clear()
    return viewer.add_image(data, **look)


@pytest.mark.parametrize(
    ("data", "look", "words"),
    [
        (np.zeros((8, 9, 10, 3), dtype=np.uint8), {"rgb": True}, "colour picture"),
        ([np.zeros((8, 8, 8)), np.zeros((4, 4, 4))], {"multiscale": True}, "multiscale"),
        (np.zeros((9, 10)), {}, "2D"),
        (np.zeros((2, 8, 9, 10)), {}, "4D"),
        (np.zeros((8, 9, 10)), {"scale": (1e-9, 1, 1)}, "voxels of"),
        (np.zeros((8, 9, 10)), {"rotate": (0, 0, 30)}, "turned"),
    ],
)
def test_a_layer_that_is_no_scan_is_refused_before_the_click(dock, viewer, data, look, words):
    only(viewer, data, **look)
    dock.reset_choices()
    assert words in dock.obstacle.text()
    assert not dock.start.isEnabled()


def test_an_empty_viewer_says_how_to_open_a_scan(dock, viewer):
    viewer.layers.clear()
    assert "File → Open" in dock.obstacle.text()
    assert not dock.start.isEnabled()


@pytest.mark.parametrize(("value", "words"), [(np.nan, "not numbers"), (3.0, "same value")])
def test_a_scan_without_contrast_or_numbers_ends_the_run_in_a_sentence(
    dock, viewer, press, finished, crop_path, value, words
):
    scan = read_volume(crop_path, channel="t1")
    ((data, look, _),) = scan_layers(scan)
    only(viewer, np.full(data.shape, value, dtype=np.float32), **look)
    dock.reset_choices()
    press(dock.start)
    finished(dock)
    assert words in dock.message.text()
    assert len(viewer.layers) == 1
    assert dock.start.isEnabled()


def test_a_layer_of_another_reader_is_segmented_with_a_word_on_its_orientation(dock, viewer, press, finished):
    data = np.asarray(viewer.layers[0].data)
    only(viewer, data.astype(np.float32), name="t1")
    dock.reset_choices()
    assert "unverified" in dock.warning.text()
    press(dock.start)
    finished(dock)
    assert dock.outcome.result is not None


def test_the_same_layer_for_two_channels_is_refused(dock, viewer):
    dock.channels.set_channels(["t1", "flair"])
    dock.channels.combos["t1"].value = viewer.layers[0]
    assert "No layer is chosen for flair" in dock.obstacle.text()
    dock.channels.combos["flair"].value = viewer.layers[0]
    assert "chosen for two channels" in dock.obstacle.text()


def test_channels_are_matched_by_the_names_of_layers(dock, viewer):
    shape = viewer.layers[0].data.shape
    for name in ("case flair", "case t1ce", "case t2"):
        viewer.add_image(np.zeros(shape), name=name)
    dock.channels.set_channels(["t2", "flair", "t1ce"])
    chosen = [layer.name for layer in dock.channels.layers()]
    assert chosen == ["case t2", "case flair", "case t1ce"]


def test_a_checkpoint_deleted_after_it_was_chosen_is_a_sentence(
    dock, press, finished, tmp_path, tiny_checkpoint_path
):
    path = tmp_path / "gone.safetensors"
    path.write_bytes(tiny_checkpoint_path.read_bytes())
    dock.model.take(path)
    path.unlink()
    press(dock.start)
    finished(dock)
    assert "gone.safetensors cannot be read" in dock.message.text()


def test_a_setting_that_cannot_be_is_refused_before_the_click(dock):
    dock.form.rows["threshold"].value = "half"
    assert "Threshold cannot be “half”" in dock.obstacle.text()
    assert not dock.start.isEnabled()
    dock.form.rows["threshold"].value = "0.5"
    assert dock.start.isEnabled()
