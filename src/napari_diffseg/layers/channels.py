"""Which layer is which input channel, where the names say so."""

from __future__ import annotations

import re
from collections.abc import Iterable

from napari_diffseg.io.sequence import channel_of, modality_of


def match_channels(channels: Iterable[str], layers: Iterable[str]) -> dict[str, str]:
    """The layer for each input channel.

    MR sequences are known by their other names too: a layer "case3 T1Gd" is the channel "t1ce".
    Any other channel is looked for as a whole word. Case never matters.

    Args:
        channels: names of a model's channels.
        layers: names of the image layers there are; the first that fits is taken, each once.

    Returns:
        Channel to layer; a channel that no layer speaks of is left out.
    """
    left, matched = list(layers), {}
    for channel in channels:
        fitting = next((layer for layer in left if _speaks_of(layer, channel)), None)
        if fitting is not None:
            matched[channel] = fitting
            left.remove(fitting)
    return matched


def _speaks_of(layer: str, channel: str) -> bool:
    if modality_of(channel):
        return channel_of(layer) == channel_of(channel)
    return re.search(rf"(?<![^\W_]){re.escape(channel)}(?![^\W_])", layer, re.IGNORECASE) is not None
