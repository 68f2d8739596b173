"""Prepared cases: image and masks on the same voxels, whatever the spacing."""

import numpy as np
import pytest
import torch

from napari_diffseg.datasets.case import Case, LabelledScan
from napari_diffseg.io.nifti import read_labels, read_volume
from napari_diffseg.metrics import dice
from napari_diffseg.preparation.preparation import Preparation
from napari_diffseg.preparation.prepared import prepare, prepare_labels
from napari_diffseg.training.cache import cached
from napari_diffseg.volume.grid import Box, Grid
from napari_diffseg.volume.label_map import LabelMap
from napari_diffseg.volume.scan import Scan


@pytest.fixture(scope="module")
def read(crop_path):
    """A real mask with two classes, on voxels of 1 mm."""
    return read_labels(crop_path.parents[1] / "labels" / crop_path.name)


def rule(*spacing_mm, **changes):
    return Preparation(spacing_mm=spacing_mm, domain="scan", **changes)


def centre_mm(mask, spacing_mm):
    """Centre of gravity from the scan's outer corner."""
    return (np.argwhere(mask).mean(axis=0) + 0.5) * spacing_mm


def test_the_scan_s_own_spacing_leaves_the_labels(read):
    assert np.array_equal(prepare_labels(rule(1.0, 1.0, 1.0), read.data, read.grid), read.data)


def test_three_times_as_coarse_takes_every_third_voxel_s_label(read):
    data = read.data[:30, :48, :33]
    grid = Grid(data.shape, read.grid.affine)
    found = prepare_labels(rule(3.0, 3.0, 3.0), data, grid)
    assert np.array_equal(found, data[1::3, 1::3, 1::3])


def test_twice_as_coarse_takes_the_label_of_most_of_the_eight(read):
    data = read.data[:32, :48, :32]
    grid = Grid(data.shape, read.grid.affine)
    found = prepare_labels(rule(2.0, 2.0, 2.0), data, grid)
    blocks = data.reshape(16, 2, 24, 2, 16, 2).transpose(0, 2, 4, 1, 3, 5).reshape(*found.shape, 8)
    assert np.array_equal(found, np.stack([(blocks == label).sum(-1) for label in range(3)]).argmax(0))


def test_twice_as_fine_takes_every_label_twice_and_back_again(read):
    found = prepare_labels(rule(0.5, 0.5, 0.5), read.data, read.grid)
    assert np.array_equal(found, read.data.repeat(2, 0).repeat(2, 1).repeat(2, 2))
    assert np.array_equal(found[::2, ::2, ::2], read.data)


@pytest.mark.parametrize("spacing_mm", [(2.0, 2.0, 2.0), (1.5, 0.8, 1.1), (3.0, 1.0, 1.7)])
def test_a_mask_lies_where_the_image_that_shows_it_lies(read, spacing_mm):
    scan = Scan((read.data > 0).astype(np.float32)[None], read.grid, ("mask",))
    as_is = rule(*spacing_mm, intensity="as-is", percentiles=None)
    image = prepare(as_is, scan, Box.whole(read.grid.shape)).image[0].numpy()
    labels = prepare_labels(as_is, read.data, read.grid)
    assert labels.shape == image.shape
    assert dice(labels > 0, image >= 0.5) > 0.85
    moved_mm = centre_mm(labels > 0, spacing_mm) - centre_mm(read.data > 0, (1.0, 1.0, 1.0))
    assert np.abs(moved_mm).max() < 0.25


@pytest.fixture
def case(crop_path, read):
    """A case with two readers, and how often it was read from its files."""
    times = []

    def source():
        times.append(1)
        return LabelledScan(read_volume(crop_path), (read, LabelMap(np.roll(read.data, 1, 0), read.grid)))

    return Case("it", "patient", source), times


def test_a_case_is_prepared_once_and_then_read_from_its_folder(case, tmp_path):
    one, times = case
    first, second = (cached(one, rule(2.0, 2.0, 2.0), 3, tmp_path / "it") for _ in range(2))
    assert len(times) == 1
    assert np.array_equal(first.image, second.image)
    assert first.reads.shape == (2, *first.shape)
    assert (second.spacing_mm, second.extent_mm) == (
        (1.0, 1.0, 1.0),
        tuple(map(float, one.read().scan.grid.shape)),
    )


def test_another_rule_or_another_case_is_prepared_anew(case, tmp_path):
    one, times = case
    place = tmp_path / "it"
    fine = cached(one, rule(2.0, 2.0, 2.0), 3, place)
    coarse = cached(one, rule(4.0, 4.0, 4.0), 3, place)
    assert coarse.shape < fine.shape
    cached(Case("another", "patient", one.source), rule(4.0, 4.0, 4.0), 3, place)
    assert len(times) == 3


def test_the_image_is_what_inference_sees_before_padding(case, tmp_path):
    one, _ = case
    found = cached(one, rule(2.0, 2.0, 2.0, multiple=32), 3, tmp_path / "it")
    scan = one.read().scan
    seen = prepare(rule(2.0, 2.0, 2.0), scan, Box.whole(scan.grid.shape)).image
    assert torch.equal(torch.from_numpy(np.array(found.image)), seen)
