"""Noise schedules, respacing, targets and weightings."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import napari_diffseg as nd
from napari_diffseg.diffusion.continuous import ContinuousSchedule
from napari_diffseg.diffusion.discrete import DiscreteSchedule
from napari_diffseg.diffusion.forward import noised
from napari_diffseg.diffusion.respacing import spread, strided
from napari_diffseg.diffusion.schedule import log_snr
from napari_diffseg.diffusion.target import noise_from, v_from, x0_from
from napari_diffseg.diffusion.weighting import weight

KINDS = ["linear", "cosine", "sigmoid"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("made", [lambda kind: DiscreteSchedule(1000, kind), ContinuousSchedule])
def test_signal_falls_from_nearly_all_to_nearly_none(kind, made):
    schedule = made(kind)
    kept = schedule.alpha_bars(torch.linspace(0, 1, 101, dtype=torch.float64))
    assert (kept[1:] < kept[:-1]).all()
    assert kept[0] > 1 - 1e-8
    assert kept[-1] < 1e-4
    assert schedule.alpha_bar(0.5) == kept[50]


@pytest.mark.parametrize("scale", [0.1, 0.3, 2.0])
@pytest.mark.parametrize("t", [0.1, 0.5, 0.9])
def test_input_scale_shifts_the_log_ratio_by_twice_its_logarithm(scale, t):
    plain, scaled = ContinuousSchedule(), ContinuousSchedule(input_scale=scale)
    shift = log_snr(scaled.alpha_bar(t)) - log_snr(plain.alpha_bar(t))
    assert float(shift) == pytest.approx(2 * math.log(scale), abs=1e-4)


def test_the_slope_of_the_log_ratio_is_its_difference_quotient():
    schedule, t, step = (
        ContinuousSchedule(input_scale=0.1),
        torch.tensor([0.2, 0.7], dtype=torch.float64),
        1e-5,
    )
    ahead, behind = (log_snr(schedule.alpha_bars(t + d)) for d in (step, -step))
    torch.testing.assert_close(schedule.log_snr_slope(t), (ahead - behind) / (2 * step), rtol=1e-6, atol=0)


def test_five_steps_of_1001_are_the_indices_of_the_paper():
    times = DiscreteSchedule(1001).times(5)
    assert [round(t * 1001) - 1 for t in times[:-1]] == [1000, 750, 500, 250, 0]
    assert times[-1] == 0


def test_one_step_is_a_single_call_at_the_noisy_end():
    assert DiscreteSchedule(1001).times(1) == [1.0, 0.0]
    assert ContinuousSchedule().times(1) == [1.0, 0.0]


@given(st.integers(2, 60), st.integers(60, 4000))
def test_a_spread_keeps_both_ends_and_as_many_indices_as_wanted(steps, train_steps):
    kept = spread(train_steps, steps)
    assert (kept[0], kept[-1], len(set(kept))) == (0, train_steps - 1, steps)


def test_sections_are_spread_one_by_one():
    assert spread(10, 2, 3) == [0, 4, 5, 7, 9]


def test_a_stride_leaves_the_noisy_end_out():
    assert strided(1000, 20)[-1] == 950


@pytest.mark.parametrize("wrong", [lambda: spread(10, 11), lambda: strided(10, 7)])
def test_steps_that_the_chain_does_not_have_are_refused_in_a_sentence(wrong):
    with pytest.raises(nd.SettingsError, match=r"[Ss]teps"):
        wrong()


@pytest.mark.parametrize("target", ["x0", "noise", "v"])
def test_every_target_gives_back_the_mask_and_the_noise(target):
    generator = torch.Generator().manual_seed(0)
    x0, noise = torch.randn(2, 3, 2, 4, 5, dtype=torch.float64, generator=generator)
    alpha_bar = torch.tensor([0.9, 0.2, 0.01], dtype=torch.float64)
    x_t = noised(x0, noise, alpha_bar)
    output = {"x0": x0, "noise": noise, "v": v_from(x0, noise, alpha_bar)}[target]
    found = x0_from(target, output, x_t, alpha_bar)
    torch.testing.assert_close(found, x0)
    torch.testing.assert_close(noise_from(found, x_t, alpha_bar), noise)


def test_snr_weights_turn_the_error_of_x0_into_that_of_noise_and_v():
    alpha_bar = torch.tensor([0.7], dtype=torch.float64)
    x0, noise, wrong = torch.randn(
        3, 1, 1, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1)
    )
    x_t = noised(x0, noise, alpha_bar)
    wrong_noise = noise_from(wrong, x_t, alpha_bar)
    error = (wrong - x0) ** 2
    snr = log_snr(alpha_bar)
    torch.testing.assert_close(weight("snr", snr) * error, (wrong_noise - noise) ** 2)
    v, wrong_v = v_from(x0, noise, alpha_bar), v_from(wrong, wrong_noise, alpha_bar)
    torch.testing.assert_close(weight("snr+1", snr) * error, (wrong_v - v) ** 2)
    assert weight("truncated-snr", torch.tensor([-3.0, 3.0], dtype=torch.float64)).tolist() == pytest.approx(
        [1, math.exp(3)]
    )
    assert weight("uniform", snr).tolist() == [1]
    assert weight("sigmoid", torch.tensor([-6.0], dtype=torch.float64), bias=-6.0).tolist() == [0.5]
