"""Steps a second of the training backend against a plain torch loop of the same network and loss.

python benchmarks/training.py [--only imgx] [--pairs 8] [--device cpu] [--precision fp32]

Ours is a run's own loop: items prepared on disk, cropped, changed and put into batches by threads, the
method's objective, clipping and AdamW through Accelerate, the events and the requests between steps. The
plain loop has one batch in memory, the network of benchmarks/plain.py, and a loss, clipping and AdamW written
with nothing but torch, in the same precision. The two take turns; before that they must give the same loss
for the same weights and noise. A row is the median of steps a second, the median and the quartiles over pairs
of turns of ours over plain (1 is as fast, more is faster), and the share of our time spent waiting for data.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import plain
import torch
from torch import Tensor

from napari_diffseg.datasets.opening import open_dataset
from napari_diffseg.diffusion.draws import Draws
from napari_diffseg.methods.method import Batch
from napari_diffseg.methods.registry import method
from napari_diffseg.training.cache import cached
from napari_diffseg.training.config import RunConfig
from napari_diffseg.training.events import Ended, Stepped
from napari_diffseg.training.items import Items
from napari_diffseg.training.journal import Journal
from napari_diffseg.training.presets import new_run
from napari_diffseg.training.start import accelerator_of, in_full, settings_of
from napari_diffseg.training.steps import steps_from
from napari_diffseg.training.trainer import Trainer
from napari_diffseg.training.wishes import Wishes

DATA = Path(__file__).parents[1] / "tests" / "data"
TURN_S = 2.0
WARM_STEPS = 2
CLOSE = {torch.float32: 1e-4, torch.bfloat16: 0.02}

Network = Callable[..., Tensor]


@dataclass(frozen=True)
class Case:
    """A method on real data.

    Args:
        method: in the registry.
        data: under tests/data.
        network: plain, of (weights, its config, x, t).
        loss: plain, of (network, config, batch, draws).
        batch: items a step.
    """

    method: str
    data: str
    network: Network
    loss: Callable[[Network, Any, Batch, Any], Tensor]
    batch: int


def imgx_loss(network: Network, config: Any, batch: Batch, draws: Any) -> Tensor:
    """ImgX-DiffSeg's: the mask from the network's own prediction, one kept time noisier, noised again."""
    index = draws.integers(config.steps)
    recycled, main = (draws.normal(batch.mask.shape[1:]).to(batch.mask) for _ in range(2))
    times = torch.tensor(config.schedule.times(config.steps)[-2::-1], dtype=torch.float64)

    def logits(x0: Tensor, index: Tensor, noise: Tensor) -> Tensor:
        t = times[index]
        alpha_bar = column(config.schedule.alpha_bars(t), x0)
        x_t = alpha_bar.sqrt() * x0 + (1 - alpha_bar).sqrt() * noise
        return network(torch.cat([batch.image, x_t], 1), t.to(x0))

    with torch.no_grad():
        noisier = (index + 1).clamp(max=config.steps - 1)
        x0 = 2 * logits(2 * batch.mask - 1, noisier, recycled).softmax(1) - 1
    return segmentation(logits(x0, index, main), batch.mask)


def ambiguous_loss(network: Network, config: Any, batch: Batch, draws: Any) -> Tensor:
    """Christensen's: the error of x0 under truncated SNR at times spread over the batch."""
    x0, t = 2 * batch.mask[:, 1:] - 1, draws.stratified()
    noise = draws.normal(x0.shape[1:]).to(x0)
    alpha_bar = column(config.schedule.alpha_bars(t), x0)
    x_t = alpha_bar.sqrt() * x0 + (1 - alpha_bar).sqrt() * noise
    found = network(torch.cat([x_t, batch.image], 1), t.to(x0)).tanh()
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


def drawn(items: int) -> SimpleNamespace:
    """What a loss draws, as one would write it; under the names that `Draws` has."""
    return SimpleNamespace(
        normal=lambda shape: torch.randn(items, *shape),
        integers=lambda high: torch.randint(high, (items,)),
        stratified=lambda: (torch.randperm(items) + torch.rand(items, dtype=torch.float64)) / items,
    )


def column(values: Tensor, like: Tensor) -> Tensor:
    return values.to(like).reshape(-1, *(1,) * (like.ndim - 1))


CASES = (
    Case("imgx", "hippocampus", plain.imgx_unet, imgx_loss, 2),
    Case("ambiguous", "lidc/png", plain.guided_unet, ambiguous_loss, 4),
)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", choices=[case.method for case in CASES])
    parser.add_argument("--pairs", type=int, default=8)
    parser.add_argument("--device", choices=["auto", "cpu"], default="auto")
    parser.add_argument("--precision", choices=["auto", "bf16", "fp32"], default="auto")
    options = parser.parse_args()
    changes = {"device": options.device, "precision": options.precision, "steps": 10**6}
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}")
    print(f"{'':35}steps a second")
    print("method     M weights  device  type   ours   plain  ours/plain (quartiles)  waiting for data")
    for case in CASES:
        if options.only in (None, case.method):
            with tempfile.TemporaryDirectory() as folder:
                print(row(case, changes, options.pairs, Path(folder)), flush=True)


