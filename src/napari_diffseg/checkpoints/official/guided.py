"""The shape of a guided-diffusion U-Net, read off the names and shapes of its tensors.

What no tensor shows: heads, the order of the attention's rows, groups, dropout, the units of time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from napari_diffseg.errors import CheckpointError

Shapes = Mapping[str, tuple[int, ...]]

_CHILD = re.compile(r"(input_blocks|middle_block|output_blocks)\.(\d+)\.(.+)")


def unet_settings(file: str, shapes: Shapes) -> dict[str, Any]:
    """Fields of a `GuidedUNetConfig` that the tensors show.

    Args:
        file: what it is called in messages.
        shapes: of all tensors by their official names.

    Raises:
        CheckpointError: these are not the tensors of such a network.
    """
    try:
        return _settings(shapes)
    except (KeyError, IndexError, ValueError, ZeroDivisionError) as error:
        raise CheckpointError(
            f"{file} does not hold the network of guided-diffusion: its {len(shapes)} tensors have no "
            f"{error}. Choose the right source, or the file of the model."
        ) from error


def inputs(shapes: Shapes) -> int:
    """Channels that the network takes."""
    return shapes["input_blocks.0.0.weight"][1]


def _settings(shapes: Shapes) -> dict[str, Any]:
    stem = shapes["input_blocks.0.0.weight"]
    width, encoder, decoder = stem[0], _entries(shapes, "input_blocks"), _entries(shapes, "output_blocks")
    blocks = _blocks(decoder)
    firsts = _first_entries(blocks)
    widths = [encoder[entry]["0.in_layers.2.weight"][0] for entry in firsts]
    middle = _entries(shapes, "middle_block")
    return {
        "dimensions": len(stem) - 2,
        "width": width,
        "multipliers": tuple(level // width for level in widths),
        "blocks": blocks[0] if len(set(blocks)) == 1 else tuple(blocks),
        "attention_at": tuple(
            2**level for level, entry in enumerate(firsts) if "1.qkv.weight" in encoder[entry]
        ),
        "middle_blocks": sum("in_layers.2.weight" in entry for entry in middle.values()),
        "middle_attention": any("qkv.weight" in entry for entry in middle.values()),
        "scale_shift": encoder[1]["0.emb_layers.1.weight"][0] == 2 * widths[0],
        "resample_in_blocks": any(_upsampler(entry) == "block" for entry in decoder.values()),
        "skips": _skips(decoder, widths[-1]),
    }


def _entries(shapes: Shapes, part: str) -> dict[int, dict[str, tuple[int, ...]]]:
    """The children of a part by their number: tensors by the rest of their names."""
    entries: dict[int, dict[str, tuple[int, ...]]] = {}
    for name, shape in shapes.items():
        found = _CHILD.fullmatch(name)
        if found and found[1] == part:
            entries.setdefault(int(found[2]), {})[found[3]] = shape
    return entries


def _blocks(decoder: Mapping[int, Mapping[str, Any]]) -> list[int]:
    """Residual blocks of each level on the way down, full size first; one more on the way up.

    The way up is read, as every level of it but the last ends in something that the way down may lack: a
    residual block that halves looks there like any other.
    """
    ends = [number for number in sorted(decoder) if _upsampler(decoder[number])]
    ends.append(max(decoder))
    starts = [0, *(end + 1 for end in ends)]
    blocks = [end - start for start, end in zip(starts, ends, strict=False)]
    if min(blocks) < 1:
        raise ValueError("residual blocks at some level")
    return blocks[::-1]


def _upsampler(entry: Mapping[str, Any]) -> str | None:
    """How an entry of the way up ends: with a convolution, a second residual block, or neither."""
    if any(re.fullmatch(r"[12]\.conv\.weight", name) for name in entry):
        return "convolution"
    if any(re.fullmatch(r"[12]\.in_layers\.2\.weight", name) for name in entry):
        return "block"
    return None


def _first_entries(blocks: list[int]) -> list[int]:
    """Where each level's first residual block stands on the way down; entry 0 is the first convolution."""
    firsts = [1]
    for count in blocks[:-1]:
        firsts.append(firsts[-1] + count + 1)
    return firsts


def _skips(decoder: Mapping[int, Mapping[str, tuple[int, ...]]], deepest: int) -> str:
    """A mean of skips leaves the bottleneck's width, concatenation adds to it."""
    return "averaged" if decoder[0]["0.in_layers.0.weight"][0] == deepest else "concatenated"
