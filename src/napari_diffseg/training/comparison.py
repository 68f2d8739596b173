"""Does diffusion help here? A finished run held against its control, in comparison.json.

Importing this brings no torch; `compare` does.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from napari_diffseg.datasets.case import Case
from napari_diffseg.datasets.opening import open_dataset
from napari_diffseg.datasets.split import read_split
from napari_diffseg.errors import (
    DatasetError,
    GridMismatchError,
    PreparationError,
    ScanError,
    TrainingError,
)
from napari_diffseg.evaluation.case_score import CaseScore
from napari_diffseg.evaluation.paired import PairedDifference, paired_difference
from napari_diffseg.evaluation.summary import by_case, summarise
from napari_diffseg.io.atomic import replacing
from napari_diffseg.methods.registry import method
from napari_diffseg.training.config import RunConfig, read_run
from napari_diffseg.training.control import Stopped
from napari_diffseg.training.folder import BEST, RUN, SPLIT
from napari_diffseg.training.without_diffusion import WITHOUT_DIFFUSION

if TYPE_CHECKING:
    from napari_diffseg.checkpoints.checkpoint import Checkpoint

logger = logging.getLogger(__name__)

COMPARISON = "comparison.json"
LEAST_PATIENTS = 2
"""That an interval over patients needs."""

_NAMES = {"dice": "Dice", "ged": "GED"}
_BAD = (ScanError, DatasetError, GridMismatchError, PreparationError)
_NOTE = (
    "The validation part chose both checkpoints, so neither mean is a test result. The interval is over "
    "these cases alone: trained once more, either network could come out otherwise."
)
_NOTE_ON_GED = "GED falls with the number of members, here {members}: with more, diffusion would look better."


class Comparison(BaseModel):
    """The best weights of a run and of its control on the validation part.

    Attributes:
        steps: that each of the two was trained for.
        metric: that chose the weights: "dice", or "ged" where every case has several reads.
        members: of the run, a case; its control gives one.
        with_diffusion: mean over the cases.
        without_diffusion: likewise.
        difference: with less without, case by case.
        verdict: what it says, in words.
        note: what it does not say.
        checkpoints: sha256 of the run's file and of its control's.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")  # a newer version may say more

    steps: int
    metric: str
    members: int
    with_diffusion: float
    without_diffusion: float
    difference: PairedDifference
    verdict: str
    note: str
    checkpoints: tuple[str, str]

    @property
    def sentence(self) -> str:
        """The numbers."""
        found = self.difference
        return (
            f"{_NAMES.get(self.metric, self.metric)} {self.with_diffusion:.3f} with diffusion and "
            f"{self.without_diffusion:.3f} without: {found.mean:+.3f} (95 % interval {found.low:+.3f} to "
            f"{found.high:+.3f}) over {found.cases} validation cases, better in {found.better}."
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    """One of the two that are compared."""

    config: RunConfig
    checkpoint: Checkpoint

    def score(self, case: Case, go_on: Callable[[], bool]) -> CaseScore:
        """As in its own validations."""
        from napari_diffseg.training.validation import judged  # brings torch

        asked, device = self.config.validation, self.config.train.device
        return judged(self.checkpoint, case, asked, device=device, go_on=go_on).score


def read_comparison(run: Path, config: RunConfig) -> Comparison | None:
    """The run's comparison, where it asks for one; a resumed run makes anew what is not there.

    Args:
        run: its folder.
        config: of the run.

    Returns:
        None where there is none that can be read, or one of fewer steps: the run was prolonged since.
    """
    if not config.with_control:
        return None
    try:
        found = Comparison.model_validate_json((run / COMPARISON).read_bytes())
    except (OSError, ValidationError):
        return None
    return found if found.steps == config.train.steps else None


def compare(run: Path, *, go_on: Callable[[], bool]) -> Comparison | None:
    """Score a run and its control on the whole validation part; what is known of these very weights stays.

    Args:
        run: its folder, with the control's inside.
        go_on: asked again and again; None is given where it says no.

    Raises:
        TrainingError: one of the two has no best weights, or the cases are too few.
        DiffSegError: a case cannot be read, segmented or compared, and may not be left out.
    """
    sides = _side(run), _side(run / WITHOUT_DIFFUSION)
    seals = sides[0].checkpoint.sha256, sides[1].checkpoint.sha256
    known = read_comparison(run, sides[0].config)
    if known is not None and known.checkpoints == seals:
        return known
    cases = cases_to_compare(run)
    try:
        scores = _scored(sides, cases, go_on)
    except Stopped:
        return None
    comparison = _comparison(sides, scores, {case.name: case.patient for case in cases}, seals)
    with replacing(run / COMPARISON) as partial:
        partial.write_text(comparison.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return comparison


def cases_to_compare(run: Path) -> tuple[Case, ...]:
    """The run's validation part.

    Raises:
        TrainingError: it is of fewer than two patients.
    """
    dataset = open_dataset(read_run(run / RUN).data.path)
    cases = dataset.chosen(read_split(run / SPLIT).validation)
    patients = len({case.patient for case in cases})
    if patients < LEAST_PATIENTS:
        raise TrainingError(
            f"The validation part of {run.name} has cases of {patients} patients, and a comparison needs at "
            f"least {LEAST_PATIENTS}. Train anew with a larger data.validation, or without --with-control."
        )
    return cases


def _side(run: Path) -> _Side:
    from napari_diffseg.checkpoints.checkpoint import load_checkpoint  # brings torch

    if not (run / BEST).is_file():
        raise TrainingError(
            f"{run.name} has no {BEST} to compare: none of its validations succeeded. Its log.txt says why."
        )
    return _Side(read_run(run / RUN), load_checkpoint(run / BEST))


def _scored(
    sides: tuple[_Side, _Side], cases: Sequence[Case], go_on: Callable[[], bool]
) -> list[tuple[CaseScore, CaseScore]]:
    """Both scores of every case; a bad one is left out of both where the run may do so."""
    scores: list[tuple[CaseScore, CaseScore]] = []
    for number, case in enumerate(cases, start=1):
        try:
            scores.append((sides[0].score(case, go_on), sides[1].score(case, go_on)))
        except _BAD as error:
            if not sides[0].config.data.skip_bad:
                raise
            logger.warning("Case %s was left out of the comparison. %s", case.name, error)
        logger.info("Compared %d of %d cases", number, len(cases))
    return scores


def _comparison(
    sides: tuple[_Side, _Side],
    scores: Sequence[tuple[CaseScore, CaseScore]],
    patients: dict[str, str],
    seals: tuple[str, str],
) -> Comparison:
    found, control = zip(*scores, strict=True)
    chosen = summarise(found, [info.name for info in sides[0].checkpoint.document.classes]).selection
    values, control_values = by_case(found, chosen.metric), by_case(control, chosen.metric)
    difference = paired_difference(
        values, control_values, higher_is_better=chosen.higher_is_better, patients=patients
    )
    members = found[0].members
    notes = [_NOTE, *([_NOTE_ON_GED.format(members=members)] if chosen.metric == "ged" else [])]
    titles = [method(side.config.method).title for side in sides]
    return Comparison(
        steps=sides[0].config.train.steps,
        metric=chosen.metric,
        members=members,
        with_diffusion=chosen.value,
        without_diffusion=float(np.mean(list(control_values.values()))),
        difference=difference,
        verdict=difference.verdict(titles[0], titles[1]),
        note=" ".join(notes),
        checkpoints=seals,
    )
