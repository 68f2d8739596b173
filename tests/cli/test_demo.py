"""`napari-diffseg demo` without a screen: it makes itself one."""

import sys

import pytest

XVFB = """#!/bin/sh
printf '%s\\n' "$@" > {told}
echo "NAPARI_CONFIG=$NAPARI_CONFIG" >> {told}
echo "UNDER=$NAPARI_DIFFSEG_UNDER_XVFB" >> {told}
exit 3
"""


@pytest.fixture
def no_screen(monkeypatch, tmp_path):
    """A machine without a screen, on whose PATH there is one empty folder."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_without_xvfb_one_sentence_says_what_to_install(command, no_screen):
    done = command("demo")
    assert (done.code, done.out, len(done.err.splitlines())) == (1, "", 1)
    assert "apt install xvfb" in done.err


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script stands in for xvfb-run")
@pytest.mark.parametrize("display", ["", ":7"])
def test_it_runs_itself_again_on_a_screen_in_memory_with_settings_of_its_own(
    command, no_screen, tmp_path, monkeypatch, display
):
    told, mine = tmp_path / "told", tmp_path / "settings.yaml"
    (no_screen / "xvfb-run").write_text(XVFB.format(told=told))
    (no_screen / "xvfb-run").chmod(0o755)
    monkeypatch.setenv("DISPLAY", display)
    monkeypatch.setenv("NAPARI_CONFIG", str(mine))
    assert command("demo", "--headless", "--out", "pictures").code == 3
    *arguments, config, under = told.read_text().splitlines()
    assert arguments[:3] == ["-a", "-s", "-screen 0 1280x800x24"]
    assert arguments[3:6] == [sys.executable, "-m", "napari_diffseg.cli"]
    assert arguments[6:] == ["demo", "--headless", "--out", "pictures"]
    assert config not in ("NAPARI_CONFIG=", f"NAPARI_CONFIG={mine}")
    assert under == "UNDER=1"
