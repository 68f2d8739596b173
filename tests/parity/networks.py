"""Networks of the guided-diffusion family as an oracle's JSON describes them, with its weights.

`guided_unet` gives ours. `AdditiveUNet` is what AmbDiffSeg's code builds with options that its paper and
we do not use: skips that are added, bilinear upsampling, one skip a resolution, perceptrons as blocks.
"""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from napari_diffseg.networks.guided_blocks import (
    Attention,
    Downsample,
    ResidualBlock,
    TimeEmbedding,
    Upsample,
    group_norm,
)
from napari_diffseg.networks.guided_unet import GuidedUNet, GuidedUNetConfig

Family = Literal["wolleb", "patchddm", "ambiguous"]


def guided_unet(config: dict, weights: Mapping[str, Tensor], *, family: Family) -> GuidedUNet:
    """Our network for the arguments `config` of a family's official one, with its weights, set for inference.

    Args:
        config: what the oracle's JSON says; arguments that it leaves out have their official defaults.
        weights: by their official names; how many channels go in and out is read from them.
        family: whose arguments these are.
    """
    weights = our_names(weights)
    network = GuidedUNet(
        guided_config(config, family),
        inputs=weights["input_blocks.0.0.weight"].shape[1],
        outputs=weights["out.2.weight"].shape[0],
    )
    network.load_state_dict(weights)
    return network.eval()


def guided_config(config: dict, family: Family) -> GuidedUNetConfig:
    """Our config for a family's official arguments."""
    if family == "ambiguous":
        return _ambiguous(config)
    if config.get("resample_2d", False):
        raise ValueError("resample_2d, which keeps the first axis at full size, is no option of ours.")
    decoder_heads = config.get("num_heads_upsample", -1)
    return GuidedUNetConfig(
        dimensions=config.get("dims", 2),
        width=config["model_channels"],
        multipliers=config["channel_mult"],
        blocks=config["num_res_blocks"],
        attention_at=config["attention_resolutions"],
        middle_attention=family == "wolleb" or config["bottleneck_attention"],
        heads=config.get("num_heads", 1),
        decoder_heads=None if decoder_heads == -1 else decoder_heads,
        head_channels=None if config.get("num_head_channels", -1) == -1 else config["num_head_channels"],
        attention_order="q, k, v" if config.get("use_new_attention_order", False) else "by head",
        scale_shift=config.get("use_scale_shift_norm", False),
        resample_in_blocks=config.get("resblock_updown", False),
        skips="averaged" if config.get("additive_skips", False) else "concatenated",
        groups=config.get("num_groups", 32),
    )


def our_names(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """AmbDiffSeg's head has an identity in front, so that its norm and convolution are out.1 and out.3."""
    if "out.1.weight" not in weights:
        return dict(weights)
    head = {"out.1": "out.0", "out.3": "out.2"}
    return {head.get(name[:5], name[:5]) + name[5:]: weight for name, weight in weights.items()}


def _ambiguous(config: dict) -> GuidedUNetConfig:
    multipliers = config["channel_mult"]
    attentive = {level % len(multipliers) for level in config.get("attention_resolutions", [-1])}
    return GuidedUNetConfig(
        width=config["num_channels"],
        multipliers=multipliers,
        blocks=config["num_res_blocks"],
        attention_at=[2**level for level in sorted(attentive)],
        middle_blocks=config["num_middle_res_blocks"],
        middle_attention=len(multipliers) - 1 in attentive,
        heads=config["num_heads"],
        decoder_heads=None if config.get("num_heads_upsample", -1) == -1 else config["num_heads_upsample"],
        groups=None,
        longest_period=10.0,
    )


class AdditiveUNet(nn.Module):
    """AmbDiffSeg's network with `new_upsample_method`: a level has one width, changed where the size is.

    Args:
        config: official arguments.
        weights: by their official names.
    """

    def __init__(self, config: dict, weights: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.config = c = _ambiguous(config)
        self.mlp, self.one_skip = config["mlp_attn"], config["one_skip_per_reso"]
        weights = our_names(weights)
        inputs, outputs = weights["input_blocks.0.0.weight"].shape[1], weights["out.2.weight"].shape[0]
        self.time_embed = TimeEmbedding(c.width, c.longest_period)
        self.input_blocks = nn.ModuleList([Chain(nn.Conv2d(inputs, c.width, 3, padding=1))])
        self.output_blocks = nn.ModuleList()
        self.last_of_level = []
        for level, blocks in enumerate(c.blocks_at):
            self.input_blocks.extend(Chain(*self._step(level, c.heads)) for _ in range(blocks))
            if level < len(c.widths) - 1:
                self.last_of_level.append(len(self.input_blocks) - 1)
                self.input_blocks.append(Chain(MappedDownsample(*c.widths[level : level + 2])))
        middle = [layer for _ in range(c.middle_blocks) for layer in self._step(level, c.heads)]
        self.middle_block = Chain(*(middle[:-1] if c.middle_attention else middle))
        for level in reversed(range(len(c.widths))):
            heads = c.decoder_heads or c.heads
            self.output_blocks.extend(Chain(*self._step(level, heads)) for _ in range(c.blocks_at[level] + 1))
            if level:
                self.output_blocks[-1].append(MappedUpsample(c.widths[level], c.widths[level - 1]))
        head = nn.Conv2d(c.width, outputs, 3, padding=1)
        self.out = nn.Sequential(group_norm(c.width, None), nn.SiLU(), head)
        self.load_state_dict(weights)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        emb = self.time_embed(t)
        skips = []
        for index, entry in enumerate(self.input_blocks):
            x = entry(x, emb)
            skips.append(x if index in self.last_of_level or not self.one_skip else torch.zeros(()))
        x = self.middle_block(x, emb)
        for entry in self.output_blocks:
            x = entry(x + skips.pop(), emb)
        return self.out(x)

    def _step(self, level: int, heads: int) -> list[nn.Module]:
        width, embedding = self.config.widths[level], 4 * self.config.width
        block = ResidualBlock(2, width, width, embedding, groups=None)
        if 2**level not in self.config.attention_at:
            return [block]
        return [Perceptron(width, embedding) if self.mlp else block, Attention(width, heads, groups=None)]


class Chain(nn.Sequential):
    """Modules one after the other; blocks see the time."""

    def forward(self, x: Tensor, emb: Tensor) -> Tensor:
        for module in self:
            x = module(x, emb) if isinstance(module, ResidualBlock | Perceptron) else module(x)
        return x


class Perceptron(nn.Module):
    """Two layers at each place, the time added between them, added to the input."""

    def __init__(self, width: int, embedding: int) -> None:
        super().__init__()
        self.in_layers = nn.Sequential(group_norm(width, None), nn.Conv2d(width, 4 * width, 1), nn.SiLU())
        self.emb_layers = nn.Linear(embedding, 4 * width)
        self.out_layers = nn.Sequential(nn.Dropout(0.0), nn.Conv2d(4 * width, width, 1))

    def forward(self, x: Tensor, emb: Tensor) -> Tensor:
        return x + self.out_layers(self.in_layers(x) + self.emb_layers(emb)[..., None, None])


class MappedDownsample(Downsample):
    """Half the size, then the next level's width."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(2, inputs)
        self.channel_mapper = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.channel_mapper(self.op(x))


class MappedUpsample(Upsample):
    """The next level's width, then twice the size, interpolated linearly."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(2, outputs)
        self.channel_mapper = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.interpolate(self.channel_mapper(x), scale_factor=2, mode="bilinear"))
