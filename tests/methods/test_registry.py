"""The table of methods."""

import subprocess
import sys

import pytest

import napari_diffseg as nd
from napari_diffseg.methods.method import DiffusionConfig, Method, MethodConfig
from napari_diffseg.methods.registry import ENTRY_POINTS, method, methods

OTHER_PACKAGE = """
from napari_diffseg.methods.registry import MethodEntry
entry = MethodEntry("theirs", "Theirs", "A method of another package.", "none", (3,), True, "their_method")
"""


def test_every_built_in_method_has_the_names_of_the_contract():
    for entry in methods().values():
        module = entry.load()
        config = module.Config()
        assert issubclass(module.Config, MethodConfig)
        assert isinstance(module, Method)
        assert config.divisor % config.unet.divisor == 0
        assert isinstance(config, DiffusionConfig) == entry.has_steps
        assert config.unet.dimensions in entry.dimensions


def test_the_table_is_read_without_torch():
    code = (
        "import sys; from napari_diffseg.methods.registry import methods; "
        "methods(); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.fixture
def names_with(tmp_path):
    """The names in the table when another package offers something."""

    def names(offer):
        (tmp_path / "their_package.py").write_text(OTHER_PACKAGE)
        info = tmp_path / "their_package-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-package\nVersion: 1\n")
        (info / "entry_points.txt").write_text(f"[{ENTRY_POINTS}]\ntheirs = {offer}\n")
        code = (
            f"import sys; sys.path.insert(0, {str(tmp_path)!r}); "
            "from napari_diffseg.methods.registry import methods; print(*methods())"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        return done.stdout.split()

    return names


def test_another_package_adds_a_method_through_its_entry_point(names_with):
    assert names_with("their_package:entry") == [*methods(), "theirs"]


@pytest.mark.parametrize("broken", ["gone:entry", "their_package:nothing", "their_package:MethodEntry"])
def test_a_method_that_cannot_be_loaded_leaves_the_others_alone(names_with, broken):
    assert names_with(broken) == list(methods())


def test_an_unknown_method_names_the_known_ones():
    with pytest.raises(nd.CheckpointError, match="known are ensemdiff, patchddm, imgx"):
        method("magic")


def test_every_diffusion_method_names_a_network_without_diffusion():
    table = methods()
    for entry in table.values():
        assert bool(entry.control) == entry.has_steps
        assert not entry.control or not table[entry.control].has_steps
