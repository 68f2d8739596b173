"""Scoring a checkpoint on cases whose masks are known."""

from dataclasses import replace

import numpy as np
import pytest

import napari_diffseg as nd
from napari_diffseg.evaluation.case_score import score
from napari_diffseg.evaluation.scores import evaluate
from napari_diffseg.evaluation.summary import summarise
from napari_diffseg.metrics import dice, energy_distance


def test_scores_are_those_of_the_ensemble_s_consensus(tiny_checkpoint, cases):
    scores = list(evaluate(tiny_checkpoint, cases, members=3, steps=2))
    assert [score.case for score in scores] == ["hippocampus_017", "hippocampus_148"]
    found = cases[0].read()
    result = nd.segment(found.scan, tiny_checkpoint, members=3, steps=2).result()
    expected = [dice(result.consensus == label, found.reads[0].data == label) for label in (1, 2)]
    np.testing.assert_allclose(scores[0].dice, expected)
    assert 0 < np.mean(scores[0].member_disagreement) < 1


def test_crops_with_four_readers_are_scored_against_all_of_them(slice_checkpoint, crops):
    scores = list(evaluate(slice_checkpoint, crops, members=2, steps=1))
    assert [score.reads for score in scores] == [4] * len(crops)
    found = crops[1].read()
    members = nd.segment(found.scan, slice_checkpoint, members=2, steps=1).result().members
    drawn = np.stack([read.data for read in found.reads])
    expected = [energy_distance(members == label, drawn == label).published for label in (1, 2)]
    np.testing.assert_allclose(scores[1].ged, expected)
    assert summarise(scores, ["nodule", "nothing"]).selection.value == np.mean([s.ged for s in scores])


def test_members_that_are_the_readers_lie_at_no_distance(result, crops):
    for crop in crops:
        reads = crop.read().reads
        drawn = replace(result(*(read.data for read in reads)), scan_grid=reads[0].grid)
        found = score(drawn, reads, case=crop.name)
        assert found.ged == pytest.approx((0.0,))
        assert found.matched_iou == (1.0,)
        assert found.ged_unbiased[0] < 0  # masks beside themselves are left out within the sets alone
