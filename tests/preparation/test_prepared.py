"""A box to the network's input and back."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from napari_diffseg.errors import PreparationError
from napari_diffseg.preparation.preparation import Preparation
from napari_diffseg.preparation.prepared import prepare, prepared_shape
from napari_diffseg.volume import Box, Grid, Scan


@pytest.mark.parametrize("domain", ["scan", "nonzero"])
@pytest.mark.parametrize("spacing", [None, (1.3, 0.8, 2.0)])
def test_a_voxels_input_does_not_depend_on_the_box(smooth_scan, domain, spacing):
    scan = smooth_scan()
    rule = Preparation(spacing_mm=spacing, domain=domain)
    whole = prepare(rule, scan, Box.whole(scan.grid.shape))
    box = Box((4, 5, 6), (17, 25, 20))
    part = prepare(rule, scan, box)
    first = [int(np.floor(a / s)) for a, s in zip(box.start, spacing or (1, 1, 1), strict=True)]
    expected = whole.image[(slice(None), *(slice(a, a + n) for a, n in zip(first, part.shape, strict=True)))]
    torch.testing.assert_close(part.image, expected, atol=1e-5, rtol=0)


def test_restore_undoes_padding_exactly_at_native_spacing(smooth_scan):
    scan, box = smooth_scan(), Box((1, 2, 3), (14, 22, 20))
    prepared = prepare(Preparation(multiple=8), scan, box)
    assert prepared.image.shape[1:] == (16, 24, 24)
    assert prepared.restore(prepared.image).shape[1:] == box.shape
    assert torch.equal(prepared.restore(prepared.image), prepare(Preparation(), scan, box).image)


@pytest.mark.parametrize("target", [(0.7, 0.9, 0.5), (1.4, 1.0, 1.2), (2.4, 2.4, 2.4)])
def test_restore_brings_a_smooth_map_back_onto_the_scan(smooth_scan, target):
    scan, box = smooth_scan((40, 44, 36)), Box((3, 4, 5), (33, 40, 30))
    rule = Preparation(spacing_mm=target, multiple=4, percentiles=None, intensity="min-max")
    prepared = prepare(rule, scan, box)
    native = prepare(rule.model_copy(update={"spacing_mm": None, "multiple": 1}), scan, box).image
    back = prepared.restore(prepared.image)
    inner = (slice(None), *(slice(3, -3),) * 3)
    assert back.shape == native.shape
    assert (back - native)[inner].abs().max() < 0.04


def test_the_plan_knows_the_size_that_preparing_gives(smooth_scan):
    for spacing in (None, (1.7, 0.6, 1.1), (30.0, 30.0, 30.0)):
        for box in (Box((0, 0, 0), (23, 31, 27)), Box((2, 3, 4), (5, 30, 9))):
            rule = Preparation(spacing_mm=spacing, multiple=8)
            prepared = prepare(rule, smooth_scan(), box)
            assert prepared.image.shape[1:] == prepared_shape(rule, smooth_scan(), box)


def test_a_scan_smaller_than_the_divisor_is_padded_and_comes_back(smooth_scan):
    scan = smooth_scan((3, 5, 2))
    prepared = prepare(Preparation(multiple=16), scan, Box.whole((3, 5, 2)))
    assert prepared.image.shape == (1, 16, 16, 16)
    assert prepared.restore(prepared.image).shape == (1, 3, 5, 2)


def test_nan_voxels_are_refused_with_their_number(smooth_scan):
    scan = smooth_scan()
    scan.data[0, 1, 2, 3:5] = np.nan
    with pytest.raises(PreparationError, match="2 voxels that are not numbers"):
        prepare(Preparation(), scan, Box.whole(scan.grid.shape))


@pytest.mark.parametrize("value", [0, 7])
def test_a_constant_image_is_refused(value):
    scan = Scan(np.full((1, 8, 8, 8), value, np.int16), Grid((8, 8, 8), np.eye(4)))
    with pytest.raises(PreparationError, match="same value"):
        prepare(Preparation(), scan, Box.whole((8, 8, 8)))


def test_min_max_fills_its_range_and_pads_with_the_low_end(smooth_scan):
    scan, box = smooth_scan(), Box((1, 2, 3), (14, 22, 20))
    rule = Preparation(intensity="min-max", range=(-1.0, 1.0), percentiles=None, domain="scan", multiple=8)
    image = prepare(rule, scan, Box.whole(scan.grid.shape)).image[0]
    inside = image[:23, :31, :27]
    assert (float(inside.min()), float(inside.max())) == (-1, 1)
    assert (image[23:] == -1).all()
    unit = prepare(rule.model_copy(update={"range": (0.0, 1.0)}), scan, box)
    torch.testing.assert_close(prepare(rule, scan, box).image, unit.image * 2 - 1, atol=1e-6, rtol=0)


@pytest.mark.parametrize("percentiles", [None, (1.0, 99.0)])
def test_intensities_as_they_are_are_clipped_at_most(smooth_scan, percentiles):
    scan, box = smooth_scan(), Box((1, 2, 3), (14, 22, 20))
    rule = Preparation(intensity="as-is", percentiles=percentiles, multiple=4, domain="scan")
    prepared = prepare(rule, scan, box)
    low, high = np.percentile(scan.data, percentiles or (0, 100))
    assert np.array_equal(
        prepared.restore(prepared.image), scan.data[:, *box.slices].clip(*np.float32((low, high)))
    )
    assert (prepared.image[:, 13:] == 0).all()


@pytest.mark.parametrize("limits", [(1.0, 1.0), (1.0, -1.0), (0.0, float("inf")), (float("nan"), 1.0)])
def test_an_empty_range_is_refused(limits):
    with pytest.raises(ValidationError, match="range"):
        Preparation(range=limits)


@pytest.mark.parametrize("spacing", [None, (1.3, 0.8, 2.0)])
def test_a_voxels_coordinates_do_not_depend_on_the_box_and_go_on_in_the_padding(smooth_scan, spacing):
    scan, box = smooth_scan(), Box((4, 5, 6), (17, 25, 20))
    rule = Preparation(spacing_mm=spacing, multiple=8)
    whole = prepare(rule, scan, Box.whole(scan.grid.shape), coordinates=True)
    part = prepare(rule, scan, box, coordinates=True)
    assert whole.image.shape[0] == part.image.shape[0] == 4
    d, h, w = whole.shape
    inside = whole.image[1:, :d, :h, :w]
    expected = torch.meshgrid(*(torch.linspace(-1, 1, n) for n in whole.shape), indexing="ij")
    torch.testing.assert_close(inside, torch.stack(expected), atol=1e-6, rtol=0)
    at = (slice(None), *(slice(a, a + n) for a, n in zip(part.first, part.shape, strict=True)))
    there = (slice(1, None), *(slice(0, n) for n in part.shape))
    assert torch.equal(part.image[there], whole.image[1:][at])
    steps = part.image[1, :, 0, 0].diff()
    torch.testing.assert_close(steps, steps[:1].expand(len(steps)), atol=1e-6, rtol=0)


def test_the_coordinate_of_a_lone_voxel_is_that_of_linspace(smooth_scan):
    scan = smooth_scan((1, 9, 8))
    image = prepare(Preparation(multiple=4), scan, Box.whole((1, 9, 8)), coordinates=True).image
    assert (image[1] == torch.linspace(-1, 1, 1)).all()


def test_sizes_suit_the_networks_divisor_and_the_rules_multiple(smooth_scan):
    scan, box = smooth_scan(), Box((1, 2, 3), (14, 22, 20))
    rule = Preparation(multiple=6)
    prepared = prepare(rule, scan, box, divisor=4)
    assert prepared.image.shape[1:] == (24, 24, 24) == prepared_shape(rule, scan, box, divisor=4)
    assert torch.equal(prepared.restore(prepared.image), prepare(Preparation(), scan, box).image)


def test_a_spacing_that_is_nearly_right_is_planned_as_it_is_prepared(smooth_scan):
    scan, box = smooth_scan((1200, 3, 4), (1.0009, 1.0, 1.0)), Box((1100, 0, 0), (1200, 3, 4))
    rule = Preparation(spacing_mm=(1.0, 1.0, 1.0))
    assert prepare(rule, scan, box).image.shape[1:] == prepared_shape(rule, scan, box) == (100, 3, 4)


@pytest.mark.parametrize("spacing", [0.0, -1.0, 1e-300, 1e6, float("nan"), float("inf")])
def test_a_spacing_that_no_scan_has_is_refused(spacing):
    with pytest.raises(ValidationError, match=r"spacing_mm\.2\n  Input should be"):
        Preparation(spacing_mm=(1.0, 1.0, spacing))


@pytest.mark.parametrize(
    "percentiles", [(50.0, 50.0), (99.5, 0.5), (-1.0, 99.0), (0.0, 101.0), (float("nan"), 99.0)]
)
def test_percentiles_that_do_not_rise_are_refused(percentiles):
    with pytest.raises(ValidationError, match="The percentiles should rise, from 0 to 100 at most"):
        Preparation(percentiles=percentiles)


def test_intensities_do_not_depend_on_the_scans_scale(smooth_scan):
    scan = smooth_scan()
    scaled = Scan(scan.data * 1000 + 0, scan.grid)
    whole = Box.whole(scan.grid.shape)
    torch.testing.assert_close(
        prepare(Preparation(), scan, whole).image,
        prepare(Preparation(), scaled, whole).image,
        atol=1e-3,
        rtol=0,
    )
