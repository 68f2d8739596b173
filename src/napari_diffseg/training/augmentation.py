"""Random changes of one training case, by MONAI."""

from __future__ import annotations

from typing import cast

import torch
from jaxtyping import Float, Integer
from monai.transforms.compose import Compose
from monai.transforms.intensity.dictionary import (
    RandGaussianNoised,
    RandGaussianSmoothd,
    RandScaleIntensityd,
    RandShiftIntensityd,
)
from monai.transforms.spatial.dictionary import RandAffined, RandFlipd
from numpy.random import SeedSequence
from torch import Tensor

from napari_diffseg.training.config import Augmentation

Item = tuple[Float[Tensor, "channel D H W"], Integer[Tensor, "one D H W"]]


class Augmenter:
    """The changes of an `Augmentation`, each a function of its seed."""

    def __init__(self, rule: Augmentation) -> None:
        both = ["image", "mask"]
        self._change = Compose(
            [
                RandFlipd(both, prob=0.5 if rule.flip_left_right else 0.0, spatial_axis=2),
                RandAffined(
                    both,
                    prob=1.0,
                    rotate_range=(rule.rotation,) * 3,
                    scale_range=(rule.scaling,) * 3,
                    translate_range=(rule.translation_voxels,) * 3,
                    mode=("bilinear", "nearest"),
                    padding_mode="zeros",
                ),
                RandScaleIntensityd(["image"], factors=rule.contrast, prob=1.0),
                RandShiftIntensityd(["image"], offsets=rule.contrast, prob=1.0),
                RandGaussianSmoothd(
                    ["image"], sigma_x=(0.5, 1.0), sigma_y=(0.5, 1.0), sigma_z=(0.5, 1.0), prob=rule.blur
                ),
                RandGaussianNoised(["image"], std=0.1, prob=rule.noise),
            ]
        )

    def __call__(self, item: Item, seed: int) -> Item:
        """Image (channel, D, H, W) and mask (1, D, H, W), changed together."""
        self._change.set_random_state(seed=seed)
        changed = self._change({"image": item[0], "mask": item[1].float()})
        image = cast("Tensor", changed["image"].as_tensor())
        return image, cast("Tensor", changed["mask"].as_tensor()).long()


def seed_of(*address: int) -> int:
    """One 32-bit seed for an address such as (seed, step, item)."""
    return int(SeedSequence(address).generate_state(1)[0])


def generator_of(*address: int) -> torch.Generator:
    """A CPU generator for an address."""
    return torch.Generator().manual_seed(seed_of(*address))
