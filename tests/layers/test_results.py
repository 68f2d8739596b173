"""A run's layers, from its start to a person's corrections."""

import numpy as np
import pytest
from napari.layers import Layer

from napari_diffseg.layers import ResultArrays, ResultLayers, qt_later, scan_layers, write_labels
from napari_diffseg.results.result import ClassInfo

CLASSES = (ClassInfo("anterior", "#e69f00"), ClassInfo("posterior", "#56b4e9"))

CORNER = (np.array([0]), np.array([0]), np.array([0]))


class Streamed:
    """A run whose events go to arrays and layers, as the Segment widget sends them."""

    def __init__(self, viewer, run, later=None):
        self.run = run
        self.arrays = ResultArrays(run.box, run.options)
        self.layers = ResultLayers(viewer, self.arrays, run.scan, CLASSES, later=later)

    def show(self, *events):
        for event in events:
            self.arrays.write(event)
            self.layers.refresh()

    def to_the_end(self, members=3):
        self.show(*(self.run.done(number) for number in range(members)))
        finished = self.run.finished(members)
        self.arrays.write(finished)
        self.layers.finish(finished.result)
        return finished.result


@pytest.fixture
def streamed(viewer, run):
    viewer.add_layer(Layer.create(*scan_layers(run.scan)[0]))
    return Streamed(viewer, run)


def names(viewer):
    return [layer.name for layer in viewer.layers]


def test_layers_stand_in_order_above_the_scan_and_say_what_they_are(viewer, streamed):
    assert names(viewer) == [
        "head",
        "mean (anterior) · head",
        "variance (anterior) · head",
        "members · head",
        "consensus · head",
        "being drawn · head",
    ]
    assert not streamed.layers.variance.visible
    assert viewer.layers.selection == {viewer.layers["head"]}


def test_layers_lie_exactly_on_their_box_of_the_scan(viewer, streamed):
    scan = viewer.layers["head"]
    for layer in streamed.layers.layers:
        corner = scan.data_to_world(streamed.run.box.start)
        assert layer.data_to_world((0,) * layer.ndim)[-3:] == pytest.approx(corner)
        assert layer.scale[-3:] == pytest.approx(scan.scale)
        assert np.array_equal(layer.affine.affine_matrix, np.eye(layer.ndim + 1))


def test_every_length_is_in_millimetres_and_the_member_axis_in_none(streamed):
    assert streamed.layers.members.axis_labels == ("member", "I", "P", "L")
    assert [str(unit) for unit in streamed.layers.members.units] == ["pixel", *["millimeter"] * 3]
    assert [str(unit) for unit in streamed.layers.mean.units] == ["millimeter"] * 3


def test_rolling_the_view_never_puts_members_on_the_screen(viewer, streamed):
    for _ in range(3):
        viewer.dims.roll()
        assert viewer.dims.order[0] == 0


def test_the_view_stays_where_it_is_when_members_bring_an_axis(viewer, run):
    viewer.add_layer(Layer.create(*scan_layers(run.scan)[0]))
    camera = viewer.scene.camera
    camera.zoom, camera.center = 7.5, (0, 11, 12)
    Streamed(viewer, run)
    assert viewer.dims.ndim == 4
    assert (camera.zoom, camera.center) == (7.5, (0, 11, 12))


def test_members_drawn_slice_by_slice_are_called_so_and_every_layer_knows(viewer, run):
    viewer.add_layer(Layer.create(*scan_layers(run.scan)[0]))
    arrays = ResultArrays(run.box, run.options)
    made = ResultLayers(viewer, arrays, run.scan, CLASSES, slice_axis=2)
    assert made.members.name == "members, slice-wise · head"
    assert {layer.metadata["diffseg"].slice_axis for layer in made.layers} == {2}
    made.finish(run.finished(3).result)
    assert made.consensus.metadata["diffseg"].slice_axis == 2


def test_labels_have_the_names_and_colours_of_their_classes(streamed):
    consensus = streamed.layers.consensus
    assert list(consensus.features["name"]) == ["background", "anterior", "posterior"]
    assert consensus.get_color(1) == pytest.approx([230 / 255, 159 / 255, 0, 1], abs=1e-3)
    assert consensus.get_color(0) is None
    assert consensus.get_color(7)[3] == 1  # painted by a person, of no class


def test_mean_and_variance_keep_their_contrast_while_they_sharpen(streamed):
    streamed.to_the_end()
    assert streamed.layers.mean.contrast_limits == [0, 1]
    assert streamed.layers.variance.contrast_limits == [0, 0.25]
    assert streamed.layers.mean.colormap.colors[0, 3] == 0


def test_the_consensus_is_locked_until_the_run_is_over(viewer, streamed):
    assert not streamed.layers.consensus.editable
    result = streamed.to_the_end()
    assert streamed.layers.consensus.editable
    assert not streamed.layers.members.editable
    assert np.array_equal(streamed.layers.consensus.data, result.consensus)
    assert "being drawn · head" not in names(viewer)


def test_finished_layers_say_how_they_came_about(streamed):
    result = streamed.to_the_end()
    source = streamed.layers.mean.metadata["diffseg"]
    assert source.provenance is result.provenance
    assert np.array_equal(source.grid.affine, streamed.run.scan.grid.crop(streamed.run.box).affine)


