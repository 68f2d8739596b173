"""What a person gets who installs the wheel and has no source tree."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=REPOSITORY, check=True, capture_output=True, timeout=120)
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


def test_wheel_carries_manifest_sample_scan_with_its_notice_and_type_marker(wheel):
    wanted = {"napari.yaml", "py.typed", "sample_data/head_mr_mni152.nii.gz", "sample_data/README.md"}
    assert {f"napari_diffseg/{name}" for name in wanted} <= set(wheel.namelist())


def test_wheel_carries_every_bundled_checkpoint(wheel):
    bundled = (REPOSITORY / "src/napari_diffseg/checkpoints/bundled").glob("*.safetensors")
    assert {f"napari_diffseg/checkpoints/bundled/{path.name}" for path in bundled} <= set(wheel.namelist())


def test_wheel_holds_nothing_but_the_package_and_its_metadata(wheel):
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert tops == {"napari_diffseg", "napari_diffseg-0.1.0.dist-info"}
