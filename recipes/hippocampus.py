"""Bundle and score the two hippocampus models: ImgX-DiffSeg and its network without diffusion.

    napari-diffseg train DATA --config recipes/hippocampus-imgx.toml --out RUN     # or -unet; resumable
    python recipes/hippocampus.py bundle imgx RUN OUT       # the last step's weights as a checkpoint
    python recipes/hippocampus.py score imgx DATA           # the bundled checkpoint on the validation files
    python recipes/hippocampus.py compare                   # the two, case by case, from what score wrote

The validation files are those that hippocampus-split.json holds back; they choose nothing, which is why they
stand there as its test.

Both have the same network, cases and optimiser. A step of ImgX-DiffSeg costs four passes of the
network (one for recycling, one forward, two for the gradient), a step without diffusion three, so the
latter has 4/3 of the steps: the same compute.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from pathlib import Path

from finished import finished

from napari_diffseg.checkpoints.catalogue import BUNDLED
from napari_diffseg.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from napari_diffseg.checkpoints.document import Channel, Document, Metric, TrainingFacts
from napari_diffseg.datasets.opening import open_dataset
from napari_diffseg.datasets.split import read_split
from napari_diffseg.evaluation.case_score import CaseScore
from napari_diffseg.evaluation.paired import paired_difference
from napari_diffseg.evaluation.scores import evaluate
from napari_diffseg.evaluation.summary import by_case, summarise
from napari_diffseg.results.result import ClassInfo

HERE = Path(__file__).parent
CARDS = HERE.parent / "docs" / "models"
MEMBERS = {"imgx": 5, "imgx-unet": 1}
STEPS = {"imgx": 5, "imgx-unet": 1}
TITLES = {"imgx": "Hippocampus, ImgX-DiffSeg", "imgx-unet": "Hippocampus, U-Net without diffusion"}
NAMES = {"imgx": "hippocampus-imgx", "imgx-unet": "hippocampus-unet"}


def bundle(method: str, run: Path, out: Path) -> None:
    """Write the last step's weights of a finished run in half precision, with what a person should know."""
    document, facts, weights = finished(run)
    save_checkpoint(out, described(method, document, facts), weights)


def described(method: str, document: Document, facts: TrainingFacts) -> Document:
    """The document of a run's checkpoint with names, licence and use, which the files do not tell."""
    facts = facts.model_copy(
        update={
            "data": "Medical Segmentation Decathlon, Task04 Hippocampus (head MR crops around one "
            "hippocampus)",
            "licence": "CC-BY-SA 4.0",
            "split": "20 % of the files held back by recipes/hippocampus-split.json, drawn by file: subjects "
            "are not known, so the validation figures are a little optimistic",
        }
    )
    return document.model_copy(
        update={
            "name": NAMES[method],
            "title": TITLES[method],
            "classes": (
                ClassInfo("anterior", "#ff9f1c", "head of the hippocampus"),
                ClassInfo("posterior", "#2ec4b6", "body and tail of the hippocampus"),
            ),
            "channels": (Channel(name="t1", modality="MR"),),
            "training": facts,
            "licence": "CC-BY-SA 4.0",
            "citation": "Simpson et al., A large annotated medical image dataset for the development and "
            "evaluation of segmentation algorithms, 2019, arXiv:1902.09063",
            "intended_use": "Research on the anterior and posterior hippocampus in T1-weighted head MR of "
            "about 1 mm, in a box around one hippocampus. Not for diagnosis.",
        }
    )


def score(method: str, data: Path) -> None:
    """Print the validation scores and write them into the bundled checkpoint."""
    path = BUNDLED / f"{NAMES[method]}.safetensors"
    checkpoint, members, steps = load_checkpoint(path), MEMBERS[method], STEPS[method]
    held_back = open_dataset(data).chosen(read_split(HERE / "hippocampus-split.json").test)
    scores = []
    for case in evaluate(checkpoint, held_back, members=members, steps=5, seed=0):
        scores.append(case)
        print(case.case, [round(value, 4) for value in case.dice], flush=True)
    write_table(method, scores)
    metrics = tuple(
        Metric(
            name=name,
            value=round(value, 4),
            cases=f"{len(scores)} validation files",
            members=1 if name.endswith("of one member") else members,
            steps=steps,
            seed=0,
            command=f"python recipes/hippocampus.py score {method} DATA",
        )
        for name, value in figures(scores, [info.name for info in checkpoint.document.classes]).items()
    )
    for metric in metrics:
        print(f"{metric.name}: {metric.value}")
    save_checkpoint(path, checkpoint.document.model_copy(update={"metrics": metrics}), checkpoint.weights)


def figures(scores: Sequence[CaseScore], classes: Sequence[str]) -> dict[str, float]:
    """The means over the files, as the card has them."""
    means = summarise(scores, classes).means
    dice = means["dice"]
    found = {
        "mean foreground Dice": dice.value,
        "Dice, anterior": means["dice, anterior"].value,
        "Dice, posterior": means["dice, posterior"].value,
        "standard deviation over cases of the mean foreground Dice": dice.sd,
        "smallest mean foreground Dice of a case": min(by_case(scores, "dice").values()),
        "mean foreground Dice of one member": means["first_member_dice"].value,
        "mean HD95, mm": means["hd95_mm"].value,
        "undefined HD95": float(means["hd95_mm"].undefined),
        "1 - mean Dice between members": means["member_disagreement"].value,
    }
    return {name: value for name, value in found.items() if value is not None}


def write_table(method: str, scores: Sequence[CaseScore]) -> None:
    """Dice and HD95 of every file."""
    with table(method).open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["case", "dice_anterior", "dice_posterior", "hd95_mm_anterior", "hd95_mm_posterior"])
        rows.writerows(
            [case.case, *(f"{value:.4f}" for value in (*case.dice, *case.hd95_mm))] for case in scores
        )


def compare() -> None:
    """Print the paired difference of the mean foreground Dice, with a bootstrap interval over cases."""
    dice = {}
    for method in NAMES:
        with table(method).open() as file:
            dice[method] = {
                row["case"]: (float(row["dice_anterior"]) + float(row["dice_posterior"])) / 2
                for row in csv.DictReader(file)
            }
    found = paired_difference(dice["imgx"], dice["imgx-unet"], higher_is_better=True)
    print(f"ImgX-DiffSeg minus U-Net, {found.cases} files: {found.mean:+.4f} Dice")
    print(f"95 % bootstrap interval over files: {found.low:+.4f} to {found.high:+.4f}")
    print(f"diffusion is better on {found.better} files")
    print(found.verdict("ImgX-DiffSeg", "U-Net"))


def table(method: str) -> Path:
    return CARDS / f"{NAMES[method]}.csv"


def main() -> None:
    match sys.argv[1:]:
        case ["bundle", method, run, out] if method in NAMES:
            bundle(method, Path(run), Path(out))
        case ["score", method, data] if method in NAMES:
            score(method, Path(data))
        case ["compare"]:
            compare()
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main()
