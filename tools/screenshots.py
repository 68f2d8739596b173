"""Pictures of the docks for the documentation, dark and light.

Segment before, during and after a run, and with a method that has no model yet; Train before, during and
after a run; Raters while a case is read, and while its readers are compared.

    make screenshots
    xvfb-run -a -s "-screen 0 1280x800x24" .venv/bin/python tools/screenshots.py [segment|train|raters]

They are of the sample scan with the bundled model, and of a real training of some minutes, through the docks'
own controls. It trains on the two cases among the tests; those in the documentation are of 30 cases of the
Decathlon's hippocampus, which is enough to compare with the network without diffusion too. Readers are shown
on a nodule of LIDC-IDRI among the tests, or on those in the folder given by --nodules.
"""

import argparse
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

_HOME = tempfile.TemporaryDirectory(prefix="napari-diffseg-screenshots-")
os.environ["HOME"] = _HOME.name  # no path of this machine is shown
os.environ["NAPARI_CONFIG"] = str(Path(_HOME.name) / "settings.yaml")
for kind, place in {"CACHE": ".cache", "DATA": ".local/share", "STATE": ".local/state"}.items():
    os.environ[f"XDG_{kind}_HOME"] = str(Path(_HOME.name) / place)

import napari  # noqa: E402 (its settings file is chosen above)
import numpy as np  # noqa: E402
from qtpy.QtCore import QEventLoop, QTimer  # noqa: E402
from qtpy.QtWidgets import QApplication  # noqa: E402

from napari_diffseg.datasets.opening import open_dataset  # noqa: E402
from napari_diffseg.layers import grid_of  # noqa: E402
from napari_diffseg.raters.cases import add_scan  # noqa: E402
from napari_diffseg.raters.lidc_form import LIDC_FORM  # noqa: E402
from napari_diffseg.raters.opening import open_read  # noqa: E402
from napari_diffseg.raters.project import Project, create_project  # noqa: E402
from napari_diffseg.results.result import ClassInfo  # noqa: E402
from napari_diffseg.widgets import SegmentWidget, TrainWidget  # noqa: E402
from napari_diffseg.widgets.options_form import OptionsForm  # noqa: E402

FOLDER = Path(__file__).parents[1] / "docs" / "images"
LEFT_HIPPOCAMPUS_MM = (-28.0, -21.0, -14.0)
MODEL = "hippocampus-imgx"
CASES = Path(__file__).parents[1] / "tests" / "data" / "hippocampus"
CLASSES = [{"name": "anterior", "colour": "#ff9f1c"}, {"name": "posterior", "colour": "#2ec4b6"}]
MOST_CASES, ENOUGH_TO_COMPARE = 30, 10
STEPS = 300
NODULES = Path(__file__).parents[1] / "tests" / "data" / "lidc_nodules"
READERS = ("Anna Berg", "Ben Ochs", "Carla Diaz", "Deniz Kaya")


