"""PatchDDM's patches, and its two baselines."""

import pytest
import torch
from methods_fixtures import GUIDED, draws_for, real_batch

from napari_diffseg.diffusion.draws import Draws
from napari_diffseg.diffusion.noise import NoiseSource
from napari_diffseg.methods import patchddm
from napari_diffseg.methods.method import COORDINATES
from napari_diffseg.results.options import SamplingOptions

UNET = GUIDED | {"dimensions": 3, "attention_at": (), "middle_attention": False, "skips": "averaged"}


class Seen(torch.nn.Module):
    """Remembers what it was shown and says that there is no noise."""

    def __init__(self):
        super().__init__()
        self.inputs = []

    def forward(self, x, t):
        self.inputs.append(x)
        return torch.zeros(len(x), 2, *x.shape[2:])


def config_of(variant, **changes):
    return patchddm.Config.model_validate({"unet": UNET, "variant": variant} | changes)


def test_patch_starts_follow_the_law_of_the_paper():
    pairs = Draws(0, 0, range(20_000), 20_000).uniform(2).tolist()
    starts = torch.tensor([patchddm.patch_start(256, 128, *pair) for pair in pairs], dtype=torch.float64)
    places = 2 * starts / 128 - 1
    # variance of U[−1/3, 1/3] + U[−2/3, 2/3], and the share of its flat middle
    assert float(places.var()) == pytest.approx((1 / 3) ** 2 / 3 + (2 / 3) ** 2 / 3, rel=0.03)
    assert float((places.abs() < 1 / 3).double().mean()) == pytest.approx(1 / 2, abs=0.02)
    assert starts.min() >= 0
    assert starts.max() <= 128


def test_training_shows_patches_that_carry_their_place_in_the_volume():
    config = config_of("patchddm", patch=16)
    batch, seen = real_batch(config), Seen()
    patchddm.loss(config, seen, batch, draws_for(batch, 0))
    (x,) = seen.inputs
    assert x.shape[2:] == (16, 16, 16)
    image = x[:, :1]
    windows = batch.image[:, :1].unfold(2, 16, 1).unfold(3, 16, 1).unfold(4, 16, 1)
    for item in range(2):
        places = (windows[item, 0] == image[item, 0]).flatten(3).all(3).nonzero()
        assert len(places) == 1  # the patch is one of the volume's


@pytest.mark.parametrize(("variant", "edge"), [("fullres", 32), ("halfres", 16)])
def test_the_baselines_see_the_whole_volume_without_coordinates(variant, edge):
    config, seen = config_of(variant), Seen()
    batch = real_batch(config)
    patchddm.loss(config, seen, batch, draws_for(batch, 0))
    (x,) = seen.inputs
    assert x.shape == (2, batch.image.shape[1] + 2, edge, edge, edge)


def test_halfres_answers_at_the_resolution_of_the_scan():
    config, seen = config_of("halfres"), Seen()
    image = real_batch(config).image[:1]
    noise = NoiseSource(0, [0], (2, 32, 32, 32))
    *_, last = patchddm.sample(config, seen, image, noise, SamplingOptions(steps=2))
    assert last.x0.shape == (1, 2, 32, 32, 32)
    assert all(x.shape[2:] == (16, 16, 16) for x in seen.inputs)
    on_the_grid = last.x0[..., ::2, ::2, ::2]
    between = last.x0[..., 1:-1:2, ::2, ::2]
    torch.testing.assert_close(between, (on_the_grid[..., :-1, :, :] + on_the_grid[..., 1:, :, :]) / 2)


def test_only_patchddm_wants_coordinates_as_channels():
    networks = {
        variant: patchddm.build(config_of(variant), channels=4, classes=2)
        for variant in ("patchddm", "fullres", "halfres")
    }
    inputs = {variant: network.input_blocks[0][0].weight.shape[1] for variant, network in networks.items()}
    assert inputs == {"patchddm": 4 + COORDINATES + 1, "fullres": 5, "halfres": 5}
