"""Scoring a checkpoint on cases whose masks are known."""

from pathlib import Path

import numpy as np

import napari_diffseg as nd
from napari_diffseg.datasets.pairs import find_pairs
from napari_diffseg.evaluation.scores import evaluate
from napari_diffseg.metrics import dice

DATA = Path(__file__).parents[1] / "data" / "hippocampus"


def test_scores_are_those_of_the_ensemble_s_consensus(tiny_checkpoint):
    cases = find_pairs(DATA)
    scores = list(evaluate(tiny_checkpoint, cases.values(), members=3, steps=2))
    assert [score.case for score in scores] == list(cases)
    scan, mask = cases["hippocampus_017"].read()
    result = nd.segment(scan, tiny_checkpoint, members=3, steps=2).result()
    expected = [dice(result.consensus == label, mask.data == label) for label in (1, 2)]
    np.testing.assert_allclose(scores[0].dice, expected)
    assert 0 < scores[0].member_disagreement < 1


def test_one_member_disagrees_with_nobody(tiny_checkpoint):
    (score, _) = evaluate(tiny_checkpoint, find_pairs(DATA).values(), members=1, steps=1)
    assert score.member_disagreement == 0
