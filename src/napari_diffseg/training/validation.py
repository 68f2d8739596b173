"""A run's weights judged on its validation part, and one case of it to look at."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from napari_diffseg.checkpoints.checkpoint import Checkpoint
from napari_diffseg.datasets.case import Case, LabelledScan
from napari_diffseg.evaluation.case_score import CaseScore, score
from napari_diffseg.evaluation.summary import Summary, summarise
from napari_diffseg.inference.run import segment
from napari_diffseg.io.atomic import replacing_folder
from napari_diffseg.io.nifti import write_volume
from napari_diffseg.results.options import Device
from napari_diffseg.results.result import Result
from napari_diffseg.training.config import ValidationConfig
from napari_diffseg.training.control import Stopped
from napari_diffseg.training.folder import PREVIEW


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """A case of the validation part, what the weights make of it, and how good that is."""

    labelled: LabelledScan
    result: Result
    score: CaseScore

    @property
    def is_marked(self) -> bool:
        """Whether the first rater marked anything."""
        return bool(self.labelled.reads[0].data.any())


def validate(
    checkpoint: Checkpoint,
    cases: Sequence[Case],
    config: ValidationConfig,
    run: Path,
    *,
    device: Device,
    go_on: Callable[[], bool],
) -> Summary:
    """Sample each case and score it; the first one with something to see becomes the run's preview.

    Args:
        checkpoint: with the weights as they are now.
        cases: of the validation part.
        config: members, steps and seed.
        run: its folder.
        device: to sample on.
        go_on: as in `judged`.

    Raises:
        Stopped: `go_on` said no.
        OutOfMemoryError: a case does not fit into the memory that is free.
    """
    scores: list[CaseScore] = []
    seen = False
    for case in cases:
        found = judged(checkpoint, case, config, device=device, go_on=go_on)
        if not scores or (found.is_marked and not seen):
            _show(run, checkpoint, found)
            seen = found.is_marked
        scores.append(found.score)
    return summarise(scores, [info.name for info in checkpoint.document.classes])


def judged(
    checkpoint: Checkpoint,
    case: Case,
    config: ValidationConfig,
    *,
    device: Device,
    go_on: Callable[[], bool],
) -> Judged:
    """Sample a case and score it.

    Args:
        checkpoint: with the weights.
        case: of the validation part.
        config: members, steps and seed.
        device: to sample on.
        go_on: asked before and at every step of the sampler.

    Raises:
        Stopped: `go_on` said no.
        DiffSegError: the case cannot be read, segmented or compared.
    """
    if not go_on():
        raise Stopped
    labelled = case.read()
    sampling = segment(
        labelled.scan,
        checkpoint,
        members=config.members,
        steps=config.steps,
        seed=config.seed,
        device=device,
        preview=False,
    )
    for _ in sampling:
        if not go_on():
            raise Stopped
    result = sampling.result()
    return Judged(labelled, result, score(result, labelled.reads, case=case.name))


def _show(run: Path, checkpoint: Checkpoint, found: Judged) -> None:
    """One case to look at, as the run's preview."""
    scan, result = found.labelled.scan, found.result
    maps = {
        "image": scan.data[0],
        "truth": found.labelled.reads[0].data,
        "mean": result.mean,
        **({} if result.variance is None else {"variance": result.variance}),
    }
    told = {
        "case": found.score.case,
        "step": checkpoint.document.training.steps if checkpoint.document.training else 0,
        "classes": [asdict(info) for info in checkpoint.document.classes],
        "time": time.time(),
    }
    with replacing_folder(run / PREVIEW, overwrite=True) as partial:
        for name, values in maps.items():
            write_volume(partial / f"{name}.nii.gz", np.asarray(values), scan.origin, scan.grid)
        (partial / "preview.json").write_text(json.dumps(told), encoding="utf-8")
