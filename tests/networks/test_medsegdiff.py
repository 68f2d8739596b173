"""MedSegDiff: the FF-Parser, the paper's network, and the two released ones."""

import math

import pytest
import torch
from pydantic import ValidationError
from torch.nn import functional as F

from napari_diffseg.networks.ff_parser import FFParser
from napari_diffseg.networks.medsegdiff_official import MedSegDiffOfficial, MedSegDiffOfficialConfig
from napari_diffseg.networks.medsegdiff_unet import MedSegDiffUNet, MedSegDiffUNetConfig, attended

SIZES = [(16, 16), (12, 20), (15, 9), (8, 8, 8), (6, 9, 12)]
CONDITIONINGS = ["none", "dynamic", "dynamic+ff-parser"]


@pytest.fixture(autouse=True)
def same_start():
    torch.manual_seed(0)


def config(dimensions: int, **changes) -> MedSegDiffUNetConfig:
    tiny = {"width": 4, "multipliers": (1, 2, 2, 3), "blocks": (1, 2), "attention_at": (8,), "groups": 2}
    return MedSegDiffUNetConfig(dimensions=dimensions, training_size=16, **tiny | changes)


def network(dimensions: int, **changes) -> MedSegDiffUNet:
    return MedSegDiffUNet(config(dimensions, **changes), channels=2, mask_channels=3, outputs=3)


def one_voxel_further(size):
    """A filter that moves by one voxel along each axis, as an FF-Parser's map for `size`."""
    full = [torch.fft.fftfreq(n, dtype=torch.float64) for n in size[:-1]]
    half = torch.fft.rfftfreq(size[-1], dtype=torch.float64)
    angles = -2 * math.pi * sum(torch.meshgrid(*full, half, indexing="ij"))
    return torch.polar(torch.ones_like(angles), angles)


def parser_of(response, channels, size):
    parser = FFParser(channels, size)
    weight = torch.view_as_real(response).float()
    parser.load_state_dict({"complex_weight": weight.expand(channels, *weight.shape)})
    return parser


@pytest.mark.parametrize("size", SIZES)
def test_a_new_ff_parser_passes_everything_at_any_size(size):
    parser = FFParser(3, (16,) * len(size))
    x = torch.randn(2, 3, *size)
    torch.testing.assert_close(parser(x), x)


