"""The control of a run: what of its settings stays, and that its network is the same."""

from math import prod

import pytest
import torch

import napari_diffseg as nd
from napari_diffseg.methods.registry import method, methods
from napari_diffseg.training.config import RunConfig
from napari_diffseg.training.without_diffusion import control_of

DIFFUSING = [
    (name, preset) for name, entry in methods().items() if entry.has_steps for preset in entry.load().PRESETS
]
ENDS = {
    "imgx": r"stem.conv.weight head.weight head.bias",
    "guided": r"input_blocks.0.0.weight out.2.weight out.2.bias",
}
"""Parameters whose shapes follow from what a network sees and says."""


def run_of(name, preset="paper", *, train=None, **changes):
    config = method(name).load().PRESETS[preset].model_copy(update=changes)
    return RunConfig.model_validate(
        {
            "name": "mine",
            "method": name,
            "config": config.model_dump(mode="json"),
            "data": {"path": "somewhere", "split_seed": 7, "reads": "majority"},
            "augmentation": {"flip": (False, False, True)},
            "train": {"steps": 70, "batch": 3, "learning_rate": 0.002, "start_from": "other"} | (train or {}),
            "validation": {"every": 35, "members": 4, "steps": 9},
            "with_control": True,
        }
    )


def shapes_of(run):
    """Shapes by parameter of a run's network for one channel and two classes."""
    module = method(run.method).load()
    with torch.device("meta"):
        network = module.build(module.Config.model_validate(run.config), channels=1, classes=2)
    return {name: tuple(value.shape) for name, value in network.state_dict().items()}


@pytest.mark.parametrize(("name", "preset"), DIFFUSING)
def test_every_preset_has_a_control_that_builds_for_the_same_dimensions(name, preset):
    run = run_of(name, preset)
    control = control_of(run)
    assert not method(control.method).has_steps
    assert control.config["unet"]["dimensions"] == run.config["unet"]["dimensions"]
    assert shapes_of(control)


@pytest.mark.parametrize("preset", [preset for name, preset in DIFFUSING if name == "imgx"])
def test_imgx_s_control_is_its_network_but_for_the_time_and_the_ends(preset):
    run = run_of("imgx", preset)
    with_time, without = shapes_of(run), shapes_of(control_of(run))
    kept = {name: shape for name, shape in with_time.items() if "project" not in name}
    assert kept.keys() == without.keys()
    assert {name for name in without if kept[name] != without[name]} <= set(ENDS["imgx"].split())


@pytest.mark.parametrize(
    ("name", "preset"), [one for one in DIFFUSING if one[0] in ("ensemdiff", "patchddm", "ambiguous")]
)
def test_a_guided_control_is_the_same_network_but_for_its_ends(name, preset):
    run = run_of(name, preset)
    diffusing, plain = shapes_of(run), shapes_of(control_of(run))
    assert diffusing.keys() == plain.keys()
    assert {key for key in plain if diffusing[key] != plain[key]} <= set(ENDS["guided"].split())


def test_medsegdiff_s_control_has_one_encoder_of_the_same_stages():
    run = run_of("medsegdiff")
    two, one = shapes_of(run), shapes_of(control_of(run))
    of_two = [shape for name, shape in two.items() if name.startswith("mask_encoder.stages")]
    of_one = [shape for name, shape in one.items() if name.startswith("input_blocks")]
    assert all(shape in of_one for shape in of_two)
    assert [sum(map(prod, shapes.values())) for shapes in (two, one)] == [27_254_017, 38_761_346]
    unet = control_of(run).config["unet"]
    assert unet["blocks"] == [3, 4, 6, 3, 3, 3]
    assert (unet["width"], unet["attention_at"], unet["groups"]) == (64, [16], 32)


def test_medsegdiff_s_released_networks_lose_their_highway():
    released = {"dimensions": 2, "width": 32, "multipliers": (1, 2), "attention_at": (), "version": "new"}
    config = method("medsegdiff").load().Config.model_validate({"unet": released})
    assert control_of(run_of("medsegdiff", unet=config.unet)).config["unet"]["multipliers"] == [1, 2]


def test_data_parts_augmentation_optimiser_and_budget_are_the_run_s():
    run = run_of("ensemdiff")
    control = control_of(run)
    for section in ("data", "preparation", "augmentation"):
        assert getattr(control, section) == getattr(run, section)
    assert control.train == run.train.model_copy(update={"start_from": None})
    assert control.validation.every == 35


def test_a_control_is_validated_with_its_one_member_and_has_no_control():
    control = control_of(run_of("imgx"))
    assert (control.validation.members, control.validation.steps) == (1, None)
    assert not control.with_control
    with pytest.raises(nd.TrainingError, match="no network without diffusion"):
        control_of(control)


@pytest.mark.parametrize(
    ("variant", "crop", "expected"),
    [
        ("patchddm", None, (128, 128, 128)),
        ("patchddm", (64, 256, 256), (64, 128, 128)),
        ("halfres", None, (128, 128, 128)),
        ("fullres", None, None),
    ],
)
def test_patchddm_s_control_is_trained_on_crops_of_a_patch_s_size(variant, crop, expected):
    control = control_of(run_of("patchddm", variant=variant, train={"crop": crop}))
    assert control.train.crop == expected
    assert control.config["places"] == (variant == "patchddm")


def test_a_method_without_diffusion_has_no_control():
    with pytest.raises(nd.TrainingError, match=r"hold U-Net without diffusion against. Leave --with-control"):
        control_of(run_of("imgx-unet"))


def test_settings_that_the_method_does_not_take_are_named():
    run = run_of("imgx").model_copy(update={"config": {"unet": {"widths": []}}})
    with pytest.raises(nd.TrainingError, match=r"config\.unet\.widths"):
        control_of(run)


def test_a_long_name_still_names_its_control():
    run = run_of("imgx").model_copy(update={"name": "x" * 128})
    assert RunConfig.model_validate(control_of(run).model_dump()).name.endswith("without-diffusion")
