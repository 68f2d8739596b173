"""A file is there whole or not at all."""

import os

import pytest

from napari_diffseg.io import atomic
from napari_diffseg.io.atomic import replacing


def test_the_old_file_is_read_until_the_block_ends(tmp_path):
    path = tmp_path / "status.json"
    path.write_text("old")
    with replacing(path) as partial:
        partial.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_inside_leaves_the_old_file_alone(tmp_path, error):
    path = tmp_path / "status.json"
    path.write_text("old")
    with pytest.raises(error), replacing(path) as partial:  # noqa: PT012
        partial.write_text("half")
        raise error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_temporary_name_ends_as_the_file_does(tmp_path):
    with replacing(tmp_path / ("long" * 60 + ".nii.gz")) as partial:
        assert partial.name.endswith(".nii.gz")
        assert partial.parent == tmp_path
        partial.write_bytes(b"")


def test_two_writers_of_one_file_do_not_meet(tmp_path):
    path = tmp_path / "status.json"
    with replacing(path) as first, replacing(path) as second:
        first.write_text("first")
        second.write_text("second")
    assert path.read_text() == "first"  # the outer block ends last


def windows(monkeypatch, refusals):
    """An operating system that refuses to replace a file a few times."""
    left, replace = iter(range(refusals)), os.replace

    def refusing(*paths):
        if next(left, None) is not None:
            raise PermissionError("in use by another program")
        replace(*paths)

    monkeypatch.setattr(atomic.os, "replace", refusing)
    monkeypatch.setattr(atomic.os, "name", "nt")


def test_a_file_held_open_for_a_moment_on_windows_is_replaced_after_it(tmp_path, monkeypatch):
    path = tmp_path / "status.json"
    with replacing(path) as partial:
        partial.write_text("new")
        windows(monkeypatch, refusals=3)
    monkeypatch.undo()
    assert path.read_text() == "new"


def test_a_file_held_open_for_good_on_windows_is_given_up(tmp_path, monkeypatch):
    path = tmp_path / "status.json"
    monkeypatch.setattr(atomic, "_PATIENCE_S", 0.1)
    with pytest.raises(PermissionError), replacing(path) as partial:  # noqa: PT012
        partial.write_text("new")
        windows(monkeypatch, refusals=10_000)
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == []
