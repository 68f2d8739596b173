"""How a run stands, as another process sees it."""

import os
import socket
import subprocess
import sys
import time

import psutil
import pytest

import napari_diffseg as nd
from napari_diffseg.io.alive import SILENCE_S
from napari_diffseg.training.status import Status, read_status, require_idle, write_status


def written(run, **facts):
    write_status(run, Status(state="running", step=3, steps=9, **facts))
    return read_status(run)


def test_a_living_process_is_running(tmp_path):
    assert written(tmp_path).state == "running"


def test_a_dead_process_is_lost_and_its_step_is_kept(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    facts = {"pid": process.pid, "began": psutil.Process(process.pid).create_time()}
    assert written(tmp_path, **facts).state == "running"
    process.communicate()
    status = read_status(tmp_path)
    assert (status.state, status.step) == ("lost", 3)


def test_another_process_with_the_same_number_is_not_the_run(tmp_path):
    assert written(tmp_path, pid=os.getpid(), began=psutil.Process().create_time() - 60).state == "lost"


def test_a_process_on_another_machine_counts_while_it_is_heard(tmp_path):
    now = time.time()
    assert written(tmp_path, host="elsewhere", pid=1, heartbeat=now).state == "running"
    assert written(tmp_path, host="elsewhere", pid=1, heartbeat=now - SILENCE_S - 1).state == "lost"


@pytest.mark.parametrize("state", ["finished", "stopped", "failed"])
def test_what_has_ended_stays_as_it_ended(tmp_path, state):
    write_status(tmp_path, Status(state=state, pid=2**22 + 1, began=0.0))
    assert read_status(tmp_path).state == state


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"state": "dancing"}', b"\xff\xfe", b'{"step": 1}'])
def test_a_status_that_is_none_counts_as_none(tmp_path, content):
    (tmp_path / "status.json").write_bytes(content)
    assert read_status(tmp_path) is None


def test_a_run_that_never_started_has_no_status(tmp_path):
    assert read_status(tmp_path) is None


def test_a_status_of_a_newer_version_is_read(tmp_path):
    (tmp_path / "status.json").write_text('{"state": "finished", "step": 4, "mood": "good"}')
    assert read_status(tmp_path).step == 4


def test_a_folder_at_which_a_process_works_is_refused(tmp_path):
    written(tmp_path)
    sentence = rf"is going on already \(process {os.getpid()} on {socket.gethostname()}\)"
    with pytest.raises(nd.TrainingError, match=sentence):
        require_idle(tmp_path)
    write_status(tmp_path, Status(state="stopped"))
    require_idle(tmp_path)
