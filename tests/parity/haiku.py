"""The official ImgX weights, by their haiku names, put into our network."""

from collections.abc import Mapping

import torch
from oracle import Oracle
from torch import Tensor

from napari_diffseg.networks.imgx_unet import ImgXUNet, ImgXUNetConfig


def stored_weights(oracle: Oracle) -> dict[str, Tensor]:
    """Of an oracle that holds them, by their official names."""
    names = [name for name in oracle.tensors if name.startswith("params/")]
    return {name.removeprefix("params/"): oracle[name] for name in names}


def network_of(weights: Mapping[str, Tensor]) -> ImgXUNet:
    """Our network with the official weights, its shape read from their names and sizes, set for inference.

    Args:
        weights: named `<top>/~encoder/…`; every one must find its place.
    """
    network = empty_network(weights)
    network.load_state_dict(our_names(weights))
    return network.eval()


def empty_network(weights: Mapping[str, Tensor]) -> ImgXUNet:
    """The network that weights of these names and shapes belong to; t enters it as the raw index."""
    ours = our_names(weights)
    stem, head = ours["stem.conv.weight"], ours["head.bias"]
    levels = sum(name.startswith("pools.") and name.endswith(".conv.weight") for name in ours)
    config = ImgXUNetConfig(
        dimensions=stem.ndim - 2,
        widths=(len(stem), *(len(ours[f"pools.{level}.conv.weight"]) for level in range(levels))),
        time="added" if any(".project." in name for name in ours) else "none",
        time_scale=1.0,
    )
    return ImgXUNet(config, inputs=stem.shape[1], outputs=len(head))


def our_names(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights, or their gradients, under our names and in our layout."""
    return dict(_ours(name.split("/", 1)[1], value.float()) for name, value in weights.items())


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
        place = f"unpools.{number}." + _leaf(inner)
        return place, _transposed(value) if inner == "w" else value
    if kind.endswith("res_block"):
        block = ("encoder." if side == "~encoder" else "decoder.") + f"{number}."
        field, second = _numbered(parts[1])
        if field == "linear":
            return block + "project." + _leaf(parts[2]), value.T if parts[2] == "w" else value
        layer = "norm." if "norm" in field else "conv."
        return block + ("" if second else "first.") + layer + _leaf(parts[2]), _conv(inner, value)
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
    return value.movedim((-1, -2), (0, 1)) if inner.endswith("w") else value


def _transposed(value: Tensor) -> Tensor:
    """Kernel (k…, out, in) to (in, out, k…) with every kernel axis reversed."""
    moved = value.movedim((-1, -2), (0, 1))
    return torch.flip(moved, dims=tuple(range(2, moved.ndim)))
