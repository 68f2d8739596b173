"""STAPLE against the law written out, and where the law has no answer."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_diffseg.errors import SettingsError
from napari_diffseg.fusion import empty_members, majority, staple, staple_labels, staple_mask
from napari_diffseg.io.nifti import read_volume

READS = arrays(np.uint8, (4, 3, 4, 5), elements=st.integers(0, 1)).filter(
    lambda members: all(0 < member.sum() < member.size for member in members)
)


def expectation_maximisation(members, rounds):
    """The law of Warfield et al. 2004 for one structure, plainly."""
    marked = members.reshape(len(members), -1) == 1
    truth = marked.mean(axis=0)
    prior = truth.mean()
    for _ in range(rounds):
        sensitivity = (truth * marked).sum(1) / truth.sum()
        specificity = ((1 - truth) * ~marked).sum(1) / (1 - truth).sum()
        inside = prior * np.where(marked.T, sensitivity, 1 - sensitivity).prod(1)
        outside = (1 - prior) * np.where(marked.T, 1 - specificity, specificity).prod(1)
        truth = inside / (inside + outside)
    return truth.reshape(members.shape[1:]), sensitivity, specificity


@given(READS, st.integers(1, 8))
@settings(deadline=None)
def test_a_mask_follows_the_published_law_round_by_round(members, rounds):
    ours = staple_mask(members, rounds=rounds)
    if ours.rounds < rounds:  # it stood still before
        return
    truth, sensitivity, specificity = expectation_maximisation(members, rounds)
    np.testing.assert_allclose(ours.probability, truth, atol=1e-6)
    np.testing.assert_allclose(ours.sensitivity, sensitivity, atol=1e-6)
    np.testing.assert_allclose(ours.specificity, specificity, atol=1e-6)


@pytest.fixture
def hippocampus(crop_path):
    """Both parts of a real hippocampus, as an expert drew them."""
    folder = crop_path.parents[1] / "labels"
    return np.asarray(read_volume(folder / crop_path.name).data[0]).astype(np.uint8)


def careless(truth, classes, seed):
    """A reader who misplaces a third of all voxels."""
    rng = np.random.default_rng(seed)
    wrong = rng.integers(0, classes + 1, truth.shape).astype(np.uint8)
    return np.where(rng.random(truth.shape) < 1 / 3, wrong, truth)


@pytest.mark.parametrize("classes", [1, 2])
def test_two_careful_readers_outweigh_three_careless_ones(hippocampus, classes):
    truth = hippocampus if classes == 2 else (hippocampus > 0).astype(np.uint8)
    members = np.stack([truth, truth, *(careless(truth, classes, seed) for seed in range(3))])
    fused = staple(members, classes)
    assert np.mean(fused != truth) < np.mean(majority(members, classes) != truth) / 2


def test_sensitivity_and_specificity_name_the_careless_reader(hippocampus):
    truth = (hippocampus > 0).astype(np.uint8)
    found = staple_mask(np.stack([truth, truth, careless(truth, 1, seed=0)]))
    assert found.sensitivity[:2].min() > 0.99 > 0.9 > found.sensitivity[2]
    assert found.specificity[:2].min() > 0.99 > 0.9 > found.specificity[2]


def test_the_confusion_of_labels_is_a_distribution_for_each_true_one(hippocampus):
    members = np.stack([hippocampus, hippocampus, careless(hippocampus, 2, seed=0)])
    found = staple_labels(members)
    np.testing.assert_allclose(found.confusion.sum(axis=1), 1, atol=1e-9)
    np.testing.assert_allclose(found.confusion[0], np.eye(3), atol=0.02)
    assert found.confusion[2].diagonal().max() < 0.9


def test_members_that_agree_are_the_answer(hippocampus):
    assert np.array_equal(staple(np.stack([hippocampus] * 3), 2), hippocampus)
    assert np.array_equal(staple(hippocampus[None], 2), hippocampus)
    assert np.array_equal(staple(hippocampus[None], 1), hippocampus == 1)


def test_empty_members_are_named(hippocampus):
    members = np.stack([hippocampus, hippocampus, np.zeros_like(hippocampus)])
    assert empty_members(members) == (2,)


@pytest.mark.parametrize("classes", [1, 2])
def test_only_empty_members_stay_empty(classes):
    fused = staple(np.zeros((3, 2, 3, 4), dtype=np.uint8), classes)
    assert fused.shape == (2, 3, 4)
    assert not fused.any()


@pytest.mark.parametrize(("label", "share"), [(0, 0.0), (1, 1.0)])
def test_a_mask_that_nobody_disputes_stands_as_it_is(label, share):
    found = staple_mask(np.full((3, 2, 3, 4), label, dtype=np.uint8))
    assert np.all(found.probability == share)
    undefined, right = (found.specificity, found.sensitivity)[:: 1 if share else -1]
    assert np.isnan(undefined).all()
    assert np.all(right == 1)


def test_labels_above_the_classes_are_background():
    members = np.array([[3, 1, 1, 0], [3, 1, 0, 0], [3, 1, 1, 2]], dtype=np.uint8)[:, None, None]
    assert staple(members, 1).ravel().tolist() == [0, 1, 1, 0]
    assert staple(members, 2).ravel()[0] == 0


@pytest.mark.parametrize("fuse", [lambda members: staple(members, 1), staple_mask, staple_labels])
def test_no_member_at_all_is_refused(fuse):
    with pytest.raises(SettingsError, match="at least one member"):
        fuse(np.zeros((0, 2, 3, 4), dtype=np.uint8))


def test_a_label_of_255_is_refused():
    members = np.array([[255, 0], [1, 0]], dtype=np.uint8)[:, None, None]
    with pytest.raises(SettingsError, match="up to 254, and a member has 255"):
        staple_labels(members)
    assert staple(members, 1).shape == (1, 1, 2)
