"""A training run's preview as layers, from files as a run writes them."""

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_diffseg.errors import ScanError
from napari_diffseg.layers import PreviewLayers, read_preview
from napari_diffseg.layers.source import METADATA_KEY


@pytest.fixture
def viewer():
    return ViewerModel()


def test_the_four_maps_lie_on_the_scan(viewer, tmp_path, write_preview):
    preview = write_preview(tmp_path / "run", 100)
    PreviewLayers(viewer).show(preview)
    assert preview.scan.name == "hippocampus_148"
    assert [layer.name.split(" ")[0] for layer in viewer.layers] == ["image", "mean", "variance", "truth"]
    for layer in viewer.layers:
        assert layer.metadata[METADATA_KEY].grid.matches(preview.scan.grid)
        np.testing.assert_array_equal(layer.scale, preview.scan.grid.spacing_mm)
    np.testing.assert_array_equal(viewer.layers["truth · hippocampus_148 · training"].data, preview.truth)


def test_the_next_validation_fills_the_same_layers(viewer, tmp_path, write_preview):
    layers = PreviewLayers(viewer)
    layers.show(write_preview(tmp_path / "run", 100))
    before, arrays = list(viewer.layers), [layer.data for layer in viewer.layers]
    refreshed = []
    viewer.layers[1].events.set_data.connect(lambda: refreshed.append(True))
    layers.show(write_preview(tmp_path / "run", 200, certainty=0.9))
    assert list(viewer.layers) == before
    assert all(layer.data is array for layer, array in zip(viewer.layers, arrays, strict=True))
    assert viewer.layers[1].data.max() == np.float32(0.9)
    assert refreshed


def test_another_case_gets_layers_of_its_own(viewer, tmp_path, write_preview):
    layers = PreviewLayers(viewer)
    layers.show(write_preview(tmp_path / "run", 100))
    layers.show(write_preview(tmp_path / "run", 200, case="hippocampus_017"))
    assert len(viewer.layers) == 4
    assert all("hippocampus_017" in layer.name for layer in viewer.layers)


def test_a_class_can_be_chosen_and_stays_so(viewer, tmp_path, write_preview):
    layers = PreviewLayers(viewer)
    layers.show(write_preview(tmp_path / "run", 100))
    layers.choose_class(1)
    layers.show(preview := write_preview(tmp_path / "run", 200))
    assert "posterior" in viewer.layers[1].name
    np.testing.assert_array_equal(viewer.layers[1].data, preview.mean[1])
    np.testing.assert_array_equal(viewer.layers[2].data, preview.variance[1])


def test_a_deleted_layer_stays_deleted_and_a_renamed_one_keeps_its_name(viewer, tmp_path, write_preview):
    layers = PreviewLayers(viewer)
    layers.show(write_preview(tmp_path / "run", 100))
    viewer.layers.remove(viewer.layers[2])
    viewer.layers[1].name = "my own"
    layers.choose_class(1)
    layers.show(write_preview(tmp_path / "run", 200))
    assert len(viewer.layers) == 3
    assert viewer.layers[1].name == "my own"


def test_a_method_with_one_answer_has_no_variance(viewer, tmp_path, write_preview):
    PreviewLayers(viewer).show(write_preview(tmp_path / "run", 100, variance=False))
    assert len(viewer.layers) == 3


def test_the_slices_through_the_middle_of_the_truth_are_shown(viewer, tmp_path, write_preview):
    preview = write_preview(tmp_path / "run", 100)
    PreviewLayers(viewer).show(preview)
    place = viewer.layers[-1].world_to_data(viewer.dims.point)
    np.testing.assert_allclose(place[0], np.median(np.argwhere(preview.truth)[:, 0]), atol=0.51)


def test_no_preview_and_half_a_preview_are_none(tmp_path):
    assert read_preview(tmp_path) is None
    (tmp_path / "preview").mkdir()
    (tmp_path / "preview" / "preview.json").write_text('{"case": "one"', encoding="utf-8")
    assert read_preview(tmp_path) is None


def test_a_damaged_map_is_named(tmp_path, write_preview):
    write_preview(tmp_path / "run", 100)
    (tmp_path / "run" / "preview" / "mean.nii.gz").write_bytes(b"nothing")
    with pytest.raises(ScanError, match=r"mean\.nii\.gz"):
        read_preview(tmp_path / "run")
