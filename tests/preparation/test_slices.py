"""A prepared box, cut into slices and put together again."""

import pytest
import torch

from napari_diffseg.preparation.preparation import Preparation
from napari_diffseg.preparation.prepared import prepare, prepared_shape
from napari_diffseg.preparation.slices import Slices
from napari_diffseg.volume import Box

BOX = Box((2, 3, 4), (13, 22, 20))


@pytest.fixture
def cut(smooth_scan):
    def cut(axis, spacing=None, **rule):
        preparation = Preparation(spacing_mm=spacing, multiple=8, slice_axis=axis, **rule)
        return Slices(prepare(preparation, smooth_scan(), BOX, slices=True, divisor=2), axis)

    return cut


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slices_are_padded_and_their_number_is_not(cut, smooth_scan, axis):
    slices = cut(axis)
    assert slices.count == BOX.shape[axis]
    images = slices.images(range(slices.count))
    others = [n for number, n in enumerate(BOX.shape) if number != axis]
    assert images.shape == (slices.count, 1, *(8 * -(-n // 8) for n in others))
    rule = Preparation(multiple=8, slice_axis=axis)
    shape = prepared_shape(rule, smooth_scan(), BOX, slices=True, divisor=2)
    assert slices.prepared.image.shape[1:] == shape
    whole = prepare(Preparation(), smooth_scan(), BOX).image
    for number in (0, slices.count - 1):
        assert torch.equal(images[number][:, : others[0], : others[1]], whole.select(1 + axis, number))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_slab_comes_back_exactly_at_native_spacing(cut, smooth_scan, axis):
    slices, slab = cut(axis), range(3, 7)
    whole = prepare(Preparation(), smooth_scan(), BOX).image
    assert slices.covered(slab) == slab
    assert torch.equal(slices.restore(slices.images(slab), slab), whole.narrow(1 + axis, 3, 4))


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("spacing", [(2.5, 1.2, 2.2), (0.6, 0.8, 0.7)])
def test_slabs_show_on_every_slice_of_the_scan_once_and_near_their_place(cut, axis, spacing):
    slices = cut(axis, spacing, intensity="min-max")
    slabs = [range(first, min(first + 3, slices.count)) for first in range(0, slices.count, 3)]
    covered = [number for slab in slabs for number in slices.covered(slab)]
    assert covered == list(range(BOX.shape[axis]))
    shown = [slices.restore(slices.images(slab), slab) for slab in slabs]
    together = torch.cat(shown, dim=1 + axis)
    whole = slices.prepared.restore(slices.prepared.image)
    assert together.shape == whole.shape
    # half a prepared slice away at most, where the scan changes by up to 0.2 of its range in 2.5 mm
    assert (together - whole).abs().max() < 0.15
    assert (together - whole).abs().mean() < 0.03


def test_a_slab_that_is_nearest_to_no_slice_of_the_scan_covers_none(cut):
    slices = cut(0, (0.3, 1.0, 1.0))
    assert any(not slices.covered(range(number, number + 1)) for number in range(slices.count))


def test_a_slices_number_does_not_depend_on_the_box(smooth_scan):
    rule = Preparation(spacing_mm=(1.5, 1.0, 1.0))
    scan = smooth_scan()
    whole = Slices(prepare(rule, scan, Box.whole(scan.grid.shape), slices=True), 0)
    part = Slices(prepare(rule, scan, Box((9, 0, 0), (17, 31, 27)), slices=True), 0)
    slab = range(2, 4)
    numbers = part.numbers(slab)
    assert numbers != slab
    torch.testing.assert_close(part.images(slab), whole.images(numbers), atol=1e-5, rtol=0)