def test_a_correction_stays_and_is_told_apart_from_the_computed_consensus(streamed):
    result = streamed.to_the_end()
    assert streamed.layers.edited_consensus() is None
    streamed.layers.consensus.selected_label = 2
    streamed.layers.consensus.paint((1, 1, 1), 2)
    streamed.show(streamed.run.done(2))
    edited = streamed.layers.edited_consensus()
    assert edited[1, 1, 1] == 2
    assert np.array_equal(edited, streamed.layers.consensus.data)
    assert not np.array_equal(edited, result.consensus)


def test_undoing_a_correction_gives_the_computed_consensus_back(streamed):
    result = streamed.to_the_end()
    streamed.layers.consensus.data_setitem(CORNER, (result.consensus[0, 0, 0] + 1) % 3)
    assert streamed.layers.edited_consensus() is not None
    streamed.layers.consensus.undo()
    assert streamed.layers.edited_consensus() is None
    streamed.layers.consensus.undo()
    assert np.array_equal(streamed.layers.consensus.data, result.consensus)


def test_a_second_run_makes_layers_of_its_own(viewer, run, streamed):
    streamed.to_the_end()
    streamed.layers.consensus.data_setitem(CORNER, 7)
    kept = streamed.layers.consensus.data.copy()
    second = Streamed(viewer, run)
    second.to_the_end(members=2)
    assert "mean (anterior) · head · run 2" in names(viewer)
    assert len(viewer.layers) == 1 + 4 + 4
    assert np.array_equal(streamed.layers.consensus.data, kept)


def test_another_class_changes_mean_and_variance_during_a_run_and_after_it(viewer, streamed):
    streamed.show(streamed.run.done(0), streamed.run.done(1))
    streamed.layers.choose_class(1)
    assert np.array_equal(streamed.layers.mean.data, streamed.run.done(1).mean[1])
    result = streamed.to_the_end()
    assert np.array_equal(streamed.layers.variance.data, result.variance[1])
    assert "mean (posterior) · head" in names(viewer)
    streamed.layers.choose_class(0)
    assert np.array_equal(streamed.layers.mean.data, result.mean[0])


def test_a_layer_that_a_person_renamed_keeps_their_name(viewer, streamed):
    streamed.layers.mean.name = "mine"
    streamed.layers.choose_class(1)
    streamed.to_the_end()
    assert names(viewer)[:3] == ["head", "mine", "variance (posterior) · head"]


@pytest.mark.parametrize("what", ["mean", "variance", "members", "consensus", "preview"])
def test_a_layer_deleted_while_the_run_goes_on_stays_away(viewer, streamed, what):
    streamed.show(streamed.run.step(), streamed.run.done(0))
    gone = getattr(streamed.layers, what)
    viewer.layers.remove(gone)
    streamed.layers.choose_class(1)
    streamed.to_the_end()
    assert gone not in viewer.layers
    assert (streamed.layers.edited_consensus() is None) or what != "consensus"


def test_all_layers_and_the_scan_deleted_while_the_run_goes_on(viewer, streamed):
    viewer.layers.clear()
    streamed.show(streamed.run.step())
    streamed.to_the_end()
    assert not viewer.layers
    assert streamed.layers.edited_consensus() is None


def test_a_cancelled_run_shows_the_members_it_has_and_no_variance_of_one(viewer, streamed):
    streamed.to_the_end(members=1)
    assert streamed.layers.members.data.shape[0] == 1
    assert "variance (anterior) · head" not in names(viewer)


def test_a_run_without_a_finished_member_leaves_nothing(viewer, streamed):
    streamed.show(streamed.run.step())
    streamed.layers.discard()
    assert names(viewer) == ["head"]
    assert viewer.dims.ndim == 3


def test_a_corrected_box_is_saved_exactly_on_the_scans_file(tmp_path, streamed, opened, oblique_file):
    streamed.to_the_end()
    streamed.layers.consensus.data_setitem(CORNER, 2)
    data, meta, _ = streamed.layers.consensus.as_layer_data_tuple()
    (path,) = write_labels(str(tmp_path / "corrected-mask.nii.gz"), data, meta)
    (saved,), (scan,) = opened(path), opened(oblique_file)
    assert saved.data.shape == scan.data.shape
    assert np.array_equal(saved.data[streamed.run.box.slices], data)
    assert np.count_nonzero(saved.data) == np.count_nonzero(data)


def test_in_a_window_members_appear_one_after_the_other(make_napari_viewer, qtbot, run):
    viewer = make_napari_viewer()
    viewer.add_layer(Layer.create(*scan_layers(run.scan)[0]))
    streamed = Streamed(viewer, run, later=qt_later)
    shown = []
    streamed.layers.mean.events.set_data.connect(lambda: shown.append(streamed.arrays.members_done))
    for number in range(3):
        streamed.show(run.step(number), run.done(number))
        qtbot.waitUntil(lambda: shown[-1:] == [streamed.arrays.members_done], timeout=20_000)
    streamed.to_the_end()
    assert not streamed.layers.preview or streamed.layers.preview not in viewer.layers
