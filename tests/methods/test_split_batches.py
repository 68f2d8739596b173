"""A batch in parts: each item's random numbers stay its own, and losses of parts average to the whole's."""

import pytest
import torch
from methods_fixtures import TINY, awake, real_batch
from torch.nn import functional as F

from napari_diffseg.diffusion.draws import Draws
from napari_diffseg.methods.method import COORDINATES, Batch
from napari_diffseg.methods.registry import methods
from napari_diffseg.methods.segmentation_loss import foreground_dice_loss


def batch_of_four(config):
    """Two real cases and their mirror images, every one with all classes."""
    pair = real_batch(config)
    return Batch(*(torch.cat([part, part.flip(-1)]) for part in (pair.image, pair.mask)))


def part_of(batch, places):
    at = slice(places.start, places.stop)
    return Batch(batch.image[at], batch.mask[at])


def test_every_method_is_among_those_tried_here():
    assert set(TINY) == set(methods())


def test_the_loss_of_a_batch_is_the_mean_of_its_halves(tiny):
    module, config = tiny
    batch = batch_of_four(config)
    torch.manual_seed(0)
    channels = batch.image.shape[1] - (COORDINATES if config.coordinates else 0)
    network = awake(module.build(config, channels=channels, classes=batch.mask.shape[1]))

    def parts(places):
        return module.loss(config, network, part_of(batch, places), Draws(5, 9, places, 4)).parts

    whole, one, other = parts(range(4)), parts(range(2)), parts(range(2, 4))
    assert one != other
    for name, value in whole.items():
        assert value == pytest.approx((one[name] + other[name]) / 2, rel=1e-5), name


def test_dice_is_a_mean_over_the_classes_shown_and_not_over_items():
    labels = torch.zeros(4, 8, 8, dtype=torch.int64)
    labels[:, :2], labels[:2, 2:4] = 1, 2  # items 0 and 1 show both classes, 2 and 3 the first alone
    mask = F.one_hot(labels, 3).movedim(-1, 1).float()
    generator = torch.Generator().manual_seed(0)
    soft = torch.rand(mask.shape, generator=generator).softmax(1)
    whole, one, other = (
        float(foreground_dice_loss(soft[at], mask[at])) for at in (slice(4), slice(2), slice(2, 4))
    )
    assert abs(whole - (one + other) / 2) > 1e-3
    assert whole == pytest.approx((4 * one + 2 * other) / 6, rel=1e-6)
