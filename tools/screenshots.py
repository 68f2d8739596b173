"""Pictures of the docks for the documentation, dark and light.

Segment before, during and after a run, and with a method that has no model yet; Train before, during and
after a run.

    make screenshots
    xvfb-run -a -s "-screen 0 1280x800x24" .venv/bin/python tools/screenshots.py [FOLDER] [segment|train]

They are of the sample scan with the bundled model, and of a real training on the two cases among the tests,
through the docks' own controls.
"""

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

_SETTINGS = tempfile.TemporaryDirectory(prefix="napari-diffseg-screenshots-")
os.environ["NAPARI_CONFIG"] = str(Path(_SETTINGS.name) / "settings.yaml")
for kind in ("CACHE", "DATA", "STATE"):
    os.environ[f"XDG_{kind}_HOME"] = str(Path(_SETTINGS.name) / kind.lower())

import napari  # noqa: E402 (its settings file is chosen above)
import numpy as np  # noqa: E402
from qtpy.QtCore import QEventLoop, QTimer  # noqa: E402
from qtpy.QtWidgets import QApplication  # noqa: E402

from napari_diffseg.layers import grid_of  # noqa: E402

FOLDER = Path(__file__).parents[1] / "docs" / "images"
LEFT_HIPPOCAMPUS_MM = (-28.0, -21.0, -14.0)
MODEL = "hippocampus-imgx"
CASES = Path(__file__).parents[1] / "tests" / "data" / "hippocampus"
STEPS = 200


def main(folder: Path, docks: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for dock in docks:
        for theme in ("dark", "light"):
            {"segment": segment, "train": train}[dock](folder, theme)


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


def train(folder: Path, theme: str) -> None:
    """A small network for a minute: its Dice is that of a picture, not of a model."""
    viewer = napari.Viewer(show_welcome_screen=False)
    viewer.theme = theme
    viewer.window.resize(1280, 800)
    _, dock = viewer.window.add_plugin_dock_widget("napari-diffseg", "Train")
    new, view = dock.new, dock.runs.view
    until(new.preset.isEnabled)
    new.data.open(CASES)
    until(lambda: new.start.isEnabled() and not new.data.bar.isVisible())
    fill(new.form.method.groups["unet"], widths="16, 32, 64")
    fill(new.form.run.groups["train"], steps=STEPS, batch=1, learning_rate="3e-3", warmup_steps=10)
    fill(new.form.run.groups["validation"], every=STEPS // 10, steps="3")
    new.name.setText(f"hippocampus-{theme}")
    wait_ms(500)
    grab(folder / f"train-before-{theme}.png")
    new.start.click()
    until(lambda: view.run and len(view.run.validated) >= 5)
    wait_ms(1500)
    grab(folder / f"train-during-{theme}.png")
    until(lambda: view.run.summary.status.state in ("finished", "failed"))
    wait_ms(2500)
    grab(folder / f"train-after-{theme}.png")
    viewer.close()


def fill(form, **values) -> None:
    """Put values into the rows of a form."""
    for name, value in values.items():
        form.rows[name].value = value


def opened(theme: str):
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
    QApplication.primaryScreen().grabWindow(0).save(str(path))
    print(path)


def until(true: Callable[[], object]) -> None:
    while not true():
        wait_ms(20)


def wait_ms(milliseconds: int) -> None:
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER, sys.argv[2:] or ["segment", "train"])
