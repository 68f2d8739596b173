"""The Segment dock, pressed as a person presses it."""

import numpy as np
import pytest

from napari_diffseg.layers.source import METADATA_KEY
from napari_diffseg.results import folder as result_folder
from napari_diffseg.results.folder import read_result

WORDS = ("mean", "variance", "consensus")


def result_layers(viewer):
    return [layer for layer in viewer.layers if layer.metadata[METADATA_KEY].run > 0]


def longer(dock):
    """Settings of a run that is not over before a test has looked at it."""
    dock.form.rows["members"].value = 64
    dock.form.rows["steps"].value = "4"


def shown(dock):
    """The settings that a person sees once Advanced is open."""
    dock.show()
    dock.advanced.expand(animate=False)
    return {name for name, row in dock.form.rows.items() if row.native.isVisible()}


def wait_for_member(qtbot, dock, number):
    qtbot.waitUntil(lambda: f"member {number} of" in dock.progress.line.text(), timeout=60_000)


def test_a_run_fills_mean_variance_and_consensus_and_the_button_comes_back(dock, viewer, press, finished):
    press(dock.start)
    assert dock.start.text() == "Cancel"
    finished(dock)
    mean, variance, consensus = result_layers(viewer)
    for word, layer in zip(WORDS, (mean, variance, consensus), strict=True):
        assert word in layer.name
    assert 0 <= mean.data.min() <= mean.data.max() <= 1
    assert 0 < variance.data.max() <= 0.25
    assert consensus.editable
    assert (dock.start.text(), dock.start.isEnabled()) == ("Segment", True)
    assert dock.message.text().startswith("Done in")


def test_volumes_are_shown_for_each_class_with_their_spread_over_members(dock, press, finished):
    press(dock.start)
    finished(dock)
    texts = [label.text() for label in dock.outcome.findChildren(type(dock.message))]
    lines = dock.outcome.result.summary()
    assert [text for text in texts if text in ("anterior", "posterior")] == ["anterior", "posterior"]
    for line in lines:
        assert f"{line['mean_ml']:.2f} ± {line['sd_ml']:.2f} ml" in texts


def test_mean_shows_the_class_that_is_chosen_after_the_run(dock, viewer, press, finished):
    press(dock.start)
    finished(dock)
    dock.outcome.shown_class.setCurrentIndex(1)
    mean = result_layers(viewer)[0]
    assert "posterior" in mean.name
    np.testing.assert_array_equal(mean.data, dock.outcome.result.mean[1])


def test_cancelling_keeps_the_members_that_are_finished(qtbot, dock, viewer, press, finished):
    longer(dock)
    press(dock.start)
    wait_for_member(qtbot, dock, 3)
    press(dock.start)
    assert (dock.start.text(), dock.start.isEnabled()) == ("Cancelling…", False)
    finished(dock)
    kept = len(dock.outcome.result.members)
    assert 2 <= kept < 64
    assert dock.message.text() == f"Cancelled: {kept} of 64 members are kept."
    assert len(result_layers(viewer)) == 3
    assert dock.start.isEnabled()


def test_two_clicks_start_and_cancel_and_leave_no_layer(dock, viewer, press, finished):
    press(dock.start)
    press(dock.start)
    finished(dock)
    assert "Cancelled before the first member" in dock.message.text()
    assert len(viewer.layers) == 1
    assert dock.outcome.result is None
    assert (dock.start.text(), dock.start.isEnabled()) == ("Segment", True)


def test_a_second_run_makes_new_layers_and_leaves_a_corrected_consensus_alone(dock, viewer, press, finished):
    press(dock.start)
    finished(dock)
    mine = result_layers(viewer)[2]
    mine.data[3, 4, 5] ^= 1
    before = mine.data.copy()
    dock.form.rows["seed"].value = 7
    press(dock.start)
    finished(dock)
    assert len(result_layers(viewer)) == 6
    assert len({layer.name for layer in viewer.layers}) == 7
    np.testing.assert_array_equal(mine.data, before)


def test_layers_deleted_and_renamed_during_a_run_stay_so(qtbot, dock, viewer, press, finished):
    longer(dock)
    press(dock.start)
    wait_for_member(qtbot, dock, 2)
    viewer.layers.remove(result_layers(viewer)[1])
    result_layers(viewer)[0].name = "my own name"
    wait_for_member(qtbot, dock, 4)
    press(dock.start)
    finished(dock)
    assert [layer.name.split(" ·")[0] for layer in result_layers(viewer)] == ["my own name", "consensus"]
    assert dock.outcome.result is not None


