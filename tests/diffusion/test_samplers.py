"""Samplers against closed forms."""

import pytest
import torch

from napari_diffseg.diffusion.ddim import ddim
from napari_diffseg.diffusion.ddpm import ddpm
from napari_diffseg.diffusion.noise import NoiseSource
from napari_diffseg.diffusion.schedule import LinearSchedule

SCHEDULE = LinearSchedule(1000)
SHAPE = (1, 40_000)


def unit_gaussian(x_t, t):
    """The exact denoiser when masks are standard normal: E[x0 | x_t] = √ᾱ x_t."""
    return SCHEDULE.alpha_bar(t).sqrt() * x_t


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_ddim_keeps_unit_variance_for_a_unit_gaussian_whatever_eta(eta):
    noise = NoiseSource(1, [0], SHAPE)
    states = list(ddim(unit_gaussian, SCHEDULE, noise.at(0), SCHEDULE.times(1000), noise=noise, eta=eta))
    assert states[-2].x_t.var() == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("variance", ["small", "large"])
def test_ddpm_keeps_unit_variance_for_a_unit_gaussian(variance):
    noise = NoiseSource(2, [0], SHAPE)
    times = SCHEDULE.times(1000)
    states = list(ddpm(unit_gaussian, SCHEDULE, noise.at(0), times, noise=noise, variance=variance))
    assert states[-2].x_t.var() == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("sampler", [ddpm, ddim])
def test_a_perfect_denoiser_is_the_answer_after_every_number_of_steps(sampler):
    mask = torch.randn(1, *SHAPE, generator=torch.Generator().manual_seed(0))
    for steps in (1, 2, 5):
        noise = NoiseSource(0, [0], SHAPE)
        states = list(sampler(lambda x_t, t: mask, SCHEDULE, noise.at(0), SCHEDULE.times(steps), noise=noise))
        assert [state.step for state in states] == list(range(1, steps + 1))
        torch.testing.assert_close(states[-1].x_t, mask)
        assert states[-1].t == 0


def test_gradients_stay_on_in_the_caller_between_two_steps():
    noise = NoiseSource(0, [0], (1, 4))
    for _ in ddim(unit_gaussian, SCHEDULE, noise.at(0), SCHEDULE.times(3), noise=noise):
        assert torch.is_grad_enabled()


def test_member_three_draws_the_same_noise_alone_and_among_others():
    alone = NoiseSource(7, [3], (2, 5)).at(4)[0]
    among = NoiseSource(7, range(8), (2, 5)).at(4)[3]
    assert torch.equal(alone, among)
    assert not torch.equal(alone, NoiseSource(8, [3], (2, 5)).at(4)[0])
    assert not torch.equal(alone, NoiseSource(7, [3], (2, 5)).at(5)[0])


def test_times_keep_both_ends_of_the_chain_and_end_clean():
    times = LinearSchedule(1001).times(5)
    assert [round(t * 1001) - 1 for t in times[:-1]] == [1000, 750, 500, 250, 0]
    assert times[-1] == 0
    assert len(LinearSchedule(1001).times(1)) == 2
