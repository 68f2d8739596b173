"""The samplers by name."""

from __future__ import annotations

from collections.abc import Iterator

from napari_diffseg.diffusion.ddim import ddim
from napari_diffseg.diffusion.ddpm import Variance, ddpm
from napari_diffseg.diffusion.dpm_solver import dpm_solver
from napari_diffseg.diffusion.heun import heun
from napari_diffseg.diffusion.noise import NoiseSource
from napari_diffseg.diffusion.schedule import Schedule
from napari_diffseg.diffusion.state import Denoise, State
from napari_diffseg.results.options import Sampler


def draw(
    sampler: Sampler,
    denoise: Denoise,
    schedule: Schedule,
    steps: int,
    *,
    noise: NoiseSource,
    variance: Variance = "small",
    eta: float = 0.0,
) -> Iterator[State]:
    """One State a network call, from noise to mask.

    Args:
        sampler: which one.
        denoise: the network.
        schedule: how much signal each time keeps.
        steps: network calls; Heun makes an odd number of them, one fewer where `steps` is even.
        noise: of the start and of every step.
        variance: of a DDPM step.
        eta: of DDIM.
    """
    start = noise.at(0)
    if sampler == "heun":
        yield from heun(denoise, schedule, start, schedule.times((steps + 1) // 2))
        return
    times = schedule.times(steps)
    if sampler == "ddpm":
        yield from ddpm(denoise, schedule, start, times, noise=noise, variance=variance)
    elif sampler == "ddim":
        yield from ddim(denoise, schedule, start, times, noise=noise, eta=eta)
    else:
        yield from dpm_solver(denoise, schedule, start, times)
