"""Networks for slices on volumes: order, noise, streaming, memory, and what a member is a function of."""

import dataclasses
import threading
import time

import numpy as np
import pytest
import torch

import napari_diffseg as nd
from napari_diffseg.diffusion.noise import NoiseSource
from napari_diffseg.inference.by_slice import next_slab
from napari_diffseg.inference.plan import plan
from napari_diffseg.inference.run import segment
from napari_diffseg.methods import imgx_unet, patchddm
from napari_diffseg.methods.registry import method
from napari_diffseg.results.events import BatchHalved, MemberDone, Stepped
from napari_diffseg.results.options import SamplingOptions
from napari_diffseg.volume import Box, Grid, Scan

BOX = Box((100, 80, 90), (111, 112, 115))  # 11 slices in slabs of 4: the last one is smaller


def events_of(scan, checkpoint, **options):
    return list(segment(scan, checkpoint, **{"box": BOX, "steps": 2, "precision": "fp32", **options}))


def result_of(scan, checkpoint, **options):
    return events_of(scan, checkpoint, **{"preview": False, **options})[-1].result


def prepared_otherwise(checkpoint, **changes):
    preparation = checkpoint.document.preparation.model_copy(update=changes)
    document = checkpoint.document.model_copy(update={"preparation": preparation})
    return dataclasses.replace(checkpoint, document=document)


@pytest.fixture(scope="module")
def three(head, slice_checkpoint):
    return result_of(head, slice_checkpoint, members=3)


def slabs(count, start, most):
    drawn, seen = range(0), []
    while len(drawn) < count:
        slab = next_slab(drawn, start=start, count=count, most=most)
        seen.append(slab)
        drawn = range(min(*drawn[:1], slab.start), max(*drawn[-1:], slab.stop - 1) + 1) if drawn else slab
    return seen


@pytest.mark.parametrize(
    ("count", "start", "most"), [(11, 5, 4), (11, 0, 4), (11, 10, 4), (3, 1, 8), (9, 7, 1)]
)
def test_slabs_cover_every_slice_once_from_the_one_in_view_outwards(count, start, most):
    seen = slabs(count, start, most)
    assert sorted(number for slab in seen for number in slab) == list(range(count))
    assert start in seen[0]
    reach = [max(abs(number - start) for number in slab) for slab in seen]
    nearest = [min(abs(number - start) for number in slab) for slab in seen]
    assert nearest == sorted(nearest)
    assert all(len(slab) == most for slab in seen) or sum(len(slab) < most for slab in seen) <= 2
    assert reach[-1] == max(start, count - 1 - start)


def test_a_member_streams_slab_by_slab_and_is_done_after_the_last(head, slice_checkpoint):
    events = events_of(head, slice_checkpoint, members=2, start_slice=102)
    kinds = [type(event).__name__ for event in events]
    assert kinds == ["Planned", *(["Stepped"] * 8 + ["MemberDone"]) * 2, "Finished"]
    stepped = [event for event in events if isinstance(event, Stepped)][:8]
    slices = [(event.region.start[0], event.region.stop[0]) for event in stepped[1::2]]
    assert slices == [(101, 105), (100, 101), (105, 109), (109, 111)]
    assert all(event.x0.shape == (2, *event.region.shape) for event in stepped)
    assert all(event.region.shape[1:] == BOX.shape[1:] for event in stepped)


def test_steps_and_time_are_counted_over_all_slices(head, slice_checkpoint):
    stepped = [e for e in events_of(head, slice_checkpoint, members=2) if isinstance(e, Stepped)]
    for member in (0, 1):
        steps = [event.step for event in stepped if event.member == member]
        assert steps == sorted(steps)
        assert steps[-1] == stepped[0].steps == 11 * 2
    assert stepped[-1].remaining_s == 0
    assert all(event.remaining_s > 0 for event in stepped[:-1])


