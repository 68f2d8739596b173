"""Training on two real cases: it learns, and a resumed run is the run that never stopped."""

import math
from pathlib import Path

import pytest
import torch

import napari_diffseg as nd
from napari_diffseg.datasets.pairs import find_pairs
from napari_diffseg.preparation.preparation import Preparation
from napari_diffseg.training.config import Augmentation, TrainingConfig
from napari_diffseg.training.state import newest_state
from napari_diffseg.training.trainer import learning_rate, train

DATA = Path(__file__).parents[1] / "data" / "hippocampus"


def config(**changes):
    return TrainingConfig(
        **{
            "method": "imgx",
            "method_config": {"unet": {"widths": (4, 8)}},
            "preparation": Preparation(spacing_mm=(1.0, 1.0, 1.0), multiple=2),
            "classes": 3,
            "steps": 6,
            "warmup_steps": 2,
            "checkpoint_every": 3,
            "precision": "fp32",
            **changes,
        }
    )


@pytest.fixture(scope="module")
def cases():
    return list(find_pairs(DATA).values())


def test_a_resumed_run_gives_the_weights_of_one_that_never_stopped(cases, tmp_path):
    straight, broken = tmp_path / "straight", tmp_path / "broken"
    losses = [done.loss for done in train(config(), cases, straight)]
    stopped = train(config(), cases, broken)
    while next(stopped).step < 4:  # after the state of step 3
        pass
    stopped.close()
    resumed = list(train(config(), cases, broken))
    assert [done.step for done in resumed] == [4, 5, 6]
    assert [done.loss for done in resumed] == losses[3:]
    for name in ("weights.safetensors", "optimiser.safetensors"):
        one, other = (newest_state(run) / name for run in (straight, broken))
        assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize(("method", "unet"), [("imgx", {}), ("imgx-unet", {"time": "none"})])
def test_the_loss_falls_by_half_on_two_cases(cases, tmp_path, method, unet):
    still = Augmentation(
        flip_left_right=False, rotation=0, scaling=0, translation_voxels=0, contrast=0, blur=0, noise=0
    )
    run = config(
        method=method,
        method_config={"unet": {"widths": (8, 16), **unet}},
        augmentation=still,
        steps=40,
        learning_rate=0.01,
        checkpoint_every=40,
        precision="bf16",
    )
    losses = [done.loss for done in train(run, cases, tmp_path)]
    assert sum(losses[-5:]) < 0.5 * sum(losses[:5])


def test_only_the_last_two_states_are_kept(cases, tmp_path):
    list(train(config(checkpoint_every=1, steps=4), cases, tmp_path))
    assert sorted(path.name for path in (tmp_path / "state").iterdir()) == ["step-000003", "step-000004"]


def test_every_parameter_but_those_the_norm_hides_gets_a_gradient(cases):
    from napari_diffseg.methods import imgx
    from napari_diffseg.methods.method import Batch

    for time in ("scale-shift", "added"):
        settings = imgx.Config(unet={"widths": (4, 8), "time": time})
        network = imgx.build(settings, channels=1, classes=3)
        mask = torch.nn.functional.one_hot(torch.randint(3, (2, 8, 8, 8)), 3).movedim(-1, 1).float()
        batch = Batch(torch.randn(2, 1, 8, 8, 8), mask)
        imgx.loss(settings, network, batch, torch.Generator().manual_seed(0)).total.backward()
        silent = {name for name, value in network.named_parameters() if float(value.grad.abs().max()) < 1e-7}
        # "added": a constant per channel in front of an instance norm, which takes it away again
        inert = {name for name, _ in network.named_parameters() if "project" in name}
        assert silent == (inert if time == "added" else set())


def test_a_class_that_the_run_does_not_have_is_named(cases, tmp_path):
    with pytest.raises(nd.TrainingError, match=r"holds the value 2, but the run has 2 classes"):
        next(train(config(classes=2), cases, tmp_path))


def test_a_state_of_another_network_is_refused(cases, tmp_path):
    list(train(config(steps=3), cases, tmp_path))
    other = config(method_config={"unet": {"widths": (4, 4)}})
    with pytest.raises(nd.TrainingError, match="another network"):
        next(train(other, cases, tmp_path))


def test_learning_rate_warms_up_and_falls_to_zero():
    run = config(steps=100, warmup_steps=10, learning_rate=1e-3)
    assert learning_rate(run, 1) == pytest.approx(1e-4)
    assert learning_rate(run, 10) == pytest.approx(1e-3)
    assert learning_rate(run, 55) == pytest.approx(5e-4, rel=0.02)
    assert math.isclose(learning_rate(run, 100), 0, abs_tol=1e-12)


def test_a_folder_without_pairs_says_what_it_expects(tmp_path):
    with pytest.raises(nd.DatasetError, match="images/ and labels/"):
        find_pairs(tmp_path)
