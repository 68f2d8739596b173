"""Our metrics against the numbers of the released ImgX-DiffSeg code."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from napari_diffseg.metrics import centroid_distance_mm, dice, hd95_mm, iou, normalised_surface_distance

ORACLE = load_file(Path(__file__).parents[1] / "parity" / "data" / "imgx_metrics.safetensors")
CASES, CLASSES = range(20), range(4)


def matrix(dimensions, measure):
    """One number a case and class, as the oracle lays them out."""
    predicted, true = ORACLE[f"{dimensions}.pred"], ORACLE[f"{dimensions}.true"]
    return np.array(
        [[measure(predicted[case] == label, true[case] == label) for label in CLASSES] for case in CASES]
    )


def agree(ours, name):
    return np.testing.assert_allclose(ours, ORACLE[name], rtol=1e-5, atol=1e-5)


@pytest.fixture(params=["2d", "3d"])
def dimensions(request):
    return request.param


@pytest.mark.parametrize("measure", [dice, iou])
def test_overlap_agrees_and_two_empty_masks_count_as_one(dimensions, measure):
    theirs = ORACLE[f"{dimensions}.{measure.__name__}"]
    assert np.isnan(theirs).any()  # there both empty is undefined
    expected = np.where(np.isnan(theirs), 1, theirs)
    np.testing.assert_allclose(matrix(dimensions, measure), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("unit", "suffix"), [(None, ""), (1.0, "_voxels")])
@pytest.mark.parametrize(
    ("measure", "name"), [(hd95_mm, "hd95"), (centroid_distance_mm, "centroid_distance")]
)
def test_distances_agree_in_millimetres_and_in_voxels(dimensions, measure, name, unit, suffix):
    spacing_mm = ORACLE[f"{dimensions}.spacing"].tolist()
    edges = spacing_mm if unit is None else [unit] * len(spacing_mm)
    agree(matrix(dimensions, lambda p, r: measure(p, r, edges)), f"{dimensions}.{name}{suffix}")


@pytest.mark.parametrize("tolerance_mm", [1.0, 2.5])
def test_normalised_surface_distance_agrees_at_both_tolerances(dimensions, tolerance_mm):
    spacing_mm = ORACLE[f"{dimensions}.spacing"].tolist()

    def measure(predicted, reference):
        return normalised_surface_distance(predicted, reference, spacing_mm, tolerance_mm=tolerance_mm)

    agree(matrix(dimensions, measure), f"{dimensions}.nsd_{tolerance_mm:g}mm")
