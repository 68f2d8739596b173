"""Too little memory: smaller parts at the first step, a sentence later. Only the shortage is made up."""

import pytest
import torch

from napari_diffseg.methods import imgx
from napari_diffseg.training.events import EventReader, Warned
from napari_diffseg.training.state import load_state

BATCH = {"train": {"batch": 4, "steps": 3}, "validation": {"every": 100}}


@pytest.fixture
def memory_for(monkeypatch):
    """Lets ImgX's loss take so many items, at a step that a function of the number of calls chooses."""

    def limit(items, *, when=lambda call: True):
        loss, calls = imgx.loss, []

        def limited(config, network, batch, draws):
            calls.append(len(batch.mask))
            if len(batch.mask) > items and when(len(calls)):
                raise torch.OutOfMemoryError
            return loss(config, network, batch, draws)

        monkeypatch.setattr(imgx, "loss", limited)
        return calls

    return limit


def warnings_of(run):
    return [event.sentence for event in EventReader(run).new() if isinstance(event, Warned)]


def test_a_first_step_that_does_not_fit_is_taken_in_smaller_parts(
    memory_for, trained, new_run, carried_out, losses_of, tmp_path
):
    calls = memory_for(1)
    run, ended = trained(**BATCH)
    assert ended.state == "finished"
    assert calls == [4, 2] + 3 * [1, 1, 1, 1]
    assert warnings_of(run) == [
        f"The GPU's memory is too small for {items} items at once. Each step now adds up the gradients of "
        f"{parts} parts; its batch of 4 stays."
        for items, parts in ((4, 2), (2, 4))
    ]
    wanted = new_run(
        tmp_path / "parts", train={"batch": 4, "steps": 3, "accumulate": 4}, validation={"every": 100}
    )
    carried_out(wanted)
    assert losses_of(run) == pytest.approx(losses_of(wanted), rel=1e-6)


def test_memory_for_no_single_item_ends_the_run(memory_for, trained):
    memory_for(0)
    _, ended = trained(**BATCH)
    assert (ended.state, ended.step) == ("failed", 0)
    assert ended.sentence.startswith("The memory is used up. What is saved is unharmed:")


def test_memory_that_runs_out_later_ends_the_run_and_changes_no_batch(memory_for, trained):
    calls = memory_for(2, when=lambda call: call == 3)
    run, ended = trained(**BATCH)
    assert (ended.state, ended.step) == ("failed", 2)
    assert "raise train.accumulate" in ended.sentence
    assert calls == [4, 4, 4]
    assert warnings_of(run) == []
    assert load_state(run)[0].step == 2
