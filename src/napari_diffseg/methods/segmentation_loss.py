"""Cross-entropy and foreground Dice, the objective of a network that predicts masks."""

from __future__ import annotations

from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from napari_diffseg.methods.method import Loss


def segmentation_loss(
    logits: Float[Tensor, "item class *space"],
    mask: Float[Tensor, "item class *space"],
    shown: float | None = None,
) -> Loss:
    """Mean cross-entropy plus foreground Dice loss, one to one.

    Args:
        logits: of every class, background first.
        mask: one-hot.
        shown: as in `Batch`.

    Source:
        Fu et al. 2023, §3.3; the Dice's form is the official code's.
    """
    logits = logits.float()
    cross_entropy = F.cross_entropy(logits, mask)
    dice = foreground_dice_loss(logits.softmax(dim=1), mask, shown)
    return Loss.of({"cross_entropy": cross_entropy, "dice_loss": dice})


def foreground_dice_loss(
    probabilities: Float[Tensor, "item class *space"],
    mask: Float[Tensor, "item class *space"],
    shown: float | None = None,
) -> Float[Tensor, ""]:
    """1 − soft Dice, in the mean over all pairs of an item and a foreground class that it shows.

    An item without any foreground adds nothing; a batch without any gives 0. With `shown`, the mean over the
    items of the parts' values is that of the whole batch, whichever classes each part shows.
    """
    space = tuple(range(2, mask.ndim))
    overlap = (probabilities * mask).sum(space)[:, 1:]
    total = (probabilities + mask).sum(space)[:, 1:]
    present = shows(mask)
    loss = (1 - 2 * overlap / total.clamp(min=1e-12))[present].sum()
    pairs = int(present.sum()) if shown is None else shown * len(mask)
    return loss / pairs if pairs else loss


def shows(mask: Float[Tensor, "item class *space"]) -> Bool[Tensor, "item foreground"]:
    """Which foreground classes each item has."""
    return mask.flatten(2).sum(2)[:, 1:] > 0