def row(case: Case, changes: dict[str, Any], pairs: int, folder: Path) -> str:
    """Ours and plain in turn."""
    dataset = open_dataset(DATA / case.data)
    run = in_full(new_run("bench", method_name=case.method, preset="small", dataset=dataset))
    run = run.model_copy(update={"train": run.train.model_copy(update={**changes, "batch": case.batch})})
    classes, module, config = len(dataset.classes) + 1, method(case.method).load(), settings_of(run)
    accelerator = accelerator_of(run.train)
    device = accelerator.device
    dtype = torch.bfloat16 if accelerator.mixed_precision == "bf16" else torch.float32
    prepared = [
        cached(one, run.preparation, classes, folder / str(number))
        for number, one in enumerate(dataset.cases)
    ]
    items = Items(run, config, prepared, classes)
    torch.manual_seed(0)
    network = module.build(config, channels=len(dataset.channels), classes=classes)
    for parameter in network.parameters():  # what starts at zero would hide a difference
        parameter.data.add_(0.02 * torch.randn_like(parameter))
    weights = {name: value.detach().to(device, copy=True) for name, value in network.state_dict().items()}
    trained = [weights[name].requires_grad_() for name, _ in network.named_parameters()]

    def plainly(*inputs: Tensor) -> Tensor:
        with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
            return case.network(weights, config.unet, *inputs).float()

    trainer = Trainer(run.train, module, config, network, accelerator)
    made = items.batch(range(case.batch), range(case.batch))
    batch = Batch(made.image.to(device), made.mask.to(device))
    draws = [Draws(0, 1, range(case.batch), case.batch) for _ in range(2)]
    with torch.no_grad():
        wanted = float(module.loss(config, network, batch, draws[0]).total)
        found = float(case.loss(plainly, config, batch, draws[1]))
    if abs(found - wanted) > CLOSE[dtype] * abs(wanted):
        raise SystemExit(f"{case.method}: the plain loss is {found}, ours {wanted}")
    theirs = plain_steps(run, trained, lambda: case.loss(plainly, config, batch, drawn(case.batch)))
    with closing(our_steps(folder, run, trainer, items)) as ours:
        turns = taken(ours, theirs, pairs)
    million = sum(parameter.numel() for parameter in trained) / 1e6
    return f"{case.method:9}  {million:9.1f}  {device.type:6}  {str(dtype).removeprefix('torch.'):8} {turns}"


def our_steps(folder: Path, run: RunConfig, trainer: Trainer, items: Items) -> Generator[Stepped]:
    """As a run's course takes them."""
    journal = Journal(folder, run.train.steps, silent=False)
    wishes = Wishes(journal, Event())
    steps = steps_from(1, run.train, trainer, items, warn=journal.say)
    try:
        for stepped in steps:
            journal.say(stepped)
            wishes.at_step(epoch_ends=False)
            yield stepped
    finally:
        journal.end(Ended(state="stopped", step=journal.step))


def plain_steps(run: RunConfig, weights: list[Tensor], loss: Callable[[], Tensor]) -> Iterator[None]:
    optimiser = torch.optim.AdamW(weights, lr=run.train.learning_rate, weight_decay=run.train.weight_decay)
    while True:
        value = loss()
        optimiser.zero_grad(set_to_none=True)
        value.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        float(value.detach())
        yield


def taken(ours: Iterator[Stepped], theirs: Iterator[None], pairs: int) -> str:
    """Turns of both, alternately first; what is made ahead for ours is made while ours computes."""
    for _ in range(WARM_STEPS):
        next(ours), next(theirs)
    began = time.perf_counter()
    next(theirs)
    steps = min(100, max(1, round(TURN_S / (time.perf_counter() - began))))
    found: list[tuple[float, float]] = []
    waited = 0.0
    for pair in range(pairs):
        seconds = {}
        for mine in (True, False) if pair % 2 else (False, True):
            began = time.perf_counter()
            for _ in range(steps):
                if mine:
                    waited += next(ours).waited
                else:
                    next(theirs)
            seconds[mine] = time.perf_counter() - began
        found.append((seconds[True], seconds[False]))
    mine_s, plain_s = (statistics.median(turns) / steps for turns in zip(*found, strict=True))
    low, ratio, high = statistics.quantiles([b / a for a, b in found], method="inclusive")
    share = waited / sum(a for a, _ in found)
    return f"{1 / mine_s:5.2f}  {1 / plain_s:6.2f}  {ratio:10.3f} ({low:.3f}-{high:.3f})  {share:13.1%}"


if __name__ == "__main__":
    main()