def test_the_previews_of_the_last_step_are_the_member(head, slice_checkpoint):
    events = events_of(head, slice_checkpoint, members=1)
    mean = np.full((2, *BOX.shape), np.nan, np.float32)
    for event in events:
        if isinstance(event, Stepped):
            at = event.region.start[0] - BOX.start[0]
            mean[:, at : at + event.region.shape[0]] = event.x0
    np.testing.assert_array_equal(mean, events[-1].result.mean)


def test_a_slice_is_what_the_network_says_of_that_slice_alone(head, slice_checkpoint, three):
    box = Box((104, *BOX.start[1:]), (105, *BOX.stop[1:]))
    alone = result_of(head, slice_checkpoint, members=3, box=box)
    np.testing.assert_allclose(alone.mean[:, 0], three.mean[:, 4], atol=1e-5)
    assert (alone.members[:, 0] == three.members[:, 4]).mean() > 0.999


@pytest.mark.parametrize("noise", ["shared", "independent"])
def test_several_members_of_few_slices_are_drawn_together(head, slice_checkpoint, noise):
    """Two slices of two members fill a batch of four."""
    thin = Box((104, *BOX.start[1:]), (106, *BOX.stop[1:]))
    options = {"members": 3, "slice_noise": noise, "box": thin}
    events = events_of(head, slice_checkpoint, **options)
    kinds = [type(event).__name__ for event in events]
    assert kinds == [
        "Planned",
        *["Stepped"] * 2,
        *["MemberDone"] * 2,
        *["Stepped"] * 2,
        "MemberDone",
        "Finished",
    ]
    assert [event.remaining_s > 0 for event in events if isinstance(event, Stepped)] == [True] * 3 + [False]
    together = events[-1].result
    assert (together.provenance.slices_at_once, together.provenance.members_at_once) == (2, 2)
    apart = result_of(head, slice_checkpoint, reproducible=True, **options)
    np.testing.assert_allclose(together.mean, apart.mean, atol=1e-5)
    assert (together.members == apart.members).mean() > 0.999
    assert not np.array_equal(together.members[0], together.members[1])


@pytest.mark.parametrize("options", [{"start_slice": 100}, {"start_slice": 0}, {"reproducible": True}])
def test_a_member_does_not_depend_on_the_order_or_the_size_of_batches(head, slice_checkpoint, three, options):
    other = result_of(head, slice_checkpoint, members=3, **options)
    np.testing.assert_allclose(other.mean, three.mean, atol=1e-5)
    assert (other.members == three.members).mean() >= 0.999


def test_reproducible_runs_draw_one_slice_at_a_time_and_are_bit_identical(head, slice_checkpoint):
    first = result_of(head, slice_checkpoint, members=2, reproducible=True)
    second = result_of(head, slice_checkpoint, members=2, reproducible=True, start_slice=108)
    assert np.array_equal(first.mean, second.mean)
    assert (first.provenance.slices_at_once, first.provenance.members_at_once) == (1, 1)


@pytest.mark.parametrize("noise", ["shared", "independent"])
def test_a_member_does_not_depend_on_how_many_slices_the_box_has(head, slice_checkpoint, noise):
    whole = result_of(head, slice_checkpoint, members=1, slice_noise=noise)
    fewer = Box((103, *BOX.start[1:]), (108, *BOX.stop[1:]))
    part = result_of(head, slice_checkpoint, members=1, slice_noise=noise, box=fewer)
    np.testing.assert_allclose(part.mean, whole.mean[:, 3:8], atol=1e-5)


def test_slices_share_noise_unless_each_is_to_have_its_own():
    members, own = [3] * 4, range(20, 24)
    shared = NoiseSource(7, members, (2, 5, 6)).at(1)
    independent = NoiseSource(7, members, (2, 5, 6), slices=own).at(1)
    assert all(torch.equal(field, shared[0]) for field in shared)
    assert torch.equal(shared[:1], NoiseSource(7, [3], (2, 5, 6)).at(1))
    assert not torch.equal(independent[0], independent[1])
    assert torch.equal(independent[2:3], NoiseSource(7, [3], (2, 5, 6), slices=[22]).at(1))