def main(folder: Path, docks: list[str], cases: Path, nodules: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if "segment" in docks:
        for theme in ("dark", "light"):
            segment(folder, theme)
    if "train" in docks:
        train(folder, cases)
    if "raters" in docks:
        raters(folder, nodules)


def segment(folder: Path, theme: str) -> None:
    viewer, dock = opened(theme)
    until(lambda: "members" in dock.expected.text())
    grab(folder / f"segment-before-{theme}.png")
    dock.model.method.setCurrentIndex(dock.model.method.findData("medsegdiff"))
    wait_ms(500)
    grab(folder / f"segment-method-{theme}.png")
    dock.model.choose(MODEL)
    until(lambda: "members" in dock.expected.text())
    dock.start.click()
    until(lambda: "member 8 of 10" in dock.progress.line.text() or not dock.engine.job)
    grab(folder / f"segment-during-{theme}.png")
    until(lambda: dock.engine.job is None and "about" in dock.expected.text())
    wait_ms(1500)
    grab(folder / f"segment-after-{theme}.png")
    viewer.close()


def train(folder: Path, cases: Path) -> None:
    """A small network for some minutes: its Dice is that of a picture, not of a model."""
    viewer, dock = checked(cases)
    view = dock.runs.view
    grab_both(viewer, folder, "train-before")
    dock.new.start.click()
    until(lambda: view.run and len(view.run.validated) >= 6)
    viewer.reset_view()
    wait_ms(1500)
    grab_both(viewer, folder, "train-during")
    until(lambda: view.run and view.run.standing in ("finished", "failed"))
    wait_ms(2500)
    grab_both(viewer, folder, "train-after")
    viewer.close()


def checked(cases: Path) -> tuple[napari.Viewer, TrainWidget]:
    """A window with the dock, a run chosen, and how long it will take."""
    viewer = napari.Viewer(show_welcome_screen=False)
    viewer.window.resize(1280, 800)
    _, dock = viewer.window.add_plugin_dock_widget("napari-diffseg", "Train")
    new, data = dock.new, copied(cases)
    until(new.choice.preset.isEnabled)
    new.data.open(data)
    until(lambda: new.start.isEnabled() and not new.data.bar.isVisible())
    fill(new.form.method.groups["unet"], widths="8, 16, 32")
    fill(new.form.run.groups["train"], steps=STEPS, batch=2, learning_rate="3e-3", warmup_steps=10)
    fill(new.form.run.groups["validation"], every=STEPS // 10, cases="2")
    fill(new.form.run, with_control=len([*(data / "images").iterdir()]) >= ENOUGH_TO_COMPARE)
    new.check.click()
    until(lambda: "s a step" in new.expected.text())
    return viewer, dock


def raters(folder: Path, nodules: Path) -> None:
    """The masks are those of four of LIDC's readers, whose names nobody knows."""
    project = read_by_all(nodules)
    viewer = napari.Viewer(show_welcome_screen=False)
    viewer.window.resize(1280, 800)
    _, dock = viewer.window.add_plugin_dock_widget("napari-diffseg", "Raters")
    dock.open_project(project.root)
    until(lambda: dock.view is not None)
    view = dock.view
    view.who.setCurrentIndex(0)
    view.who.activated.emit(0)
    first, second = (case.name for case in project.document.cases)
    view.open_case(second)
    until(lambda: view.page.read is not None)
    view.page.read.go_to(2)
    near(viewer, 1.7)
    grab_both(viewer, folder, "raters-annotate")
    view.tabs.setCurrentWidget(view.compare)
    until(lambda: view.compare.head.comparable())
    view.compare.head.choose(first)
    until(lambda: view.compare.case is not None)
    grab_both(viewer, folder, "raters-compare")
    viewer.close()


def read_by_all(nodules: Path) -> Project:
    """A project of the two largest nodules: one that everybody has finished, and one that Anna reads."""
    cases = [case.read() for case in open_dataset(nodules).cases]
    disputed = sorted(cases, key=lambda case: -max(np.count_nonzero(read.data) for read in case.reads))[:2]
    project = create_project(
        Path.home() / "Nodules",
        title="Nodules",
        labels=[ClassInfo("nodule", "#e4572e")],
        raters=READERS,
        form=LIDC_FORM,
    )
    for number, case in enumerate(disputed, start=1):
        project = add_scan(project, f"Case {number}", case.scan)
    for reader, mask in zip(READERS, disputed[0].reads, strict=True):
        draw(project, "Case 1", reader, mask.data > 0, finish=True)
    draw(project, "Case 2", READERS[0], disputed[1].reads[0].data > 0, finish=False)
    return project


def draw(project: Project, case: str, reader: str, drawn: np.ndarray, *, finish: bool) -> None:
    with open_read(project, case, reader) as read:
        mask = read.mask()
        mask[drawn] = 2
        read.record(mask)
        rated = {"subtlety": 4, "internalStructure": 1, "calcification": 6, "sphericity": 4, "margin": 3}
        read.change_lesion(read.lesions[0].model_copy(update={"ratings": rated}))
        read.beat(372.0)
        if finish:
            read.finish(mask)


def near(viewer: napari.Viewer, times: float) -> None:
    """Bring the place in view nearer."""
    viewer.scene.camera.zoom *= times
    viewer.scene.camera.center = tuple(viewer.dims.point[-3:])
    wait_ms(800)


def copied(cases: Path) -> Path:
    """The first of the cases, in a folder of a name that anybody's could have."""
    data = Path.home() / "data" / "hippocampus"
    for kind in ("images", "labels"):
        (data / kind).mkdir(parents=True)
        for path in sorted((cases / kind).glob("*.nii.gz"))[:MOST_CASES]:
            shutil.copy(path, data / kind)
    (data / "classes.json").write_text(json.dumps(CLASSES), encoding="utf-8")
    return data


def grab_both(viewer: napari.Viewer, folder: Path, name: str) -> None:
    for theme in ("dark", "light"):
        viewer.theme = theme
        wait_ms(500)
        grab(folder / f"{name}-{theme}.png")


def fill(form: OptionsForm[Any], **values: object) -> None:
    """Put values into the rows of a form."""
    for name, value in values.items():
        form.rows[name].value = value


def opened(theme: str) -> tuple[napari.Viewer, SegmentWidget]:
    """A window with the sample and the dock, near the left hippocampus."""
    viewer = napari.Viewer(show_welcome_screen=False)
    viewer.theme = theme
    viewer.window.resize(1280, 800)
    viewer.open_sample("napari-diffseg", "head_mr")
    _, dock = viewer.window.add_plugin_dock_widget("napari-diffseg", "Segment")
    layer = viewer.layers[0]
    voxel = np.linalg.solve(grid_of([layer]).affine, [*LEFT_HIPPOCAMPUS_MM, 1])[:3]
    viewer.dims.set_point(range(3), layer.data_to_world(voxel))
    dock.model.choose(MODEL)
    dock.form.rows["members"].value = 10
    dock.region.choose("box")
    for spin, size in zip(dock.region.sizes_mm, (36, 52, 36), strict=True):
        spin.setValue(size)
    wait_ms(500)
    viewer.scene.camera.center = layer.data_to_world(voxel)
    viewer.scene.camera.zoom = 6
    return viewer, dock


def grab(path: Path) -> None:
    """What the screen shows, once it shows it."""
    wait_ms(300)
    screen = QApplication.primaryScreen()
    assert screen is not None
    screen.grabWindow().save(str(path))
    print(path)


def until(true: Callable[[], object]) -> None:
    while not true():
        wait_ms(20)


def wait_ms(milliseconds: int) -> None:
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Pictures of the docks for the documentation.")
    parser.add_argument("docks", nargs="*", metavar="DOCK", help="segment, train or raters; by default all")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder for the pictures")
    parser.add_argument("--cases", type=Path, default=CASES, help="images/ and labels/ to train on")
    parser.add_argument("--nodules", type=Path, default=NODULES, help="nodules with four readers each")
    options = parser.parse_args()
    main(options.out, options.docks or ["segment", "train", "raters"], options.cases, options.nodules)
    _HOME.cleanup()  # at the end of Python it warns, where Qt's threads no longer listen
