"""The engine: what an ensemble is, how it ends, and that a member is a function of its number."""

import threading
import time

import numpy as np
import pytest
import torch

import napari_diffseg as nd
from napari_diffseg.inference import evaluator
from napari_diffseg.inference.accumulator import hard
from napari_diffseg.inference.plan import plan
from napari_diffseg.inference.run import segment
from napari_diffseg.results.events import BatchHalved, Finished, MemberDone, Planned, Stepped
from napari_diffseg.results.options import SamplingOptions
from napari_diffseg.volume import Box, Grid, Scan

BOX = Box((100, 80, 90), (124, 112, 116))


def result_of(scan, checkpoint, **options):
    return segment(scan, checkpoint, **{"box": BOX, "steps": 2, "preview": False, **options}).result()


@pytest.fixture(scope="module")
def eight(head, tiny_checkpoint):
    return result_of(head, tiny_checkpoint, members=8, precision="fp32")


def test_events_come_in_order_and_means_sharpen(head, tiny_checkpoint):
    events = list(segment(head, tiny_checkpoint, members=2, steps=3, box=BOX))
    kinds = [type(event).__name__ for event in events]
    assert kinds == ["Planned", *(["Stepped"] * 3 + ["MemberDone"]) * 2, "Finished"]
    stepped = [event for event in events if isinstance(event, Stepped)]
    assert [(event.member, event.step) for event in stepped] == [
        (0, 1),
        (0, 2),
        (0, 3),
        (1, 1),
        (1, 2),
        (1, 3),
    ]
    assert stepped[0].x0.shape == (2, *BOX.shape)
    assert stepped[-1].remaining_s == 0
    first, second = (event for event in events if isinstance(event, MemberDone))
    assert first.variance is None
    assert second.variance.max() <= 0.25


