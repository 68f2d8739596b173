"""MedSegDiff's released networks, for imported weights."""

import pytest
import torch
from methods_fixtures import draws_for

import napari_diffseg as nd
from napari_diffseg.checkpoints.checkpoint import save_checkpoint
from napari_diffseg.checkpoints.document import Channel, Document
from napari_diffseg.io.nifti import read_volume
from napari_diffseg.methods import medsegdiff
from napari_diffseg.methods.method import Batch
from napari_diffseg.preparation.preparation import Preparation
from napari_diffseg.results.result import ClassInfo
from napari_diffseg.volume.grid import Box

UNET = {"width": 16, "multipliers": (1, 1, 1, 1, 1, 1), "blocks": 1, "attention_at": (), "groups": 8}


def official(version, **changes):
    unet = UNET | {"version": version, "training_size": 32}
    return medsegdiff.Config.model_validate({"unet": unet, "learned_variance": True, "steps": 2} | changes)


@pytest.mark.parametrize("answer", ["sample", "calibrated"])
@pytest.mark.parametrize("version", ["new", "v1"])
def test_a_released_network_segments_a_volume_slice_by_slice(version, answer, crop_path, tmp_path):
    config = official(version, answer=answer)
    torch.manual_seed(0)
    document = Document(
        name=version,
        title="Untrained",
        method="medsegdiff",
        config=config.model_dump(mode="json"),
        classes=(ClassInfo("lesion", "#e4572e"),),
        channels=(Channel(name="t1"),),
        preparation=Preparation(domain="scan"),
    )
    weights = medsegdiff.build(config, channels=1, classes=2).state_dict()
    save_checkpoint(tmp_path / "official.safetensors", document, weights)
    checkpoint = nd.load_checkpoint(tmp_path / "official.safetensors")
    result = nd.segment(
        read_volume(crop_path), checkpoint, members=2, preview=False, box=Box((10, 0, 0), (13, 32, 32))
    ).result()
    assert result.consensus.shape == (3, 32, 32)
    assert 0 <= result.mean.min() <= result.mean.max() <= 1


def test_the_calibration_map_is_part_of_the_loss_of_a_released_network():
    config = official("new")
    torch.manual_seed(0)
    network = medsegdiff.build(config, channels=1, classes=2)
    mask = torch.zeros(2, 2, 64, 64)
    mask[:, 1, 20:40, 20:40] = 1
    mask[:, 0] = 1 - mask[:, 1]
    batch = Batch(torch.randn(2, 1, 64, 64), mask)
    loss = medsegdiff.loss(config, network, batch, draws_for(batch, 0))
    assert set(loss.parts) == {"noise_error", "variance_bound", "calibration_error"}
    assert float(loss.total.detach()) == pytest.approx(sum(loss.parts.values()))


def test_a_released_network_for_several_classes_is_refused_with_advice():
    with pytest.raises(nd.CheckpointError, match="paper's network for several classes"):
        medsegdiff.build(official("new"), channels=1, classes=3)