def test_independent_noise_gives_another_volume(head, slice_checkpoint, three):
    other = result_of(head, slice_checkpoint, members=3, slice_noise="independent")
    assert not np.array_equal(other.members, three.members)
    assert other.options.slice_noise == "independent"


@pytest.mark.parametrize("axis", [1, 2])
def test_slices_are_taken_across_the_axis_that_the_checkpoint_names(head, slice_checkpoint, axis):
    """As axial ones are of a scan whose axes were exchanged."""
    order = [axis, *(number for number in range(3) if number != axis)]
    across = result_of(head, prepared_otherwise(slice_checkpoint, slice_axis=axis), members=1)
    grid = Grid(tuple(head.grid.shape[n] for n in order), head.grid.affine[:, [*order, 3]])
    box = Box(tuple(BOX.start[n] for n in order), tuple(BOX.stop[n] for n in order))
    axial = result_of(
        Scan(head.data.transpose(0, *(n + 1 for n in order)), grid), slice_checkpoint, members=1, box=box
    )
    assert across.provenance.slice_axis == axis
    np.testing.assert_allclose(across.mean.transpose(0, *(n + 1 for n in order)), axial.mean, atol=1e-5)


@pytest.mark.parametrize("thickness_mm", [2.5, 0.6])
def test_resampled_slices_are_shown_on_the_scan_slices_nearest_to_them(head, slice_checkpoint, thickness_mm):
    checkpoint = prepared_otherwise(slice_checkpoint, spacing_mm=(thickness_mm, 1.3, 0.9))
    events = events_of(head, checkpoint, members=1)
    shown = np.zeros(BOX.shape, bool)
    preview = np.zeros((2, *BOX.shape), np.float32)
    for event in events:
        if isinstance(event, Stepped) and event.x0 is not None:
            at = slice(event.region.start[0] - BOX.start[0], event.region.stop[0] - BOX.start[0])
            shown[at], preview[:, at] = True, event.x0
    mean = events[-1].result.mean
    assert shown.all()
    assert mean.shape == preview.shape
    assert np.abs(preview - mean).mean() < 0.5 * np.abs(preview[:, ::-1] - mean).mean()


def test_a_scan_smaller_than_the_divisor_is_padded_within_slices_and_cropped(slice_checkpoint):
    rng = np.random.default_rng(0)
    scan = Scan(rng.random((1, 5, 3, 1), np.float32), Grid((5, 3, 1), np.eye(4)))
    result = result_of(scan, prepared_otherwise(slice_checkpoint, multiple=16), box=None, members=2)
    assert result.mean.shape == (2, 5, 3, 1)
    assert np.isfinite(result.mean).all()


def test_cancel_between_two_slabs_keeps_the_members_that_are_whole(head, slice_checkpoint):
    run = segment(head, slice_checkpoint, box=BOX, steps=2, members=5)
    done = 0
    for event in run:
        done += isinstance(event, MemberDone)
        if done == 1 and isinstance(event, Stepped):
            run.cancel()
    assert run.result().cancelled
    assert len(run.result().members) == 1


def test_cancel_is_heard_inside_the_network_of_a_slice(head, slice_checkpoint):
    run = segment(head, slice_checkpoint, members=1, steps=1000, preview=False)
    timer = threading.Timer(0.5, run.cancel)
    timer.start()
    began = time.perf_counter()
    with pytest.raises(nd.CancelledError):
        run.result()
    assert time.perf_counter() - began < 30


def test_without_diffusion_there_is_one_member_from_every_slice(head, slice_checkpoint):
    config = imgx_unet.Config(unet={"widths": (4, 8), "dimensions": 2, "time": "none"})
    document = slice_checkpoint.document.model_copy(
        update={"method": "imgx-unet", "config": config.model_dump(mode="json")}
    )
    network = imgx_unet.build(config, channels=1, classes=3)
    plain = nd.Checkpoint(document, method("imgx-unet"), config, network.state_dict(), sha256="0" * 64)
    result = result_of(head, plain, members=5)
    assert len(result.members) == 1
    assert result.variance is None
    assert result.provenance.sampler is None


