"""Which settings a model has, told without torch."""

import subprocess
import sys

import pytest

from napari_diffseg.checkpoints.catalogue import find
from napari_diffseg.checkpoints.document import read_document
from napari_diffseg.errors import CheckpointError
from napari_diffseg.inference.settings import settings_lacking
from napari_diffseg.results.options import SamplingOptions


def test_a_network_for_volumes_has_no_slices_and_one_for_slices_no_batches_of_members(
    tiny_checkpoint_path, slice_checkpoint_path
):
    volumes, slices = map(read_document, (tiny_checkpoint_path, slice_checkpoint_path))
    assert settings_lacking(volumes, None) == {"slice_noise", "start_slice", "eta", "relative_area"}
    assert settings_lacking(slices, None) == {"members_at_once", "eta", "relative_area"}


def test_eta_is_a_setting_of_ddim_chosen_or_the_models_own(tiny_checkpoint_path):
    document = read_document(tiny_checkpoint_path)
    own = document.model_copy(update={"config": document.config | {"sampler": "ddim"}})
    assert "eta" in settings_lacking(document, None)
    assert "eta" not in settings_lacking(document, "ddim")
    assert "eta" not in settings_lacking(own, None)
    assert "eta" in settings_lacking(own, "heun")


def test_without_diffusion_there_is_nothing_to_sample_or_fuse():
    left = set(SamplingOptions.model_fields) - settings_lacking(read_document(find("hippocampus-unet")), None)
    assert left == {"threshold", "device", "precision", "reproducible", "preview", "box"}


def test_a_method_that_is_not_known_is_refused_by_name(tiny_checkpoint_path):
    document = read_document(tiny_checkpoint_path).model_copy(update={"method": "magic"})
    with pytest.raises(CheckpointError, match="magic"):
        settings_lacking(document, None)


def test_settings_are_told_without_torch(tiny_checkpoint_path):
    code = (
        "import sys; from pathlib import Path; "
        "from napari_diffseg.checkpoints.document import read_document; "
        "from napari_diffseg.inference.settings import settings_lacking; "
        "settings_lacking(read_document(Path(sys.argv[1])), None); sys.exit('torch' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(tiny_checkpoint_path)]
    assert subprocess.run(command, check=False).returncode == 0
