"""Starting from a plausible answer: where the protocol allows it, what is drawn, and that it is recorded."""

import numpy as np
import pytest

from napari_diffseg.raters.project_document import Protocol
from napari_diffseg.raters.read_record import sessions

FIRST, SECOND = "hippocampus_148", "hippocampus_017"


@pytest.fixture
def allowed(make_dock, open_in, new_project):
    """A project that lets blinded readers start from answers, open for Anna."""
    project = new_project(protocol=Protocol(allow_start_from_member=True), labels=("hippocampus",))
    return project, open_in(make_dock(), project.root)


@pytest.fixture
def drawn_answers(qtbot, tiny_checkpoint_path):
    """Let the tiny model draw answers for the read on screen."""

    def draw(page):
        start = page.plausible
        page.offer.expand(animate=False)
        start.model.take(tiny_checkpoint_path)
        start.members.setValue(3)
        start.start.click()
        done = lambda: start.answers is not None or bool(start.message.text())  # noqa: E731
        qtbot.waitUntil(done, timeout=60_000)
        qtbot.waitUntil(lambda: start._engine is None or start._engine.job is None, timeout=10_000)
        return start

    return draw


def fullest(start):
    return int(start.answers.sum(axis=(1, 2, 3)).argmax())


def test_a_blinded_read_says_why_there_is_no_start(view, read_case):
    read_case(view)
    start = view.page.plausible
    assert start._controls.isHidden()
    assert "while the read is blinded" in start.obstacle.text()


def test_an_unblinded_read_may_start_from_an_answer(qtbot, view, read_case, project, finished_by, drawn):
    finished_by(project, "Anna", drawn)
    finished_by(project, "Ben", drawn)
    read_case(view, start="empty")
    assert not view.page.plausible._controls.isHidden()
    assert view.page.plausible.obstacle.text() == ""


def test_a_finished_read_offers_no_start(view, read_case, project, finished_by, drawn):
    finished_by(project, "Anna", drawn)
    read_case(view)
    assert view.page.offer.isHidden()
    read_case(view, SECOND)
    assert not view.page.offer.isHidden()


def test_finishing_takes_answers_and_offer_away(allowed, read_case, drawn_answers, empty_viewer, qtbot):
    _, view = allowed
    read = read_case(view)
    start = drawn_answers(view.page)
    view.page.line.finish.click()
    qtbot.waitUntil(lambda: bool(view.page.finishing.buttons), timeout=10_000)
    view.page.finishing.buttons["Finish all the same"].click()
    qtbot.waitUntil(lambda: read.is_frozen and view.page.offer.isHidden(), timeout=10_000)
    assert [layer.name for layer in empty_viewer.layers] == [FIRST, f"read · {FIRST}"]
    assert start.answers is None


def test_answers_for_one_case_do_not_come_up_in_the_next(
    allowed, read_case, empty_viewer, tiny_checkpoint_path, qtbot
):
    _, view = allowed
    read_case(view)
    start = view.page.plausible
    view.page.offer.expand(animate=False)
    start.model.take(tiny_checkpoint_path)
    start.start.click()
    qtbot.waitUntil(lambda: start._engine.job is not None, timeout=10_000)
    read_case(view, SECOND)
    qtbot.waitUntil(lambda: start._engine.job is None, timeout=60_000)
    assert start.answers is None
    assert [layer.name for layer in empty_viewer.layers] == [SECOND, f"read · {SECOND}"]
    assert start.start.text() == "Draw answers"


def test_an_answer_that_is_taken_is_drawn_recorded_and_undone(
    allowed, read_case, drawn_answers, saved, on_disk, empty_viewer, qtbot
):
    project, view = allowed
    read = read_case(view)
    start = drawn_answers(view.page)
    assert len(start.answers) == 3
    assert not read.labels.data.any()  # nothing is in the read before one is taken
    chosen = fullest(start)
    assert start.answers[chosen].any()
    start.slider.setValue(chosen)
    assert start.which.text().startswith(f"Answer {chosen + 1} of 3")
    box, wanted = start._result.box, start.answers[chosen].copy()
    start.take.click()
    qtbot.waitUntil(lambda: "starts from a model" in start.message.text(), timeout=10_000)
    assert np.array_equal(read.labels.data[box.slices] == 2, wanted)
    assert [layer.name for layer in empty_viewer.layers] == [FIRST, f"read · {FIRST}"]
    saved(view.page)
    (source,) = read.session.read.facts.started_from
    assert (source.checkpoint, source.member, source.lesion) == ("tiny", chosen, 2)
    assert source.box == box
    assert len(source.sha256) == 64
    read.labels.undo()
    assert not read.labels.data.any()
    saved(view.page)
    view.page.close_case()
    (record,) = sessions(project, FIRST, "Anna")
    assert record.started_from == (source,)  # that it was looked at and taken stays known


def test_an_answer_takes_the_lesion_s_place_and_leaves_others_alone(
    allowed, read_case, drawn_answers, saved, paint, qtbot
):
    _, view = allowed
    read = read_case(view)
    paint(read, (8, 20, 16), number=3)
    paint(read, (16, 24, 16), number=2)
    saved(view.page)
    read.take(2)
    others = read.labels.data == 3
    start = drawn_answers(view.page)
    start.slider.setValue(fullest(start))
    box, wanted = start._result.box, start.answers[fullest(start)].copy()
    start.take.click()
    qtbot.waitUntil(lambda: "starts from a model" in start.message.text(), timeout=10_000)
    assert np.array_equal(read.labels.data == 3, others)
    assert np.array_equal(read.labels.data[box.slices] == 2, wanted & ~others[box.slices])


def test_none_of_them_leaves_no_trace(allowed, read_case, drawn_answers, saved, empty_viewer):
    _, view = allowed
    read = read_case(view)
    start = drawn_answers(view.page)
    start.drop.click()
    assert [layer.name for layer in empty_viewer.layers] == [FIRST, f"read · {FIRST}"]
    assert not read.labels.data.any()
    assert read.session.read.facts.started_from == ()


def test_leaving_the_case_takes_the_answers_away(allowed, read_case, drawn_answers, empty_viewer):
    _, view = allowed
    read_case(view)
    drawn_answers(view.page)
    view.page.close_case()
    assert list(empty_viewer.layers) == []
    assert view.page.plausible.answers is None


def test_a_model_that_cannot_be_used_is_said(allowed, read_case, qtbot, tmp_path):
    _, view = allowed
    read_case(view)
    view.page.offer.expand(animate=False)
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"no checkpoint")
    start = view.page.plausible
    start.model.take(broken)
    start.start.click()
    assert "broken.safetensors" in start.message.text() or "No model is chosen" in start.message.text()