def test_the_scan_deleted_during_a_run_does_not_end_it(qtbot, dock, viewer, press, finished):
    longer(dock)
    press(dock.start)
    wait_for_member(qtbot, dock, 2)
    viewer.layers.remove(viewer.layers[0])
    press(dock.start)
    finished(dock)
    assert dock.outcome.result is not None
    assert "No image is open" in dock.obstacle.text()
    assert not dock.start.isEnabled()


def test_kept_members_are_one_layer_with_an_axis_of_their_own(dock, viewer, press, finished):
    dock.form.rows["keep_members"].value = True
    press(dock.start)
    finished(dock)
    members = next(layer for layer in result_layers(viewer) if "members" in layer.name)
    assert members.data.shape == (3, *viewer.layers[0].data.shape)


def test_a_corrected_consensus_is_saved_beside_the_computed_one(
    qtbot, dock, viewer, press, finished, tmp_path, monkeypatch
):
    press(dock.start)
    finished(dock)
    result_layers(viewer)[2].data[0, 0, 0] ^= 1
    chosen = []
    monkeypatch.setattr(
        "napari_diffseg.widgets.segment.outcome.QFileDialog.getSaveFileName",
        lambda parent, title, proposed: chosen.append(proposed) or (str(tmp_path / "out"), ""),
    )
    press(dock.outcome.save)
    qtbot.waitUntil(lambda: dock.message.text().startswith("Saved in"), timeout=20_000)
    assert "hippocampus_148-" in chosen[0]
    assert (tmp_path / "out" / "consensus-edited.nii.gz").is_file()
    np.testing.assert_array_equal(read_result(tmp_path / "out").consensus, dock.outcome.result.consensus)
    qtbot.waitUntil(dock.outcome.save.isEnabled, timeout=20_000)
    assert dock.outcome.save.text() == "Save results…"


def test_saving_to_a_full_disk_gives_one_sentence(qtbot, dock, press, finished, tmp_path, monkeypatch):
    press(dock.start)
    finished(dock)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(result_folder, "write_volume", full)
    dock.outcome.save_to(tmp_path / "out")
    qtbot.waitUntil(lambda: "No space left on device" in dock.message.text(), timeout=20_000)
    assert not (tmp_path / "out").exists()
    assert dock.outcome.save.isEnabled()


def test_saving_over_an_existing_folder_is_refused(qtbot, dock, press, finished, tmp_path):
    press(dock.start)
    finished(dock)
    dock.outcome.save_to(tmp_path)
    qtbot.waitUntil(lambda: "exists already" in dock.message.text(), timeout=20_000)


def test_an_unexpected_error_is_a_sentence_and_stands_in_the_log(dock, press, finished, monkeypatch, caplog):
    def broken(*_):
        raise RuntimeError("something broke")

    monkeypatch.setattr("napari_diffseg.widgets.job.ResultArrays", broken)
    press(dock.start)
    finished(dock)
    assert "unexpected error" in dock.message.text()
    assert "something broke" in caplog.text
    assert (dock.start.text(), dock.start.isEnabled()) == ("Segment", True)


def test_memory_and_time_are_told_before_the_click(qtbot, dock, press, finished):
    qtbot.waitUntil(lambda: "members" in dock.expected.text(), timeout=20_000)
    assert "3 members × 5 steps on CPU" in dock.expected.text()
    assert "free" in dock.expected.text()
    press(dock.start)
    finished(dock)
    qtbot.waitUntil(lambda: "about" in dock.expected.text(), timeout=20_000)


def test_a_region_that_does_not_fit_is_told_with_the_box_that_would(qtbot, dock, monkeypatch):
    monkeypatch.setattr("napari_diffseg.inference.plan.free_gib", lambda device: 0.002)
    dock.form.rows["members"].value = 4
    qtbot.waitUntil(lambda: "at most about" in dock.obstacle.text(), timeout=20_000)
    assert "mm a side" in dock.obstacle.text()
    assert not dock.start.isEnabled()


def test_a_region_larger_than_the_model_has_seen_is_warned_of(dock):
    dock.region.choose("box")
    for spin in dock.region.sizes_mm:
        spin.setValue(15)
    assert "the model has seen" in dock.warning.text()
    assert dock.start.isEnabled()


@pytest.mark.parametrize("keys", ["members", "seed"])
def test_new_settings_are_taken_by_the_next_run(dock, press, finished, keys):
    dock.form.rows[keys].value = 2
    press(dock.start)
    finished(dock)
    assert getattr(dock.outcome.result.options, keys) == 2


def test_new_gives_another_seed(dock, press):
    before = dock.form.rows["seed"].value
    press(dock.new_seed)
    assert dock.form.rows["seed"].value != before


