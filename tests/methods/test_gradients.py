"""Every parameter of the papers' networks is reached by its objective, but for those that cannot be."""

import re

import pytest
import torch
from methods_fixtures import draws_for, real_batch
from torch.nn import functional as F

from napari_diffseg.methods.method import Batch
from napari_diffseg.methods.registry import method, methods

# The papers' structure, level for level and with as many channels a group, in a size that a CPU trains in
# one place, so that attention has something to compare.
SMALLER = {
    "ensemdiff": ({"width": 16, "groups": 4}, 64),
    "patchddm": ({"dimensions": 2}, 128),
    "imgx": ({"widths": (8, 8, 16, 32, 64)}, 32),
    "imgx-unet": ({"widths": (8, 8, 16, 32, 64)}, 32),
    "medsegdiff": ({"width": 8, "groups": 4, "training_size": 64}, 64),
    "ambiguous": ({}, 32),
    "guided-unet": ({}, 32),
}

# What is added to every voxel of a channel is taken away by a norm with one channel a group. PatchDDM has
# such norms at full size (29 channels, 29 groups), the ambiguous models at their upper levels (32 channels,
# 32 groups). The time and the bias before such a norm can have no gradient (emb_layers.1, in_layers.2.bias),
# nor can the biases that reach nothing but such norms.
UNREACHABLE = {
    "patchddm": (
        r"(input_blocks\.[12]|output_blocks\.(16|17|18|19|20))\.0\.(in_layers\.2\.bias|emb_layers\.1\..*)"
        r"|output_blocks\.(18|19|20)\.0\.out_layers\.3\.bias|output_blocks\.17\.1\.conv\.bias"
    ),
    "ambiguous": (
        r"(input_blocks\.[134]|output_blocks\.(9|10|11|12|13))\.0\.(in_layers\.2\.bias|emb_layers\.1\..*)"
        r"|output_blocks\.13\.0\.(out_layers\.3|skip_connection)\.bias"
    ),
}
UNREACHABLE["guided-unet"] = UNREACHABLE["ambiguous"]  # the same network


@pytest.mark.parametrize("name", methods())
def test_ten_steps_reach_every_parameter_that_can_be_reached(name):
    module = method(name).load()
    changes, edge = SMALLER[name]
    config = module.Config()
    config = config.model_copy(update={"unet": config.unet.model_copy(update=changes)})
    batch = real_batch(config)
    size = (edge,) * config.unet.dimensions
    batch = Batch(*(F.interpolate(part[:1], size) for part in (batch.image, batch.mask)))
    torch.manual_seed(0)
    network = module.build(config, channels=1, classes=batch.mask.shape[1])
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    largest = dict.fromkeys(dict(network.named_parameters()), 0.0)
    for step in range(10):  # heads and the ends of blocks start at zero, so gradients go deeper step by step
        optimiser.zero_grad()
        module.loss(config, network, batch, draws_for(batch, step)).total.backward()
        for key, parameter in network.named_parameters():
            largest[key] = max(largest[key], float(parameter.grad.abs().max()))
        optimiser.step()
    unreachable = {key for key in largest if re.fullmatch(UNREACHABLE.get(name, "(?!)"), key)}
    assert all(value > 0 for key, value in largest.items() if key not in unreachable)
    rounding = 1e-6 * max(largest.values())
    assert all(largest[key] < rounding for key in unreachable)