@pytest.mark.parametrize("size", [(9, 9), (15, 15), (7, 9, 15)])
def test_a_map_that_moves_by_one_voxel_moves_features_by_one_voxel(size):
    x = torch.randn(2, 3, *size)
    axes = tuple(range(2, x.ndim))
    moved = x.roll((1,) * len(axes), axes)
    torch.testing.assert_close(parser_of(one_voxel_further(size), 3, size)(x), moved, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("size", [(32, 32), (31, 31), (16, 16, 32)])
def test_at_the_training_size_the_map_is_the_learned_one_exactly(size):
    parser = parser_of(one_voxel_further(size), 2, size)
    assert torch.equal(torch.view_as_real(parser.map_at(size)), parser.complex_weight)


@pytest.mark.parametrize(
    ("trained", "size"),
    [
        ((32, 32), (48, 40)),
        ((32, 32), (24, 33)),
        ((33, 33), (32, 50)),
        ((32, 32, 32), (40, 24, 30)),
    ],
)
def test_at_another_size_the_map_keeps_its_value_at_each_physical_frequency(trained, size):
    found = parser_of(one_voxel_further(trained), 1, trained).map_at(size)[0]
    difference = (found - one_voxel_further(size)).abs()
    # A straight line between points 1/32 cycle apart misses a circle by (2π/32)²/8, on each axis.
    interpolation = len(size) * (2 * math.pi / 32) ** 2 / 8
    ends_below_nyquist = trained[-1] % 2 == 1  # of an odd size, where the last value is held
    assert difference[..., : -1 if ends_below_nyquist else None].max() < interpolation
    assert difference.max() < interpolation + ends_below_nyquist * math.pi / trained[-1]


def test_a_blur_learned_at_one_size_is_the_same_blur_at_another():
    frequencies = torch.meshgrid(torch.fft.fftfreq(64), torch.fft.rfftfreq(64), indexing="ij")
    response = math.prod(
        0.5 + 0.5 * (2 * math.pi * f).cos() for f in frequencies
    )  # of the taps 1/4, 1/2, 1/4
    x = torch.randn(1, 1, 48, 80)
    taps = torch.tensor([0.25, 0.5, 0.25])
    blurred = F.conv2d(F.pad(x, (1, 1, 1, 1), mode="circular"), torch.outer(taps, taps)[None, None])
    parser = parser_of(response.to(torch.complex64), 1, (64, 64))
    torch.testing.assert_close(parser(x), blurred, rtol=0, atol=0.01)


@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("edge", [16, 24])
def test_the_ff_parser_runs_under_bf16_and_learns_there(dimensions, edge):
    parser = FFParser(2, (16,) * dimensions)
    x = torch.randn(1, 2, *(edge,) * dimensions, dtype=torch.bfloat16)
    with torch.autocast("cpu", torch.bfloat16):
        y = parser(x)
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(y, x)
    y.float().square().sum().backward()
    assert parser.complex_weight.grad.isfinite().all()
    assert parser.complex_weight.grad.any()


def test_image_features_grow_where_both_encoders_see_the_same():
    agreeing = torch.tensor([[[[1.0, -1.0], [1.0, -1.0]]]])
    torch.testing.assert_close(attended(agreeing, agreeing), agreeing)
    torch.testing.assert_close(attended(agreeing, -agreeing), -agreeing)
    half = torch.tensor([[[[2.0, -2.0], [0.0, 0.0]]]])  # its norm multiplies by 1/√2
    torch.testing.assert_close(attended(2 * agreeing, half), 2 * half * math.sqrt(0.5))


@pytest.mark.parametrize("conditioning", CONDITIONINGS)
@pytest.mark.parametrize("dimensions", [2, 3])
def test_the_network_takes_other_sizes_than_its_training_size(dimensions, conditioning):
    net = network(dimensions, conditioning=conditioning)
    for size in (16, 24):
        shape = (2, 5, size, *(8,) * (dimensions - 1))
        assert net(torch.randn(shape), torch.tensor([3.0, 999.0])).shape == (2, 3, *shape[2:])


@pytest.mark.parametrize("conditioning", CONDITIONINGS)
@pytest.mark.parametrize("dimensions", [2, 3])
def test_a_gradient_reaches_every_parameter_within_a_few_steps(dimensions, conditioning):
    net = network(dimensions, conditioning=conditioning)
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-2)
    x, target = torch.randn(2, 5, *(8,) * dimensions), torch.randn(2, 3, *(8,) * dimensions)
    without = {name for name, _ in net.named_parameters()}
    for _ in range(
        5
    ):  # the last convolutions of blocks and the head start at zero and hold back what is before
        optimiser.zero_grad()
        F.mse_loss(net(x, torch.tensor([10.0, 700.0])), target).backward()
        optimiser.step()
        without -= {name for name, parameter in net.named_parameters() if parameter.grad.any()}
    assert not without


@pytest.mark.parametrize("dimensions", [2, 3])
def test_ablations_have_no_frequency_maps_and_otherwise_the_same_parameters(dimensions):
    full, dynamic, none = (
        {name: p.shape for name, p in network(dimensions, conditioning=c).named_parameters()}
        for c in reversed(CONDITIONINGS)
    )
    maps = {name for name in full if name.endswith("complex_weight")}
    assert len(maps) == 2
    assert dynamic == none == {name: shape for name, shape in full.items() if name not in maps}


@pytest.mark.parametrize("dimensions", [2, 3])
def test_a_new_network_with_ff_parser_answers_as_the_one_without(dimensions):
    full, dynamic, none = (network(dimensions, conditioning=c).eval() for c in reversed(CONDITIONINGS))
    for parameter in full.parameters():
        if not parameter.any():  # the convolutions that start at zero would hide all differences
            torch.nn.init.normal_(parameter, std=0.1)
    for other in (dynamic, none):
        other.load_state_dict({k: v for k, v in full.state_dict().items() if "complex_weight" not in k})
    x, t = torch.randn(1, 5, *(16,) * dimensions), torch.tensor([500.0])
    torch.testing.assert_close(full(x, t), dynamic(x, t), rtol=1e-3, atol=1e-4)
    assert (full(x, t) - none(x, t)).abs().max() > 0.01


