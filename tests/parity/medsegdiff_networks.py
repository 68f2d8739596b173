"""MedSegDiff's released networks as an oracle's JSON describes them, with its weights."""

from collections.abc import Mapping
from typing import Literal

import torch
from oracle import procedural
from torch import Tensor

from napari_diffseg.networks.medsegdiff_official import MedSegDiffOfficial, MedSegDiffOfficialConfig
from networks import guided_config

Version = Literal["new", "v1"]

README = {
    "image_size": 256,
    "model_channels": 128,
    "num_res_blocks": 2,
    "channel_mult": [1, 1, 2, 2, 4, 4],
    "attention_resolutions": [16],
    "num_heads": 1,
    "out_channels": 2,
}
"""The official flags, as arguments of the official constructor; its attention counts rates."""


def medsegdiff_official(
    config: dict, weights: Mapping[str, Tensor] | None, *, version: Version
) -> MedSegDiffOfficial:
    """Our network for the arguments `config` of the official one, set for inference.

    Args:
        config: what the oracle's JSON says; in_channels are the image's and one of the mask.
        weights: by their official names. None: made by rule, the projection of version 1 among them.
        version: of the official code.
    """
    projection = version == "v1" and (weights is None or "hwm.random_projection.weight" in weights)
    network = on_meta(config, version=version, projection=projection)
    network.load_state_dict(_counters(network) | dict(weights or _by_rule(network)), assign=True)
    return network.eval()


def on_meta(config: dict, *, version: Version, projection: bool = False) -> MedSegDiffOfficial:
    """The same without data: names and shapes."""
    ours = MedSegDiffOfficialConfig(
        **guided_config(config, "wolleb").model_dump(),
        version=version,
        training_size=config["image_size"],
        projection=projection,
    )
    with torch.device("meta"):
        return MedSegDiffOfficial(
            ours, channels=config["in_channels"] - 1, mask_channels=1, outputs=config["out_channels"]
        )


def _counters(network: MedSegDiffOfficial) -> dict[str, Tensor]:
    """Of batches seen by the batch norms, which no oracle stores: 0."""
    names = [name for name in network.state_dict() if name.endswith("num_batches_tracked")]
    return {name: torch.zeros((), dtype=torch.int64) for name in names}


def _by_rule(network: MedSegDiffOfficial) -> dict[str, Tensor]:
    return procedural(
        {
            name: tuple(value.shape)
            for name, value in network.state_dict().items()
            if value.is_floating_point()
        }
    )
