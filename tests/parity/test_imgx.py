"""ImgX-DiffSeg against numbers from its official code; each tolerance is the oracle's own."""

import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch.nn import functional as F

from napari_diffseg.diffusion.ddim import ddim
from napari_diffseg.diffusion.ddpm import ddpm
from napari_diffseg.diffusion.discrete import DiscreteSchedule
from napari_diffseg.diffusion.noise import NoiseSource
from napari_diffseg.diffusion.target import denoised
from napari_diffseg.methods import imgx
from napari_diffseg.methods.method import Batch
from napari_diffseg.methods.segmentation_loss import foreground_dice_loss, segmentation_loss
from napari_diffseg.networks.imgx_unet import ImgXUNet, ImgXUNetConfig

sys.path.insert(0, str(Path(__file__).parent))
from haiku import load_haiku

DATA = Path(__file__).parent / "data"


def channels_first(values):
    return values.movedim(-1, 1).contiguous()


def paper_network(dimensions, widths, inputs, outputs, tensors, time="added"):
    network = ImgXUNet(
        ImgXUNetConfig(dimensions=dimensions, widths=widths, time=time), inputs=inputs, outputs=outputs
    )
    load_haiku(network, tensors)
    return network.eval()


def test_five_steps_of_1001_keep_the_official_signal_and_variances():
    oracle = load_file(DATA / "imgx_schedule.safetensors")
    schedule = DiscreteSchedule(1001)
    alpha_bar = torch.stack([schedule.alpha_bar(t) for t in schedule.times(5)])
    kept = alpha_bar.flip(0)  # 1 of the clean mask first
    official = oracle["linear_T1001_K5.alphas_cumprod"].double()
    torch.testing.assert_close(kept[1:], official, rtol=2e-5, atol=0)
    torch.testing.assert_close(
        1 - kept[1:] / kept[:-1], oracle["linear_T1001_K5.betas"].double(), rtol=2e-5, atol=0
    )


def test_3d_network_gives_the_official_output_with_the_official_weights():
    tensors = load_file(DATA / "imgx_unet3d.safetensors")
    network = paper_network(3, (4, 4, 6, 8, 10), 1, tensors["output"].shape[-1], tensors, time="none")
    with torch.no_grad():
        out = network(channels_first(tensors["input"]))
    torch.testing.assert_close(out, channels_first(tensors["output"]), atol=2e-4, rtol=1e-4)


def test_2d_network_with_time_gives_the_official_output_slice_by_slice():
    tensors = load_file(DATA / "imgx_unet2d_time.safetensors")
    slices = tensors["input"].movedim(3, 1).flatten(0, 1)  # the official code puts depth into the batch
    network = paper_network(2, (4, 4, 6, 8, 10), slices.shape[-1], tensors["output"].shape[-1], tensors)
    times = tensors["t"].float().repeat_interleave(tensors["input"].shape[3])
    with torch.no_grad():
        out = network(channels_first(slices), times)
    official = tensors["output"].movedim(3, 1).flatten(0, 1)
    torch.testing.assert_close(out, channels_first(official), atol=2e-4, rtol=1e-4)


@pytest.mark.parametrize("dimensions", ["2d", "3d"])
def test_losses_and_their_gradient_are_the_official_ones(dimensions):
    oracle = load_file(DATA / "imgx_losses.safetensors")
    logits = channels_first(oracle[f"{dimensions}.logits"]).requires_grad_()
    mask = channels_first(F.one_hot(oracle[f"{dimensions}.label"].long(), logits.shape[1]).float())
    loss = segmentation_loss(logits, mask)
    loss.total.backward()
    dice = foreground_dice_loss(logits.detach().softmax(1), mask)
    torch.testing.assert_close(loss.total.detach(), oracle[f"{dimensions}.total"][0], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(dice, oracle[f"{dimensions}.dice_foreground"][0], rtol=1e-5, atol=1e-6)
    official = channels_first(oracle[f"{dimensions}.grad_total"])
    torch.testing.assert_close(logits.grad, official, rtol=1e-5, atol=1e-6)


class StoredNoise(NoiseSource):
    """The oracle's draws, served as a NoiseSource serves its own."""

    def __init__(self, noise):
        super().__init__(0, range(noise.shape[1]), tuple(noise.shape[2:]))
        object.__setattr__(self, "stored", noise)

    def at(self, step):
        return channels_first(self.stored[step])


@pytest.mark.parametrize("sampler", ["ddpm_fixed_small", "ddpm_fixed_large", "ddim"])
def test_whole_trajectory_follows_the_official_one(sampler):
    oracle = load_file(DATA / "imgx_sample.safetensors")
    network = paper_network(3, (4, 4, 6), 5, 4, oracle)
    noise, schedule = StoredNoise(oracle["noise"]), DiscreteSchedule(1001)
    image = channels_first(oracle["image"])

    def denoise(x_t, t):
        x0 = 2 * network(torch.cat([image, x_t], 1), torch.full((2,), t)).softmax(1) - 1
        return denoised("x0", x0, x_t, schedule.alpha_bar(t))

    times = schedule.times(5)
    if sampler == "ddim":
        states = list(ddim(denoise, schedule, noise.at(0), times, noise=noise))
    else:
        variance = sampler.removeprefix("ddpm_fixed_")
        states = list(ddpm(denoise, schedule, noise.at(0), times, noise=noise, variance=variance))
    for state, x_t, x0 in zip(
        states, oracle[f"x_start.{sampler}.x_t"], oracle[f"x_start.{sampler}.x_start"], strict=True
    ):
        torch.testing.assert_close(state.x_t, channels_first(x_t), atol=1e-3, rtol=0)
        torch.testing.assert_close(state.x0, channels_first(x0), atol=5e-4, rtol=0)


@pytest.mark.parametrize("recycling", [True, False])
def test_training_loss_and_gradients_are_the_official_ones(recycling):
    oracle = load_file(DATA / "imgx_recycle.safetensors")
    network = paper_network(3, (4, 4, 6), 5, 4, oracle)
    config = imgx.Config(unet=network.config, recycling=recycling)
    mask = channels_first(F.one_hot(oracle["label"].long(), 4).float())
    batch = Batch(oracle["image"][:, None], mask)
    recycled, main = channels_first(oracle["noise"][0]), channels_first(oracle["noise"][1])
    kind = "x_start.recycle" if recycling else "x_start.plain"
    loss = imgx.loss_at(config, network, batch, oracle["t"].long(), recycled=recycled, main=main)
    loss.total.backward()
    torch.testing.assert_close(loss.total.detach(), oracle[f"{kind}.loss"][0], rtol=1e-4, atol=0)
    official = oracle[f"{kind}.grad/unet3d_time/~decoder/conv3_d/w"].movedim((-1, -2), (0, 1))
    bound = 1e-5 * float(official.abs().max())
    torch.testing.assert_close(network.head.weight.grad, official, rtol=2e-3, atol=max(bound, 1e-6))
