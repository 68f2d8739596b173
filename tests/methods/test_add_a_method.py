"""The page docs/add-a-method.md: every block of it is built, installed and run."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PAGE = REPOSITORY / "docs" / "add-a-method.md"
HIPPOCAMPUS = REPOSITORY / "tests" / "data" / "hippocampus"
BLOCK = re.compile(r"^```\w+ file=(\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PACKAGE = REPOSITORY / "src" / "napari_diffseg"
METHOD, ROW, TESTS = "diffseg_velocity/velocity.py", "diffseg_velocity/__init__.py", "test_velocity.py"
MISTAKEN = "test_mistaken.py"

BATCH_FIXTURE = """
import pytest
from diffseg_velocity.velocity import Config
from methods_fixtures import real_batch

@pytest.fixture
def batch():
    return real_batch(Config())
"""

LISTED = """
import sys
from napari_diffseg.methods.registry import methods
*_, entry = methods().values()
print(entry.title, "torch" in sys.modules, sep=", ")
"""

INSIDE = """
import torch
from napari_diffseg.methods import velocity
from napari_diffseg.methods.method import Method
from napari_diffseg.methods.registry import BUILT_IN
entry, *_ = BUILT_IN
module = entry.load()
with torch.device("meta"):
    networks = [module.build(preset, channels=1, classes=3) for preset in module.PRESETS.values()]
print(entry.name, module is velocity, isinstance(module, Method), [net.config.dimensions for net in networks])
"""

TRAINED_AND_SAMPLED = """
import sys
from pathlib import Path
import napari_diffseg as nd
from napari_diffseg.datasets.opening import open_dataset
from napari_diffseg.results.events import MemberDone, Stepped
from napari_diffseg.training.config import with_settings, valid_run
from napari_diffseg.training.folder import LAST, make_run, read_summary
from napari_diffseg.training.presets import new_run
from napari_diffseg.training.run import train

data, folder = open_dataset(Path(sys.argv[1])), Path(sys.argv[2]) / "run"
settings = new_run("one", method_name="velocity", preset="volumes", dataset=data).model_dump(mode="json")
changes = ["train.steps=2", "train.batch=1", "data.validation=0.5", "validation.members=1"]
make_run(folder, valid_run(with_settings(settings, changes), "settings"))
assert train(folder).state == "finished", read_summary(folder).status.sentence
checkpoint = nd.load_checkpoint(folder / LAST)
assert checkpoint.config == checkpoint.method.PRESETS["volumes"]

cases = data.cases
scan = cases[1].read().scan
events = list(nd.segment(scan, checkpoint, members=2, steps=2, precision="fp32"))
result = events[-1].result
assert [event.step for event in events if isinstance(event, Stepped)] == [1, 2, 1, 2]
assert sum(isinstance(event, MemberDone) for event in events) == 2
assert result.members.shape == (2, *scan.grid.shape)
assert (result.members[0] != result.members[1]).any()
assert result.mean.shape == (2, *scan.grid.shape) and result.variance.max() > 0
assert result.provenance.sampler == "ddim" and result.provenance.fusion == "mean"
print("members differ in", f"{(result.members[0] != result.members[1]).mean():.2f}", "of the voxels")
"""


def blocks():
    """The page's files by name."""
    return dict(BLOCK.findall(PAGE.read_text(encoding="utf-8")))


def python(folder, *arguments):
    """What a fresh interpreter prints that looks into `folder` first."""
    path = os.pathsep.join([str(folder), str(Path(__file__).parent)])
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": path, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )


def written(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with the page's package as pip would put it there, and the page's tests beside it."""
    source = written(tmp_path_factory.mktemp("source"), blocks())
    built = python(source, "-m", "hatchling", "build", "-t", "wheel", "-d", source / "dist")
    assert built.returncode == 0, built.stderr
    site = tmp_path_factory.mktemp("site")
    (wheel,) = (source / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    return written(site, {TESTS: blocks()[TESTS], "conftest.py": BATCH_FIXTURE})


@pytest.fixture(scope="module")
def outcomes(installed):
    """By file and name: the page's tests, with shapes checked, and two of them on a method with a mistake."""
    mistaken = {
        METHOD: blocks()[METHOD].replace('denoised("v"', 'denoised("noise"'),
        ROW: "",
        TESTS: blocks()[TESTS],
    }
    for name, text in mistaken.items():
        written(installed, {_mistaken(name): _mistaken(text)})
    done = python(
        installed, "-m", "pytest", "-rA", "-c", os.devnull, f"--rootdir={installed}",
        "-p", "jaxtyping", "--jaxtyping-packages=diffseg_velocity,beartype.beartype",
        TESTS, MISTAKEN, "--deselect", f"{MISTAKEN}::test_the_loss_on_two_real_cases_falls_by_half",
    )  # fmt: skip
    found = re.findall(r"^(PASSED|FAILED|ERROR) (\w+\.py)::(\w+)", done.stdout, re.MULTILINE)
    assert found, done.stdout + done.stderr
    return {(file, name): outcome for outcome, file, name in found}


def _mistaken(text):
    return text.replace("velocity", "mistaken")


def test_every_block_of_the_page_is_a_file_that_is_run():
    assert list(blocks()) == [METHOD, ROW, "pyproject.toml", TESTS]
    assert PAGE.read_text(encoding="utf-8").count("```") == 2 * len(blocks())


def test_the_installed_package_is_listed_without_torch(installed):
    done = python(installed, "-c", LISTED)
    assert done.stdout == "Velocity, False\n", done.stderr


def test_the_tests_on_the_page_pass(outcomes):
    assert [outcome for (file, _), outcome in outcomes.items() if file == TESTS] == ["PASSED"] * 3


def test_the_tests_on_the_page_find_a_wrong_conversion(outcomes):
    assert outcomes[MISTAKEN, "test_a_network_that_knows_the_mask_has_no_loss"] == "PASSED"
    assert outcomes[MISTAKEN, "test_a_network_that_knows_the_mask_samples_it_back"] == "FAILED"


def test_the_method_is_trained_saved_loaded_and_gives_members_that_differ(installed, tmp_path):
    done = python(installed, "-c", TRAINED_AND_SAMPLED, HIPPOCAMPUS, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("members differ")


def test_the_same_file_and_row_make_it_a_method_of_this_package(tmp_path):
    shutil.copytree(PACKAGE, tmp_path / PACKAGE.name, ignore=shutil.ignore_patterns("*.safetensors"))
    methods = tmp_path / PACKAGE.name / "methods"
    (methods / "velocity.py").write_text(blocks()[METHOD], encoding="utf-8")
    _, row = blocks()[ROW].replace("diffseg_velocity.", f"{PACKAGE.name}.methods.").split("row = ")
    registry = methods / "registry.py"
    before, after = registry.read_text(encoding="utf-8").split("BUILT_IN = (")
    registry.write_text(f"{before}BUILT_IN = ({row.strip()},{after}", encoding="utf-8")
    done = python(tmp_path, "-c", INSIDE)
    assert done.stdout == "velocity True True [2, 3]\n", done.stderr
