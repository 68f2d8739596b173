"""Training items: a function of their number, and made of what the data hold."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from napari_diffseg.datasets.opening import open_dataset
from napari_diffseg.methods.registry import method
from napari_diffseg.preparation.preparation import Preparation
from napari_diffseg.preparation.prepared import prepare
from napari_diffseg.training.cache import CachedCase, cached
from napari_diffseg.training.config import valid_run
from napari_diffseg.training.items import Items
from napari_diffseg.volume.grid import Box

SPACING = (2.0, 2.0, 2.0)
MOVING = {"rotation": (0.3, 0.3, 0.3), "flip": (True, True, True), "scaling": (0.1, 0.1, 0.1), "noise": 1.0}
GUIDED = {
    "width": 16,
    "multipliers": (1, 2),
    "blocks": 1,
    "attention_at": (),
    "middle_attention": False,
    "groups": 8,
}


@pytest.fixture(scope="module")
def scans(four_cases):
    """The cases, each read."""
    return {case.name: case.read() for case in open_dataset(four_cases).cases}


@pytest.fixture(scope="module")
def cases(four_cases, tmp_path_factory):
    """The cases prepared, of four sizes."""
    place = tmp_path_factory.mktemp("cache")
    found = [
        cached(case, Preparation(spacing_mm=SPACING), 3, place / case.name)
        for case in open_dataset(four_cases).cases
    ]
    assert len({case.shape for case in found}) == 4
    return found


def items_of(cases, *, name="imgx", config=None, dimensions=3, classes=3, **sections):
    unet = {"widths": (4, 8)} if name == "imgx" else GUIDED
    settings = (
        method(name)
        .load()
        .Config.model_validate({"unet": unet | {"dimensions": dimensions}} | (config or {}))
    )
    content = {
        "name": "t",
        "method": name,
        "config": {},
        "data": {"path": "."},
        "preparation": {"spacing_mm": SPACING},
        "train": {"steps": 1},
    }
    for section, changes in sections.items():
        content[section] = content.get(section, {}) | changes
    return Items(valid_run(content, "the test"), settings, cases, classes)


def one(items, number):
    """Image and mask of an item, at its own size."""
    batch = items.batch([number], [number])
    return batch.image[0], batch.mask[0]


def one_hot(labels):
    return F.one_hot(torch.from_numpy(labels.astype(np.int64)), 3).movedim(-1, 0).float()


def case_of(image, cases):
    """Whose whole image it is, padding left aside."""
    for case in cases:
        d, h, w = case.shape
        if torch.equal(image[:, :d, :h, :w], torch.from_numpy(np.array(case.image))):
            return case
    raise AssertionError("of no case")


def same(a, b):
    return torch.equal(a.image, b.image) and torch.equal(a.mask, b.mask)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_an_item_is_the_same_whoever_asks_and_in_whatever_order(cases, dimensions):
    settings = {"dimensions": dimensions, "augmentation": MOVING, "train": {"steps": 1, "crop": (12, 12, 12)}}
    alone = [items_of(cases, **settings).batch([number], range(24)) for number in range(24)]
    asked = items_of(cases, **settings)
    order = np.random.default_rng(0).permutation(24).tolist()
    with ThreadPoolExecutor(4) as threads:
        together = dict(
            zip(order, threads.map(lambda number: asked.batch([number], range(24)), order), strict=True)
        )
    assert all(same(alone[number], together[number]) for number in range(24))
    batch = asked.batch(range(6, 12), range(24))
    assert torch.equal(batch.image, torch.cat([alone[number].image for number in range(6, 12)]))


def test_another_seed_gives_other_items(cases):
    first, second = (
        items_of(cases, augmentation=MOVING, train={"steps": 1, "seed": seed}).batch(range(4), range(4))
        for seed in (0, 1)
    )
    assert not torch.equal(first.image, second.image)


def test_every_case_comes_once_an_epoch_in_another_order(cases):
    items = items_of(cases)
    assert len(items) == 4
    epochs = [
        [case_of(one(items, number)[0], cases).name for number in range(4 * epoch, 4 * epoch + 4)]
        for epoch in range(6)
    ]
    assert all(sorted(epoch) == sorted(case.name for case in cases) for epoch in epochs)
    assert len(set(map(tuple, epochs))) > 1


def test_a_whole_case_is_what_inference_sees(cases, scans):
    items = items_of(cases, name="patchddm")
    for number in range(4):
        image, mask = one(items, number)
        case = case_of(image[:1], cases)
        scan = scans[case.name].scan
        seen = prepare(
            Preparation(spacing_mm=SPACING), scan, Box.whole(scan.grid.shape), coordinates=True, divisor=2
        )
        assert torch.equal(image, seen.image)
        d, h, w = case.shape
        assert torch.equal(mask[:, :d, :h, :w], one_hot(case.reads[0]))


def test_sizes_are_multiples_of_what_the_preparation_asks_for(cases, scans):
    items = items_of(cases, preparation={"multiple": 7})
    image, _ = one(items, 0)
    scan = scans[case_of(image, cases).name].scan
    rule = Preparation(spacing_mm=SPACING, multiple=7)
    assert torch.equal(image, prepare(rule, scan, Box.whole(scan.grid.shape), divisor=2).image)
    assert all(size % 14 == 0 for size in image.shape[1:])


def test_a_crop_at_the_centre_is_the_middle_of_the_case(cases):
    items = items_of(cases, train={"steps": 1, "crop": (6, 8, 10), "crop_at": "centre"})
    middles = [
        case.image[
            :, *(slice((n - k) // 2, (n - k) // 2 + k) for n, k in zip(case.shape, (6, 8, 10), strict=True))
        ]
        for case in cases
    ]
    found = [one(items, number)[0].numpy() for number in range(len(items))]
    assert all(sum(np.array_equal(middle, image) for image in found) == 1 for middle in middles)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_a_crop_is_the_part_of_the_case_that_its_coordinates_say(cases, dimensions):
    items = items_of(cases, name="patchddm", dimensions=dimensions, train={"steps": 1, "crop": (6, 8, 10)})
    starts = set()
    for number in range(3 * len(items)):
        image, mask = one(items, number)
        image, places = image[:1], image[1:]
        if dimensions == 2:
            image, places, mask = image[:, None], places[:, None], mask[:, None]
        shape = list(image.shape[1:])
        assert shape == [1 if dimensions == 2 else 6, 8, 10]
        found = []
        for case in cases:
            low, high = (
                [
                    float((place + 1) / 2 * (n - 1))
                    for place, n in zip(places[:, *corner], case.shape, strict=True)
                ]
                for corner in ((0, 0, 0), (-1, -1, -1))
            )
            at = [round(value) for value in low]
            if not np.allclose(low, at, atol=1e-3) or not np.allclose(high, np.add(at, shape) - 1, atol=1e-3):
                continue
            window = tuple(slice(a, a + n) for a, n in zip(at, shape, strict=True))
            part = torch.from_numpy(np.array(case.image[(slice(None), *window)]))
            if part.shape == image.shape and torch.equal(part, image):
                assert torch.equal(mask, one_hot(np.array(case.reads[0][window])))
                found.append((case.name, *at))
        assert len(found) == 1
        starts.add(found[0])
    assert len(starts) > len(items)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_network_for_slices_sees_every_slice_across_its_axis_once(cases, axis):
    items = items_of(cases, dimensions=2, preparation={"slice_axis": axis, "multiple": 1})
    assert len(items) == sum(case.shape[axis] for case in cases)
    slices = [
        (case.name, k, np.take(case.image, k, axis=axis + 1), np.take(case.reads, k, axis=axis + 1)[0])
        for case in cases
        for k in range(case.shape[axis])
    ]
    seen = []
    for number in range(len(items)):
        image, mask = one(items, number)
        for name, k, wanted, labels in slices:
            h, w = labels.shape
            if image.shape[1:] >= (h, w) and torch.equal(image[:, :h, :w], torch.from_numpy(wanted)):
                assert torch.equal(mask[:, :h, :w], one_hot(labels))
                seen.append((name, k))
    assert sorted(seen) == sorted((name, k) for name, k, _, _ in slices)


def test_items_of_a_batch_are_padded_at_their_ends_to_one_size(cases):
    rule = {"intensity": "min-max", "range": (-1.0, 1.0), "domain": "scan", "percentiles": None}
    batch = items_of(cases, preparation=rule).batch(range(4), range(4))
    largest = np.max([case.shape for case in cases], axis=0)
    assert batch.image.shape[2:] == tuple(2 * -(-n // 2) for n in largest)
    added = 0
    for image, mask in zip(batch.image, batch.mask, strict=True):
        case = case_of(image, cases)
        beyond = torch.ones(image.shape[1:], dtype=torch.bool)
        beyond[tuple(slice(n) for n in case.shape)] = False
        added += int(beyond.sum())
        assert (image[0][beyond] == -1).all()
        assert (mask[0][beyond] == 1).all()
        assert (mask.sum(0) == 1).all()
    assert added


@pytest.fixture(scope="module")
def disputed(cases):
    """One case with three readers: the true mask, the same a voxel further, and one who drew nothing."""
    case, mask = cases[0], np.array(cases[0].reads[0])
    reads = np.stack([mask, np.roll(mask, 1, axis=2), np.zeros_like(mask)])
    return CachedCase(case.name, case.image, reads, case.spacing_mm, case.extent_mm)


def masks_of(case, numbers, reads):
    items = items_of([case], data={"path": ".", "reads": reads})
    d, h, w = case.shape
    return [one(items, number)[1][:, :d, :h, :w] for number in numbers]


def test_a_random_read_is_one_of_them_and_each_comes_up(disputed):
    reads = [one_hot(read) for read in disputed.reads]
    chosen = [
        next(number for number, read in enumerate(reads) if torch.equal(mask, read))
        for mask in masks_of(disputed, range(60), "random")
    ]
    assert all(8 <= chosen.count(number) <= 34 for number in range(3))


def test_the_mean_of_reads_shares_each_voxel_among_its_classes(disputed):
    (mask,) = masks_of(disputed, [0], "mean")
    assert torch.allclose(mask, torch.stack([one_hot(read) for read in disputed.reads]).mean(0))
    assert not torch.equal(mask, mask.round())


def test_the_majority_is_what_two_of_three_drew(disputed):
    (mask,) = masks_of(disputed, [0], "majority")
    first, second, _ = disputed.reads
    assert torch.equal(mask, one_hot(np.where(first == second, first, 0)))


def test_quarter_turns_of_an_oblong_slice_lose_none_of_it(cases):
    still = items_of(cases, dimensions=2)
    turned = items_of(cases, dimensions=2, augmentation={"quarter_turns": True})
    shapes = set()
    for number in range(len(still)):
        (image, mask), (image_turned, mask_turned) = one(still, number), one(turned, number)
        assert image_turned.shape[1] == image_turned.shape[2]
        assert torch.equal(mask[1:].sum((1, 2)), mask_turned[1:].sum((1, 2)))
        assert torch.equal(
            image.flatten().sort().values[image.flatten().sort().values != 0],
            image_turned.flatten().sort().values[image_turned.flatten().sort().values != 0],
        )
        shapes.add(image.shape)
    assert any(h != w for _, h, w in shapes)


def test_a_cached_case_is_read_from_disk_and_stays_as_it_is(cases):
    before = np.array(cases[0].image)
    items_of(cases[:1], augmentation=MOVING).batch(range(3), range(3))
    assert np.array_equal(before, cases[0].image)
    assert isinstance(cases[0].image, np.memmap)
