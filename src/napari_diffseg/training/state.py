"""Saved states of a training run: weights and optimiser tensors by name, in safetensors."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from napari_diffseg.errors import TrainingError

_KEPT = 2


def save_state(run: Path, step: int, network: nn.Module, optimiser: torch.optim.Optimizer) -> None:
    """Write `state/step-NNNNNN` under a temporary name, put it in place, and keep the last two."""
    final = run / "state" / f"step-{step:06d}"
    partial = final.with_name(f".{final.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    save_file(
        {name: tensor.contiguous() for name, tensor in network.state_dict().items()},
        partial / "weights.safetensors",
    )
    moments = {
        f"{name}/{key}": value.contiguous()
        for name, parameter in network.named_parameters()
        for key, value in optimiser.state[parameter].items()
    }
    save_file(moments, partial / "optimiser.safetensors")
    shutil.rmtree(final, ignore_errors=True)
    partial.rename(final)
    for old in sorted((run / "state").glob("step-*"))[:-_KEPT]:
        shutil.rmtree(old)


def newest_state(run: Path) -> Path | None:
    """The folder of the last saved state."""
    states = sorted((run / "state").glob("step-*"))
    return states[-1] if states else None


def load_state(state: Path, network: nn.Module, optimiser: torch.optim.Optimizer) -> int:
    """Put a saved state back and return its step.

    Raises:
        TrainingError: the state is of another network.
    """
    try:
        network.load_state_dict(load_file(state / "weights.safetensors"))
    except RuntimeError as error:
        raise TrainingError(
            f"The saved state {state.name} is of another network than this run's config describes. "
            "Train into a new folder."
        ) from error
    moments = load_file(state / "optimiser.safetensors")
    for name, parameter in network.named_parameters():
        optimiser.state[parameter] = {
            key: moments[f"{name}/{key}"].clone() for key in ("step", "exp_avg", "exp_avg_sq")
        }
    return int(state.name.removeprefix("step-"))
