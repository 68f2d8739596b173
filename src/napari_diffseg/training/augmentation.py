"""Random changes of one training item, by MONAI."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

from jaxtyping import Float
from monai.transforms.compose import Compose
from monai.transforms.intensity.dictionary import (
    RandGaussianNoised,
    RandGaussianSmoothd,
    RandScaleIntensityd,
    RandShiftIntensityd,
)
from monai.transforms.spatial.dictionary import RandAffined, RandFlipd, RandRotate90d
from monai.transforms.transform import Transform
from monai.utils.type_conversion import convert_to_tensor
from numpy.random import SeedSequence
from torch import Tensor

from napari_diffseg.methods.practice import Augmentation

_BOTH = ["image", "mask"]
_STRENGTH = 0.1
_BLUR_VOXELS = (0.5, 1.0)

Image = Float[Tensor, "channel *whole"]
Reads = Float[Tensor, "read *whole"]
Pair = tuple[Float[Tensor, "channel *space"], Float[Tensor, "read *space"]]


class Augmenter:
    """The changes of an `Augmentation`, each a function of its seed; for one thread.

    Args:
        rule: what is changed.
        axes: display axes that an item has: all three, or the two of a slice.
        padding: the prepared value beyond the image.
    """

    def __init__(self, rule: Augmentation, axes: Sequence[int], padding: float) -> None:
        self._padding = padding
        self._change = Compose(list(_changes(rule, list(axes))))

    def __call__(self, image: Image, mask: Reads, seed: int) -> Pair:
        """Image and label maps, changed together; what comes in from outside is padding and background.

        Args:
            image: prepared.
            mask: one label map a rater, labels as numbers.
            seed: of the changes.
        """
        if not self._change.transforms:
            return image, mask
        self._change.set_random_state(seed=seed)
        changed = cast("dict[str, Any]", self._change({"image": image - self._padding, "mask": mask}))
        image, mask = (convert_to_tensor(changed[name], track_meta=False) for name in _BOTH)
        return image + self._padding, mask


def seed_of(*address: int) -> int:
    """One 32-bit seed for an address such as (seed, step, item)."""
    return int(SeedSequence(address).generate_state(1)[0])


def _changes(rule: Augmentation, axes: list[int]) -> Iterator[Transform]:
    """What the rule asks for and nothing else: a change of strength zero would still cost its time."""
    for place, axis in enumerate(axes):
        if rule.flip[axis]:
            yield RandFlipd(_BOTH, prob=0.5, spatial_axis=place)
    if rule.quarter_turns:
        yield RandRotate90d(_BOTH, prob=0.75, max_k=3, spatial_axes=(len(axes) - 2, len(axes) - 1))
    if any(rule.rotation + rule.scaling + rule.translation_voxels):
        across = {0, 1, 2} - set(axes)  # a slice turns about the axis across it
        yield RandAffined(
            _BOTH,
            prob=1.0,
            rotate_range=[rule.rotation[axis] for axis in (across or axes)],
            scale_range=[rule.scaling[axis] for axis in axes],
            translate_range=[rule.translation_voxels[axis] for axis in axes],
            mode=("bilinear", "nearest"),
            padding_mode="zeros",
        )
    if rule.contrast:
        yield RandScaleIntensityd(["image"], factors=rule.contrast, prob=1.0)
        yield RandShiftIntensityd(["image"], offsets=rule.contrast, prob=1.0)
    if rule.blur:
        yield RandGaussianSmoothd(["image"], _BLUR_VOXELS, _BLUR_VOXELS, _BLUR_VOXELS, prob=rule.blur)
    if rule.noise:
        yield RandGaussianNoised(["image"], std=_STRENGTH, prob=rule.noise)
