"""A box to the network's input and back."""

import numpy as np
import pytest
import torch

from napari_diffseg.errors import PreparationError
from napari_diffseg.preparation.preparation import Preparation
from napari_diffseg.preparation.prepared import prepare, prepared_shape
from napari_diffseg.volume import Box, Grid, Scan


def smooth_scan(shape=(23, 31, 27), spacing=(1.0, 1.0, 1.0), dtype=np.float32):
    d, h, w = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij")
    data = 100 + 40 * np.sin(d / 5) + 30 * np.cos(h / 6) + w
    return Scan(data[None].astype(dtype), Grid(shape, np.diag([*spacing, 1.0])))


@pytest.mark.parametrize("domain", ["scan", "nonzero"])
@pytest.mark.parametrize("spacing", [None, (1.3, 0.8, 2.0)])
def test_a_voxels_input_does_not_depend_on_the_box(domain, spacing):
    scan = smooth_scan()
    rule = Preparation(spacing_mm=spacing, domain=domain)
    whole = prepare(rule, scan, Box.whole(scan.grid.shape))
    box = Box((4, 5, 6), (17, 25, 20))
    part = prepare(rule, scan, box)
    first = [int(np.floor(a / s)) for a, s in zip(box.start, spacing or (1, 1, 1), strict=True)]
    expected = whole.image[(slice(None), *(slice(a, a + n) for a, n in zip(first, part.shape, strict=True)))]
    torch.testing.assert_close(part.image, expected, atol=1e-5, rtol=0)


def test_restore_undoes_padding_exactly_at_native_spacing():
    scan, box = smooth_scan(), Box((1, 2, 3), (14, 22, 20))
    prepared = prepare(Preparation(multiple=8), scan, box)
    assert prepared.image.shape[1:] == (16, 24, 24)
    assert prepared.restore(prepared.image).shape[1:] == box.shape
    assert torch.equal(prepared.restore(prepared.image), prepare(Preparation(), scan, box).image)


@pytest.mark.parametrize("target", [(0.7, 0.9, 0.5), (1.4, 1.0, 1.2), (2.4, 2.4, 2.4)])
def test_restore_brings_a_smooth_map_back_onto_the_scan(target):
    scan, box = smooth_scan((40, 44, 36)), Box((3, 4, 5), (33, 40, 30))
    rule = Preparation(spacing_mm=target, multiple=4, percentiles=None, intensity="min-max")
    prepared = prepare(rule, scan, box)
    native = prepare(rule.model_copy(update={"spacing_mm": None, "multiple": 1}), scan, box).image
    back = prepared.restore(prepared.image)
    inner = (slice(None), *(slice(3, -3),) * 3)
    assert back.shape == native.shape
    assert (back - native)[inner].abs().max() < 0.04


def test_the_plan_knows_the_size_that_preparing_gives():
    for spacing in (None, (1.7, 0.6, 1.1), (30.0, 30.0, 30.0)):
        for box in (Box((0, 0, 0), (23, 31, 27)), Box((2, 3, 4), (5, 30, 9))):
            rule = Preparation(spacing_mm=spacing, multiple=8)
            prepared = prepare(rule, smooth_scan(), box)
            assert prepared.image.shape[1:] == prepared_shape(rule, smooth_scan(), box)


def test_a_scan_smaller_than_the_divisor_is_padded_and_comes_back():
    scan = smooth_scan((3, 5, 2))
    prepared = prepare(Preparation(multiple=16), scan, Box.whole((3, 5, 2)))
    assert prepared.image.shape == (1, 16, 16, 16)
    assert prepared.restore(prepared.image).shape == (1, 3, 5, 2)


def test_nan_voxels_are_refused_with_their_number():
    scan = smooth_scan()
    scan.data[0, 1, 2, 3:5] = np.nan
    with pytest.raises(PreparationError, match="2 voxels that are not numbers"):
        prepare(Preparation(), scan, Box.whole(scan.grid.shape))


@pytest.mark.parametrize("value", [0, 7])
def test_a_constant_image_is_refused(value):
    scan = Scan(np.full((1, 8, 8, 8), value, np.int16), Grid((8, 8, 8), np.eye(4)))
    with pytest.raises(PreparationError, match="same value"):
        prepare(Preparation(), scan, Box.whole((8, 8, 8)))


def test_intensities_do_not_depend_on_the_scans_scale():
    scan = smooth_scan()
    scaled = Scan(scan.data * 1000 + 0, scan.grid)
    whole = Box.whole(scan.grid.shape)
    torch.testing.assert_close(
        prepare(Preparation(), scan, whole).image,
        prepare(Preparation(), scaled, whole).image,
        atol=1e-3,
        rtol=0,
    )
