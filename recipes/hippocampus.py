"""Train, bundle and score the two hippocampus models: ImgX-DiffSeg and its network without diffusion.

    python recipes/hippocampus.py train imgx DATA RUN       # resumable; DATA holds images/ and labels/
    python recipes/hippocampus.py train imgx-unet DATA RUN
    python recipes/hippocampus.py bundle imgx RUN OUT       # the last state as a checkpoint
    python recipes/hippocampus.py score imgx DATA           # the bundled checkpoint on the validation files
    python recipes/hippocampus.py compare                   # the two, case by case, from what score wrote

Stop rule, fixed beforehand: the last step's weights are the model. The validation files of
hippocampus-split.json choose nothing.

Both have the same network, cases and optimiser. A step of ImgX-DiffSeg costs four passes of the
network (one for recycling, one forward, two for the gradient), a step without diffusion three, so the
latter has 4/3 of the steps: the same compute.
"""

from __future__ import annotations

import csv
import json
import sys
import time
from importlib.metadata import version
from pathlib import Path

from safetensors.torch import load_file

from napari_diffseg.checkpoints.catalogue import BUNDLED
from napari_diffseg.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from napari_diffseg.checkpoints.document import Channel, Document, Metric, Range, TrainingFacts
from napari_diffseg.datasets import pairs
from napari_diffseg.evaluation.paired import paired_difference
from napari_diffseg.evaluation.scores import evaluate
from napari_diffseg.evaluation.summary import by_case, summarise
from napari_diffseg.methods.registry import method as find_method
from napari_diffseg.preparation.preparation import Preparation
from napari_diffseg.results.result import ClassInfo
from napari_diffseg.training.config import TrainingConfig
from napari_diffseg.training.state import newest_state
from napari_diffseg.training.trainer import train

STEPS = {"imgx": 3000, "imgx-unet": 4000}
MEMBERS = {"imgx": 5, "imgx-unet": 1}
TITLES = {"imgx": "Hippocampus, ImgX-DiffSeg", "imgx-unet": "Hippocampus, U-Net without diffusion"}
NAMES = {"imgx": "hippocampus-imgx", "imgx-unet": "hippocampus-unet"}
WIDTHS = (24, 48, 96, 128)
SPLIT = json.loads(Path(__file__).with_name("hippocampus-split.json").read_text())


def config(method: str) -> TrainingConfig:
    time_injection = "scale-shift" if method == "imgx" else "none"
    return TrainingConfig(
        method=method,
        method_config={"unet": {"widths": WIDTHS, "time": time_injection}},
        preparation=Preparation(spacing_mm=(1.0, 1.0, 1.0), multiple=2 ** (len(WIDTHS) - 1)),
        classes=3,
        steps=STEPS[method],
    )


def train_model(method: str, data: Path, run: Path) -> None:
    run.mkdir(parents=True, exist_ok=True)
    dataset = pairs.read(data)
    began = time.monotonic()
    for done in train(config(method), dataset.chosen(SPLIT["training"]), run):
        if done.step % 50 == 0:
            print(
                f"{done.step} loss {done.loss:.4f} {done.parts} {time.monotonic() - began:.0f} s", flush=True
            )


def bundle(method: str, run: Path, out: Path, metrics: tuple[Metric, ...] = ()) -> None:
    state = newest_state(run)
    if state is None:
        raise SystemExit(f"{run} holds no saved state; train first")
    settings = config(method)
    method_config = find_method(method).load().Config(**settings.method_config)
    document = Document(
        name=NAMES[method],
        title=TITLES[method],
        method=method,
        config=method_config.model_dump(mode="json"),
        classes=(
            ClassInfo("anterior", "#ff9f1c", "head of the hippocampus"),
            ClassInfo("posterior", "#2ec4b6", "body and tail of the hippocampus"),
        ),
        channels=(Channel(name="t1", modality="MR"),),
        preparation=settings.preparation,
        training=TrainingFacts(
            data="Medical Segmentation Decathlon, Task04 Hippocampus (head MR crops around one hippocampus)",
            licence="CC-BY-SA 4.0",
            cases=len(SPLIT["training"]),
            split="20 % of the files held back by recipes/hippocampus-split.json, drawn by file: subjects "
            "are not known, so the validation figures are a little optimistic",
            steps=settings.steps,
            seed=settings.seed,
            versions={name: version(name) for name in ("napari-diffseg", "torch", "monai", "numpy")},
            spacing_mm=Range(low=(1.0, 1.0, 1.0), high=(1.0, 1.0, 1.0)),
            extent_mm=Range(low=(24.0, 40.0, 31.0), high=(47.0, 59.0, 43.0)),
        ),
        metrics=metrics,
        licence="CC-BY-SA 4.0",
        citation="Simpson et al., A large annotated medical image dataset for the development and "
        "evaluation of segmentation algorithms, 2019, arXiv:1902.09063",
        intended_use="Research on the anterior and posterior hippocampus in T1-weighted head MR of about "
        "1 mm, in a box around one hippocampus. Not for diagnosis.",
    )
    weights = {name: tensor.half() for name, tensor in load_file(state / "weights.safetensors").items()}
    save_checkpoint(out, document, weights)


