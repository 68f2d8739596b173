"""What a run's process starts with: device and precision, and perhaps another model's weights."""

from __future__ import annotations

from pathlib import Path

import torch
from accelerate import Accelerator, PartialState
from torch import nn

from napari_diffseg.checkpoints.checkpoint import load_checkpoint
from napari_diffseg.errors import TrainingError
from napari_diffseg.inference.device import choose_precision
from napari_diffseg.results.options import SamplingOptions
from napari_diffseg.training.config import TrainConfig
from napari_diffseg.training.state import Tensors

_MIXED = {"bf16": "bf16", "fp16": "fp16", "fp32": "no"}


def accelerator_of(config: TrainConfig) -> Accelerator:
    """Device, precision and the other processes, as `accelerate launch` or a plain start set them.

    Raises:
        TrainingError: fp16 was asked for on a CPU.
    """
    device: torch.device = PartialState(cpu=config.device == "cpu").device
    precision = config.precision
    if precision == "auto":
        precision = "bf16" if choose_precision(SamplingOptions(), device) == torch.bfloat16 else "fp32"
    if precision == "fp16" and device.type == "cpu":
        raise TrainingError("A CPU cannot train in fp16. Set train.precision to bf16, fp32 or auto.")
    return Accelerator(cpu=config.device == "cpu", mixed_precision=_MIXED[precision])


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
