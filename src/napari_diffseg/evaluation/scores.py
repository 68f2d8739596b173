"""Dice and surface distance of a checkpoint, case by case."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import UInt8

from napari_diffseg.checkpoints.checkpoint import Checkpoint
from napari_diffseg.datasets.pairs import PairedCase
from napari_diffseg.inference.run import segment
from napari_diffseg.metrics import dice, hd95_mm


@dataclass(frozen=True, slots=True)
class CaseScore:
    """One case: a value per foreground class, in the checkpoint's order.

    Args:
        case: its name.
        dice: of the consensus.
        hd95_mm: of the consensus; NaN where either mask is empty.
        first_member_dice: of the first member alone.
        member_disagreement: 1 − mean pairwise Dice between members over the classes; 0 for one member.
    """

    case: str
    dice: tuple[float, ...]
    hd95_mm: tuple[float, ...]
    first_member_dice: tuple[float, ...]
    member_disagreement: float


def evaluate(checkpoint: Checkpoint, cases: Iterable[PairedCase], **options: Any) -> Iterator[CaseScore]:
    """Segment each whole case and score it against its mask.

    Args:
        checkpoint: that is scored.
        cases: with one mask each.
        options: fields of `SamplingOptions`.

    Yields:
        A score after every case.
    """
    labels = range(1, len(checkpoint.document.classes) + 1)
    for case in cases:
        scan, mask = case.read()
        result = segment(scan, checkpoint, preview=False, **options).result()
        truth = [mask.data == label for label in labels]
        found = [result.consensus == label for label in labels]
        pairs = list(zip(found, truth, strict=True))
        yield CaseScore(
            case=case.name,
            dice=tuple(dice(one, other) for one, other in pairs),
            hd95_mm=tuple(hd95_mm(one, other, scan.grid.spacing_mm) for one, other in pairs),
            first_member_dice=tuple(
                dice(result.members[0] == label, one) for label, one in zip(labels, truth, strict=True)
            ),
            member_disagreement=_disagreement(result.members, labels),
        )


def _disagreement(members: UInt8[np.ndarray, "member D H W"], labels: range) -> float:
    agreements = [
        dice(members[a] == label, members[b] == label)
        for a in range(len(members))
        for b in range(a)
        for label in labels
    ]
    return 1 - float(np.mean(agreements)) if agreements else 0.0
