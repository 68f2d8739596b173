"""What becomes of runs when the window closes."""

import json

import pytest
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QApplication, QMessageBox, QWidget

from napari_diffseg.widgets.training import launched
from napari_diffseg.widgets.training.launched import Launched, keep_running


@pytest.fixture(autouse=True)
def _runs_end_with_their_window():
    """Here the question itself is asked, and answered."""


@pytest.fixture
def window(qtbot):
    """A window with a dock in it."""
    window = QWidget()
    window.dock = QWidget(window)
    qtbot.addWidget(window)
    window.show()
    return window


class Running:
    """A process that goes on."""

    def wait(self):
        return None

    def poll(self):
        return None


@pytest.fixture
def begun(window, write_run_folder, monkeypatch):
    """A run that the window started."""
    run = write_run_folder("one", [], "running", 10)
    monkeypatch.setattr(launched, "launch", lambda run: Running())
    Launched.of(window.dock).launch(run)
    return run


def asked(run):
    return [json.loads(path.read_text())["request"] for path in (run / "control").glob("*.json")]


@pytest.fixture
def answer(window):
    """Do something with the question once it is asked."""
    timer = QTimer(window)
    timer.setInterval(50)

    def when_asked(act):
        def look():
            for box in QApplication.topLevelWidgets():
                if isinstance(box, QMessageBox) and box.isVisible():
                    timer.stop()
                    act(box)

        timer.timeout.connect(look)
        timer.start()

    return when_asked


def button_of(box, text):
    (found,) = [button for button in box.buttons() if text in button.text()]
    return found


def test_a_window_has_one_that_every_dock_finds(window):
    assert Launched.of(window.dock) is Launched.of(window)


@pytest.mark.parametrize(("button", "requests"), [("Keep running", []), ("Save and stop", ["stop"])])
def test_the_question_is_answered_and_the_window_closes(qtbot, window, begun, answer, button, requests):
    answer(lambda box: qtbot.mouseClick(button_of(box, button), Qt.MouseButton.LeftButton))
    assert window.close()
    assert asked(begun) == requests


def test_it_asks_once(window, begun, monkeypatch):
    questions = []
    monkeypatch.setattr(launched, "keep_running", lambda *_: questions.append(1) or False)
    window.close()
    window.show()
    window.close()
    assert len(questions) == 1
    assert asked(begun) == ["stop"]


def test_without_a_run_nothing_is_asked(window, monkeypatch):
    Launched.of(window)
    monkeypatch.setattr(launched, "keep_running", lambda *_: pytest.fail("asked"))
    assert window.close()


def test_escape_keeps_the_run(qtbot, window, answer, tmp_path):
    answer(lambda box: qtbot.keyClick(box, Qt.Key.Key_Escape))
    assert keep_running(window, [tmp_path / "one"])


def test_a_run_is_starting_until_its_process_speaks(window, write_run_folder, begun, monkeypatch):
    monkeypatch.setattr(launched, "keep_running", lambda *_: True)  # when the window closes in the end
    here = Launched.of(window)
    assert here.starting() == [begun]  # the status is of the process before
    write_run_folder("one", [], "finished", 3000)
    assert here.starting() == []
    assert here.going_on() == [begun]
