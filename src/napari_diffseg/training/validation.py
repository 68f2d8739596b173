"""A run's weights judged on its validation part, and one case of it to look at."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
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
from napari_diffseg.training.ending import Stopped
from napari_diffseg.training.folder import PREVIEW
from napari_diffseg.volume.scan import Scan


def validate(
    checkpoint: Checkpoint,
    cases: Sequence[Case],
    config: ValidationConfig,
    run: Path,
    *,
    device: Device,
    go_on: Callable[[], bool],
) -> Summary:
    """Sample each case and score it; the first one becomes the run's preview.

    Args:
        checkpoint: with the weights as they are now.
        cases: of the validation part.
        config: members, steps and seed.
        run: its folder.
        device: to sample on.
        go_on: asked again and again.

    Raises:
        Stopped: `go_on` said no.
        OutOfMemoryError: a case does not fit into the memory that is free.
    """
    scores: list[CaseScore] = []
    for case in cases:
        labelled = case.read()
        result = _sampled(labelled.scan, checkpoint, config, device, go_on)
        if not scores:
            _show(run, checkpoint, case, labelled, result)
        scores.append(score(result, labelled.reads, case=case.name))
    return summarise(scores, [info.name for info in checkpoint.document.classes])


def _sampled(
    scan: Scan, checkpoint: Checkpoint, config: ValidationConfig, device: Device, go_on: Callable[[], bool]
) -> Result:
    sampling = segment(
        scan,
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
    return sampling.result()


def _show(run: Path, checkpoint: Checkpoint, case: Case, labelled: LabelledScan, result: Result) -> None:
    scan = labelled.scan
    maps = {
        "image": scan.data[0],
        "truth": labelled.reads[0].data,
        "mean": result.mean,
        **({} if result.variance is None else {"variance": result.variance}),
    }
    told = {
        "case": case.name,
        "step": checkpoint.document.training.steps if checkpoint.document.training else 0,
        "classes": [asdict(info) for info in checkpoint.document.classes],
        "time": time.time(),
    }
    with replacing_folder(run / PREVIEW, overwrite=True) as partial:
        for name, values in maps.items():
            write_volume(partial / f"{name}.nii.gz", np.asarray(values), scan.origin, scan.grid)
        (partial / "preview.json").write_text(json.dumps(told), encoding="utf-8")
