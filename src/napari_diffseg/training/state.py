"""Saved states of a training run: tensors by name in safetensors, the rest in JSON."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn

from napari_diffseg.errors import TrainingError
from napari_diffseg.io.atomic import replacing_folder
from napari_diffseg.training.folder import STATES

_PREFIX = "step-"
_KEPT = 2
_SEALS = "state.json"

Tensors = dict[str, Tensor]


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """All that a run needs to go on; random numbers are addressed, so none has a state of its own.

    Args:
        step: that is done.
        tensors: by file, then by name: weights, their moving average, the optimiser's moments.
        facts: the gradient scaler's numbers, the best score so far, whatever else JSON can say.
    """

    step: int
    tensors: dict[str, Tensors]
    facts: dict[str, Any]


def save_state(run: Path, state: State) -> None:
    """Write `state/step-NNNNNN` as a whole, and keep the last two; those of later steps are void by now.

    Raises:
        OSError: the disk is full or the folder cannot be written; the older states stay.
    """
    folder = run / STATES / f"{_PREFIX}{state.step:06d}"
    folder.parent.mkdir(exist_ok=True)
    with replacing_folder(folder, overwrite=True) as partial:
        for name, tensors in state.tensors.items():
            content = save({key: tensor.contiguous() for key, tensor in tensors.items()})
            (partial / name).write_bytes(content)  # save_file's own error does not say that the disk is full
        seals = {name: _sha256(partial / name) for name in state.tensors}
        told = {"step": state.step, "sha256": seals, "facts": state.facts}
        (partial / _SEALS).write_text(json.dumps(told), encoding="utf-8")
    folders = _folders(run)
    newest = folders.index(folder)
    for old in folders[:newest] + folders[newest + _KEPT :]:
        shutil.rmtree(old, ignore_errors=True)  # on Windows somebody may look at it


def load_state(run: Path) -> tuple[State | None, list[str]]:
    """The newest saved state that is whole, if there is any, and the names of newer ones that are not.

    Raises:
        TrainingError: there are saved states, and none is whole.
    """
    damaged: list[str] = []
    for folder in _folders(run):
        state = _read(folder)
        if state is not None:
            return state, damaged
        damaged.append(folder.name)
    if damaged:
        raise TrainingError(
            f"No saved state of {run.name} is whole ({', '.join(damaged)}). Copy one back into "
            f"{run.name}/state from a backup, or remove that folder to train from the beginning."
        )
    return None, []


def moments(network: nn.Module, optimiser: torch.optim.Optimizer) -> Tensors:
    """The optimiser's tensors by the parameter's name and its own."""
    return {
        f"{name}/{key}": value
        for name, parameter in network.named_parameters()
        for key, value in optimiser.state[parameter].items()
    }


def put_moments(network: nn.Module, optimiser: torch.optim.Optimizer, tensors: Tensors) -> None:
    """Give the optimiser back what `moments` took."""
    parameters = dict(network.named_parameters())
    for full, value in tensors.items():
        name, _, key = full.rpartition("/")
        parameter = parameters[name]
        optimiser.state[parameter][key] = value.to(parameter.device if value.ndim else "cpu")


def _read(folder: Path) -> State | None:
    """The state, or None where something of it is missing or is not what was written."""
    try:
        told = json.loads((folder / _SEALS).read_text(encoding="utf-8"))
        if any(_sha256(folder / name) != seal for name, seal in told["sha256"].items()):
            return None
        tensors = {name: load_file(folder / name) for name in told["sha256"]}
        return State(int(told["step"]), tensors, told["facts"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _folders(run: Path) -> list[Path]:
    """The newest first, by number: after a million steps the names no longer sort."""
    found = [path for path in (run / STATES).glob(f"{_PREFIX}*") if _number(path).isdecimal()]
    return sorted(found, key=lambda path: int(_number(path)), reverse=True)


def _number(path: Path) -> str:
    return path.name.removeprefix(_PREFIX)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
