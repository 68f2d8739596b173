"""A file or a folder is there whole or not at all."""

import os

import pytest

from napari_diffseg.io import atomic
from napari_diffseg.io.atomic import replacing, replacing_folder


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


def filled(folder, content, **options):
    with replacing_folder(folder, **options) as partial:
        (partial / content).write_text(content)


def test_a_folder_is_replaced_as_a_whole(tmp_path):
    filled(tmp_path / "result", "old")
    filled(tmp_path / "result", "new", overwrite=True)
    assert [path.name for path in (tmp_path / "result").iterdir()] == ["new"]
    assert [path.name for path in tmp_path.iterdir()] == ["result"]


def test_a_folder_that_came_up_meanwhile_is_kept(tmp_path):
    filled(tmp_path / "result", "old")
    with pytest.raises(OSError, match="result"):
        filled(tmp_path / "result", "new")
    assert [path.name for path in (tmp_path / "result").iterdir()] == ["old"]
    assert [path.name for path in tmp_path.iterdir()] == ["result"]


def test_the_old_folder_is_put_back_when_the_new_one_cannot_be_put_in_place(tmp_path, monkeypatch):
    filled(tmp_path / "result", "old")
    answers, replace = iter([True, False, True]), os.replace

    def refusing_the_second(*paths):
        if not next(answers):
            raise OSError("no")
        replace(*paths)

    monkeypatch.setattr(atomic.os, "replace", refusing_the_second)
    with pytest.raises(OSError, match="no"):
        filled(tmp_path / "result", "new", overwrite=True)
    assert [path.name for path in (tmp_path / "result").iterdir()] == ["old"]
    assert [path.name for path in tmp_path.iterdir()] == ["result"]


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
