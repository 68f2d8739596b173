"""What a kill or a disk left damaged in a run's folder, and what the resumed run makes of it."""

import shutil

import pytest
import torch
from safetensors.torch import load_file

from napari_diffseg.training.events import Ended, EventReader, Warned


@pytest.fixture(scope="module")
def finished(new_run, carried_out, tmp_path_factory):
    run = new_run(tmp_path_factory.mktemp("finished") / "run")
    assert carried_out(run).state == "finished"
    return run


@pytest.fixture
def copy(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "run")


def cut(path):
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def warnings_of(run):
    return [event.sentence for event in EventReader(run).new() if isinstance(event, Warned)]


def test_a_run_goes_on_from_the_state_before_a_damaged_one_and_says_so(
    finished, copy, carried_out, losses_of
):
    cut(copy / "state" / "step-000006" / "optimiser.safetensors")
    assert carried_out(copy).state == "finished"
    assert warnings_of(copy) == ["The saved state step-000006 is damaged; the run goes on from step 4."]
    for name in ("weights", "average", "optimiser"):
        one, two = (
            load_file(run / "state" / "step-000006" / f"{name}.safetensors") for run in (finished, copy)
        )
        assert all(torch.equal(one[key], two[key]) for key in one)
    assert losses_of(copy) == losses_of(finished)


def test_a_run_without_a_whole_state_fails_in_a_sentence_and_loses_nothing(copy, carried_out):
    for path in copy.glob("state/*/weights.safetensors"):
        cut(path)
    before = sorted(copy.rglob("*.safetensors"))
    status = carried_out(copy)
    assert status.state == "failed"
    assert status.sentence.startswith("No saved state of run is whole (step-000006, step-000004).")
    assert sorted(copy.rglob("*.safetensors")) == before
    last = EventReader(copy).new()[-1]
    assert isinstance(last, Ended)
    assert last.sentence == status.sentence


def test_what_a_kill_left_half_written_is_removed(copy, carried_out):
    name = f".{'0123456789abcdef' * 2}-"
    for place in ("", "state/", "cache/"):
        (copy / f"{place}{name}step-000006").mkdir()
        (copy / f"{place}{name}step-000006" / "weights.safetensors").write_bytes(b"half")
    (copy / f"{name}best.safetensors").write_bytes(b"half")
    (copy / ".keep").write_text("a person's own")
    carried_out(copy)
    assert [path.name for path in copy.rglob(".*")] == [".keep"]


def test_a_damaged_or_missing_cache_is_made_again(finished, copy, carried_out, losses_of):
    shutil.rmtree(copy / "state")
    (copy / "events.jsonl").unlink()
    cut(copy / "cache" / "000001" / "image.npy")
    (copy / "cache" / "000002" / "facts.json").write_text("{")
    assert carried_out(copy).state == "finished"
    assert losses_of(copy) == losses_of(finished)


def test_a_half_line_of_events_ends_before_the_next_one(finished, copy, carried_out, losses_of):
    shutil.rmtree(copy / "state" / "step-000006")
    events = copy / "events.jsonl"
    lines = events.read_bytes().splitlines(keepends=True)
    step_six = next(number for number, line in enumerate(lines) if b'"stepped","step":6' in line)
    events.write_bytes(b"".join(lines[:step_six]) + lines[step_six][:40])
    assert carried_out(copy).state == "finished"
    assert losses_of(copy) == losses_of(finished)
