"""Events as they are written and as a watcher reads them."""

import errno

import pytest

from napari_diffseg.training.events import (
    EVENTS,
    EventLog,
    EventReader,
    Saved,
    Started,
    Stepped,
    Validated,
    Warned,
    curves,
)


def stepped(step, loss=1.0):
    return Stepped(step=step, loss=loss, learning_rate=0.1, seconds=0.1)


def started(step):
    return Started(step=step, steps=9, device="cpu", parameters=1)


def validated(step):
    return Validated(step=step, metrics={}, selected_by="", best=True, cases=1, seconds=0.1)


@pytest.fixture
def log(tmp_path):
    """Of a run."""
    log = EventLog(tmp_path)
    yield log
    log.close()


def append(run, content):
    with (run / EVENTS).open("ab") as file:
        file.write(content)


def test_each_event_is_read_once_and_comes_back_as_it_was(log, tmp_path):
    reader = EventReader(tmp_path)
    first, second = stepped(1), Saved(step=1)
    log.say(first)
    assert reader.new() == [first]
    log.say(second, safely=True)
    assert reader.new() == [second]
    assert reader.new() == []


def test_a_line_that_is_being_written_waits_until_it_is_whole(tmp_path):
    line = stepped(1).model_dump_json().encode() + b"\n"
    reader = EventReader(tmp_path)
    assert reader.new() == []
    for end in range(len(line)):
        append(tmp_path, line[end : end + 1])
        assert len(reader.new()) == (end == len(line) - 1)


def test_half_a_line_of_a_killed_process_spoils_no_other(tmp_path):
    append(tmp_path, stepped(1).model_dump_json().encode() + b'\n{"kind": "step')
    log = EventLog(tmp_path)
    log.say(stepped(2))
    log.close()
    assert [event.step for event in EventReader(tmp_path).new()] == [1, 2]


def test_lines_of_a_newer_version_are_left_out(tmp_path):
    append(tmp_path, b'{"kind": "danced", "time": 1}\n\xff\n[]\n\n{"kind": "saved", "step": 3, "mood": 1}\n')
    assert [event.step for event in EventReader(tmp_path).new()] == [3]


def test_curves_leave_out_what_a_resumed_run_did_again():
    first = [started(0), stepped(1), stepped(2), validated(2), Saved(step=1), Warned(sentence="hm")]
    again = [started(1), stepped(2, 5.0), validated(2)]
    kept = curves([*first, *again])
    assert [event.loss for event in kept if isinstance(event, Stepped)] == [1.0, 5.0]
    assert sum(isinstance(event, Validated) for event in kept) == 1
    assert sum(isinstance(event, Warned) for event in kept) == 1


def test_a_line_that_the_disk_does_not_take_is_taken_back(log, tmp_path):
    resource = pytest.importorskip("resource")
    log.say(stepped(1))
    size = (tmp_path / EVENTS).stat().st_size
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20, before[1]))
    try:
        with pytest.raises(OSError, match="large") as caught:
            log.say(stepped(2))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.errno == errno.EFBIG
    log.say(stepped(3))
    assert [event.step for event in EventReader(tmp_path).new()] == [1, 3]
