"""The papers' networks and sampling loops once more, as plainly as torch allows, to hold ours against.

A network is a function of its weights, named as in our state dicts, and calls nothing but torch. No hooks,
no slabs, no fused attention, no checks; float32 alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import count, pairwise
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

Weights = dict[str, Tensor]
Network = Callable[..., Tensor]


def guided_unet(w: Weights, config: Any, x: Tensor, t: Tensor) -> Tensor:
    """EnsemDiff, PatchDDM, Ambiguous."""
    emb = embedded(w, sinusoid(t, config.width, config.longest_period))
    skips = []
    for name in children(w, "input_blocks"):
        x = entry(w, name, config, x, emb)
        skips.append(x)
    x = entry(w, "middle_block", config, x, emb)
    for name in children(w, "output_blocks"):
        skip = skips.pop()
        x = (x + skip) / 2 if config.skips == "averaged" else torch.cat([x, skip], dim=1)
        x = entry(w, name, config, x, emb)
    return conv(w, "out.2", F.silu(group_norm(w, "out.0", config, x)))


def medsegdiff_unet(w: Weights, config: Any, x: Tensor, t: Tensor) -> Tensor:
    """MedSegDiff, the paper's network, on the size that its FF-Parsers were made for; one mask channel."""
    emb = embedded(w, sinusoid(t, config.width, 10_000.0))
    image = conv(w, "image_encoder.stem", x[:, :-1])
    mask = conv(w, "mask_encoder.stem", x[:, -1:])
    skips = []
    for stage in range(len(config.widths) - 1):
        image = entry(w, f"image_encoder.stages.{stage}", config, image, emb)
        mask = entry(w, f"mask_encoder.stages.{stage}", config, mask, emb)
        if stage in config.fused_stages:
            image = layer_norm(image) * layer_norm(ff_parsed(w, f"fusions.{stage}", mask)) * image
        skips.append(image + mask)
        image = conv(w, f"image_encoder.downsamplings.{stage}.op", image, stride=2)
        mask = conv(w, f"mask_encoder.downsamplings.{stage}.op", mask, stride=2)
    x = entry(w, "last_stage", config, image + mask, emb)
    for number, skip in enumerate(reversed(skips)):
        x = conv(w, f"upsamplings.{number}.conv", F.interpolate(x, scale_factor=2.0))
        x = entry(w, f"decoder.{number}", config, torch.cat([x, skip], dim=1), emb)
    return conv(w, "out.2", F.silu(group_norm(w, "out.0", config, x)))


def imgx_unet(w: Weights, config: Any, x: Tensor, t: Tensor | None = None) -> Tensor:
    """ImgX-DiffSeg, with diffusion and without, at sizes that halve without a rest."""
    emb = None if t is None else sinusoid(config.time_scale * t, 4 * config.widths[0], 10_000.0)
    x = gelu(instance_norm(w, "stem.norm", conv(w, "stem.conv", x)))
    skips = [imgx_block(w, "encoder.0", x, emb)]
    for level in range(len(config.widths) - 1):
        x = instance_norm(w, f"pools.{level}.norm", conv(w, f"pools.{level}.conv", skips[-1], stride=2))
        skips.append(imgx_block(w, f"encoder.{level + 1}", x, emb))
    x = skips.pop()
    transposed = F.conv_transpose3d if x.ndim == 5 else F.conv_transpose2d
    for level, skip in enumerate(reversed(skips)):
        x = transposed(x, w[f"unpools.{level}.weight"], w[f"unpools.{level}.bias"], stride=2)
        x = imgx_block(w, f"decoder.{level}", x + skip, emb)
    return conv(w, "head", x)


def imgx_block(w: Weights, name: str, x: Tensor, emb: Tensor | None) -> Tensor:
    h = gelu(instance_norm(w, f"{name}.first.norm", conv(w, f"{name}.first.conv", x)))
    h = instance_norm(w, f"{name}.norm", conv(w, f"{name}.conv", h))
    if emb is not None:
        scale, shift = places(linear(w, f"{name}.project", gelu(emb)), x).chunk(2, dim=1)
        h = h * (1 + scale) + shift
    return gelu(h + x)


def entry(w: Weights, name: str, config: Any, x: Tensor, emb: Tensor) -> Tensor:
    """What stands at `name`, one after the other, told apart by the names of its weights."""
    for number in count():
        at = f"{name}.{number}"
        if f"{at}.in_layers.0.weight" in w:
            x = residual(w, at, config, x, emb)
        elif f"{at}.qkv.weight" in w:
            x = attention(w, at, config, x)
        elif f"{at}.op.weight" in w:
            x = conv(w, f"{at}.op", x, stride=2)
        elif f"{at}.conv.weight" in w:
            x = conv(w, f"{at}.conv", F.interpolate(x, scale_factor=2.0))
        elif f"{at}.weight" in w:
            x = conv(w, at, x)
        else:
            return x
    raise AssertionError


def residual(w: Weights, name: str, config: Any, x: Tensor, emb: Tensor) -> Tensor:
    h = conv(w, f"{name}.in_layers.2", F.silu(group_norm(w, f"{name}.in_layers.0", config, x)))
    h = h + places(linear(w, f"{name}.emb_layers.1", F.silu(emb)), h)
    h = conv(w, f"{name}.out_layers.3", F.silu(group_norm(w, f"{name}.out_layers.0", config, h)))
    return h + (conv(w, f"{name}.skip_connection", x) if f"{name}.skip_connection.weight" in w else x)


