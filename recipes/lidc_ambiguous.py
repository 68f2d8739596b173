"""Bundle and score `lidc-ambiguous`, the ambiguous model of lung nodules in CT.

    python recipes/lidc_ambiguous.py bundle RUN OUT    # the last step's weights as a checkpoint
    python recipes/lidc_ambiguous.py choose RUN DATA   # how many sampling steps, on validation crops
    python recipes/lidc_ambiguous.py score DATA        # the bundled checkpoint on validation and test crops

recipes/lidc-ambiguous.toml trains it. DATA holds data_lidc.hdf5, whose groups are kept. `score` goes on where
it was stopped, as long as the tables in docs/models are of the same weights and steps; delete them to begin
anew. Members are numbered, so that the first four of sixteen are those that a run of four draws.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from finished import finished

from napari_diffseg.checkpoints.catalogue import BUNDLED
from napari_diffseg.checkpoints.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from napari_diffseg.checkpoints.document import Channel, Document, Metric, TrainingFacts
from napari_diffseg.datasets.case import Case, Group
from napari_diffseg.datasets.opening import open_dataset
from napari_diffseg.evaluation.case_score import score
from napari_diffseg.evaluation.scores import evaluate
from napari_diffseg.evaluation.summary import summarise
from napari_diffseg.inference.run import segment
from napari_diffseg.results.result import ClassInfo
from napari_diffseg.training.folder import LAST

NAME = "lidc-ambiguous"
CARDS = Path(__file__).parents[1] / "docs" / "models"
GROUPS: tuple[Group, ...] = ("validation", "test")
FEW, MANY = 4, 16
EVERY = 5
"""Of the validation crops, one in so many is enough to choose by."""

STEPS = 5
STEPS_TRIED = (3, 5, 10)
AS_SETS = ("ged", "ged_unbiased", "matched_iou")
COLUMNS = {FEW: AS_SETS, MANY: (*AS_SETS, "dice", "member_disagreement")}


def bundle(run: Path, out: Path) -> None:
    """Write the last step's weights of a finished run in half precision, with what a person should know."""
    document, facts, weights = finished(run)
    save_checkpoint(out, described(document, facts), weights)


def described(document: Document, facts: TrainingFacts) -> Document:
    """The document of a run's checkpoint with names, licence and use, which the files do not tell."""
    facts = facts.model_copy(
        update={
            "data": "LIDC-IDRI: 128 × 128 crops of CT slices around a nodule, each with the masks of four "
            "readers",
            "licence": "CC BY 3.0",
            "split": "by patient; the groups of the file are kept, and 664 patients more are for training",
        }
    )
    return document.model_copy(
        update={
            "name": NAME,
            "title": "Lung nodule, four readers",
            "classes": (ClassInfo("nodule", "#ff9f1c", "what a reader of LIDC-IDRI outlined as a nodule"),),
            "channels": (Channel(name="ct", modality="CT"),),
            "training": facts,
            "licence": "CC BY 3.0",
            "citation": "Armato et al., The Lung Image Database Consortium (LIDC) and Image Database "
            "Resource Initiative (IDRI), Medical Physics 38(2), 2011, doi:10.1118/1.3528204; Armato et al., "
            "Data From LIDC-IDRI, TCIA, 2015, doi:10.7937/K9/TCIA.2015.LO9QL9SX",
            "intended_use": "Research on disagreement between readers of lung nodules, on crops of 128 × 128 "
            "pixels of 0.5 to 1 mm that are centred on a nodule. Not for diagnosis.",
        }
    )


def choose(run: Path, data: Path) -> None:
    """Print the validation GED of a few members for several numbers of sampling steps."""
    checkpoint = load_checkpoint(run / LAST)
    some = of_group(data, "validation")[::EVERY]
    for steps in STEPS_TRIED:
        scores = list(evaluate(checkpoint, some, members=FEW, steps=steps, seed=0))
        print(f"{steps} steps: GED {summarise(scores, ['nodule']).means['ged'].value:.4f}", flush=True)


def score_bundled(data: Path) -> None:
    """Print the scores of both groups and write them into the bundled checkpoint."""
    path = BUNDLED / f"{NAME}.safetensors"
    checkpoint = load_checkpoint(path)
    metrics = [metric for group in GROUPS for metric in metrics_of(checkpoint, group, of_group(data, group))]
    for metric in metrics:
        print(f"{metric.name}: {metric.value} ({metric.cases}, {metric.members} members)")
    save_checkpoint(
        path, checkpoint.document.model_copy(update={"metrics": tuple(metrics)}), checkpoint.weights
    )


def metrics_of(checkpoint: Checkpoint, group: Group, cases: list[Case]) -> Iterator[Metric]:
    """The means over a group, with few members and with many."""
    table = CARDS / f"{NAME}-{group}.csv"
    complete(table, checkpoint, cases)
    with table.open() as file:
        rows = list(csv.DictReader(file))
    for members, columns in COLUMNS.items():
        for column in columns:
            values = [float(row[f"{column}_{members}"]) for row in rows]
            yield Metric(
                name=column,
                value=round(sum(values) / len(values), 4),
                cases=f"{len(rows)} {group} crops",
                members=members,
                steps=STEPS,
                seed=0,
                command="python recipes/lidc_ambiguous.py score DATA",
            )


def complete(table: Path, checkpoint: Checkpoint, cases: Iterable[Case]) -> None:
    """Score the cases that the table does not have yet."""
    if not table.exists():
        heads = [f"{column}_{members}" for members, columns in COLUMNS.items() for column in columns]
        table.write_text(",".join(["case", *heads]) + "\n")
    with table.open() as file:
        known = {row["case"] for row in csv.DictReader(file)}
    with table.open("a", newline="") as file:
        for case in cases:
            if case.name not in known:
                csv.writer(file, lineterminator="\n").writerow([case.name, *scores_of(checkpoint, case)])
                file.flush()


def scores_of(checkpoint: Checkpoint, case: Case) -> Iterator[str]:
    """One case's values, in the order of the columns."""
    labelled = case.read()
    drawn = segment(labelled.scan, checkpoint, preview=False, members=MANY, steps=STEPS, seed=0).result()
    for members, columns in COLUMNS.items():
        found = score(replace(drawn, members=drawn.members[:members]), labelled.reads, case=case.name)
        for column in columns:
            yield f"{getattr(found, column)[0]:.4f}"


def of_group(data: Path, group: Group) -> list[Case]:
    return [case for case in open_dataset(data).cases if case.group == group]


def main() -> None:
    match sys.argv[1:]:
        case ["bundle", run, out]:
            bundle(Path(run), Path(out))
        case ["choose", run, data]:
            choose(Path(run), Path(data))
        case ["score", data]:
            score_bundled(Path(data))
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main()
