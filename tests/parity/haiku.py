"""The official ImgX weights, by their haiku names, put into our network."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn


def load_haiku(network: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Fill `network` from tensors named `params/<top>/~encoder/…`; every tensor must find its place."""
    names = {name: name.split("/", 2)[2] for name in tensors if name.startswith("params/")}
    weights = dict(_ours(short, tensors[name].float()) for name, short in names.items())
    network.load_state_dict(weights)


def _ours(name: str, value: Tensor) -> tuple[str, Tensor]:
    side, rest = name.split("/", 1)
    parts = rest.split("/")
    kind, number = _numbered(parts[0])
    inner = "/".join(parts[1:])
    if kind.endswith("norm_act"):
        return "stem." + _conv_norm(inner), _conv(inner, value)
    if kind.endswith("pool"):
        return f"pools.{number}." + _conv_norm(inner), _conv(inner, value)
    if kind.endswith("transpose"):
        field = "weight" if inner == "w" else "bias"
        return f"unpools.{number}.{field}", _transposed(value) if inner == "w" else value
    if kind.endswith("res_block"):
        block = "encoder" if side == "~encoder" else "decoder"
        field, second = _numbered(parts[1])
        if field == "linear":
            return f"{block}.{number}.project." + _leaf(parts[2]), value.T.contiguous() if parts[
                2
            ] == "w" else value
        place = "" if second else "first."
        layer = "norm" if "norm" in field else "conv"
        return f"{block}.{number}.{place}{layer}.{_leaf(parts[2])}", _conv(inner, value)
    return "head." + _leaf(inner), _conv(inner, value)


def _numbered(part: str) -> tuple[str, int]:
    stem, _, tail = part.rpartition("_")
    return (stem, int(tail)) if tail.isdigit() and stem else (part, 0)


def _conv_norm(inner: str) -> str:
    layer, leaf = inner.split("/")
    return ("norm." if "norm" in layer else "conv.") + _leaf(leaf)


def _leaf(leaf: str) -> str:
    return {"w": "weight", "scale": "weight", "b": "bias", "offset": "bias"}[leaf]


def _conv(inner: str, value: Tensor) -> Tensor:
    """Kernel (k…, in, out) to (out, in, k…)."""
    return value.movedim((-1, -2), (0, 1)).contiguous() if inner.endswith("w") else value


def _transposed(value: Tensor) -> Tensor:
    """Kernel (k…, out, in) to (in, out, k…) with every kernel axis reversed."""
    moved = value.movedim((-1, -2), (0, 1))
    return torch.flip(moved, dims=tuple(range(2, moved.ndim))).contiguous()
