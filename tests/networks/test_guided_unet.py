"""The U-Net of EnsemDiff, PatchDDM and Ambiguous, tiny, on slices and on volumes.

That its numbers are the official ones is held by tests/parity.
"""

import re

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from napari_diffseg.networks.guided_blocks import group_norm
from napari_diffseg.networks.guided_unet import GuidedUNet, GuidedUNetConfig

# An added time is a constant a channel, and so is a bias: a norm with one channel a group removes both.
# PatchDDM (groups = width) and Ambiguous (32 channels, 32 groups) have such norms at full size, here as in
# their papers.
WITHOUT_GRADIENT = {
    "ensemdiff": None,
    "patchddm": (
        r"(input_blocks\.[12]|output_blocks\.[4-8])\.0\.(in_layers\.2\.bias|emb_layers\.1\..*)"
        r"|output_blocks\.[678]\.0\.out_layers\.3\.bias|output_blocks\.5\.1\.conv\.bias"
    ),
    "ambiguous": (
        r"(input_blocks\.1|output_blocks\.[34])\.0\.(in_layers\.2\.bias|emb_layers\.1\..*)"
        r"|output_blocks\.4\.0\.(out_layers\.3|skip_connection)\.bias"
    ),
}
CONFIGS = {
    "ensemdiff": {"width": 8, "multipliers": (1, 2), "blocks": 1, "attention_at": (2,), "groups": 4},
    "patchddm": {
        "width": 5, "multipliers": (1, 3, 4), "attention_at": (), "middle_attention": False,
        "skips": "averaged", "groups": 5,
    },
    "ambiguous": {
        "width": 32, "multipliers": (1, 2), "blocks": (1, 2), "attention_at": (2,), "middle_blocks": 3,
        "heads": 4, "groups": None, "longest_period": 10.0,
    },
}  # fmt: skip
LATE = {"ensemdiff": (999.0, 998.0), "patchddm": (999.0, 998.0), "ambiguous": (1.0, 0.999)}


@pytest.fixture(params=[2, 3])
def dimensions(request):
    return request.param


@pytest.fixture(params=CONFIGS)
def family(request):
    return request.param


@pytest.fixture
def fresh(dimensions, family):
    torch.manual_seed(0)
    return GuidedUNet(GuidedUNetConfig(dimensions=dimensions, **CONFIGS[family]), inputs=3, outputs=2)


@pytest.fixture
def awake(fresh):
    """As after some training: what began as zero no longer is."""
    for parameter in fresh.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, std=0.1)
    return fresh


@pytest.fixture
def x(fresh, dimensions):
    sizes = [fresh.config.divisor * times for times in (3, 2, 4)]
    return torch.randn(2, 3, *sizes[:dimensions], generator=torch.Generator().manual_seed(1))


def test_output_has_the_size_of_any_input_that_halves(awake, x):
    y = awake(x, torch.tensor([0.0, 0.5]))
    assert y.shape == (2, 2, *x.shape[2:])
    assert y.std() > 0.01


def test_an_untrained_network_says_zero_everywhere(fresh, x):
    assert not fresh(x, torch.tensor([0.0, 0.5])).any()


def test_averaged_skips_never_widen_a_block_beyond_its_level(fresh, family):
    config = fresh.config
    entering = [entry[0].in_layers[0].num_channels for entry in fresh.output_blocks]
    skips = [config.width]
    for level, (width, blocks) in enumerate(zip(config.widths, config.blocks_at, strict=True)):
        skips += [width] * (blocks + (level < len(config.widths) - 1))
    averaged = family == "patchddm"
    assert (entering == skips[::-1]) is averaged
    assert (max(entering) == max(config.widths)) is averaged


@pytest.mark.parametrize("bf16", [False, True])
def test_neighbouring_late_steps_of_a_thousand_are_told_apart(awake, x, family, bf16):
    t, s = (torch.full((2,), number) for number in LATE[family])
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16), torch.no_grad():
        at_t, at_s = awake(x, t), awake(x, s)
        assert awake.time_embed(t).dtype == torch.float32
    assert at_t.dtype == (torch.bfloat16 if bf16 else torch.float32)
    assert not torch.equal(at_t, at_s)


def test_bf16_stays_within_its_rounding_of_float32(awake, x):
    t = torch.tensor([0.0, 0.5])
    with torch.no_grad():
        exact = awake(x, t)
        with torch.autocast("cpu", torch.bfloat16):
            rounded = awake(x, t).float()
    assert (rounded - exact).square().mean().sqrt() < 0.02 * exact.std()


def test_gradient_reaches_every_parameter_but_those_a_norm_undoes(awake, x, family):
    awake.double()
    y = awake(x.double(), torch.tensor([0.3, 0.9], dtype=torch.float64))
    (y * torch.linspace(-1, 1, y.numel(), dtype=torch.float64).reshape(y.shape)).sum().backward()
    idle = {name for name, parameter in awake.named_parameters() if parameter.grad.norm() < 1e-9}
    expected = WITHOUT_GRADIENT[family] or "(?!)"
    assert idle == {name for name, _ in awake.named_parameters() if re.fullmatch(expected, name)}


def test_the_third_step_of_training_reaches_every_parameter(fresh, x):
    optimiser = torch.optim.Adam(fresh.parameters(), lr=1e-3)
    target = torch.randn(2, 2, *x.shape[2:], generator=torch.Generator().manual_seed(2))
    for _ in range(3):  # the head wakes first, then the last convolution of each block, then all else
        optimiser.zero_grad()
        (fresh(x, torch.tensor([0.3, 0.9])) - target).square().mean().backward()
        optimiser.step()
    assert all(parameter.grad.any() for parameter in fresh.parameters())


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"blocks": (1,) * 7}, "one for each"),
        ({"attention_at": (3,)}, "Name some of those"),
        ({"groups": 3}, "Change groups"),
        ({"heads": 3}, "Change heads"),
        ({"head_channels": 5}, "Change heads"),
        ({"width": 100_000}, "less than or equal to"),
        ({"twists": 1}, "Extra inputs"),
    ],
)
def test_a_shape_that_cannot_be_built_is_refused_with_advice(change, sentence):
    with pytest.raises(ValidationError, match=sentence):
        GuidedUNetConfig.model_validate(CONFIGS["ensemdiff"] | change)


def test_a_shape_comes_back_from_json_unchanged(dimensions, family):
    config = GuidedUNetConfig(dimensions=dimensions, **CONFIGS[family])
    assert GuidedUNetConfig.model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize("parameters", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("mean", [0.0, 300.0])
def test_a_group_norm_of_narrow_values_is_that_of_wide_ones_rounded(mean, parameters):
    generator = torch.Generator().manual_seed(0)
    x = (torch.randn(2, 8, 16, 16, 16, generator=generator) * 10 + mean).bfloat16()
    norm = group_norm(8, 4)
    torch.nn.init.normal_(norm.weight, 1.0, 0.2, generator=generator)
    norm = norm.to(parameters)
    wide = torch.nn.functional.group_norm(x.double(), 4, norm.weight.double(), norm.bias.double(), 1e-5)
    found = norm(x)
    assert found.dtype == torch.bfloat16
    assert (found == wide.bfloat16()).float().mean() > 0.999
