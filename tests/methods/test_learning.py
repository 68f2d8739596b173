"""Every method learns and samples, in 2D and 3D, binary and multi-class, with any number of channels."""

import pytest
import torch
from methods_fixtures import draws_for, real_batch

from napari_diffseg.diffusion.noise import NoiseSource
from napari_diffseg.methods.method import COORDINATES
from napari_diffseg.results.options import SamplingOptions


def network_for(module, config, batch):
    torch.manual_seed(0)
    channels = batch.image.shape[1] - (COORDINATES if config.coordinates else 0)
    return module.build(config, channels=channels, classes=batch.mask.shape[1])


def fixed_loss(module, config, network, batch):
    """The same times and noises at every call."""
    return module.loss(config, network, batch, draws_for(batch, 3)).total


@pytest.mark.parametrize("data", ["hippocampus", "ms"])
def test_the_loss_at_fixed_times_and_noise_falls_by_half(tiny, data):
    module, config = tiny
    batch = real_batch(config, data=data)
    network = network_for(module, config, batch)
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3)
    first = float(fixed_loss(module, config, network, batch).detach())
    for _ in range(150):
        loss = fixed_loss(module, config, network, batch)
        if float(loss.detach()) < first / 2:
            return
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    pytest.fail(f"from {first} to {float(loss.detach())} in 150 steps")


@pytest.mark.parametrize("sampler", [None, "ddpm", "ddim", "heun", "dpm-solver++"])
def test_every_sampler_ends_with_probabilities_of_the_classes(tiny, sampler):
    module, config = tiny
    batch = real_batch(config)
    network = network_for(module, config, batch).eval()
    classes = batch.mask.shape[1]
    noise = NoiseSource(0, range(2), (config.mask_channels(classes), *batch.mask.shape[2:]))
    states = list(
        module.sample(config, network, batch.image, noise, SamplingOptions(steps=3, sampler=sampler))
    )
    soft = module.probabilities(config, states[-1].x0)
    assert states[-1].step == states[-1].steps
    assert soft.shape == (2, classes - 1, *batch.mask.shape[2:])
    assert soft.min() >= 0
    assert soft.sum(1).max() <= 1 + 1e-6


def test_two_members_of_a_diffusion_differ_and_the_same_member_repeats(tiny):
    module, config = tiny
    if not hasattr(config, "steps"):
        return  # without diffusion there is one member
    batch = real_batch(config)
    network = network_for(module, config, batch)
    torch.nn.init.normal_(list(network.parameters())[-2], std=0.1)  # heads start at zero in most papers
    image = batch.image[:1].expand(2, *batch.image.shape[1:])
    shape = (config.mask_channels(batch.mask.shape[1]), *batch.mask.shape[2:])

    def drawn(members):
        noise = NoiseSource(0, members, shape)
        *_, last = module.sample(
            config, network.eval(), image[: len(members)], noise, SamplingOptions(steps=3)
        )
        return last.x0

    both = drawn([0, 1])
    assert not torch.allclose(both[0], both[1], atol=1e-4)
    # the noisiest step multiplies the network's rounding by up to 157
    torch.testing.assert_close(drawn([1])[0], both[1], atol=2e-3, rtol=1e-3)


def test_presets_are_valid_and_the_first_is_the_default(tiny):
    module, _ = tiny
    assert next(iter(module.PRESETS)) == "paper"
    assert module.PRESETS["paper"] == module.Config()
    for preset in module.PRESETS.values():
        assert module.Config.model_validate(preset.model_dump(mode="json")) == preset
