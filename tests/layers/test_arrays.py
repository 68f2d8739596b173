"""What the run's thread leaves in the arrays."""

import numpy as np

from napari_diffseg.fusion import consensus_from_mean
from napari_diffseg.layers import ResultArrays
from napari_diffseg.volume import Box


def filled(run, members):
    arrays = ResultArrays(run.box, run.options)
    for number in range(members):
        arrays.write(run.done(number))
    return arrays


def test_nothing_is_claimed_before_it_is_known(run):
    arrays = ResultArrays(run.box, run.options)
    assert np.isnan(arrays.mean).all()
    assert not arrays.consensus.any()
    arrays.write(run.done(0))
    assert not np.isnan(arrays.mean).any()
    assert np.isnan(arrays.variance).all()


def test_each_member_sharpens_mean_variance_consensus_and_fills_its_place(run):
    arrays = filled(run, 2)
    last = run.done(1)
    assert np.array_equal(arrays.mean, last.mean[0])
    assert np.array_equal(arrays.variance, last.variance[0])
    assert np.array_equal(arrays.consensus, consensus_from_mean(last.mean, 0.6))
    assert np.array_equal(arrays.members[1], run.hard(1))
    assert not arrays.members[2].any()


def test_arrays_are_filled_in_place_so_that_layers_may_hold_them(run):
    arrays = ResultArrays(run.box, run.options)
    before = (arrays.mean, arrays.variance, arrays.consensus, arrays.members, arrays.preview)
    for event in (run.step(), run.done(0), run.done(1), run.finished(2)):
        arrays.write(event)
    arrays.choose_class(1)
    after = (arrays.mean, arrays.variance, arrays.consensus, arrays.members, arrays.preview)
    assert all(a is b for a, b in zip(before, after, strict=True))


def test_another_class_is_shown_at_once_and_by_what_comes_later(run):
    arrays = filled(run, 1)
    arrays.choose_class(1)
    assert np.array_equal(arrays.mean, run.done(0).mean[1])
    arrays.write(run.done(1))
    assert np.array_equal(arrays.variance, run.done(1).variance[1])


def test_a_slice_being_drawn_lands_in_its_place_on_the_box(run):
    arrays = ResultArrays(run.box, run.options)
    arrays.write(run.step(region=Box((3, 2, 3), (4, 9, 9))))
    assert (arrays.preview[2] == 2).all()
    assert np.count_nonzero(arrays.preview) == 7 * 6


def test_slices_of_the_member_before_leave_when_the_next_one_is_drawn(run):
    arrays = ResultArrays(run.box, run.options)
    arrays.write(run.step(0, Box((3, 2, 3), (4, 9, 9))))
    arrays.write(run.step(0, Box((2, 2, 3), (3, 9, 9))))
    assert np.count_nonzero(arrays.preview) == 2 * 7 * 6
    arrays.write(run.step(1, Box((5, 2, 3), (6, 9, 9))))
    assert np.count_nonzero(arrays.preview) == 7 * 6
    assert (arrays.preview[4] == 2).all()


def test_without_live_preview_and_kept_members_neither_takes_memory(run):
    arrays = ResultArrays(run.box, run.options.model_copy(update={"preview": False, "keep_members": False}))
    arrays.write(run.step())
    arrays.write(run.done(0))
    assert arrays.preview is None
    assert arrays.members is None


def test_the_result_has_the_last_word_and_nothing_is_written_after_it(run):
    arrays = filled(run, 2)
    finished = run.finished(2)
    arrays.write(finished)
    arrays.consensus[0, 0, 0] = 9  # a person's correction
    arrays.write(run.done(2))
    assert arrays.consensus[0, 0, 0] == 9
    assert np.array_equal(arrays.consensus[1:], finished.result.consensus[1:])
    assert np.array_equal(arrays.mean, finished.result.mean[0])
