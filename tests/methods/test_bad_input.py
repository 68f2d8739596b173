"""Scans that do not suit a model, for every method in 2D and 3D."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from methods_fixtures import save_untrained

import napari_diffseg as nd
from napari_diffseg.io.nifti import read_volume
from napari_diffseg.volume.grid import Box


@pytest.fixture
def checkpoint(tiny_name, tmp_path):
    save_untrained(*tiny_name, tmp_path / "tiny.safetensors")
    return nd.load_checkpoint(tmp_path / "tiny.safetensors")


@pytest.fixture
def scan(crop_path):
    return read_volume(crop_path)


def cropped(scan, shape):
    box = Box((10, 10, 10), tuple(10 + n for n in shape))
    grid = scan.grid.crop(box)
    return nd.Scan(scan.data[(slice(None), *box.slices)], grid, scan.channels, scan.modality)


def segmented(scan, checkpoint):
    return nd.segment(scan, checkpoint, members=2, steps=2, preview=False).result()


@pytest.mark.parametrize("shape", [(5, 7, 3), (1, 9, 10), (10, 1, 5), (17, 18, 19)])
def test_a_scan_that_no_divisor_fits_is_padded_and_cropped_exactly(checkpoint, scan, shape):
    small = cropped(scan, shape)
    result = segmented(small, checkpoint)
    assert result.consensus.shape == shape
    assert result.mean.shape == (2, *shape)
    assert np.isfinite(result.mean).all()


def test_a_scan_with_another_number_of_channels_is_refused(checkpoint, scan):
    twice = nd.Scan(np.concatenate([scan.data, scan.data]), scan.grid, ("t1", "t2"), scan.modality)
    with pytest.raises(nd.PreparationError, match="takes 1 channel"):
        segmented(twice, checkpoint)


def test_a_scan_with_nan_is_refused(checkpoint, scan):
    data = scan.data.astype(np.float32)
    data[0, 12, 12, 12] = np.nan
    with pytest.raises(nd.PreparationError, match="not numbers"):
        segmented(replace(scan, data=data), checkpoint)


def test_a_network_that_gives_nan_is_named_in_the_error(checkpoint, scan):
    weights = {name: torch.full_like(value, torch.nan) for name, value in checkpoint.weights.items()}
    with pytest.raises(nd.CheckpointError, match="not numbers"):
        segmented(cropped(scan, (8, 8, 8)), replace(checkpoint, weights=weights))
