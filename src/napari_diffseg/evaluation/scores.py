"""A checkpoint scored case by case."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from napari_diffseg.checkpoints.checkpoint import Checkpoint
from napari_diffseg.datasets.case import Case
from napari_diffseg.evaluation.case_score import CaseScore, score
from napari_diffseg.inference.run import segment


def evaluate(checkpoint: Checkpoint, cases: Iterable[Case], **options: Any) -> Iterator[CaseScore]:
    """Segment each case and score it against its reads.

    Args:
        checkpoint: that is scored.
        cases: with one or several reads each.
        options: fields of `SamplingOptions`.

    Yields:
        A score after every case.

    Raises:
        DiffSegError: a case cannot be read, segmented or compared.
    """
    for case in cases:
        labelled = case.read()
        result = segment(labelled.scan, checkpoint, preview=False, **options).result()
        yield score(result, labelled.reads, case=case.name)
