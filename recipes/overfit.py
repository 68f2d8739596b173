"""Can each method learn two real cases by heart, from its own objective, and sample them back?

python recipes/overfit.py [NAME ...] [--out overfit] [--minutes 20]

A sanity check of objective, network and sampler together, not a measure of quality: the masks it is
scored on are those it was trained on. Each job trains a small network (at most a million parameters) in bf16
on two cases (hippocampus: two crops, two classes; MS lesions: two crops, four sequences), then draws three
members of each in the stated steps and scores each member with Dice, a mean over classes, cases and members.
A run that was stopped goes on where it was; a finished one is not repeated. Prints the table that
docs/fidelity.md shows.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from napari_diffseg.diffusion.draws import Draws
from napari_diffseg.diffusion.noise import NoiseSource
from napari_diffseg.inference.accumulator import hard
from napari_diffseg.io.nifti import read_channels, read_labels, read_volume
from napari_diffseg.methods.method import Batch
from napari_diffseg.methods.registry import method
from napari_diffseg.metrics import dice
from napari_diffseg.preparation.preparation import Preparation
from napari_diffseg.preparation.prepared import prepare
from napari_diffseg.results.options import SamplingOptions
from napari_diffseg.training.state import State, load_state, moments, put_moments, save_state
from napari_diffseg.volume.grid import Box
from napari_diffseg.volume.scan import Scan

DATA = Path(__file__).parents[1] / "tests" / "data"
MEMBERS = 3
SAVE_EVERY = 250
MOST_PARAMETERS = 1_000_000

GUIDED_2D = {
    "dimensions": 2, "width": 24, "multipliers": (1, 1, 2, 2), "blocks": 1, "attention_at": (8,), "groups": 8,
}  # fmt: skip
GUIDED_3D = {
    "dimensions": 3, "width": 16, "multipliers": (1, 2, 2), "blocks": 1, "attention_at": (), "groups": 8,
}  # fmt: skip
AVERAGED = {"middle_attention": False, "skips": "averaged"}
TWO_ENCODERS_2D = {
    "dimensions": 2, "width": 24, "multipliers": (1, 1, 2, 2), "blocks": (1,), "attention_at": (8,),
    "groups": 8, "training_size": 64,
}  # fmt: skip
TWO_ENCODERS_3D = TWO_ENCODERS_2D | {
    "dimensions": 3, "width": 16, "multipliers": (1, 1, 2), "attention_at": (), "training_size": 32,
}  # fmt: skip


@dataclass(frozen=True)
class Job:
    """One row of the table.

    Args:
        method: in the registry.
        config: what differs from its defaults.
        data: "hippocampus" or "ms".
        steps: network calls a member when sampling; None is the paper's.
        own: whether these are the paper's own dimensions.
        copies: how often each case stands in a batch, each time at another noise level.
        training_steps: at most.
        rate: highest learning rate.
        beta2: of AdamW's second moments.
        small_first: an edge of cubes, copies and steps to begin with.
    """

    method: str
    config: dict[str, Any]
    data: str = "hippocampus"
    steps: int | None = None
    own: bool = True
    copies: int = 4
    training_steps: int = 1500
    rate: float = 1e-3
    beta2: float = 0.999
    small_first: tuple[int, int, int] | None = None


# The network must first learn to hand noise through unchanged, to a hundredth, before the mask's trace in it
# is worth learning; a short memory of the second moments helps with that. It learns the mean of a patch's
# noise last, as group norms take it away and it weighs as little in the error as one voxel of the patch;
# where it is wrong, a class fills the volume or vanishes from it. In small patches it weighs more, so these
# come first; then patches near the volume's size, so that the norms measure what they will when sampling.
PATCHES = Job(
    "patchddm",
    {"unet": GUIDED_3D | AVERAGED | {"multipliers": (1, 2)}, "patch": 28},
    copies=1,
    training_steps=30_000,
    rate=3e-3,
    beta2=0.95,
    small_first=(8, 8, 20_000),
)

JOBS = {
    "ensemdiff-2d": Job("ensemdiff", {"unet": GUIDED_2D}),
    "ensemdiff-2d-ms": Job("ensemdiff", {"unet": GUIDED_2D}, data="ms"),
    "ensemdiff-3d": Job(
        "ensemdiff",
        {"unet": GUIDED_3D},
        steps=100,
        own=False,
        copies=1,
        training_steps=5500,
        rate=2e-3,
        beta2=0.95,
        small_first=(16, 4, 3500),
    ),
    "patchddm-3d": PATCHES,
    "patchddm-3d-ms": replace(
        PATCHES,
        data="ms",
        training_steps=25_000,
        small_first=(8, 8, 16_000),
    ),
    "patchddm-2d": Job(
        "patchddm",
        {"unet": GUIDED_2D | AVERAGED | {"attention_at": ()}, "patch": 48},
        own=False,
        training_steps=6000,
    ),
    "imgx-2d": Job("imgx", {"unet": {"dimensions": 2, "widths": (16, 32, 64, 64)}}),
    "imgx-3d": Job("imgx", {"unet": {"dimensions": 3, "widths": (16, 32, 64)}}, copies=1),
    "imgx-unet-2d": Job("imgx-unet", {"unet": {"dimensions": 2, "widths": (16, 32, 64, 64), "time": "none"}}),
    "imgx-unet-3d": Job(
        "imgx-unet", {"unet": {"dimensions": 3, "widths": (16, 32, 64), "time": "none"}}, copies=1
    ),
    "medsegdiff-2d": Job("medsegdiff", {"unet": TWO_ENCODERS_2D}),
    "medsegdiff-3d": Job(
        "medsegdiff",
        {"unet": TWO_ENCODERS_3D},
        own=False,
        copies=1,
        training_steps=5500,
        rate=2e-3,
        beta2=0.95,
        small_first=(16, 4, 3500),
    ),
    "ambiguous-2d": Job("ambiguous", {"unet": GUIDED_2D | {"longest_period": 10.0}}),
    "ambiguous-3d": Job(
        "ambiguous",
        {"unet": GUIDED_3D | {"longest_period": 10.0}},
        own=False,
        copies=1,
        training_steps=1000,
        rate=2e-3,
        beta2=0.95,
    ),
}


def cases(job: Job, config: Any) -> Batch:
    """Two crops of 32³ or, as slices, of 64²; small ones are padded with their lowest value."""
    read = {"hippocampus": _hippocampus, "ms": _ms_lesions}[job.data]
    pairs = [_cropped(image, labels, config.unet.dimensions) for image, labels in read(config)]
    images, masks = (torch.stack(part) for part in zip(*pairs, strict=True))
    classes = int(masks.max()) + 1
    return Batch(images, F.one_hot(masks, classes).movedim(-1, 1).float())


def _hippocampus(config: Any) -> list[tuple[Tensor, Tensor]]:
    folder = DATA / "hippocampus"
    found = []
    for name in ("hippocampus_017", "hippocampus_148"):
        scan = read_volume(folder / "images" / f"{name}.nii.gz")
        labels = read_labels(folder / "labels" / f"{name}.nii.gz")
        image = _prepared(config, Preparation(domain="scan"), scan)
        found.append((image, torch.from_numpy(labels.data.astype(np.int64))))
    return found


def _ms_lesions(config: Any) -> list[tuple[Tensor, Tensor]]:
    """Two halves of one scan: front and back or, for slices, low and high."""
    folder = DATA / "ms_lesions"
    names = ("t1", "t1_contrast", "t2", "flair")
    scan = read_channels({name: folder / f"{name}.nii.gz" for name in names})
    labels = torch.from_numpy(read_labels(folder / "lesions.nii.gz").data.astype(np.int64))
    image = _prepared(config, Preparation(), scan)
    axis = config.unet.dimensions - 2
    return list(zip(image.chunk(2, dim=axis + 1), labels.chunk(2, dim=axis), strict=True))


def _prepared(config: Any, preparation: Preparation, scan: Scan) -> Tensor:
    return prepare(preparation, scan, Box.whole(scan.grid.shape), coordinates=config.coordinates).image


def _cropped(image: Tensor, labels: Tensor, dimensions: int) -> tuple[Tensor, Tensor]:
    """Around the middle of the mask; for networks of slices the slice with most of it."""
    if dimensions == 2:
        fullest = int((labels > 0).flatten(1).sum(1).argmax())
        image, labels = image[:, fullest], labels[fullest]
    edge = 64 if dimensions == 2 else 32
    middle = (labels > 0).nonzero().float().mean(0)
    for axis, at in enumerate(middle.tolist()):
        size = labels.shape[axis]
        start = min(max(0, round(at - edge / 2)), max(0, size - edge))
        length = min(edge, size)
        image, labels = image.narrow(axis + 1, start, length), labels.narrow(axis, start, length)
    missing = [n for size in reversed(labels.shape) for n in (0, edge - size)]
    return F.pad(image, missing, value=float(image.min())), F.pad(labels, missing)


def learning_rate(job: Job, step: int) -> float:
    """A short warm-up, then half a cosine to zero."""
    return job.rate * min(1.0, step / 100) * 0.5 * (1 + math.cos(math.pi * step / job.training_steps))


def at(job: Job, step: int, config: Any, batch: Batch) -> tuple[Any, Batch]:
    """The config and the batch of a step."""
    edge, copies = None, job.copies
    if job.small_first and step <= job.small_first[2]:
        edge, copies, _ = job.small_first
    repeated = Batch(*(part.repeat(copies, *(1,) * (part.ndim - 1)) for part in (batch.image, batch.mask)))
    if edge is None:
        return config, repeated
    if "patch" in type(config).model_fields:
        return config.model_copy(update={"patch": edge}), repeated
    return config, _small(repeated, edge, Draws(1, step, range(len(repeated.mask)), len(repeated.mask)))


def _small(batch: Batch, edge: int, draws: Draws) -> Batch:
    """A cube anywhere in each item, for methods that have no patches of their own."""
    cubes = []
    for image, mask, places in zip(batch.image, batch.mask, draws.uniform(batch.mask.ndim - 2), strict=True):
        starts = [int(u * (size - edge + 1)) for u, size in zip(places, mask.shape[1:], strict=True)]
        within = (slice(None), *(slice(start, start + edge) for start in starts))
        cubes.append((image[within], mask[within]))
    return Batch(*(torch.stack(part) for part in zip(*cubes, strict=True)))


def train(job: Job, run: Path, minutes: float) -> tuple[Any, Batch, torch.nn.Module, int, float]:
    """Train from the newest state until the job's steps are done or its minutes used up.

    Returns:
        The method's config, the cases, the network, the steps done and the seconds spent on them.
    """
    steps = job.training_steps
    module = method(job.method).load()
    config = module.Config.model_validate(job.config)
    batch = cases(job, config)
    torch.manual_seed(0)
    channels = batch.image.shape[1] - (3 if config.coordinates else 0)
    network = module.build(config, channels=channels, classes=batch.mask.shape[1])
    size = sum(parameter.numel() for parameter in network.parameters())
    if size > MOST_PARAMETERS:
        raise SystemExit(f"The network has {size} parameters; at most {MOST_PARAMETERS} are meant.")
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=job.rate, betas=(0.9, job.beta2), weight_decay=1e-4
    )
    state, _ = load_state(run)
    done, spent = 0, 0.0
    if state:
        network.load_state_dict(state.tensors["weights.safetensors"])
        put_moments(network, optimiser, state.tensors["optimiser.safetensors"])
        done, spent = state.step, state.facts["seconds"]
    started = time.monotonic() - spent
    network.train()
    for step in range(done + 1, steps + 1):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(job, step)
        seen, repeated = at(job, step, config, batch)
        items = len(repeated.mask)
        with torch.autocast("cpu", torch.bfloat16):
            loss = module.loss(seen, network, repeated, Draws(0, step, range(items), items))
        optimiser.zero_grad(set_to_none=True)
        loss.total.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        done = step
        spent = time.monotonic() - started
        over = spent > minutes * 60
        if step % SAVE_EVERY == 0 or step == steps or over:
            tensors = {
                "weights.safetensors": network.state_dict(),
                "optimiser.safetensors": moments(network, optimiser),
            }
            save_state(run, State(step, tensors, {"seconds": spent}))
            print(f"{run.name}: step {step}, loss {float(loss.total.detach()):.4f}", flush=True)
        if over:
            break
    return config, batch, network, done, spent


@torch.inference_mode()
def score(job: Job, config: Any, batch: Batch, network: torch.nn.Module) -> float:
    """Mean Dice of single members over classes, cases and members."""
    module, network = method(job.method).load(), network.eval()
    classes = batch.mask.shape[1]
    shape = (config.mask_channels(classes), *batch.mask.shape[2:])
    options = SamplingOptions(steps=job.steps)
    found = []
    for image, mask in zip(batch.image, batch.mask, strict=True):
        images = image.expand(MEMBERS, *image.shape)
        noise = NoiseSource(0, range(MEMBERS), shape)
        *_, last = module.sample(config, network, images, noise, options)
        truth = mask.argmax(0).numpy()
        for soft in module.probabilities(config, last.x0):
            labels = hard(soft if soft.ndim == 4 else soft[:, None]).numpy().reshape(truth.shape)
            found += [dice(labels == k, truth == k) for k in range(1, classes)]
    return float(np.mean(found))


def row(name: str, job: Job, run: Path, minutes: float) -> dict[str, Any]:
    """Train and score one job, or read what an earlier call found."""
    record = run / "row.json"
    if record.exists():
        return json.loads(record.read_text())
    config, batch, network, done, seconds = train(job, run, minutes)
    found = {
        "name": name,
        "own": job.own,
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "training_steps": done,
        "minutes": round(seconds / 60, 1),
        "sampling_steps": job.steps or getattr(config, "steps", 1),
        "dice": score(job, config, batch, network),
    }
    record.write_text(json.dumps(found))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", choices=[[], *JOBS], default=[], help="of rows; all when none")
    parser.add_argument("--out", type=Path, default=Path("overfit"))
    parser.add_argument("--minutes", type=float, default=20.0, help="of training, at most, a row")
    arguments = parser.parse_args()
    print("| run | paper's dimensions | parameters | training steps | minutes | sampling steps | Dice |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name in arguments.names or JOBS:
        run = arguments.out / name
        run.mkdir(parents=True, exist_ok=True)
        found = row(name, JOBS[name], run, arguments.minutes)
        cells = (
            name,
            "yes" if found["own"] else "no",
            f"{found['parameters']:,}",
            found["training_steps"],
            f"{found['minutes']:.1f}",
            found["sampling_steps"],
            f"{found['dice']:.3f}",
        )
        print(f"| {' | '.join(map(str, cells))} |", flush=True)


if __name__ == "__main__":
    main()
