"""ImgX-DiffSeg's names and layouts (haiku, channels last) as those of `ImgXUNet`.

Haiku numbers modules of one kind by their creation, the first without a number: conv3d_pool, conv3d_pool_1 …
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from napari_diffseg.checkpoints.official.pickles import shown
from napari_diffseg.errors import CheckpointError

_TOP = re.compile(r"unet3d(_slice)?(_time)?/~(?P<side>encoder|decoder)/(?P<module>.+)/(?P<leaf>\w+)")
_STEM = re.compile(r"conv\dd_norm_act/(?P<layer>.+)")
_POOL = re.compile(r"conv\dd_pool(_(?P<number>\d+))?/(?P<layer>.+)")
_UNPOOL = re.compile(r"conv\d_d_transpose(_(?P<number>\d+))?")
_BLOCK = re.compile(r"(time_)?conv\dd_res_block(_(?P<number>\d+))?/(?P<layer>[a-z\d_]+?)(?P<second>_1)?")
_HEAD = re.compile(r"conv\d_d")
_LAYERS = {"conv2_d": "conv", "conv3_d": "conv", "instance_norm": "norm", "linear": "project"}
_LEAVES = {"w": "weight", "scale": "weight", "b": "bias", "offset": "bias"}


def our_weights(file: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of an `ImgXUNet`.

    Args:
        file: what it is called in messages.
        tensors: by names such as unet3d_time/~encoder/conv3d_pool_1/conv3_d/w.

    Raises:
        CheckpointError: a name that this network does not have.
    """
    ours = dict(_ours(file, name, tensor) for name, tensor in tensors.items())
    if len(ours) != len(tensors):
        raise CheckpointError(
            f"{file} holds {len(tensors) - len(ours)} tensors that would take another's place. "
            "Choose a checkpoint of one network."
        )
    return ours


def _ours(file: str, name: str, tensor: Tensor) -> tuple[str, Tensor]:
    top = _TOP.fullmatch(name)
    place = _place(top["side"], top["module"]) if top else None
    if top is None or place is None or top["leaf"] not in _LEAVES:
        raise CheckpointError(
            f"{file} holds a tensor “{shown(name)}” that the network of the preprint (v0.1) does not have. "
            "Choose a checkpoint of that network."
        )
    return f"{place}.{_LEAVES[top['leaf']]}", _relaid(place, top["leaf"], tensor)


def _place(side: str, module: str) -> str | None:
    """Where a haiku module stands in our network."""
    if found := _STEM.fullmatch(module):
        return _inner("stem", found["layer"])
    if found := _POOL.fullmatch(module):
        return _inner(f"pools.{found['number'] or 0}", found["layer"])
    if found := _UNPOOL.fullmatch(module):
        return f"unpools.{found['number'] or 0}"
    if found := _BLOCK.fullmatch(module):
        once = found["second"] or found["layer"] == "linear"
        return _inner(f"{side}.{found['number'] or 0}{'' if once else '.first'}", found["layer"])
    return "head" if _HEAD.fullmatch(module) else None


def _inner(parent: str, layer: str) -> str | None:
    return f"{parent}.{_LAYERS[layer]}" if layer in _LAYERS else None


def _relaid(place: str, leaf: str, tensor: Tensor) -> Tensor:
    """Kernels (*k, in, out) to (out, in, *k), transposed ones (*k, out, in) to (in, out, *k) and reversed."""
    if leaf != "w" or tensor.ndim < 2:
        return tensor
    moved = tensor.movedim((-1, -2), (0, 1))
    if place.startswith("unpools"):
        moved = moved.flip(tuple(range(2, moved.ndim)))
    return moved.contiguous()
