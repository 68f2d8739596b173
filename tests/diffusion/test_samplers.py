"""Samplers against closed forms."""

import pytest
import torch

from napari_diffseg.diffusion.continuous import ContinuousSchedule
from napari_diffseg.diffusion.discrete import DiscreteSchedule
from napari_diffseg.diffusion.noise import NoiseSource
from napari_diffseg.diffusion.sampler import draw
from napari_diffseg.diffusion.target import denoised

SHAPE = (1, 20_000)
SCHEDULES = {
    "linear chain": DiscreteSchedule(1000),
    "cosine chain": DiscreteSchedule(1000, "cosine"),
    "sigmoid chain": DiscreteSchedule(1000, "sigmoid"),
}


class Dense(ContinuousSchedule):
    """Times that lie closer at the clean end, where an even grid has most of its step error."""

    def times(self, steps):
        return [(step / steps) ** 2 for step in range(steps, -1, -1)]


def gaussian(schedule, std=1.0, *, spread=None):
    """The exact denoiser when masks are normal: E[x0 | x_t] = √ᾱ std² x_t / (ᾱ std² + 1 − ᾱ)."""

    def denoise(x_t, t):
        alpha_bar = schedule.alpha_bar(t)
        share = alpha_bar.sqrt() * std**2 / (alpha_bar * std**2 + 1 - alpha_bar)
        said = None if spread is None else torch.full_like(x_t, spread)
        return denoised("x0", share * x_t, x_t, alpha_bar, spread=said)

    return denoise


def last_ratio(schedule, sampler, steps, *, std=1.0, spread=None, **options):
    """Variance before the last step over what it should be, ᾱ std² + 1 − ᾱ."""
    noise = NoiseSource(1, [0], SHAPE)
    denoise = gaussian(schedule, std, spread=spread)
    states = list(draw(sampler, denoise, schedule, steps, noise=noise, **options))
    last = [state for state in states if state.t > 0][-1]
    alpha_bar = float(schedule.alpha_bar(last.t))
    return float(last.x_t.var()) / (alpha_bar * std**2 + 1 - alpha_bar) / float(noise.at(0).var())


SCHEDULES |= {
    "cosine": Dense("cosine"),
    "cosine scaled by 0.1": Dense("cosine", input_scale=0.1),
    "linear": Dense("linear"),
    "sigmoid": Dense("sigmoid"),
}


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)
@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_ddim_keeps_unit_variance_for_a_unit_gaussian_whatever_eta(schedule, eta):
    assert last_ratio(schedule, "ddim", 1000, eta=eta) == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)
@pytest.mark.parametrize("variance", ["small", "large"])
def test_ddpm_keeps_unit_variance_for_a_unit_gaussian(schedule, variance):
    assert last_ratio(schedule, "ddpm", 1000, variance=variance) == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("spread", [-1.0, 0.0, 1.0])
def test_ddpm_keeps_unit_variance_with_any_learned_variance(spread):
    found = last_ratio(SCHEDULES["linear chain"], "ddpm", 1000, variance="learned", spread=spread)
    assert found == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)
@pytest.mark.parametrize("sampler", ["heun", "dpm-solver++"])
@pytest.mark.parametrize("std", [0.5, 1.0])
def test_a_second_order_sampler_keeps_the_variance_of_a_gaussian(schedule, sampler, std):
    assert last_ratio(schedule, sampler, 201, std=std) == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("sampler", ["heun", "dpm-solver++"])
def test_a_second_order_sampler_is_nearer_than_ddim_with_as_many_calls(sampler):
    schedule = ContinuousSchedule("cosine")
    first_order = abs(1 - last_ratio(schedule, "ddim", 41, std=0.5))
    assert abs(1 - last_ratio(schedule, sampler, 41, std=0.5)) < first_order / 2


@pytest.mark.parametrize("sampler", ["ddpm", "ddim", "heun", "dpm-solver++"])
def test_a_perfect_denoiser_is_the_answer_after_every_number_of_steps(sampler):
    schedule = SCHEDULES["linear chain"]
    mask = torch.randn(1, *SHAPE, generator=torch.Generator().manual_seed(0))

    def perfect(x_t, t):
        return denoised("x0", mask, x_t, schedule.alpha_bar(t))

    for steps in (1, 3, 5):
        noise = NoiseSource(0, [0], SHAPE)
        states = list(draw(sampler, perfect, schedule, steps, noise=noise))
        assert [state.step for state in states] == list(range(1, steps + 1))
        torch.testing.assert_close(states[-1].x_t, mask, atol=2e-4, rtol=0)
        assert states[-1].t == 0


def test_gradients_stay_on_in_the_caller_between_two_steps():
    noise, schedule = NoiseSource(0, [0], (1, 4)), SCHEDULES["linear chain"]
    for sampler in ("ddpm", "ddim", "heun", "dpm-solver++"):
        for _ in draw(sampler, gaussian(schedule), schedule, 3, noise=noise):
            assert torch.is_grad_enabled()


def test_member_three_draws_the_same_noise_alone_and_among_others():
    alone = NoiseSource(7, [3], (2, 5)).at(4)[0]
    among = NoiseSource(7, range(8), (2, 5)).at(4)[3]
    assert torch.equal(alone, among)
    assert not torch.equal(alone, NoiseSource(8, [3], (2, 5)).at(4)[0])
    assert not torch.equal(alone, NoiseSource(7, [3], (2, 5)).at(5)[0])
