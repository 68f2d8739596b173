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


def shown_unevenly():
    """Items 0 and 1 show both classes, 2 the first alone, 3 none."""
    labels = torch.zeros(4, 8, 8, dtype=torch.int64)
    labels[:3, :2], labels[:2, 2:4] = 1, 2
    mask = F.one_hot(labels, 3).movedim(-1, 1).float()
    generator = torch.Generator().manual_seed(0)
    return torch.rand(mask.shape, generator=generator).softmax(1), mask


def test_dice_is_a_mean_over_the_classes_shown_and_not_over_items():
    soft, mask = shown_unevenly()
    whole, one, other = (
        float(foreground_dice_loss(soft[at], mask[at])) for at in (slice(4), slice(2), slice(2, 4))
    )
    assert abs(whole - (one + other) / 2) > 1e-3
    assert whole == pytest.approx((4 * one + other) / 5, rel=1e-6)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_dice_of_parts_that_know_the_whole_batch_averages_to_its_own(size):
    soft, mask = shown_unevenly()
    soft.requires_grad_()
    whole = foreground_dice_loss(soft, mask)
    (wanted,) = torch.autograd.grad(whole, soft)
    parts = [slice(at, at + size) for at in range(0, 4, size)]
    summed = sum(foreground_dice_loss(soft[at], mask[at], 5 / 4) * len(mask[at]) / 4 for at in parts)
    assert float(summed.detach()) == pytest.approx(float(whole.detach()), rel=1e-6)
    torch.testing.assert_close(torch.autograd.grad(summed, soft)[0], wanted)


def test_a_batch_without_foreground_has_no_dice_and_no_gradient():
    soft, mask = shown_unevenly()
    soft.requires_grad_()
    for shown in (None, 0.0, 1.25):
        loss = foreground_dice_loss(soft[3:], mask[3:], shown)
        assert float(loss.detach()) == 0
        assert not torch.autograd.grad(loss, soft)[0].any()
