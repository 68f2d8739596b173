"""ImgX-DiffSeg's networks, losses and trajectories."""

from collections.abc import Iterator

import torch
from haiku import empty_network, network_of, our_names, stored_weights
from imgx_losses import logged, one_hot
from imgx_steps import kept_times
from oracle import Comparison, Oracle, StoredNoise, channels_first, compare, exact
from torch import Tensor

from napari_diffseg.diffusion.sampler import draw
from napari_diffseg.diffusion.target import denoised
from napari_diffseg.methods import imgx
from napari_diffseg.methods.segmentation_loss import foreground_dice_loss, segmentation_loss
from napari_diffseg.results.options import SamplingOptions

NETWORK = {"rtol": 1e-4, "atol": 2e-4}


def unet(oracle: Oracle) -> Iterator[Comparison]:
    """One network: its output, what each resolution gives, and how its time is embedded.

    In float64, as norms over two voxels at the bottom magnify rounding, and the official one is enough.
    """
    network = network_of(stored_weights(oracle)).double()
    arranged = _slices if network.config.dimensions == 2 else channels_first
    image, levels = arranged(oracle["input"]).double(), []
    for block in network.encoder:
        block.register_forward_hook(lambda block, inputs, output: levels.append(output))
    # the official code puts slices into the batch
    times = oracle["t"].float().repeat_interleave(len(image) // len(oracle["t"])) if "t" in oracle else None
    with torch.no_grad():
        out = network(image, times)
    for number, level in enumerate(levels):
        yield compare(f"encoder_{number}", level, channels_first(oracle[f"encoder_{number}"]), **NETWORK)
    # the other time gives the same output: the instance norm behind it takes it away
    for name in ("output", "output_other_t"):
        if name in oracle:
            yield compare(name, out, arranged(oracle[name]), **NETWORK)
    if "t" in oracle:
        yield compare("time", network._embed(oracle["t"].float()), oracle["time_embedding"], atol=1e-5)


def _slices(values: Tensor) -> Tensor:
    """(item, H, W, D, channel) to (item · D, channel, H, W)."""
    return channels_first(values.movedim(3, 1).flatten(0, 1))


def paper_keys(oracle: Oracle) -> Iterator[Comparison]:
    """Names and shapes at paper size: every official weight has a place of its shape, and none is left."""
    for name, shapes in oracle.document["keys"].items():
        with torch.device("meta"):
            official = {key: torch.empty(shape) for key, shape in shapes.items()}
            network = empty_network(official)
        ours = {key: value.shape for key, value in network.state_dict().items()}
        placed = {key: value.shape for key, value in our_names(official).items()}
        yield exact(f"{name}, names and shapes", ours, placed)
        count = sum(parameter.numel() for parameter in network.parameters())
        yield exact(f"{name}, parameters", count, int(oracle[f"n_parameters.{name}"]))


def losses(oracle: Oracle) -> Iterator[Comparison]:
    """Cross-entropy and Dice, their gradient, and the losses that no method here uses."""
    for data in sorted({name.split(".")[0] for name in oracle.tensors}):
        logits = channels_first(oracle[f"{data}.logits"]).requires_grad_()
        mask = one_hot(oracle[f"{data}.label"], logits.shape[1])
        loss = segmentation_loss(logits, mask)
        loss.total.backward()
        found = {
            **logged(logits, mask),
            "dice_foreground": foreground_dice_loss(logits.softmax(1), mask),
            "total": loss.total,
            "grad_total": logits.grad.movedim(1, -1),
        }
        for name, ours in found.items():
            official = oracle[f"{data}.{name}"]
            yield compare(f"{data}.{name}", ours.reshape(official.shape), official, rtol=1e-5, atol=1e-6)


def sample(oracle: Oracle) -> Iterator[Comparison]:
    """Whole trajectories: by the method itself, and of a network that predicts noise."""
    noise = oracle["noise"].movedim(-1, 2).contiguous()
    for name in sorted({name.rsplit(".", 1)[0] for name in oracle.tensors if name.count(".") == 2}):
        target, sampler = name.split(".")
        trajectory = _of_mask if target == "x_start" else _of_noise
        states = list(trajectory(oracle, sampler, StoredNoise(noise)))
        for field, ours, absolute in (("x_t", "x_t", 1e-3), ("x_start", "x0", 5e-4)):
            found = torch.stack([getattr(state, ours) for state in states])
            official = oracle[f"{name}.{field}"].movedim(-1, 2)
            atol = absolute if target == "x_start" else 1e-3 * float(official.abs().max())
            yield compare(f"{name}.{field}", found, official, atol=atol)


def _of_mask(oracle, sampler, noise):
    network, (chain, times) = network_of(stored_weights(oracle)), kept_times(oracle)
    name, _, variance = sampler.partition("_fixed_")
    config = imgx.Config(
        unet=network.config, train_steps=chain.train_steps, steps=len(times) - 1, variance=variance or "small"
    )
    options = SamplingOptions(sampler=name)
    yield from imgx.sample(config, network, channels_first(oracle["image"]), noise, options)


def _of_noise(oracle, sampler, noise):
    """The ablation that predicts noise, for which there is no method here; nothing clips x0."""
    network, (chain, times) = network_of(stored_weights(oracle)), kept_times(oracle)
    image = channels_first(oracle["image"])

    def denoise(x_t, t):
        index = torch.full((len(x_t),), float(times[::-1].index(t) - 1))
        return denoised("noise", network(torch.cat([image, x_t], 1), index), x_t, chain.alpha_bar(t))

    name, _, variance = sampler.partition("_fixed_")
    yield from draw(name, denoise, chain, len(times) - 1, noise=noise, variance=variance or "small")


CASES = {
    **{f"imgx_unet{kind}": unet for kind in ("2d", "2d_time", "3d", "3d_time")},
    "imgx_unet_paper_keys": paper_keys,
    "imgx_losses": losses,
    "imgx_sample": sample,
}
