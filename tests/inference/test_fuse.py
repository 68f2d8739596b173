"""From members to a consensus, as asked for or as the method's paper has it."""

import dataclasses

import numpy as np
import pytest

from napari_diffseg.fusion import majority, relative_area, squared_mean, staple
from napari_diffseg.inference.run import segment
from napari_diffseg.results.events import Stepped
from napari_diffseg.volume import Box

BOX = Box((100, 80, 90), (112, 112, 116))


def drawn(scan, checkpoint, **options):
    """The result, and the soft members as the previews of the last step have them."""
    settings = {"box": BOX, "steps": 2, "members": 5, "precision": "fp32", **options}
    soft = np.zeros((settings["members"], 2, *BOX.shape), np.float32)
    for event in segment(scan, checkpoint, **settings):
        if isinstance(event, Stepped):
            at = event.region.start[0] - BOX.start[0]
            soft[event.member, :, at : at + event.region.shape[0]] = event.x0
    return event.result, soft


@pytest.fixture(scope="module")
def plain(head, tiny_checkpoint):
    return drawn(head, tiny_checkpoint)


def between(shares):
    """A share that some reach and some do not, in the widest gap."""
    shares = np.unique(shares)
    gap = np.diff(shares).argmax()
    return float((shares[gap] + shares[gap + 1]) / 2)


@pytest.mark.parametrize(
    ("fusion", "fused"),
    [
        ("staple", lambda result: staple(result.members, 2)),
        ("majority", lambda result: majority(result.members, 2)),
        ("squared-mean", lambda result: squared_mean(result.mean, 0.4)),
    ],
)
def test_members_are_fused_as_asked_for(head, tiny_checkpoint, plain, fusion, fused):
    result, _ = drawn(head, tiny_checkpoint, fusion=fusion, threshold=0.4)
    assert np.array_equal(result.consensus, fused(result))
    assert np.array_equal(result.mean, plain[0].mean)
    assert result.provenance.fusion == fusion
    assert result.consensus.any()


def test_automatic_is_what_the_checkpoint_says_and_the_provenance_tells_it(head, tiny_checkpoint, plain):
    assert (plain[0].provenance.sampler, plain[0].provenance.fusion) == ("ddpm", "mean")
    config = tiny_checkpoint.config.model_copy(update={"sampler": "ddim", "fusion": "majority"})
    result, _ = drawn(head, dataclasses.replace(tiny_checkpoint, config=config))
    assert (result.provenance.sampler, result.provenance.fusion) == ("ddim", "majority")
    assert (result.options.sampler, result.options.fusion) == (None, None)
    assert np.array_equal(result.consensus, majority(result.members, 2))
    assert not np.array_equal(result.members, plain[0].members)
    asked, _ = drawn(head, tiny_checkpoint, sampler="ddim")
    assert np.array_equal(asked.members, result.members)


def test_members_that_are_specks_are_empty_in_everything_that_is_left(head, tiny_checkpoint, plain):
    members, soft = plain[0].members, plain[1]
    areas = np.count_nonzero(members, axis=(1, 2, 3))
    smallest = between(areas / areas.max())
    kept = relative_area(members, smallest)
    assert 0 < kept.sum() < 5
    result, _ = drawn(head, tiny_checkpoint, relative_area=smallest, fusion="majority")
    left = soft * kept[:, None, None, None, None]
    np.testing.assert_allclose(result.mean, left.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(result.variance, left.var(axis=0), atol=1e-6)
    assert np.array_equal(result.members, members * kept[:, None, None, None])
    assert np.array_equal(result.consensus, majority(result.members, 2))
    assert (result.volumes_ml.sum(axis=1) == 0).tolist() == (~kept).tolist()


def test_slices_are_judged_one_by_one_where_they_were_drawn_so(head, slice_checkpoint):
    options = {"members": 3, "slice_noise": "independent"}
    before, _ = drawn(head, slice_checkpoint, **options)
    areas = np.count_nonzero(before.members, axis=(2, 3))
    smallest = between(areas / areas.max(axis=0))
    kept = areas >= smallest * areas.max(axis=0)
    assert any(0 < of_slice.sum() < 3 for of_slice in kept.T)
    result, _ = drawn(head, slice_checkpoint, relative_area=smallest, **options)
    assert np.array_equal(result.members, before.members * kept[..., None, None])


def test_nothing_changes_where_every_member_is_large_enough(head, tiny_checkpoint, plain):
    result, _ = drawn(head, tiny_checkpoint, relative_area=1e-6)
    assert np.array_equal(result.mean, plain[0].mean)
    assert np.array_equal(result.variance, plain[0].variance)
