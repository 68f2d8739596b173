"""What ImgX-DiffSeg's official code logs beside its loss."""

import torch
from oracle import channels_first
from torch import Tensor
from torch.nn import functional as F


def one_hot(label: Tensor, classes: int) -> Tensor:
    """Masks (item, class, *space) of label maps."""
    return channels_first(F.one_hot(label.long(), classes).float())


def logged(logits: Tensor, mask: Tensor) -> dict[str, Tensor]:
    """By the names of the official code; Dice is NaN where an item lacks the class."""
    share, space = logits.softmax(1), tuple(range(2, mask.ndim))
    dice = 1 - 2 * (share * mask).sum(space) / (share + mask).sum(space)
    dice = torch.where(mask.sum(space) > 0, dice, torch.nan)
    focal = (1 - share) ** 2 * -logits.log_softmax(1) * mask
    return {
        "cross_entropy": F.cross_entropy(logits, mask),
        "focal": focal.sum(1).mean(),
        "dice_per_class": dice,
        "dice_all": dice.nanmean(),
    }
