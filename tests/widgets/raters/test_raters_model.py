"""A model against the readers through the page: all cases one by one, Cancel, and what cannot be done."""

from pathlib import Path

import numpy as np
import pytest

from napari_diffseg.io.nifti import read_labels
from napari_diffseg.raters.against_model import against_model
from napari_diffseg.raters.project_reads import reads_in_project
from napari_diffseg.raters.stack import stated_box
from napari_diffseg.raters.verdict import verdict
from napari_diffseg.widgets.errand import Errand

FIRST, SECOND = CASES = ("hippocampus_148", "hippocampus_017")
LABELS = Path(__file__).parents[2] / "data" / "hippocampus" / "labels"


@pytest.fixture
def panel(qtbot, make_dock, open_in, new_project, finished_by, tiny_checkpoint_path):
    """The model's panel over both cases, which Anna and Ben have read; the tiny model is chosen."""
    project = new_project(labels=("anterior",))
    for case in CASES:
        labels = read_labels(LABELS / f"{case}.nii.gz").data
        finished_by(project, "Anna", np.where(labels, 2, 0).astype("u1"), case=case)
        finished_by(project, "Ben", np.where(labels == 1, 2, 0).astype("u1"), case=case)
    view = open_in(make_dock(), project.root)
    page = view.compare
    view.tabs.setCurrentWidget(page)
    qtbot.waitUntil(lambda: page.head.comparable() == CASES, timeout=10_000)
    page.head.choose_all()
    qtbot.waitUntil(lambda: page._all is not None, timeout=20_000)
    page.turn_to(page.model)
    page.model.model.take(tiny_checkpoint_path)
    page.model.form.rows["device"].value = "cpu"
    page.model.form.rows["seed"].value = 7
    return page.model


@pytest.fixture
def over(qtbot):
    """Wait until a panel's model has nothing more to do."""
    return lambda panel: qtbot.waitUntil(lambda: not panel.trial.is_running, timeout=60_000)


def test_a_model_is_held_against_the_readers_of_all_cases(panel, over, tiny_checkpoint):
    from napari_diffseg.inference.run import segment

    panel.form.rows["members"].value = 3
    assert panel.start.text() == "Compare on 2 cases"
    panel.start.click()
    over(panel)
    assert panel.message.text() == ""
    expected = []
    for case in CASES:
        reads = reads_in_project(panel.trial.project, case, by="Anna")
        scan = panel.trial.project.scan(case)
        box = stated_box(reads.reads)
        options = {"members": 3, "seed": 7, "device": "cpu", "preview": False}
        drawn = segment(scan, tiny_checkpoint, box=box, **options).result()
        expected.append(against_model(drawn, reads)[0])
        (found,) = panel.found[case]
        assert found.ged == expected[-1].ged
        assert found.volumes_ml == expected[-1].volumes_ml
    judged = verdict(expected)
    assert panel.verdict.text().endswith("on 2 cases")
    assert panel.sentence.text() == judged.sentence
    shown = {measure: mean for measure, mean, _ in panel.measures.texts()}
    assert shown["GED, 3 samples, as published"] == f"{judged.ged.mean:.3f}"
    share = judged.inside_by_rater["Anna"]  # Ben is another number in every case
    assert panel.volumes.texts() == [("Anna", "–", f"{share:.2f} of cases")]
    assert panel.start.isHidden()
    panel.again.click()
    assert panel.found == {}
    assert not panel._setup.isHidden()


def test_cancel_keeps_the_cases_that_are_done_and_goes_on_from_there(qtbot, panel, over):
    panel.form.rows["members"].value = 24
    begun = []
    panel.trial.begun.connect(begun.append)
    panel.start.click()
    drawing_the_second = lambda: FIRST in panel.found and panel.trial.engine.job is not None  # noqa: E731
    qtbot.waitUntil(drawing_the_second, timeout=60_000)
    panel.start.click()
    assert (panel.start.text(), panel.start.isEnabled()) == ("Cancelling…", False)
    over(panel)
    assert list(panel.found) == [FIRST]
    assert panel.verdict.text().endswith("on 1 case")
    assert (panel.start.text(), panel.start.isEnabled()) == ("Compare on 2 cases", True)
    assert panel.progress.isHidden()
    panel.start.click()
    over(panel)
    assert begun == [FIRST, SECOND, SECOND]
    assert list(panel.found) == [FIRST, SECOND]
    assert panel.start.isHidden()


def test_cancel_is_heard_before_the_model_is_there(qtbot, panel):
    panel.start.click()
    panel.start.click()
    assert not panel.trial.is_running
    assert (panel.start.text(), panel.start.isEnabled()) == ("Compare on 2 cases", True)
    qtbot.waitUntil(lambda: panel.trial.findChildren(Errand) == [], timeout=20_000)
    assert panel.trial.engine.job is None
    assert panel.found == {}


def test_other_cases_end_what_the_model_does_to_these(qtbot, panel, over):
    panel.form.rows["members"].value = 24
    panel.start.click()
    qtbot.waitUntil(lambda: panel.trial.engine.job is not None, timeout=60_000)
    panel.take((SECOND,), None)
    over(panel)
    assert panel.found == {}
    assert panel.start.text() == "Compare with the readers"


def test_a_case_that_cannot_be_read_ends_it_with_a_sentence(panel, over):
    panel.form.rows["members"].value = 2
    (panel.trial.project.root / "images" / f"{SECOND}.nii.gz").unlink()
    panel.start.click()
    over(panel)
    assert f"{SECOND}.nii.gz cannot be read" in panel.message.text()
    assert list(panel.found) == [FIRST]
    assert panel.start.isEnabled()
