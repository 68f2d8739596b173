"""How often a picture is drawn again."""

import pytest

from napari_diffseg.layers.pace import Pace


class Loop:
    """An event loop with a clock of its own, in which drawing and the repaint after it take a while."""

    def __init__(self, drawing_s, repaint_s=0.0):
        self.now_s, self.drawing_s, self.repaint_s, self.drawn_s, self.calls = (
            0.0,
            drawing_s,
            repaint_s,
            [],
            [],
        )

    def draw(self):
        self.drawn_s.append(self.now_s)
        self.now_s += self.drawing_s
        self.calls.append((self.now_s + 0.02, self.repaint))

    def repaint(self):
        self.now_s += self.repaint_s

    def later(self, wait_s, call):
        self.calls.append((self.now_s + wait_s, call))

    def run_until(self, end_s):
        while self.calls and min(due for due, _ in self.calls) <= end_s:
            due, call = min(self.calls, key=lambda entry: entry[0])
            self.calls.remove((due, call))
            self.now_s = max(self.now_s, due)
            call()
        self.now_s = end_s


@pytest.mark.parametrize(
    ("drawing_s", "repaint_s", "least_s"), [(0.001, 0.001, 0.3), (0.2, 0, 2.0), (0.05, 0.15, 2.0)]
)
def test_rests_ten_times_as_long_as_drawing_and_repaint_took_or_longer(drawing_s, repaint_s, least_s):
    loop = Loop(drawing_s, repaint_s)
    pace = Pace(loop.draw, loop.later, lambda: loop.now_s)
    for tenth in range(100):
        pace.ask()
        loop.run_until(tenth / 10)
    rests_s = [after - before for before, after in zip(loop.drawn_s, loop.drawn_s[1:], strict=False)]
    assert min(rests_s) > 0.95 * least_s
    assert max(rests_s) < 1.5 * least_s


def test_what_was_asked_for_during_a_rest_is_drawn_once_after_it():
    loop = Loop(0.05)
    pace = Pace(loop.draw, loop.later, lambda: loop.now_s)
    for _ in range(9):
        pace.ask()
    loop.run_until(60)
    assert len(loop.drawn_s) == 2
    assert not loop.calls


def test_nothing_is_drawn_after_a_stop():
    loop = Loop(0.05)
    pace = Pace(loop.draw, loop.later, lambda: loop.now_s)
    pace.ask()
    pace.ask()
    pace.stop()
    loop.run_until(60)
    pace.ask()
    assert len(loop.drawn_s) == 1


def test_without_an_event_loop_asking_too_early_is_forgotten():
    loop = Loop(0.05)
    pace = Pace(loop.draw, clock=lambda: loop.now_s)
    pace.ask()
    pace.ask()
    loop.now_s = 10
    pace.ask()
    assert loop.drawn_s == [0, 10]
