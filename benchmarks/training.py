"""Steps a second of the training backend against a plain torch loop of the same network and loss.

python benchmarks/training.py [--device cuda] [--only imgx-unet]

Ours is what a run does: items prepared on disk, cropped, changed and put into batches by threads, the
method's objective, gradient clipping and AdamW through Accelerate. The plain loop has one batch in memory and
the network of benchmarks/plain.py, with the loss and AdamW written with nothing but torch; its precision is
the same. Both take as many steps in turn, several times over. A row is the median of steps a second, ours
over plain (1 is as fast, more is faster), and the share of our time that was spent waiting for data.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import plain
import torch
from accelerate import Accelerator
from torch import Tensor

from napari_diffseg.datasets.opening import open_dataset
from napari_diffseg.methods.method import Batch
from napari_diffseg.methods.registry import method
from napari_diffseg.training.cache import cached
from napari_diffseg.training.config import RunConfig, TrainConfig
from napari_diffseg.training.items import Items
from napari_diffseg.training.loader import Loader, Share
from napari_diffseg.training.presets import new_run
from napari_diffseg.training.trainer import Trainer

DATA = Path(__file__).parents[1] / "tests" / "data"
ROUNDS, STEPS = 5, 8


@dataclass(frozen=True)
class Case:
    """A method on real data.

    Args:
        method: in the registry.
        data: under tests/data.
        loss: plain, of (weights, config, batch).
        batch: items a step.
    """

    method: str
    data: str
    loss: Callable[..., Tensor]
    batch: int


def unet_loss(weights: dict[str, Tensor], config: object, batch: Batch) -> Tensor:
    """ImgX-DiffSeg's network without diffusion: cross-entropy and Dice of the classes shown."""
    return segmentation(plain.imgx_unet(weights, config.unet, batch.image).float(), batch.mask)


def ambiguous_loss(weights: dict[str, Tensor], config: object, batch: Batch) -> Tensor:
    """Christensen's: the error of x0 under truncated SNR at times spread over the batch."""
    x0 = 2 * batch.mask[:, 1:] - 1
    t = (torch.randperm(len(x0), device=x0.device) + torch.rand(len(x0), device=x0.device)) / len(x0)
    alpha_bar = config.schedule.alpha_bars(t.double().cpu()).to(x0)
    alpha_bar = alpha_bar.reshape(-1, *(1,) * (x0.ndim - 1))
    x_t = alpha_bar.sqrt() * x0 + (1 - alpha_bar).sqrt() * torch.randn_like(x0)
    found = plain.guided_unet(weights, config.unet, torch.cat([x_t, batch.image], 1), t).float().tanh()
    weight = (alpha_bar / (1 - alpha_bar)).clamp(min=1)
    return (weight * (found - x0) ** 2).mean()


def segmentation(logits: Tensor, mask: Tensor) -> Tensor:
    axes = tuple(range(2, logits.ndim))
    share = logits.softmax(1)
    dice = 1 - 2 * (share * mask).sum(axes) / (share + mask).sum(axes)
    shown = mask.sum(axes) > 0
    shown[:, 0] = False
    cross_entropy = -(mask * logits.log_softmax(1)).sum(1).mean()
    return cross_entropy + dice[shown].mean()


CASES = (
    Case("imgx-unet", "hippocampus", unet_loss, 2),
    Case("ambiguous", "lidc/png", ambiguous_loss, 4),
)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--only")
    options = parser.parse_args()
    device = torch.device(options.device)
    print(f"steps a second on {device}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    print(f"{'method':12} {'M weights':>9} {'ours':>7} {'plain':>7} {'ours/plain':>10} {'waiting':>8}")
    for case in CASES:
        if options.only in (None, case.method):
            with tempfile.TemporaryDirectory() as folder:
                print(row(case, device, Path(folder)), flush=True)


def row(case: Case, device: torch.device, folder: Path) -> str:
    """Ours and plain in turn."""
    dataset = open_dataset(DATA / case.data)
    run = new_run("bench", method_name=case.method, preset="small", dataset=dataset)
    run = run.model_copy(update={"train": run.train.model_copy(update={"batch": case.batch, "steps": 10**6})})
    classes = len(dataset.classes) + 1
    accelerator = Accelerator(cpu=device.type == "cpu")
    cases = [
        cached(one, run.preparation, classes, folder / str(number))
        for number, one in enumerate(dataset.cases)
    ]
    module = method(case.method).load()
    config = module.Config.model_validate(run.config)
    network = module.build(config, channels=len(dataset.channels), classes=classes)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    weights = {k: v.detach().clone().to(device).requires_grad_() for k, v in network.state_dict().items()}
    items, share = Items(run, config, cases, classes), Share(case.batch)
    loader = Loader(items, share, run.train.workers, device)
    ours = our_steps(run.train, Trainer(run.train, module, config, network, accelerator), loader, share)
    fixed = items.batch(range(case.batch), range(case.batch))
    fixed = Batch(fixed.image.to(device), fixed.mask.to(device))
    theirs = plain_steps(run, weights, lambda: case.loss(weights, config, fixed))
    for _ in range(3):
        next(ours), next(theirs)
    found = []
    loader.waited, waited_of = 0.0, 0.0
    for _ in range(ROUNDS):
        seconds = timed(ours, device)
        waited_of += seconds
        found.append((seconds, timed(theirs, device)))
    loader.close()
    mine, other = (statistics.median(times) for times in zip(*found, strict=True))
    ratio = statistics.median(b / a for a, b in found)
    return (
        f"{case.method:12} {parameters / 1e6:9.1f} {STEPS / mine:7.2f} {STEPS / other:7.2f} {ratio:10.3f} "
        f"{loader.waited / waited_of:8.1%}"
    )


def our_steps(config: TrainConfig, trainer: Trainer, loader: Loader, share: Share) -> Iterator[None]:
    for step, batches in enumerate(loader.steps(1, config.steps), start=1):
        trainer.step(step, batches, share)
        yield


def plain_steps(run: RunConfig, weights: dict[str, Tensor], loss: Callable[[], Tensor]) -> Iterator[None]:
    optimiser = torch.optim.AdamW(weights.values(), lr=run.train.learning_rate)
    while True:
        value = loss()
        optimiser.zero_grad(set_to_none=True)
        value.backward()
        torch.nn.utils.clip_grad_norm_(weights.values(), 1.0)
        optimiser.step()
        float(value.detach())
        yield


def timed(steps: Iterator[None], device: torch.device) -> float:
    began = time.perf_counter()
    for _ in range(STEPS):
        next(steps)
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
