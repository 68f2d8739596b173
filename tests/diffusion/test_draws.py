"""Random numbers of training items, and what they depend on."""

import pytest
import torch

from napari_diffseg.diffusion.draws import Draws

ITEMS = 4000


def everything(places, batch=8, seed=3, step=5):
    """One of every kind, in one order."""
    draws = Draws(seed, step, places, batch)
    return [
        draws.integers(1000),
        draws.normal((2, 5, 6)),
        draws.stratified(),
        draws.uniform(3, 2),
        draws.normal((4,)),
        draws.stratified(),
    ]


@pytest.mark.parametrize("parts", [(range(4), range(4, 8)), (range(1), range(1, 6), range(6, 8))])
def test_the_parts_of_a_batch_draw_what_the_whole_draws(parts):
    whole = everything(range(8))
    for kind, found in enumerate(zip(*map(everything, parts), strict=True)):
        assert torch.equal(torch.cat(found), whole[kind])


def test_items_steps_and_seeds_draw_different_numbers():
    streams = [
        draws.normal((6,))
        for step in (0, 1, 2)
        for draws in (Draws(0, step, range(8), 8), Draws(1, step, range(8), 8))
    ]
    assert torch.cat(streams).unique().numel() == 3 * 2 * 8 * 6


def test_every_call_goes_on_where_the_last_one_stopped():
    draws = Draws(0, 0, range(2), 2)
    fields = torch.stack([draws.normal((3,)), draws.normal((3,))])
    assert fields.unique().numel() == fields.numel()


def test_a_stream_begins_again_at_its_address():
    first, second = (Draws(2, 7, range(3), 3).uniform(4) for _ in range(2))
    assert torch.equal(first, second)


def test_kinds_have_their_shapes_types_and_ranges():
    draws = Draws(0, 1, range(2, 5), 8)
    field, numbers, index = draws.normal((2, 3)), draws.uniform(3, 2), draws.integers(7)
    assert (field.shape, field.dtype) == ((3, 2, 3), torch.float32)
    assert (numbers.shape, numbers.dtype) == ((3, 3, 2), torch.float64)
    assert (index.shape, index.dtype) == ((3,), torch.int64)
    assert (draws.uniform().shape, draws.stratified().shape) == ((3,), (3,))


def test_numbers_across_items_follow_their_laws():
    draws = Draws(0, 1, range(ITEMS), ITEMS)
    normal, uniform, index = draws.normal((4,)), draws.uniform(2), draws.integers(5)
    assert normal.mean(0).abs().max() < 4 / ITEMS**0.5
    assert (normal.var(0) - 1).abs().max() < 4 * (2 / ITEMS) ** 0.5
    neighbours = torch.corrcoef(torch.stack([normal[:-1, 0], normal[1:, 0]]))[0, 1]
    assert abs(float(neighbours)) < 4 / ITEMS**0.5
    assert 0 <= uniform.min() < uniform.max() < 1
    assert (uniform.mean(0) - 0.5).abs().max() < 4 * (1 / 12 / ITEMS) ** 0.5
    counts = index.bincount(minlength=5)
    assert ((counts - ITEMS / 5).abs() < 4 * (ITEMS * 0.2 * 0.8) ** 0.5).all()


@pytest.mark.parametrize("batch", [1, 8, 257])
def test_stratified_numbers_lie_one_in_each_part_of_the_whole_batch(batch):
    found = Draws(0, 3, range(batch), batch).stratified()
    assert (found * batch).long().sort().values.tolist() == list(range(batch))


def test_stratified_numbers_of_one_item_are_uniform_over_steps():
    found = torch.cat([Draws(0, step, range(2, 3), 8).stratified() for step in range(2000)])
    counts = (found * 8).long().bincount(minlength=8)
    assert ((counts - 250).abs() < 4 * (250 * 7 / 8) ** 0.5).all()
    inside = found * 8 % 1
    assert float(inside.mean()) == pytest.approx(0.5, abs=4 * (1 / 12 / 2000) ** 0.5)