def test_mean_and_variance_are_those_of_the_soft_members(head, tiny_checkpoint):
    events = list(segment(head, tiny_checkpoint, members=4, steps=2, box=BOX, precision="fp32"))
    soft = np.stack([event.x0 for event in events if isinstance(event, Stepped) and event.step == 2])
    result = events[-1].result
    np.testing.assert_allclose(result.mean, soft.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(result.variance, soft.var(axis=0), atol=1e-6)


def test_hard_members_are_the_argmax_with_background(head, tiny_checkpoint):
    events = list(segment(head, tiny_checkpoint, members=1, steps=2, box=BOX))
    soft = next(event.x0 for event in events if isinstance(event, Stepped) and event.step == 2)
    expected = np.concatenate([1 - soft.sum(axis=0, keepdims=True), soft]).argmax(axis=0)
    assert (events[-1].result.members[0] == expected).mean() > 0.9999


def test_member_three_is_the_same_among_five_and_eight(head, tiny_checkpoint, eight):
    five = result_of(head, tiny_checkpoint, members=5, precision="fp32")
    assert np.array_equal(five.members[3], eight.members[3])
    assert not np.array_equal(eight.members[3], eight.members[4])


def test_batches_of_one_and_four_agree_but_for_rounding(head, tiny_checkpoint, eight):
    batched = result_of(head, tiny_checkpoint, members=8, precision="fp32", members_at_once=4)
    assert (batched.members == eight.members).mean() >= 0.999
    np.testing.assert_allclose(batched.mean, eight.mean, atol=1e-4)


def test_reproducible_runs_are_bit_identical_and_leave_the_settings_alone(head, tiny_checkpoint):
    first = result_of(head, tiny_checkpoint, members=2, reproducible=True)
    second = result_of(head, tiny_checkpoint, members=2, reproducible=True, members_at_once=2)
    assert np.array_equal(first.mean, second.mean)
    assert np.array_equal(first.variance, second.variance)
    assert first.provenance.precision == "fp32"
    assert first.provenance.members_at_once == 1
    assert not torch.are_deterministic_algorithms_enabled()


def test_another_seed_gives_another_ensemble(head, tiny_checkpoint, eight):
    other = result_of(head, tiny_checkpoint, members=1, precision="fp32", seed=1)
    assert not np.array_equal(other.members[0], eight.members[0])


def test_only_the_box_is_computed_and_it_is_clipped_to_the_scan(head, tiny_checkpoint):
    box = Box((180, 200, 190), (300, 300, 300))
    run = segment(head, tiny_checkpoint, members=1, steps=1, box=box)
    planned = next(iter(run))
    assert isinstance(planned, Planned)
    assert planned.plan.box == Box((180, 200, 190), head.grid.shape)
    assert run.result().mean.shape == (2, *planned.plan.box.shape)


def test_a_box_outside_the_scan_is_refused_in_one_sentence(head, tiny_checkpoint):
    with pytest.raises(nd.PreparationError, match="holds no voxel of the scan"):
        segment(head, tiny_checkpoint, box=Box((500, 0, 0), (510, 5, 5))).result()


def test_cancel_keeps_the_members_that_are_finished(head, tiny_checkpoint):
    run = segment(head, tiny_checkpoint, members=5, steps=2, box=BOX)
    events = []
    for event in run:
        events.append(event)
        if isinstance(event, MemberDone) and event.member == 1:
            run.cancel()
    assert isinstance(events[-1], Finished)
    assert events[-1].cancelled
    assert run.result().members.shape[0] == 2
    assert run.result().cancelled


def test_cancel_before_the_first_member_says_so(head, tiny_checkpoint):
    run = segment(head, tiny_checkpoint, members=5, steps=2, box=BOX)
    run.cancel()
    with pytest.raises(nd.CancelledError, match="before the first member"):
        run.result()


def test_cancel_from_another_thread_is_heard_inside_a_network_call(head, tiny_checkpoint):
    run = segment(head, tiny_checkpoint, members=1, steps=50, preview=False)  # the whole head: minutes
    timer = threading.Timer(1.0, run.cancel)
    timer.start()
    began = time.perf_counter()
    with pytest.raises(nd.CancelledError):
        run.result()
    assert time.perf_counter() - began < 30  # far from the minutes that 50 steps take


def test_convolutions_in_slabs_are_the_whole_ones(tiny_checkpoint, monkeypatch):
    network, again = tiny_checkpoint.network(), tiny_checkpoint.network()
    x, t = torch.randn(2, 4, 19, 12, 10), torch.rand(2)
    monkeypatch.setattr(evaluator, "_SLAB_MULTIPLICATIONS", 3e5)
    sliced = evaluator.Evaluator(again, torch.device("cpu"), torch.float32, threading.Event())
    torch.testing.assert_close(sliced(x, t), network(x, t), atol=1e-5, rtol=1e-5)


def test_hard_labels_are_argmax_with_background_first_on_a_tie():
    soft = torch.tensor([[[[0.5, 0.3, 0.2, 0.6]]], [[[0.0, 0.3, 0.7, 0.4]]]])
    assert hard(soft).flatten().tolist() == [0, 0, 2, 1]


def test_wrong_number_of_channels_names_those_that_are_wanted(head, tiny_checkpoint):
    two = Scan(np.concatenate([head.data] * 2), head.grid, ("t1", "t2"))
    with pytest.raises(nd.PreparationError, match=r"takes 1 channel \(t1\), the scan has 2"):
        segment(two, tiny_checkpoint, box=BOX).result()


def test_a_network_that_gives_nan_ends_in_one_sentence(head, tiny_checkpoint):
    broken = {name: tensor * np.nan for name, tensor in tiny_checkpoint.weights.items()}
    checkpoint = nd.Checkpoint(
        tiny_checkpoint.document, tiny_checkpoint.entry, tiny_checkpoint.config, broken, sha256="0" * 64
    )
    with pytest.raises(nd.CheckpointError, match="not numbers"):
        result_of(head, checkpoint)


def test_options_outside_their_range_are_refused_by_name(head, tiny_checkpoint):
    with pytest.raises(nd.SettingsError, match="members"):
        segment(head, tiny_checkpoint, members=0)
    with pytest.raises(nd.SettingsError, match="stepps"):
        segment(head, tiny_checkpoint, stepps=3)


def test_a_region_too_big_for_the_memory_is_refused_with_one_that_fits(tiny_checkpoint):
    shape = (6000, 6000, 6000)
    data = np.broadcast_to(np.uint8(1), (1, *shape))  # one byte that looks like 200 GiB
    huge = Scan(data, Grid(shape, np.eye(4)))
    planned = plan(huge, tiny_checkpoint, SamplingOptions())
    assert not planned.fits
    assert 10 < planned.fitting_box_mm < 3000
    with pytest.raises(nd.OutOfMemoryError, match="mm a side"):
        segment(huge, tiny_checkpoint).result()
    edge = int(planned.fitting_box_mm * 0.9)  # other programs take memory meanwhile
    assert plan(huge, tiny_checkpoint, SamplingOptions(box=Box((0, 0, 0), (edge, edge, edge)))).fits


def test_autograd_and_autocast_are_as_before_between_events(head, tiny_checkpoint):
    for _ in segment(head, tiny_checkpoint, members=1, steps=2, box=BOX):
        assert torch.is_grad_enabled()
        assert not torch.is_autocast_enabled("cpu")
        assert not torch.is_inference_mode_enabled()


def test_a_run_that_is_closed_midway_leaves_no_deterministic_mode_behind(head, tiny_checkpoint):
    events = iter(segment(head, tiny_checkpoint, members=2, steps=2, box=BOX, reproducible=True))
    next(events), next(events)
    events.close()
    assert not torch.are_deterministic_algorithms_enabled()


def test_majority_and_mean_fuse_as_asked(head, tiny_checkpoint, eight):
    voted = result_of(head, tiny_checkpoint, members=8, precision="fp32", fusion="majority")
    counts = np.stack([(voted.members == label).sum(axis=0) for label in range(3)])
    assert np.array_equal(voted.consensus, counts.argmax(axis=0))
    assert np.array_equal(voted.mean, eight.mean)


def test_volumes_are_millilitres_of_the_hard_members(eight, head):
    voxels = (eight.members == 1).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(eight.volumes_ml[:, 0], voxels * 0.001, rtol=1e-6)
    assert eight.summary()[0]["sd_ml"] == pytest.approx((voxels * 0.001).std(ddof=1))


def test_out_of_memory_halves_the_batch_says_so_and_changes_no_answer(head, tiny_checkpoint, hungry, eight):
    run = segment(
        head,
        hungry(tiny_checkpoint, 2),
        members=8,
        steps=2,
        box=BOX,
        precision="fp32",
        members_at_once=8,
        preview=False,
    )
    halvings = [event.at_once for event in run if isinstance(event, BatchHalved)]
    assert halvings == [4, 2]
    assert run.result().provenance.members_at_once == 2
    assert (run.result().members == eight.members).mean() >= 0.999


def test_out_of_memory_with_one_member_is_our_own_error(head, tiny_checkpoint, hungry):
    with pytest.raises(nd.OutOfMemoryError, match="smaller region"):
        result_of(head, hungry(tiny_checkpoint, 0), members=2)
