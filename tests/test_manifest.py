"""The manifest: what napari shows in its menus, and that every name in it leads somewhere."""

import importlib
from importlib.resources import files
from pathlib import Path

import pytest
from npe2 import PluginManifest

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def manifest() -> PluginManifest:
    return PluginManifest.from_distribution("napari-diffseg")


def test_copy_at_the_top_is_the_packaged_manifest_byte_for_byte():
    packaged = files("napari_diffseg").joinpath("napari.yaml").read_bytes()
    assert (REPOSITORY / "napari.yaml").read_bytes() == packaged


def test_manifest_is_found_through_the_installed_package(manifest):
    assert manifest.name == "napari-diffseg"
    assert manifest.display_name == "Diffusion Segmentation"


def test_every_command_of_the_manifest_can_be_imported(manifest):
    for command in manifest.contributions.commands:
        module, _, name = command.python_name.partition(":")
        assert callable(getattr(importlib.import_module(module), name)), command.python_name


def test_every_contribution_points_to_a_command_that_exists(manifest):
    has = manifest.contributions
    shown = [*has.widgets, *has.readers, *has.writers, *has.sample_data]
    assert {item.command for item in shown} == {command.id for command in has.commands}


def test_a_person_can_preset_members_device_and_checkpoint_folder(manifest):
    segment, train = manifest.contributions.configurations.values()
    members = segment.properties["members"]
    assert (members.default, members.minimum, members.maximum) == (5, 1, 64)
    assert segment.properties["device"].enum == ["auto", "cpu", "cuda", "mps"]
    assert segment.properties["checkpoint_folder"].default == ""
    assert train.properties["runs_folder"].default == ""
