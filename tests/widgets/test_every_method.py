"""Each method from the dock, on a volume: members stream in, and Cancel keeps those that are done."""

import pytest
from methods_fixtures import TINY, save_untrained

from napari_diffseg.layers.source import METADATA_KEY
from napari_diffseg.methods.registry import method


@pytest.fixture(params=[(name, dimensions) for name in TINY for dimensions in (2, 3)], ids=str)
def method_dock(request, make_dock, tmp_path):
    """A dock with an untrained model of the method, and whether it samples in steps."""
    name, dimensions = request.param
    save_untrained(name, dimensions, tmp_path / "tiny.safetensors")
    dock = make_dock()
    dock.model.take(tmp_path / "tiny.safetensors")
    return dock, method(name).has_steps


def result_layers(viewer):
    return [layer for layer in viewer.layers if layer.metadata[METADATA_KEY].run > 0]


def test_members_stream_into_mean_variance_and_consensus(qtbot, method_dock, viewer, press, finished):
    dock, has_steps = method_dock
    dock.form.rows["steps"].value = "2"
    members = 3 if has_steps else 1
    press(dock.start)
    if has_steps:
        qtbot.waitUntil(lambda: "member 2 of 3" in dock.progress.line.text(), timeout=60_000)
        assert len(result_layers(viewer)) >= 3  # before the run is over
    finished(dock)
    mean, *variance, consensus = result_layers(viewer)
    assert len(dock.outcome.result.members) == members
    assert 0 <= mean.data.min() <= mean.data.max() <= 1
    assert [0 < layer.data.max() <= 0.25 for layer in variance] == [True] * has_steps
    assert consensus.data.shape == viewer.layers[0].data.shape


def test_cancel_keeps_the_members_that_are_done(qtbot, method_dock, viewer, press, finished):
    dock, has_steps = method_dock
    if not has_steps:
        return  # one call is over before anybody can cancel
    dock.form.rows["members"].value = 64
    dock.form.rows["steps"].value = "2"
    press(dock.start)
    qtbot.waitUntil(lambda: "member 3 of 64" in dock.progress.line.text(), timeout=60_000)
    press(dock.start)
    finished(dock)
    kept = len(dock.outcome.result.members)
    assert 2 <= kept < 64
    assert dock.message.text() == f"Cancelled: {kept} of 64 members are kept."
