"""What is known of a run, read piece by piece from files that its process writes."""

import numpy as np
import pytest

from napari_diffseg.training.events import Ended, Saved, Started, Stepped, Warned, curves
from napari_diffseg.training.folder import BEST, LAST, LOG
from napari_diffseg.widgets.training.following import Follower


def started(step):
    return Started(step=step, steps=3000, device="cpu", parameters=25_971)


def test_each_look_takes_in_what_is_new_and_keeps_the_rest(write_run_folder, steps_of):
    run = write_run_folder("one", [started(0), *steps_of(1, 50)])
    follower = Follower(run)
    follower.look()
    assert follower.curves().steps.tolist() == list(range(1, 51))
    write_run_folder("one", steps_of(51, 120))
    seen = follower.look()
    assert follower.curves().steps.tolist() == list(range(1, 121))
    assert [event.step for event in seen.validated] == [100]
    assert seen.summary.best.step == 100


def test_steps_that_a_resumed_run_did_again_are_there_once(write_run_folder, steps_of):
    events = [started(0), *steps_of(1, 250), started(150), *steps_of(151, 210, dice=0.1)]
    follower = Follower(write_run_folder("one", events))
    seen = follower.look()
    whole = [event for event in curves(events) if isinstance(event, Stepped)]
    assert follower.curves().steps.tolist() == [event.step for event in whole]
    assert [event.metrics["dice"] for event in seen.validated] == pytest.approx([0.51, 0.12])


def test_a_line_that_is_being_written_waits_for_the_next_look(write_run_folder, steps_of):
    run = write_run_folder("one", [started(0), *steps_of(1, 3)])
    follower = Follower(run)
    with (run / "events.jsonl").open("ab") as file:
        file.write(b'{"kind":"stepped","step":4,"loss":')
        file.flush()
        follower.look()
        assert len(follower.curves().steps) == 3
        file.write(b'0.5,"learning_rate":0.1,"seconds":1}\n')
    follower.look()
    assert follower.curves().losses[-1] == 0.5


def test_the_smooth_line_is_as_long_and_less_rough(write_run_folder):
    rng = np.random.default_rng(0)
    losses = 1 + 0.3 * rng.standard_normal(400)
    noisy = [Stepped(step=n + 1, loss=x, learning_rate=1e-3, seconds=0.1) for n, x in enumerate(losses)]
    follower = Follower(write_run_folder("one", noisy))
    follower.look()
    drawn = follower.curves()
    assert drawn.smoothed.shape == drawn.losses.shape
    assert drawn.smoothed.std() < drawn.losses.std() / 2
    np.testing.assert_allclose(drawn.smoothed.mean(), losses.mean(), atol=0.05)


def test_the_log_tells_events_in_words_and_the_rest_as_it_is(write_run_folder, steps_of):
    *_, validated = steps_of(1, 100)
    run = write_run_folder("one")
    warned, ended = Warned(sentence="Case 3 was left out."), Ended(state="stopped", step=120)
    said = [started(0), validated, Saved(step=100), warned, ended]
    lines = ["Traceback: something", *(f"2026-11-21 22:14:26 {event.model_dump_json()}" for event in said)]
    (run / LOG).write_text("\n".join(lines), encoding="utf-8")
    first, *rest = Follower(run).log().splitlines()
    assert first == "Traceback: something"
    assert [line.partition(" ")[2] for line in rest] == [
        "Training from step 0 on CPU, 25,971 parameters.",
        "Validated at step 100: Dice 0.510, the best so far.",
        "Saved at step 100.",
        "Case 3 was left out.",
        "Stopped after step 120.",
    ]


def test_of_a_long_log_the_last_whole_lines_are_shown(write_run_folder):
    run = write_run_folder("one")
    (run / LOG).write_text("\n".join(f"line {n:06d}" for n in range(100_000)), encoding="utf-8")
    shown = Follower(run).log().splitlines()
    assert shown[-1] == "line 099999"
    assert 10 < len(shown) < 100
    assert all(len(line) == len("line 000000") for line in shown)


def test_the_best_checkpoint_is_offered_before_the_last_one(write_run_folder):
    run = write_run_folder("one")
    follower = Follower(run)
    assert follower.look().checkpoint is None
    (run / LAST).write_bytes(b"")
    assert follower.look().checkpoint == run / LAST
    (run / BEST).write_bytes(b"")
    assert follower.look().checkpoint == run / BEST
