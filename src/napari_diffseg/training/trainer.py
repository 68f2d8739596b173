"""From cases to weights, a step at a time.

Every random draw is addressed by (seed, step, item), never consumed from a running generator, so a run
that is resumed from a saved state goes on as if it had not stopped.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import Tensor, nn
from torch.nn import functional as F

from napari_diffseg.datasets.pairs import PairedCase
from napari_diffseg.errors import TrainingError
from napari_diffseg.methods.method import Batch
from napari_diffseg.methods.registry import method
from napari_diffseg.preparation.prepared import prepare
from napari_diffseg.training.augmentation import Augmenter, generator_of, seed_of
from napari_diffseg.training.config import TrainingConfig
from napari_diffseg.training.state import load_state, newest_state, save_state
from napari_diffseg.volume.grid import Box


@dataclass(frozen=True, slots=True, eq=False)
class TrainingCase:
    """A case as the network sees it, before random changes and padding."""

    image: Float32[Tensor, "channel D H W"]
    mask: Int64[Tensor, "one D H W"]


@dataclass(frozen=True, slots=True)
class Trained:
    """One finished step: the loss and its parts, and the learning rate used."""

    step: int
    loss: float
    parts: dict[str, float]
    learning_rate: float


def load_case(config: TrainingConfig, case: PairedCase) -> TrainingCase:
    """Read and prepare one case.

    Raises:
        TrainingError: the mask holds a class that the run does not have.
    """
    scan, label = case.read()
    highest = int(label.data.max())
    if highest >= config.classes:
        raise TrainingError(
            f"The label of case {case.name} holds the value {highest}, but the run has {config.classes} "
            "classes with background. Raise the number of classes or correct the label."
        )
    rule = config.preparation.model_copy(update={"multiple": 1})
    image = prepare(rule, scan, Box.whole(scan.grid.shape)).image
    if image.shape[1:] != label.data.shape:
        raise TrainingError(
            f"Case {case.name} has another spacing than the {rule.spacing_mm} mm of this run. "
            "Resample image and label to it first."
        )
    return TrainingCase(image, torch.from_numpy(label.data.astype(np.int64))[None])


def train(config: TrainingConfig, cases: Sequence[PairedCase], run: Path) -> Iterator[Trained]:
    """Train in `run`, from its newest state if there is one, and yield after every step.

    Raises:
        TrainingError: the loss is not a number; the last saved state stays.
    """
    entry = method(config.method)
    module = entry.load()
    torch.manual_seed(config.seed)
    settings = module.Config.model_validate(config.method_config)
    if settings.unet.dimensions != 3 or settings.coordinates:
        raise TrainingError(
            f"{entry.title} is configured for slices or coordinates, and this version trains networks for "
            "volumes without coordinates alone. Set unet.dimensions to 3, or choose another variant."
        )
    loaded = [load_case(config, case) for case in cases]
    network = module.build(settings, channels=loaded[0].image.shape[0], classes=config.classes)
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    done = 0
    if (state := newest_state(run)) is not None:
        done = load_state(state, network, optimiser)
    batches = _batches(config, loaded, settings.divisor, first=done)
    for step, batch in zip(range(done + 1, config.steps + 1), batches, strict=False):
        rate = learning_rate(config, step)
        for group in optimiser.param_groups:
            group["lr"] = rate
        rng = generator_of(config.seed, 2, step)
        with torch.autocast("cpu", torch.bfloat16, enabled=config.precision == "bf16"):
            loss = module.loss(settings, network, batch, rng)
        _update(network, optimiser, loss.total, config.gradient_norm, step)
        if step % config.checkpoint_every == 0 or step == config.steps:
            save_state(run, step, network, optimiser)
        yield Trained(step, float(loss.total.detach()), loss.parts, rate)


def learning_rate(config: TrainingConfig, step: int) -> float:
    """Linear warm-up to the highest rate, then half a cosine to zero at the last step."""
    if step <= config.warmup_steps:
        return config.learning_rate * step / config.warmup_steps
    done = (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps)
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * done))


def _update(
    network: nn.Module, optimiser: torch.optim.Optimizer, total: Tensor, norm: float, step: int
) -> None:
    if not torch.isfinite(total):
        raise TrainingError(
            f"The loss became {float(total.detach())} at step {step}. The last saved state is unharmed; "
            "resume from it with a lower learning rate."
        )
    optimiser.zero_grad(set_to_none=True)
    total.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), norm)
    optimiser.step()


def _batches(
    config: TrainingConfig, cases: Sequence[TrainingCase], divisor: int, *, first: int
) -> Iterator[Batch]:
    """Batches from the one after step `first`, made one ahead in a thread."""
    augment = Augmenter(config.augmentation)
    with ThreadPoolExecutor(1) as ahead:
        coming = ahead.submit(_batch, config, cases, divisor, augment, first + 1)
        for step in range(first + 1, config.steps + 1):
            batch = coming.result()
            coming = ahead.submit(_batch, config, cases, divisor, augment, step + 1)
            yield batch


def _batch(
    config: TrainingConfig, cases: Sequence[TrainingCase], divisor: int, augment: Augmenter, step: int
) -> Batch:
    """The batch of one step: cases in a new order every epoch, changed, padded to one size."""
    numbers = range((step - 1) * config.batch, step * config.batch)
    items = []
    for number in numbers:
        epoch, place = divmod(number, len(cases))
        order = np.random.default_rng(seed_of(config.seed, 0, epoch)).permutation(len(cases))
        case = cases[int(order[place])]
        items.append(augment((case.image, case.mask), seed_of(config.seed, 1, number)))
    largest = np.max([image.shape[1:] for image, _ in items], axis=0)
    size = [divisor * math.ceil(n / divisor) for n in largest.tolist()]
    images = torch.stack([_padded(image, size) for image, _ in items])
    masks = torch.stack([_padded(mask, size)[0] for _, mask in items])
    return Batch(images, F.one_hot(masks, config.classes).movedim(-1, 1).float())


def _padded(values: Tensor, size: Sequence[int]) -> Tensor:
    missing = [end - have for end, have in zip(reversed(size), reversed(values.shape[1:]), strict=True)]
    return F.pad(values, [amount for end in missing for amount in (0, end)])
