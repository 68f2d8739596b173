"""One step of the optimiser."""

import math

import pytest
import torch
from accelerate import Accelerator
from methods_fixtures import awake, real_batch, tiny_config

import napari_diffseg as nd
from napari_diffseg.methods import imgx
from napari_diffseg.training.config import TrainConfig
from napari_diffseg.training.loader import Share
from napari_diffseg.training.trainer import Trainer, learning_rate


def config(**changes):
    return TrainConfig(
        **{"steps": 10, "batch": 2, "learning_rate": 0.01, "warmup_steps": 0, "ema": 0.5} | changes
    )


def trainer_of(settings, **changes):
    torch.manual_seed(0)
    network = awake(imgx.build(settings, channels=1, classes=3))
    return Trainer(
        config(**changes), imgx, settings, network, Accelerator(cpu=True, mixed_precision="no")
    ), network


@pytest.fixture(scope="module")
def settings():
    return tiny_config("imgx", 3)


@pytest.fixture(scope="module")
def batch(settings):
    return real_batch(settings)


def copied(network):
    return {name: value.clone() for name, value in network.state_dict().items()}


def test_gradients_that_are_no_numbers_change_nothing_and_are_told(settings, batch):
    trainer, network = trainer_of(settings)
    trainer.step(1, iter([batch]), Share(2))
    before, average = copied(network), trainer.weights()
    next(network.parameters()).register_hook(lambda gradient: gradient * math.inf)
    with pytest.raises(nd.TrainingError, match=r"norm of the gradients became (nan|inf) at step 2"):
        trainer.step(2, iter([batch]), Share(2))
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(torch.equal(value, average[name]) for name, value in trainer.weights().items())


def test_the_moving_average_moves_by_its_decay(settings, batch):
    trainer, network = trainer_of(settings)
    trainer.step(1, iter([batch]), Share(2))
    first = copied(network)
    assert all(torch.equal(value, first[name]) for name, value in trainer.weights().items())
    trainer.step(2, iter([batch]), Share(2))
    for name, value in trainer.weights().items():
        assert torch.allclose(value, 0.5 * first[name] + 0.5 * network.state_dict()[name], atol=1e-6)


def test_without_an_average_the_weights_themselves_are_saved(settings, batch):
    trainer, network = trainer_of(settings, ema=None)
    trainer.step(1, iter([batch]), Share(2))
    assert all(torch.equal(value, network.state_dict()[name]) for name, value in trainer.weights().items())
    assert set(trainer.state(1, {}).tensors) == {"weights.safetensors", "optimiser.safetensors"}


def test_gradients_are_cut_to_their_norm_or_left(settings, batch):
    norms = []
    for limit in (1e-3, None):
        trainer, network = trainer_of(settings, gradient_norm=limit)
        trainer.step(1, iter([batch]), Share(2))
        norms.append(float(torch.stack([p.grad.norm() for p in network.parameters()]).norm()))
    assert norms[0] == pytest.approx(1e-3, rel=1e-3)
    assert norms[1] > 0.1


def test_a_restored_trainer_steps_as_the_one_it_was_taken_from(settings, batch):
    trainer, network = trainer_of(settings)
    trainer.step(1, iter([batch]), Share(2))
    state = trainer.state(1, {})
    trainer.step(2, iter([batch]), Share(2))
    other, copy = trainer_of(settings)
    other.restore(state)
    other.step(2, iter([batch]), Share(2))
    assert all(torch.equal(value, copy.state_dict()[name]) for name, value in network.state_dict().items())
    assert all(torch.equal(value, other.weights()[name]) for name, value in trainer.weights().items())


def test_the_rate_warms_up_and_falls_to_zero():
    run = config(steps=100, warmup_steps=10, learning_rate=1e-3)
    assert learning_rate(run, 1) == pytest.approx(1e-4)
    assert learning_rate(run, 10) == pytest.approx(1e-3)
    assert learning_rate(run, 55) == pytest.approx(5e-4, rel=0.02)
    assert learning_rate(run, 100) == pytest.approx(0, abs=1e-12)


def test_the_rate_stays_until_the_decay_begins():
    run = config(steps=100, warmup_steps=10, decay_steps=20, learning_rate=1e-3)
    assert learning_rate(run, 80) == pytest.approx(1e-3)
    assert learning_rate(run, 90) == pytest.approx(5e-4)
    assert learning_rate(config(steps=100, warmup_steps=0, decay_steps=0, learning_rate=1e-3), 99) == 1e-3
