"""Cross-entropy and foreground Dice, the objective of a network that predicts masks."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from napari_diffseg.methods.method import Loss


def segmentation_loss(
    logits: Float[Tensor, "item class *space"], mask: Float[Tensor, "item class *space"]
) -> Loss:
    """Mean cross-entropy plus foreground Dice loss, one to one.

    Args:
        logits: of every class, background first.
        mask: one-hot.
    Source:
        Fu et al. 2023, §3.3; the Dice's form is the official code's.
    """
    logits = logits.float()
    cross_entropy = F.cross_entropy(logits, mask)
    dice = foreground_dice_loss(logits.softmax(dim=1), mask)
    return Loss.of({"cross_entropy": cross_entropy, "dice_loss": dice})


def foreground_dice_loss(
    probabilities: Float[Tensor, "item class *space"], mask: Float[Tensor, "item class *space"]
) -> Float[Tensor, ""]:
    """1 − soft Dice, over the foreground classes that an item's mask has.

    An item without any foreground adds nothing; a batch without any gives 0.
    """
    space = tuple(range(2, mask.ndim))
    overlap = (probabilities * mask).sum(space)[:, 1:]
    total = (probabilities + mask).sum(space)[:, 1:]
    present = mask.sum(space)[:, 1:] > 0
    loss = (1 - 2 * overlap / total.clamp(min=1e-12))[present]
    return loss.mean() if present.any() else overlap.sum() * 0
