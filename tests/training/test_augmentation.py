"""Random changes: image and masks together, nothing that was not asked for."""

import numpy as np
import pytest
import torch

from napari_diffseg.io.nifti import read_labels, read_volume
from napari_diffseg.methods.practice import Augmentation
from napari_diffseg.metrics import dice
from napari_diffseg.training.augmentation import Augmenter

VOLUME, SLICE = (0, 1, 2), (1, 2)
PADDING = -1.0
TOGETHER = 0.88
"""Dice at least of a thin structure moved linearly and of the same moved to the nearest voxel."""


@pytest.fixture(scope="module")
def mask(crop_path):
    """A real mask of one class, (1, D, H, W)."""
    labels = read_labels(crop_path.parents[1] / "labels" / crop_path.name).data
    return torch.from_numpy((labels > 0).astype(np.float32))[None]


@pytest.fixture(scope="module")
def image(crop_path):
    """A real scan in [−1, 1], (1, D, H, W)."""
    data = torch.from_numpy(read_volume(crop_path).data.astype(np.float32))
    return 2 * (data - data.min()) / (data.max() - data.min()) - 1


def as_image(mask):
    """The mask as an image whose threshold is 0."""
    return 2 * mask - 1


def changed(rule, image, mask, seed=0, axes=VOLUME):
    return Augmenter(Augmentation(**rule), axes, PADDING)(image, mask, seed)


GEOMETRY = {
    "flip": {"flip": (True, True, True)},
    "rotation": {"rotation": (0.4, 0.4, 0.4)},
    "scaling": {"scaling": (0.2, 0.2, 0.2)},
    "translation": {"translation_voxels": (3.0, 5.0, 5.0)},
    "all": {"flip": (True, False, True), "rotation": (0.2, 0.2, 0.2), "translation_voxels": (2.0, 2.0, 2.0)},
}


@pytest.mark.parametrize("rule", GEOMETRY)
@pytest.mark.parametrize("axes", [VOLUME, SLICE])
def test_image_and_mask_move_together(mask, rule, axes):
    if axes == SLICE:
        mask = mask[:, int(mask[0].sum((1, 2)).argmax())]
    together, unmoved = [], []
    for seed in range(12):
        image_after, mask_after = changed(GEOMETRY[rule], as_image(mask), mask, seed, axes)
        together.append(dice((image_after > 0).numpy(), (mask_after > 0).numpy()))
        unmoved.append(dice((mask > 0).numpy(), (mask_after > 0).numpy()))
    assert min(together) > TOGETHER
    assert np.mean(together) > np.mean(unmoved) + 0.05


def test_no_rule_changes_nothing_and_costs_nothing(image, mask):
    after = changed({}, image, mask)
    assert after[0] is image
    assert after[1] is mask


@pytest.mark.parametrize("axis", range(3))
def test_a_flip_mirrors_half_of_the_items_along_its_axis_alone(image, mask, axis):
    rule = {"flip": tuple(axis == other for other in range(3))}
    flipped = 0
    for seed in range(40):
        image_after, mask_after = changed(rule, image, mask, seed)
        if torch.equal(mask_after, mask):
            assert torch.equal(image_after, image)
        else:
            assert torch.equal(image_after, image.flip(axis + 1))
            assert torch.equal(mask_after, mask.flip(axis + 1))
            flipped += 1
    assert 10 <= flipped <= 30


def test_what_comes_in_from_outside_is_padding_and_background(image, mask):
    rule = {"translation_voxels": (40.0, 0.0, 0.0)}
    for seed in range(8):
        image_after, mask_after = changed(rule, image + 0.5, mask + 1, seed)
        outside = mask_after == 0
        assert (image_after[outside & outside.roll(1, 1) & outside.roll(-1, 1)] == PADDING).all()
        if outside.float().mean() > 0.2:
            return
    raise AssertionError("nothing came in")


@pytest.mark.parametrize("rule", [{"contrast": 0.3}, {"blur": 1.0}, {"noise": 1.0}])
def test_intensity_changes_the_image_and_no_mask(image, mask, rule):
    image_after, mask_after = changed(rule, image, mask)
    assert torch.equal(mask_after, mask)
    assert not torch.equal(image_after, image)
    assert float((image_after - image).abs().mean()) < 0.5


def test_contrast_changes_scale_and_brightness_within_its_limit(image, mask):
    for seed in range(10):
        after, _ = changed({"contrast": 0.3}, image, mask, seed)
        lows, highs = (
            (float(values.min() - PADDING) for values in (image, after)),
            float((after - PADDING).max()),
        )
        _, low = lows
        assert abs(low) <= 0.3 + 1e-5
        assert 0.7 - 1e-5 <= (highs - low) / 2 <= 1.3 + 1e-5


def test_a_change_is_a_function_of_its_seed(image, mask):
    rule = {
        "rotation": (0.3, 0.3, 0.3),
        "noise": 0.5,
        "blur": 0.5,
        "contrast": 0.2,
        "flip": (True, True, True),
    }
    augmenter = Augmenter(Augmentation(**rule), VOLUME, PADDING)
    first = augmenter(image, mask, 5)
    augmenter(image, mask, 6)
    again = augmenter(image, mask, 5)
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))
    assert not torch.equal(augmenter(image, mask, 6)[0], first[0])


def test_a_slice_turns_about_the_axis_across_it_alone(image, mask):
    at = 16
    flat = image[:, at], mask[:, at]
    about = [
        changed({"rotation": tuple(0.4 * (k == axis) for k in range(3))}, *flat, axes=SLICE)
        for axis in range(3)
    ]
    assert not torch.equal(about[0][0], flat[0])
    for image_after, mask_after in about[1:]:
        assert torch.allclose(image_after, flat[0], atol=1e-5)
        assert torch.equal(mask_after, flat[1])