def test_the_plan_counts_a_batch_of_slices_and_not_the_volume(head, slice_checkpoint):
    one = Box((100, 80, 90), (101, 212, 195))
    many = Box((20, 80, 90), (180, 212, 195))
    few, all_ = (plan(head, slice_checkpoint, SamplingOptions(box=box, device="cpu")) for box in (one, many))
    assert (few.slices, few.slices_at_once, few.members_at_once) == (1, 1, 4)
    assert (all_.slices, all_.slices_at_once, all_.members_at_once) == (160, 4, 1)
    assert all_.needed_gib < 80 * few.needed_gib
    soft = plan(head, slice_checkpoint, SamplingOptions(box=many, device="cpu", relative_area=0.5))
    assert soft.needed_gib - all_.needed_gib == pytest.approx(5 * 2 * 4 * 160 * 132 * 105 / 2**30)


def test_slices_that_are_too_large_are_refused_with_a_region_that_fits(slice_checkpoint):
    shape = (50, 60_000, 60_000)
    data = np.broadcast_to(np.uint8(1), (1, *shape))
    huge = Scan(data, Grid(shape, np.eye(4)))
    planned = plan(huge, slice_checkpoint, SamplingOptions())
    assert not planned.fits
    edge = int(planned.fitting_box_mm * 0.9)  # other programs take memory meanwhile
    box = Box((0, 0, 0), (min(edge, 50), edge, edge))
    assert plan(huge, slice_checkpoint, SamplingOptions(box=box)).fits


def test_out_of_memory_halves_the_slices_says_so_and_changes_no_answer(head, slice_checkpoint, hungry, three):
    events = events_of(head, hungry(slice_checkpoint, 1), members=3, preview=False)
    halvings = [(event.at_once, event.what) for event in events if isinstance(event, BatchHalved)]
    assert halvings == [(2, "slices"), (1, "slices")]
    assert events[-1].result.provenance.slices_at_once == 1
    assert (events[-1].result.members == three.members).mean() >= 0.999


def test_out_of_memory_halves_the_members_of_few_slices_too(head, slice_checkpoint, hungry):
    thin = Box((104, *BOX.start[1:]), (106, *BOX.stop[1:]))
    events = events_of(head, hungry(slice_checkpoint, 1), members=3, box=thin, preview=False)
    assert [event.at_once for event in events if isinstance(event, BatchHalved)] == [2, 1]
    result, plenty = events[-1].result, result_of(head, slice_checkpoint, members=3, box=thin)
    assert (result.provenance.slices_at_once, result.provenance.members_at_once) == (1, 1)
    assert (result.members == plenty.members).mean() > 0.999


@pytest.mark.parametrize("dimensions", [2, 3])
def test_networks_that_want_coordinates_get_three_channels_more(head, slice_checkpoint, dimensions):
    shape = {"dimensions": dimensions, "width": 4, "multipliers": (1, 2), "blocks": 1, "groups": 4}
    config = patchddm.Config(unet=patchddm.Config().unet.model_copy(update=shape))
    network = patchddm.build(config, channels=1, classes=3)
    assert network.input_blocks[0][0].weight.shape[1] == 1 + 3 + 2
    document = slice_checkpoint.document.model_copy(
        update={"method": "patchddm", "config": config.model_dump(mode="json")}
    )
    placed = nd.Checkpoint(document, method("patchddm"), config, network.state_dict(), sha256="0" * 64)
    planned = plan(head, placed, SamplingOptions(box=BOX, device="cpu"))
    result = result_of(head, placed, members=1)
    assert planned.slice_axis == (0 if dimensions == 2 else None)
    assert result.mean.shape == (2, *BOX.shape)
    assert result.provenance.sampler == "ddim"
