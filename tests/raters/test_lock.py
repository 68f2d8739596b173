"""A read is open in one place at a time; who died leaves it free."""

import json
import os
import socket
import subprocess
import sys
import time

import pytest

from napari_diffseg.errors import RaterProjectError
from napari_diffseg.io.alive import SILENCE_S
from napari_diffseg.raters import lock
from napari_diffseg.raters.lock import LOCK, Holder, Lock
from napari_diffseg.raters.opening import open_read

CASE = "hippocampus_148"


def held(folder, **facts):
    (folder / LOCK).write_text(Holder(**facts).model_dump_json())


def test_a_read_opened_twice_tells_where_it_is_open(project):
    with (
        open_read(project, CASE, "Anna"),
        pytest.raises(
            RaterProjectError,
            match=rf"open already \(process {os.getpid()} on {socket.gethostname()}, since \d\d:",
        ),
    ):
        open_read(project, CASE, "Anna")
    open_read(project, CASE, "Anna").close()


def test_two_raters_read_one_case_at_the_same_time(project):
    with open_read(project, CASE, "Anna") as anna, open_read(project, CASE, "Bob") as bob:
        for number, read in enumerate((anna, bob), start=1):
            data = read.mask()
            data[number] = 1
            read.record(data)
        assert (anna.mask()[1].all(), anna.mask()[2].any()) == (True, False)


def test_the_lock_of_a_dead_process_is_taken_over(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    import psutil

    held(tmp_path, pid=process.pid, began=psutil.Process(process.pid).create_time())
    with pytest.raises(RaterProjectError, match="open already"):
        Lock(tmp_path)
    process.communicate()
    Lock(tmp_path).release()
    assert not (tmp_path / LOCK).exists()


def test_the_lock_of_another_machine_holds_while_it_is_renewed(tmp_path):
    held(tmp_path, host="elsewhere", pid=1)
    with pytest.raises(RaterProjectError, match="process 1 on elsewhere"):
        Lock(tmp_path)
    held(tmp_path, host="elsewhere", pid=1, heartbeat=time.time() - SILENCE_S - 1)
    Lock(tmp_path).release()


def test_nothing_is_saved_any_more_once_somebody_took_over(project, monkeypatch):
    monkeypatch.setattr(lock, "_BEAT_S", 0.0)
    with open_read(project, CASE, "Anna") as read:
        folder = project.root / "reads" / CASE / "Anna" / "001"
        held(folder, host="elsewhere", pid=1)
        before = (folder / "journal.bin").read_bytes()
        data = read.mask()
        data[0] = 1
        with pytest.raises(RaterProjectError, match=r"opened elsewhere meanwhile \(process 1 on elsewhere"):
            read.record(data)
        assert not read.editable
        assert (folder / "journal.bin").read_bytes() == before
    assert json.loads((folder / LOCK).read_text())["host"] == "elsewhere"  # left alone


def test_a_lock_that_somebody_deleted_is_made_again(project, monkeypatch):
    monkeypatch.setattr(lock, "_BEAT_S", 0.0)
    with open_read(project, CASE, "Anna") as read:
        path = project.root / "reads" / CASE / "Anna" / "001" / LOCK
        path.unlink()
        read.beat(1.0)
        assert path.exists()
    assert not path.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b'{"pid": "x"}',
        b'{"opened": 1e300}',
        b'{"pid": 99999999999999999999999}',
        b"1" * 10**6,
    ],
)
def test_a_lock_that_is_none_does_not_hold(tmp_path, content):
    (tmp_path / LOCK).write_bytes(content)
    Lock(tmp_path).release()
