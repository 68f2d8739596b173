"""What a run's processes start with: device and precision, one voice, a method's settings, first weights."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import torch
from accelerate import Accelerator, PartialState
from accelerate.utils import broadcast_object_list
from pydantic import ValidationError
from torch import nn

from napari_diffseg.checkpoints.checkpoint import load_checkpoint
from napari_diffseg.errors import TrainingError
from napari_diffseg.inference.device import choose_precision
from napari_diffseg.methods.registry import method
from napari_diffseg.results.options import SamplingOptions
from napari_diffseg.training.config import RunConfig, TrainConfig, refusal
from napari_diffseg.training.control import Stopped
from napari_diffseg.training.ending import sentence_of
from napari_diffseg.training.state import Tensors

_MIXED = {"bf16": "bf16", "fp16": "fp16", "fp32": "no"}
_PATIENCE = timedelta(days=7)
"""The others wait while the first process prepares cases and validates, which may take hours."""

One = TypeVar("One")


def is_first(config: TrainConfig) -> bool:
    """Whether this is the process that speaks and writes; waits until all of them are there."""
    return bool(PartialState(cpu=config.device == "cpu", timeout=_PATIENCE).is_main_process)


def accelerator_of(config: TrainConfig) -> Accelerator:
    """Device, precision and the other processes, as `accelerate launch` or a plain start set them.

    Raises:
        TrainingError: fp16 was asked for on a CPU, or the batch cannot be shared by the processes.
    """
    state = PartialState(cpu=config.device == "cpu")
    if config.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it cuBLAS refuses
    precision = config.precision
    if precision == "auto":
        precision = "bf16" if choose_precision(SamplingOptions(), state.device) == torch.bfloat16 else "fp32"
    if precision == "fp16" and state.device.type == "cpu":
        raise TrainingError("A CPU cannot train in fp16. Set train.precision to bf16, fp32 or auto.")
    if config.batch % state.num_processes:
        raise TrainingError(
            f"A batch of {config.batch} cannot be shared by {state.num_processes} processes. Set train.batch "
            "to a multiple of their number."
        )
    return Accelerator(cpu=config.device == "cpu", mixed_precision=_MIXED[precision])


def by_the_first(accelerator: Accelerator, work: Callable[[], One]) -> One:
    """What the first process's work gives, or how it fails, in all of them: none waits for a dead one."""
    if accelerator.num_processes == 1:
        return work()
    outcome: list[Any] = [None, None]
    error: Exception | None = None
    if accelerator.is_main_process:
        try:
            outcome[0] = work()
        except Exception as caught:
            error = caught
            outcome[1] = caught if isinstance(caught, Stopped) else TrainingError(sentence_of(caught))
    given, failed = broadcast_object_list(outcome)
    if failed is not None:
        raise error or failed
    return given


def settings_of(config: RunConfig) -> Any:
    """The method's config of a run.

    Raises:
        TrainingError: the method does not take it.
        CheckpointError: there is no such method.
    """
    entry = method(config.method)
    try:
        return entry.load().Config.model_validate(config.config)
    except ValidationError as error:
        raise TrainingError(
            f"{entry.title} cannot use the settings: {refusal(error, inside='config.')}"
        ) from error


def in_full(config: RunConfig) -> RunConfig:
    """The run with every setting of its method, also where its file leaves one to the default.

    Raises:
        TrainingError, CheckpointError: as `settings_of`.
    """
    return config.model_copy(update={"config": settings_of(config).model_dump(mode="json")})


def weights_to_start_from(path: Path, network: nn.Module) -> Tensors:
    """The weights of a checkpoint for this network.

    Raises:
        CheckpointError: the file is no checkpoint.
        TrainingError: it is of another network.
    """
    weights = {name: tensor.float() for name, tensor in load_checkpoint(path).weights.items()}
    shapes = {name: tensor.shape for name, tensor in network.state_dict().items()}
    if shapes != {name: tensor.shape for name, tensor in weights.items()}:
        raise TrainingError(
            f"{path.name} is of another network than this run's. Take the same method, preset, channels and "
            "classes, or leave train.start_from out."
        )
    return weights
