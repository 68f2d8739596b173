"""MedSegDiff's objective and sampling, ancestral and by DPM-Solver++."""

import re
from functools import partial

import torch
from medsegdiff_networks import medsegdiff_official
from oracle import Oracle, StoredNoise, compare
from torch import Tensor

from napari_diffseg.diffusion.ddpm import ddpm
from napari_diffseg.diffusion.discrete import DiscreteSchedule
from napari_diffseg.diffusion.dpm_solver import dpm_solver
from napari_diffseg.diffusion.target import Denoised, x0_from
from napari_diffseg.methods import medsegdiff
from napari_diffseg.methods.method import Batch
from napari_diffseg.methods.noise_prediction import NoisyMask, denoise, hybrid_loss


class Interpolated(DiscreteSchedule):
    """The official solver's schedule: log √ᾱ in straight lines between the chain's indices."""

    def log_alpha(self, t: float) -> Tensor:
        table = (1 - self.betas).log().cumsum(0) / 2
        at = t * self.train_steps - 1
        low = int(min(max(at // 1, 0), self.train_steps - 2))
        return table[low] + (at - low) * (table[low + 1] - table[low])

    def alpha_bar(self, t: float) -> Tensor:
        return (2 * self.log_alpha(t)).exp()


def losses(oracle: Oracle):
    mask = (oracle["label"] > 0).float()
    batch = Batch(oracle["image"], torch.cat([1 - mask, mask], 1))
    for run in dict.fromkeys(name.split("/")[0] for name in oracle.tensors if "/" in name):
        length = int(re.match(r"T(\d+)", run)[1])
        fixed = f"{run}/vb" not in oracle
        config = medsegdiff.Config(learned_variance=not fixed, train_steps=length)
        output = oracle["model_output"][:, : 1 if fixed else 2].clone().requires_grad_()
        cal = oracle["cal"].clone().requires_grad_()
        noisy = NoisyMask.at(config.schedule, batch, oracle[f"{run}/t"], oracle["noise"])
        parts = hybrid_loss(config.schedule, output, noisy)
        if not fixed:  # the official objective leaves the bound's weight at 1 whatever the chain's length
            parts["variance_bound"] = parts["variance_bound"] / (length / 1000)
        of_cal = (cal - mask).square().flatten(1).mean(1)
        loss = torch.stack([*parts.values()]).sum(0)
        total = (loss * oracle["weights"]).mean() + config.calibration_weight * of_cal.mean()
        total.backward()
        found = {
            "loss_diff": parts["noise_error"],
            "loss_cal": of_cal,
            "loss": loss,
            "total": total,
            "grad_model_output": output.grad,
            "grad_cal": cal.grad,
        } | ({} if fixed else {"vb": parts["variance_bound"]})
        for name, ours in found.items():
            yield compare(f"{run}/{name}", ours, oracle[f"{run}/{name}"], rtol=1e-4, atol=1e-6)


def sampling(oracle: Oracle):
    source = oracle.sibling(oracle.document["weights_from"])
    network = medsegdiff_official(source.document["config"], source.weights, version="new")
    runs = dict.fromkeys(name.split("/")[0] for name in oracle.tensors)
    for run in runs:
        if run.startswith("noise_schedule"):
            yield from _schedule(oracle, run)
        elif run.startswith("ddpm"):
            yield from _ancestral(oracle, run, network)
        else:
            yield from _solved(oracle, run, network)


def _schedule(oracle: Oracle, run: str):
    schedule = Interpolated.guided(int(re.search(r"T(\d+)", run)[1]))
    times = oracle[f"{run}/t"].tolist()
    log_alpha = torch.stack([schedule.log_alpha(t) for t in times])
    signal = (2 * log_alpha).exp()
    found = {
        "log_alpha": log_alpha,
        "std": (1 - signal).sqrt(),
        "lambda": log_alpha - (1 - signal).log() / 2,
    }
    for name, ours in found.items():
        yield compare(f"{run}/{name}", ours, oracle[f"{run}/{name}"], rtol=1e-4, atol=1e-4)


class Recorded:
    """A network's predictions, and the calibration map of its last call."""

    def __init__(self, network):
        self.network, self.cal, self.output = network, None, None

    @torch.no_grad()
    def __call__(self, x, t):
        output = self.network(x, t)
        self.output, self.cal = output.split([output.shape[1] - 1, 1], dim=1)
        return self.output


def _ancestral(oracle: Oracle, run: str, network):
    """`diffusion_steps` redefines the chain and is walked whole."""
    length = int(re.match(r"ddpm_T(\d+)", run)[1])
    config = medsegdiff.Config(unet=network.config, learned_variance=True, train_steps=length)
    image, recorded = oracle[f"{run}/image"], Recorded(network)
    noise = StoredNoise(torch.cat([oracle[f"{run}/start_noise"][None], oracle[f"{run}/noises"]]))
    said = partial(denoise, config.schedule, recorded, image)
    times = config.schedule.times_at(list(range(length)))
    states = list(ddpm(said, config.schedule, noise.at(0), times, noise=noise, variance="learned"))
    for row, k in enumerate(oracle[f"{run}/x_steps"].tolist()):
        yield compare(f"{run}/x[{k}]", states[k].x_t, oracle[f"{run}/x"][row], atol=1e-3)
    yield compare(f"{run}/official_sample", states[-1].x_t, oracle[f"{run}/official_sample"], atol=1e-3)
    yield compare(f"{run}/cal", recorded.cal, oracle[f"{run}/cal"], atol=1e-4)
    joined = medsegdiff.calibrated(states[-1].x_t, recorded.cal)
    yield compare(f"{run}/cal_out", joined, oracle[f"{run}/cal_out"], atol=1e-3)


def _solved(oracle: Oracle, run: str, network):
    """Solver states, and what the official code returns in their stead."""
    words = re.match(r"dpm_T(\d+)(?:_steps(\d+))?", run)
    length, steps = int(words[1]), int(words[2] or words[1])
    schedule = Interpolated.guided(length)
    image, recorded, official = oracle[f"{run}/image"], Recorded(network), oracle[f"{run}/x"]

    def said(x_t: Tensor, t: float) -> Denoised:
        asked = torch.full((len(x_t),), (t - 1 / length) * 1000)
        output = recorded(torch.cat([image, x_t], 1), asked)
        signal = schedule.alpha_bar(t)
        x0 = x0_from("noise", output[:, :1], x_t, signal)
        return Denoised(_thresholded(x0), x_t, signal)

    times = torch.linspace(1, 1 / length, steps + 1, dtype=torch.float64).tolist()
    states = list(dpm_solver(said, schedule, oracle[f"{run}/start_noise"], times))
    for k, state in enumerate(states):
        yield compare(f"{run}/x[{k + 1}]", state.x_t, official[k + 1], atol=2e-3)
    # then it asks once more, at the last time, and returns that raw output
    returned = recorded(torch.cat([image, states[-1].x_t], 1), torch.zeros(len(image))).clone()
    yield compare(f"{run}/cal", recorded.cal, oracle[f"{run}/cal"], atol=1e-4)
    variance = returned[:, -1:]
    returned[:, -1:] = (variance - variance.mean()) / variance.std()
    yield compare(f"{run}/official_sample", returned, oracle[f"{run}/official_sample"], atol=2e-3)
    joined = (recorded.cal + returned[:, -1:] / 4).clamp(0, 1)  # the standardised variance, not the mask
    yield compare(f"{run}/cal_out", joined, oracle[f"{run}/cal_out"], atol=2e-3)


def _thresholded(x0: Tensor) -> Tensor:
    """Dynamic thresholding of x0 at its 0.995 quantile, at least 1 (Saharia et al. 2022, §2.3)."""
    bound = max(1.0, float(x0.abs().flatten().quantile(0.995)))
    return x0.clamp(-bound, bound) / bound


CASES = {"msd_losses": losses, "msd_sampling": sampling}