def score(method: str, data: Path) -> None:
    """Print the validation scores and write them into the bundled checkpoint."""
    path = BUNDLED / f"{NAMES[method]}.safetensors"
    checkpoint, dataset, members = load_checkpoint(path), pairs.read(data), MEMBERS[method]
    scores = []
    for case in evaluate(checkpoint, dataset.chosen(SPLIT["validation"]), members=members, steps=5, seed=0):
        scores.append(case)
        print(case.case, [round(value, 4) for value in case.dice], flush=True)
    with _table(method).open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["case", "dice_anterior", "dice_posterior", "hd95_mm_anterior", "hd95_mm_posterior"])
        rows.writerows(
            [case.case, *(f"{value:.4f}" for value in (*case.dice, *case.hd95_mm))] for case in scores
        )
    means = summarise(scores, [info.name for info in checkpoint.document.classes]).means
    values = {
        "mean foreground Dice": means["dice"].value,
        "Dice, anterior": means["dice, anterior"].value,
        "Dice, posterior": means["dice, posterior"].value,
        "standard deviation over cases of the mean foreground Dice": means["dice"].sd,
        "smallest mean foreground Dice of a case": min(by_case(scores, "dice").values()),
        "mean foreground Dice of one member": means["first_member_dice"].value,
        "mean HD95, mm": means["hd95_mm"].value,
        "undefined HD95": means["hd95_mm"].undefined,
        "1 - mean Dice between members": means["member_disagreement"].value,
    }
    steps = 5 if method == "imgx" else 1
    metrics = tuple(
        Metric(
            name=name,
            value=round(float(value), 4),
            cases=f"{len(scores)} validation files",
            members=1 if name.endswith("of one member") else members,
            steps=steps,
            seed=0,
            command=f"python recipes/hippocampus.py score {method} DATA",
        )
        for name, value in values.items()
    )
    for metric in metrics:
        print(f"{metric.name}: {metric.value}")
    save_checkpoint(path, checkpoint.document.model_copy(update={"metrics": metrics}), checkpoint.weights)


def compare() -> None:
    """Print the paired difference of the mean foreground Dice, with a bootstrap interval over cases."""
    dice = {}
    for method in NAMES:
        with _table(method).open() as file:
            dice[method] = {
                row["case"]: (float(row["dice_anterior"]) + float(row["dice_posterior"])) / 2
                for row in csv.DictReader(file)
            }
    found = paired_difference(dice["imgx"], dice["imgx-unet"], higher_is_better=True)
    print(f"ImgX-DiffSeg minus U-Net, {found.cases} files: {found.mean:+.4f} Dice")
    print(f"95 % bootstrap interval over files: {found.low:+.4f} to {found.high:+.4f}")
    print(f"diffusion is better on {found.better} files")
    print(found.verdict("ImgX-DiffSeg", "U-Net"))


def _table(method: str) -> Path:
    return Path(__file__).parents[1] / "docs" / "models" / f"{NAMES[method]}.csv"


if __name__ == "__main__":
    task, *rest = sys.argv[1:]
    if task == "compare":
        compare()
    else:
        {"train": train_model, "bundle": bundle, "score": score}[task](rest[0], *map(Path, rest[1:]))
