"""Saved states: the last two, whole or not counted."""

import json
import shutil

import pytest
import torch

import napari_diffseg as nd
from napari_diffseg.training.state import State, load_state, save_state


def state_of(step):
    return State(step, {"weights.safetensors": {"w": torch.full((3,), float(step))}}, {"best": None})


@pytest.fixture
def run(tmp_path):
    for step in (1, 2, 3):
        save_state(tmp_path, state_of(step))
    return tmp_path


def names(run):
    return sorted(path.name for path in (run / "state").iterdir())


def cut(folder):
    with (folder / "weights.safetensors").open("r+b") as file:
        file.truncate(20)


def flip_a_bit(folder):
    path = folder / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


DAMAGE = {
    "cut short": cut,
    "one bit changed": flip_a_bit,
    "no tensors": lambda folder: (folder / "weights.safetensors").unlink(),
    "no seals": lambda folder: (folder / "state.json").unlink(),
    "empty seals": lambda folder: (folder / "state.json").write_text(""),
    "other seals": lambda folder: (folder / "state.json").write_text(json.dumps({"step": 3, "sha256": []})),
    "not text": lambda folder: (folder / "state.json").write_bytes(b"\xff\xfe\x00"),
}


def test_the_last_two_states_are_kept(run):
    assert names(run) == ["step-000002", "step-000003"]
    assert load_state(run)[0].tensors["weights.safetensors"]["w"].tolist() == [3, 3, 3]


@pytest.mark.parametrize("damage", DAMAGE)
def test_the_state_before_a_damaged_one_is_taken_and_the_damaged_one_named(run, damage):
    DAMAGE[damage](run / "state" / "step-000003")
    state, damaged = load_state(run)
    assert (state.step, damaged) == (2, ["step-000003"])


def test_when_no_state_is_whole_the_sentence_names_them_and_nothing_is_removed(run):
    for folder in (run / "state").iterdir():
        cut(folder)
    with pytest.raises(nd.TrainingError, match=r"step-000003, step-000002.*backup, or remove that folder"):
        load_state(run)
    assert names(run) == ["step-000002", "step-000003"]


def test_saving_removes_damaged_states_of_later_steps(run):
    cut(run / "state" / "step-000003")
    shutil.copytree(run / "state" / "step-000003", run / "state" / "step-000009")
    save_state(run, state_of(3))
    assert names(run) == ["step-000002", "step-000003"]
    assert load_state(run)[1] == []


def test_step_one_million_is_newer_than_the_one_before(run):
    for step in (999_998, 999_999, 1_000_000):
        save_state(run, state_of(step))
    assert names(run) == ["step-1000000", "step-999999"]
    assert load_state(run)[0].step == 1_000_000


def test_folders_of_other_names_are_neither_read_nor_removed(run):
    shutil.copytree(run / "state" / "step-000003", run / "state" / "step-000003 (copy)")
    save_state(run, state_of(4))
    assert "step-000003 (copy)" in names(run)
    assert load_state(run)[0].step == 4


def test_a_run_without_states_begins_anew(tmp_path):
    assert load_state(tmp_path) == (None, [])
