"""`napari-diffseg demo`: the main job on the sample scan, through the widget itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from napari_diffseg.errors import DiffSegError

_UNDER_XVFB = "NAPARI_DIFFSEG_UNDER_XVFB"


def demo(
    headless: Annotated[bool, typer.Option("--headless", help="No window; save a picture and end.")] = False,
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Where picture and results go without a window.")
    ] = Path("demo-output"),
) -> None:
    """Open the sample head MR in napari and segment both hippocampi."""
    if _UNDER_XVFB not in os.environ and (headless or not _has_screen()):
        raise typer.Exit(_again_under_xvfb(out))
    from napari_diffseg.widgets.demo import run

    raise typer.Exit(run(headless=headless, out=out))


def _again_under_xvfb(out: Path) -> int:
    """This command once more on a screen of its own, without the person's napari settings.

    Raises:
        DiffSegError: xvfb-run is not installed.
    """
    xvfb = shutil.which("xvfb-run")
    if xvfb is None:
        raise DiffSegError(
            "There is no screen, and xvfb-run, which makes one in memory, was not found. "
            "Install it (Debian: apt install xvfb), or run the demo on a desktop without --headless."
        )
    screen = [xvfb, "-a", "-s", "-screen 0 1280x800x24"]
    command = [sys.executable, "-m", "napari_diffseg.cli", "demo", "--headless", "--out", str(out)]
    with tempfile.TemporaryDirectory(prefix="napari-diffseg-demo-") as settings:
        return subprocess.run([*screen, *command], env=_environment(Path(settings)), check=False).returncode


def _environment(settings: Path) -> dict[str, str]:
    environment = {
        **os.environ,
        _UNDER_XVFB: "1",
        "NAPARI_CONFIG": str(settings / "settings.yaml"),
        "XDG_CACHE_HOME": str(settings / "cache"),  # a napari that closes takes the icons of others along
        "QT_QPA_PLATFORM": "xcb",  # the X server of xvfb-run, whatever the desktop is
    }
    environment.pop("WAYLAND_DISPLAY", None)
    return environment


def _has_screen() -> bool:
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