@pytest.mark.parametrize("dimensions", [2, 3])
def test_the_network_under_bf16_gives_nearly_what_it_gives_in_float32(dimensions):
    net = network(dimensions).eval()
    torch.nn.init.normal_(net.out[2].weight)
    x, t = torch.randn(1, 5, *(16,) * dimensions), torch.tensor([999.0])
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        low = net(x, t)
    assert (low - net(x, t)).abs().mean() < 0.03 * net(x, t).std()


@pytest.mark.parametrize("make", [lambda: network(2), lambda: network(3), lambda: released("v1")])
def test_a_network_without_data_in_bf16_measures_memory(make):
    with torch.device("meta"):
        net = make().to(torch.bfloat16).eval()
        channels = net.channels + net.mask_channels
        x = torch.empty(1, channels, *(32,) * net.config.dimensions, dtype=torch.bfloat16)
        assert net(x, torch.empty(1)).dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("halvings", "millions", "fused"),
    [(4, 13, (1, 2)), (5, 25, (2, 3)), (6, 41, (2, 3))],
    ids=["S", "B", "L"],
)
def test_variants_have_about_the_papers_parameters_at_width_64(halvings, millions, fused):
    shape = MedSegDiffUNetConfig(multipliers=(1, 1, 2, 2, 4, 4, 4)[: halvings + 1])
    with torch.device("meta"):
        net = MedSegDiffUNet(shape, channels=3, mask_channels=1, outputs=1)
    assert sum(p.numel() for p in net.parameters()) == pytest.approx(millions * 1e6, rel=0.25)
    assert shape.fused_stages == fused
    assert shape.divisor == 2**halvings


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"attention_at": (3,)}, "Name some of those, or none"),
        ({"groups": 3}, "3 groups do not divide 4 channels"),
        ({"heads": 5}, "5 heads do not divide 12 channels"),
        ({"multipliers": (1, 1, 1, 1, 1, 1)}, "training_size is 16, which is no multiple of 32"),
    ],
)
def test_a_shape_that_does_not_fit_together_is_refused_in_a_sentence(changes, sentence):
    with pytest.raises(ValidationError, match=sentence):
        config(2, **changes)


def released(version: str, **changes) -> MedSegDiffOfficial:
    tiny = {"width": 8, "multipliers": (1,) * 6, "blocks": 1, "attention_at": (), "groups": 2}
    shape = MedSegDiffOfficialConfig(version=version, training_size=64, **tiny | changes)
    return MedSegDiffOfficial(shape, channels=2, mask_channels=1, outputs=2)


@pytest.mark.parametrize("version", ["new", "v1"])
def test_a_released_network_gives_its_calibration_map_as_last_channel(version):
    net = released(version).eval()
    for size in (64, 96):
        with torch.no_grad():
            out = net(torch.randn(1, 3, size, 64), torch.tensor([5.0]))
        prediction, calibration = out.split((2, 1), dim=1)
        assert prediction.shape == (1, 2, size, 64)
        assert not prediction.any()  # the head starts at zero
        assert 0 < calibration.min() < calibration.max() < 1


def test_version_1_has_the_random_projection_only_when_asked():
    plain, projecting = released("v1"), released("v1", projection=True)
    extra = set(projecting.state_dict()) - set(plain.state_dict())
    assert extra == {"hwm.random_projection.weight", "hwm.random_projection.bias"}


@pytest.mark.parametrize(
    ("version", "reached"), [("new", False), ("v1", False), ("v1 with projection", True)]
)
def test_the_noise_loss_trains_the_highway_only_through_the_projection(version, reached):
    net = released(version.split()[0], projection="projection" in version)
    for module in net.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight)
    prediction, _ = net(torch.randn(2, 3, 64, 64), torch.tensor([5.0, 900.0])).split((2, 1), dim=1)
    prediction.square().sum().backward()
    gradients = [parameter.grad for parameter in net.hwm.parameters()]
    assert any(gradient is not None and bool(gradient.any()) for gradient in gradients) == reached


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"version": "v1", "multipliers": (1, 2)}, "Name at least 5"),
        ({"projection": True}, "projection is for version v1"),
        ({"width": 34, "groups": 2}, "Choose a multiple of 4"),
    ],
)
def test_a_released_shape_without_a_fitting_highway_is_refused(changes, sentence):
    with pytest.raises(ValidationError, match=sentence):
        MedSegDiffOfficialConfig(**{"attention_at": ()} | changes)
