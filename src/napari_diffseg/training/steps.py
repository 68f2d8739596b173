"""The steps of a run, one after the other, each with its batch from the loader."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import torch

from napari_diffseg.training.config import TrainConfig
from napari_diffseg.training.events import Stepped, Warned
from napari_diffseg.training.items import Items
from napari_diffseg.training.loader import Loader, Share
from napari_diffseg.training.trainer import Trainer, learning_rate


def steps_from(
    first: int, config: TrainConfig, trainer: Trainer, items: Items, *, warn: Callable[[Warned], None]
) -> Iterator[Stepped]:
    """Take every step from number `first` to the last.

    Where the memory is too small for the first one, it is tried in smaller parts; later that is an error.

    Args:
        first: number of the first step, from 1.
        config: of the run.
        trainer: as it stands before that step.
        items: of the run.
        warn: is told of smaller parts.

    Raises:
        TrainingError: a step went wrong.
        torch.OutOfMemoryError: the memory is too small for a single item, or no longer large enough.
    """
    accelerator, step = trainer.accelerator, first
    share = Share(config.batch, config.accumulate, accelerator.process_index, accelerator.num_processes)
    while step <= config.steps:
        loader = Loader(items, share, config.workers, accelerator.device)
        try:
            for batches in loader.steps(step, config.steps):
                began, waited = time.perf_counter(), loader.waited
                loss = trainer.step(step, batches, share)
                yield Stepped(
                    step=step,
                    loss=float(loss.total),
                    parts=loss.parts,
                    learning_rate=learning_rate(config, step),
                    seconds=time.perf_counter() - began,
                    waited=loader.waited - waited,
                )
                step += 1
        except torch.OutOfMemoryError:
            # of several processes another one may have got further
            if step > first or len(share.places[0]) == 1 or share.processes > 1:
                raise
        finally:
            loader.close()
        if step == first:  # not above, where the error still holds on to the memory
            share = _in_smaller_parts(share, warn)


def _in_smaller_parts(share: Share, warn: Callable[[Warned], None]) -> Share:
    torch.cuda.empty_cache()
    smaller = replace(share, parts=2 * share.parts)
    warn(
        Warned(
            sentence=f"The GPU's memory is too small for {len(share.places[0])} items at once. Each step now "
            f"adds up the gradients of {len(smaller.places)} parts; its batch of {share.batch} stays."
        )
    )
    return smaller
