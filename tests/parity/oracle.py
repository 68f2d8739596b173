"""An oracle on disk, and a comparison of our numbers with its own.

A case is a generator function that takes an `Oracle` and yields `Comparison`s; each module in cases/ has a
table CASES from an oracle's name to its case. Nothing in a case may depend on a particular file: sizes,
widths and the number of steps are read from the oracle, as other ones of the same form will be given.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from napari_diffseg.diffusion.noise import NoiseSource

HELD_OUT = "_heldout"


@dataclass(frozen=True)
class Comparison:
    """One quantity: the largest difference, as a share of what its tolerance allows there.

    Args:
        what: was compared.
        difference: absolute, where it is largest against what is allowed.
        allowed: at the same place.
    """

    what: str
    difference: float
    allowed: float

    @property
    def holds(self) -> bool:
        return self.difference <= self.allowed


@dataclass(frozen=True)
class Oracle:
    """Numbers of an official code: `<stem>.safetensors`, and `<stem>.json` which says what they are."""

    folder: Path
    stem: str

    @property
    def name(self) -> str:
        """The case that it belongs to."""
        return self.stem.removesuffix(HELD_OUT)

    @cached_property
    def document(self) -> dict:
        return json.loads((self.folder / f"{self.stem}.json").read_text())

    @cached_property
    def tensors(self) -> dict[str, Tensor]:
        return load_file(self.folder / f"{self.stem}.safetensors")

    def __getitem__(self, name: str) -> Tensor:
        return self.tensors[name]

    def __contains__(self, name: str) -> bool:
        return name in self.tensors

    @cached_property
    def weights(self) -> dict[str, Tensor]:
        """Weights stored as int8 times a power of two, by their official names."""
        names = [name.removeprefix("w8/") for name in self.tensors if name.startswith("w8/")]
        return {name: self[f"w8/{name}"].float() * self[f"ws/{name}"] for name in names}

    def sibling(self, name: str) -> "Oracle":
        """Another oracle of the same folder; held-out ones belong together."""
        held_out = self.stem.endswith(HELD_OUT) and (self.folder / f"{name}{HELD_OUT}.json").exists()
        return Oracle(self.folder, name + HELD_OUT if held_out else name)


Case = Callable[[Oracle], Iterator[Comparison]]


def compare(what: str, ours: Tensor, official: Tensor, *, rtol: float = 0.0, atol: float = 0.0) -> Comparison:
    """Element by element, |ours − official| against atol + rtol · |official|; shapes must be equal.

    NaN counts as equal to NaN alone.
    """
    ours, official = torch.as_tensor(ours).detach(), torch.as_tensor(official)
    if ours.shape != official.shape:
        raise ValueError(f"{what}: ours has shape {tuple(ours.shape)}, the official {tuple(official.shape)}")
    ours, official = ours.double(), official.double()
    if ours.numel() == 0:
        return Comparison(what, 0.0, 0.0)
    same = (ours == official) | (ours.isnan() & official.isnan())
    difference = torch.where(same, 0.0, (ours - official).abs()).nan_to_num(torch.inf, torch.inf)
    allowed = (atol + rtol * official.abs()).nan_to_num(0.0, 0.0)
    excess = torch.where(difference == 0, 0.0, difference / allowed.clamp(min=1e-300))
    worst = int(excess.flatten().argmax())
    return Comparison(what, float(difference.flatten()[worst]), float(allowed.flatten()[worst]))


def exact(what: str, ours: object, official: object) -> Comparison:
    """Equal or not: shapes, names, label maps, numbers of iterations."""
    same = torch.equal(ours, official) if isinstance(ours, Tensor) else ours == official
    return Comparison(what, 0.0 if same else 1.0, 0.0)


class StoredNoise(NoiseSource):
    """An oracle's draws, served as a NoiseSource serves its own; step 0 is the start."""

    def __init__(self, fields: Tensor) -> None:
        super().__init__(0, list(range(fields.shape[1])), tuple(fields.shape[2:]))
        object.__setattr__(self, "fields", fields)

    def at(self, step: int) -> Tensor:
        return self.fields[step]


def channels_first(values: Tensor) -> Tensor:
    """From the layout of JAX."""
    return values.movedim(-1, 1).contiguous()


def procedural(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Weights made by the rule of the full-size oracles, from names and shapes alone."""
    return {name: _by_rule(name, tuple(shape)) for name, shape in shapes.items()}


def procedural_input(name: str, shape: tuple[int, ...]) -> Tensor:
    """The network's input by the same rule; `name` is the oracle's, ending in _x."""
    return torch.from_numpy(_normal(name, shape).astype(np.float32))


def _normal(name: str, shape: tuple[int, ...]) -> np.ndarray:
    import zlib

    return np.random.RandomState(zlib.crc32(name.encode())).standard_normal(size=shape)


def _by_rule(name: str, shape: tuple[int, ...]) -> Tensor:
    r = _normal(name, shape)
    if name.endswith("running_var"):
        r = 1 + 0.1 * np.abs(r)
    elif name.endswith("running_mean"):
        r = 0.1 * r
    elif name.endswith("complex_weight"):
        pass
    elif len(shape) >= 2:
        r = r / np.sqrt(np.prod(shape[1:]))
    elif name.endswith("weight"):
        r = 1 + 0.1 * r
    else:
        r = 0.1 * r
    return torch.from_numpy(r.astype(np.float32))