def attention(w: Weights, name: str, config: Any, x: Tensor) -> Tensor:
    """Rows of qkv by head."""
    seen = group_norm(w, f"{name}.norm", config, x).flatten(2)
    qkv = F.conv1d(seen, w[f"{name}.qkv.weight"], w[f"{name}.qkv.bias"])
    q, k, v = qkv.reshape(len(x) * config.heads, -1, qkv.shape[2]).chunk(3, dim=1)
    share = (q.transpose(1, 2) @ k / math.sqrt(q.shape[1])).softmax(dim=-1)
    h = (v @ share.transpose(1, 2)).reshape(seen.shape)
    return x + F.conv1d(h, w[f"{name}.proj_out.weight"], w[f"{name}.proj_out.bias"]).reshape(x.shape)


def ff_parsed(w: Weights, name: str, x: Tensor) -> Tensor:
    axes = tuple(range(2, x.ndim))
    learned = torch.view_as_complex(w[f"{name}.ff_parser.complex_weight"])
    spectrum = torch.fft.rfftn(x, dim=axes, norm="ortho") * learned
    return torch.fft.irfftn(spectrum, s=x.shape[2:], dim=axes, norm="ortho")


def sinusoid(t: Tensor, width: int, longest_period: float) -> Tensor:
    half = width // 2
    falling = torch.exp(-math.log(longest_period) * torch.arange(half, device=t.device) / half)
    angles = t[:, None] * falling
    return F.pad(torch.cat([angles.cos(), angles.sin()], dim=1), (0, width % 2))


def embedded(w: Weights, waves: Tensor) -> Tensor:
    return linear(w, "time_embed.2", F.silu(linear(w, "time_embed.0", waves)))


def conv(w: Weights, name: str, x: Tensor, stride: int = 1) -> Tensor:
    weight = w[f"{name}.weight"]
    function = F.conv3d if x.ndim == 5 else F.conv2d
    return function(x, weight, w.get(f"{name}.bias"), stride=stride, padding=(weight.shape[-1] - 1) // 2)


def linear(w: Weights, name: str, x: Tensor) -> Tensor:
    return F.linear(x, w[f"{name}.weight"], w[f"{name}.bias"])


def group_norm(w: Weights, name: str, config: Any, x: Tensor) -> Tensor:
    groups = config.groups or (32 if x.shape[1] % 32 == 0 else x.shape[1])
    return F.group_norm(x, groups, w[f"{name}.weight"], w[f"{name}.bias"])


def instance_norm(w: Weights, name: str, x: Tensor) -> Tensor:
    return F.instance_norm(x, weight=w[f"{name}.weight"], bias=w[f"{name}.bias"])


def layer_norm(x: Tensor) -> Tensor:
    return F.layer_norm(x, x.shape[1:])


def gelu(x: Tensor) -> Tensor:
    return F.gelu(x, approximate="tanh")


def places(values: Tensor, like: Tensor) -> Tensor:
    return values.reshape(*values.shape, *(1,) * (like.ndim - 2))


def children(w: Weights, name: str) -> list[str]:
    numbers = {int(key.split(".")[1]) for key in w if key.startswith(f"{name}.")}
    return [f"{name}.{number}" for number in sorted(numbers)]


def trajectory(
    method: str, config: Any, network: Network, image: Tensor, noise: Callable[[int], Tensor], steps: int
) -> Tensor:
    """The answer of the method's paper's sampler, DDPM or DDIM at eta 0, for masks of one class or ImgX's.

    Args:
        method: its name in the registry.
        config: of the method.
        network: of (x, t).
        image: that is segmented.
        noise: the field at the start (0) and after the k-th call.
        steps: network calls.
    """
    if method == "imgx-unet":
        return network(image).softmax(dim=1)
    schedule, x_t = config.schedule, noise(0)
    times = schedule.times(steps)
    x0 = x_t
    for step, (t, s) in enumerate(pairwise(times), start=1):
        a, b = float(schedule.alpha_bar(t)), float(schedule.alpha_bar(s))
        x0, spread = clean(method, config, network, image, x_t, t)
        if config.sampler == "ddim":
            x_t = math.sqrt(b) * x0 + math.sqrt(1 - b) * (x_t - math.sqrt(a) * x0) / math.sqrt(1 - a)
            continue
        beta = 1 - a / b
        x_t = (math.sqrt(b) * beta * x0 + math.sqrt(a / b) * (1 - b) * x_t) / (1 - a)
        if s > 0:
            small = beta * (1 - b) / (1 - a)
            if spread is not None:
                share = (spread + 1) / 2
                x_t = x_t + ((share * math.log(beta) + (1 - share) * math.log(small)) / 2).exp() * noise(step)
            else:
                x_t = x_t + math.sqrt(small if method == "imgx" else beta) * noise(step)
    return x0


def clean(
    method: str, config: Any, network: Network, image: Tensor, x_t: Tensor, t: float
) -> tuple[Tensor, Tensor | None]:
    """The estimate of the clean mask, and the learned variance where there is one."""
    times = x_t.new_full((len(x_t),), t)
    if method == "imgx":
        return 2 * network(torch.cat([image, x_t], dim=1), times).softmax(dim=1) - 1, None
    if method == "ambiguous":
        return network(torch.cat([x_t, image], dim=1), times).tanh(), None
    a = float(config.schedule.alpha_bar(t))
    index = torch.full_like(times, round(t * config.train_steps) - 1)
    output = network(torch.cat([image, x_t], dim=1), index)
    x0 = ((x_t - math.sqrt(1 - a) * output[:, :1]) / math.sqrt(a)).clamp(-1, 1)
    return x0, output[:, 1:] if config.learned_variance else None
