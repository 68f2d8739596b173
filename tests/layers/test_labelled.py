"""Layers of a viewer saved as a data set, which is then opened as any other."""

import json
from dataclasses import replace

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_diffseg.datasets.opening import open_dataset
from napari_diffseg.errors import DatasetError
from napari_diffseg.io.nifti import read_labels, read_volume
from napari_diffseg.layers import labelled_images, saved_cases, scan_layers, write_cases
from napari_diffseg.layers.looks import names_of
from napari_diffseg.layers.source import Source
from napari_diffseg.results.result import ClassInfo
from napari_diffseg.volume import Box


@pytest.fixture
def viewer(crop_path):
    """A real scan as File → Open shows it."""
    viewer = ViewerModel()
    ((data, look, _),) = scan_layers(read_volume(crop_path, channel="t1"))
    viewer.add_image(data, **look)
    return viewer


@pytest.fixture
def label(crop_path):
    """Its label, as File → Open reads it."""
    return read_labels(crop_path.parents[1] / "labels" / crop_path.name)


def add_labels(viewer, label, name="drawn", **look):
    source = Source(label.grid, Box.whole(label.grid.shape), label.origin)
    return viewer.add_labels(label.data.copy(), name=name, **look, **source.placing())


def save(viewer, folder):
    write_cases(saved_cases(labelled_images(viewer)), folder)
    return open_dataset(folder)


def test_image_and_labels_come_back_on_the_grid_of_their_file(viewer, label, tmp_path):
    add_labels(viewer, label)
    dataset = save(viewer, tmp_path)
    (case,) = dataset.cases
    found = case.read()
    assert case.name == "hippocampus_148"
    assert found.scan.grid.matches(label.grid)
    np.testing.assert_array_equal(found.scan.data[0], viewer.layers[0].data)
    np.testing.assert_array_equal(found.reads[0].data, label.data)


def test_several_labels_on_one_image_are_raters(viewer, label, tmp_path):
    add_labels(viewer, label, "first reader")
    add_labels(viewer, replace(label, data=np.where(label.data == 2, 0, label.data)), "second reader")
    (case,) = save(viewer, tmp_path).cases
    assert [path.name for path in sorted((tmp_path / "labels" / case.name).iterdir())] == [
        "first-reader.nii.gz",
        "second-reader.nii.gz",
    ]
    assert [int(read.data.max()) for read in case.read().reads] == [2, 1]


def test_labels_drawn_in_napari_fit_by_their_place(viewer, tmp_path):
    image = viewer.layers[0]
    drawn = np.zeros(image.data.shape, dtype=int)
    drawn[10:20, 10:20, 10:20] = 1
    viewer.add_labels(drawn, scale=image.scale, translate=image.translate, units=image.units)
    viewer.add_labels(drawn, name="elsewhere", scale=image.scale, translate=image.translate + 5)
    (found,) = labelled_images(viewer)
    assert [layer.name for layer in found.labels] == ["drawn"]
    (case,) = save(viewer, tmp_path).cases
    np.testing.assert_array_equal(case.read().reads[0].data, drawn)


def test_a_corrected_result_on_a_box_counts_with_background_around_it(viewer, label, tmp_path):
    box = Box((5, 10, 5), (25, 40, 30))
    source = Source(label.grid, box, label.origin, run=1)
    viewer.add_labels(label.data[box.slices].copy(), name="consensus", **source.placing())
    (case,) = save(viewer, tmp_path).cases
    whole = np.zeros_like(label.data)
    whole[box.slices] = label.data[box.slices]
    np.testing.assert_array_equal(case.read().reads[0].data, whole)


def test_names_and_colours_of_classes_are_kept(viewer, label, tmp_path):
    classes = (ClassInfo("anterior", "#ff0000"), ClassInfo("posterior", "#0000ff"))
    layer = add_labels(viewer, label, features=names_of(classes))
    dataset = save(viewer, tmp_path)
    assert [info.name for info in dataset.classes] == ["anterior", "posterior"]
    red, green, blue = (round(255 * part) for part in layer.get_color(1)[:3])
    assert dataset.classes[0].colour == f"#{red:02x}{green:02x}{blue:02x}"


def test_cases_are_added_to_those_in_the_folder(viewer, label, tmp_path):
    add_labels(viewer, label)
    save(viewer, tmp_path)
    assert [case.name for case in save(viewer, tmp_path).cases] == ["hippocampus_148", "hippocampus_148-2"]


def test_classes_that_the_folder_names_already_stay(viewer, label, tmp_path):
    (tmp_path / "classes.json").write_text(json.dumps([{"name": "head"}, {"name": "tail"}]), encoding="utf-8")
    add_labels(viewer, label, features=names_of((ClassInfo("a", "#ff0000"), ClassInfo("b", "#0000ff"))))
    assert [info.name for info in save(viewer, tmp_path).classes] == ["head", "tail"]


def test_maps_of_runs_and_previews_are_not_offered(viewer, label):
    source = Source(label.grid, Box.whole(label.grid.shape), label.origin)
    add_labels(viewer, label)
    viewer.add_image(np.zeros(label.data.shape), name="mean", **replace(source, run=1).placing())
    viewer.add_labels(label.data, name="truth", **replace(source, preview=True).placing())
    (found,) = labelled_images(viewer)
    assert (found.image.name, [layer.name for layer in found.labels]) == ("hippocampus_148", ["drawn"])


def test_an_image_without_labels_is_not_offered(viewer):
    assert labelled_images(viewer) == []
    with pytest.raises(DatasetError, match="Tick at least one"):
        saved_cases([])


def test_negative_labels_are_refused_by_name(viewer, label):
    add_labels(viewer, replace(label, data=label.data)).data = label.data.astype(int) - 1
    with pytest.raises(DatasetError, match="“drawn” holds labels from -1 to 1"):
        saved_cases(labelled_images(viewer))


def test_a_folder_that_cannot_be_written_to_is_a_sentence(viewer, label, tmp_path):
    add_labels(viewer, label)
    (tmp_path / "images").write_text("in the way", encoding="utf-8")
    with pytest.raises(DatasetError, match="cannot be written to"):
        write_cases(saved_cases(labelled_images(viewer)), tmp_path)