def test_the_region_is_outlined_until_the_run_begins(dock, viewer, press, finished):
    dock.region.choose("box")
    for spin, size in zip(dock.region.sizes_mm, (20, 30, 25), strict=True):
        spin.setValue(size)
    assert [layer.name for layer in viewer.layers][1:] == ["region"]
    press(dock.start)
    assert len(viewer.layers) == 1
    finished(dock)
    assert dock.outcome.result.box.shape == (20, 30, 25)
    assert len(viewer.layers) == 4


def test_a_model_without_diffusion_has_no_members_to_choose_and_no_variance(dock, viewer, press, finished):
    assert {"members", "steps", "seed", "sampler", "fusion", "keep_members"} <= shown(dock)
    dock.form.rows["members"].value = 7
    dock.model.choose("hippocampus-unet")
    assert shown(dock) == {"threshold", "device", "precision", "reproducible", "preview"}
    press(dock.start)
    finished(dock)
    assert [layer.name.split(" ")[0] for layer in result_layers(viewer)] == ["mean", "consensus"]
    assert len(dock.outcome.result.members) == 1


@pytest.fixture
def slice_dock(dock, slice_checkpoint_path):
    """The dock with the tiny model for slices."""
    dock.model.take(slice_checkpoint_path)
    return dock


def test_settings_come_and_go_with_the_model_and_the_sampler(dock, slice_checkpoint_path):
    assert shown(dock).isdisjoint({"slice_noise", "eta", "relative_area", "start_slice"})
    dock.model.take(slice_checkpoint_path)
    assert "slice_noise" in shown(dock)
    assert shown(dock).isdisjoint({"eta", "members_at_once", "start_slice"})
    dock.form.rows["sampler"].value = "ddim"
    assert "eta" in shown(dock)


def test_a_setting_that_is_not_shown_is_not_used(dock, slice_checkpoint_path, tiny_checkpoint_path):
    dock.model.take(slice_checkpoint_path)
    dock.form.rows["slice_noise"].value = "independent"
    assert dock.form.options().slice_noise == "independent"
    dock.model.take(tiny_checkpoint_path)
    assert dock.form.options().slice_noise == "shared"
    dock.model.take(slice_checkpoint_path)
    assert dock.form.options().slice_noise == "independent"


def test_slices_are_drawn_from_the_one_in_view(qtbot, slice_dock, viewer, press, finished):
    slice_dock.form.rows["reproducible"].value = True
    viewer.dims.set_point(0, viewer.layers[0].data_to_world((23, 0, 0))[0])
    regions = []
    slice_dock.engine.told.connect(lambda event: regions.append(getattr(event, "region", None)))
    press(slice_dock.start)
    finished(slice_dock)
    seen = [(region.start[0], region.stop[0]) for region in regions if region]
    assert seen[0] == seen[4] == (23, 24)
    assert seen[5] in ((22, 23), (24, 25))
    assert slice_dock.outcome.result.options.start_slice == 23


def test_a_slice_wise_result_says_so(slice_dock, viewer, press, finished):
    slice_dock.form.rows["keep_members"].value = True
    press(slice_dock.start)
    finished(slice_dock)
    texts = [label.text() for label in slice_dock.outcome.findChildren(type(slice_dock.message))]
    assert any(text.startswith("Slice-wise (axial): all slices of a member") for text in texts)
    assert any("members, slice-wise" in layer.name for layer in result_layers(viewer))
    assert all(layer.metadata[METADATA_KEY].slice_axis == 0 for layer in result_layers(viewer))


def test_only_the_slice_in_view_is_segmented_where_that_was_chosen(slice_dock, viewer, press, finished):
    slice_dock.region.choose("slice")
    viewer.dims.set_point(0, viewer.layers[0].data_to_world((11, 0, 0))[0])
    press(slice_dock.start)
    finished(slice_dock)
    box = slice_dock.outcome.result.box
    assert (box.start[0], box.stop[0]) == (11, 12)
    assert box.shape[1:] == viewer.layers[0].data.shape[1:]
    assert slice_dock.outcome.result.mean.shape == (2, *box.shape)


def test_cancel_of_a_slice_wise_run_keeps_whole_members(qtbot, slice_dock, press, finished):
    longer(slice_dock)
    press(slice_dock.start)
    wait_for_member(qtbot, slice_dock, 2)
    press(slice_dock.start)
    finished(slice_dock)
    kept = slice_dock.outcome.result.members
    assert 1 <= len(kept) < 64
    assert slice_dock.message.text() == f"Cancelled: {len(kept)} of 64 members are kept."


def test_a_plan_for_slices_tells_how_many(qtbot, slice_dock):
    qtbot.waitUntil(lambda: "slices" in slice_dock.expected.text(), timeout=20_000)
    assert slice_dock.expected.text().startswith("3 members × 32 slices × 5 steps on CPU")
