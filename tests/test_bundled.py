"""The models that ship, on real scans."""

import csv
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

import napari_diffseg as nd
from napari_diffseg.checkpoints.catalogue import BUNDLED, find
from napari_diffseg.datasets import pairs
from napari_diffseg.datasets.opening import open_dataset
from napari_diffseg.evaluation.scores import evaluate
from napari_diffseg.volume import Box

DATA = Path(__file__).parent / "data"
MODELS = ("hippocampus-imgx", "hippocampus-unet")
READERS = "lidc-ambiguous"
CARDS = Path(__file__).parents[1] / "docs" / "models"
CROPS = {
    "val-00000": "val-00001",
    "val-00001": "val-00024",
    "test-00000": "test-00000",
    "test-00001": "test-00005",
}
"""Of the tests' file, by what they are called in the whole one."""
SIDES = {"left": -28, "right": 28}  # MNI x of a hippocampus, RAS+ mm


@pytest.fixture(scope="module", params=MODELS)
def model(request):
    return nd.load_checkpoint(find(request.param))


def hippocampus_box(scan, x):
    centre = np.linalg.inv(scan.grid.affine) @ [x, -21, -14, 1]
    return Box.around(centre[:3].tolist(), (36.0, 52.0, 36.0))


def test_the_bundled_files_are_small():
    files = {path.stem: path.stat().st_size for path in BUNDLED.glob("*.safetensors")}
    assert set(files) == {*MODELS, READERS}
    assert max(files[name] for name in MODELS) <= 6 * 10**6
    assert files[READERS] <= 15 * 10**6


@pytest.mark.parametrize("side", SIDES)
def test_both_hippocampi_of_the_template_are_found_front_before_rear(model, head, side):
    box = hippocampus_box(head, SIDES[side])
    result = nd.segment(head, model, members=2, box=box, preview=False).result()
    front, rear = (np.argwhere(result.consensus == label) for label in (1, 2))
    assert 1.0 < len(front) * 0.001 < 4.0  # millilitres of one half of a hippocampus
    assert 1.0 < len(rear) * 0.001 < 4.0
    assert front[:, 1].mean() + 5 < rear[:, 1].mean()  # the second axis grows towards the back
    centre = np.argwhere(result.consensus > 0).mean(axis=0) + box.start
    x = (head.grid.affine @ [*centre, 1])[0]
    assert abs(x - SIDES[side]) < 6


def test_two_validation_cases_score_as_the_card_says_within_a_case_s_spread(model):
    metrics = {metric.name: metric.value for metric in model.document.metrics}
    scores = list(evaluate(model, pairs.read(DATA / "hippocampus").cases, members=2))
    for score in scores:
        assert np.mean(score.dice) > metrics["smallest mean foreground Dice of a case"] - 0.01


def test_four_crops_that_nothing_was_learnt_from_score_as_the_tables_say():
    model = nd.load_checkpoint(find(READERS))
    rows = {}
    for group in ("validation", "test"):
        with (CARDS / f"{READERS}-{group}.csv").open() as file:
            rows |= {row["case"]: float(row["ged_4"]) for row in csv.DictReader(file)}
    cases = [case for case in open_dataset(DATA / "lidc" / "hdf5").cases if case.name in CROPS]
    steps = model.document.metrics[0].steps
    found = [score.ged[0] for score in evaluate(model, cases, members=4, steps=steps, seed=0)]
    said = [rows[CROPS[case.name]] for case in cases]
    assert len(found) == 4
    assert np.mean(found) == pytest.approx(np.mean(said), abs=0.1)  # another processor rounds otherwise


def test_one_head_stored_in_five_ways_segments_the_same(tmp_path):
    model = nd.load_checkpoint(find("hippocampus-imgx"))
    found = {}
    for path in sorted((DATA / "orientations").glob("*.nii.gz")):
        scan = nd.read_volume(path)
        result = nd.segment(
            scan, model, members=2, box=Box((30, 20, 10), (50, 45, 30)), preview=False, precision="fp32"
        ).result()
        folder = nd.write_result(result, tmp_path / path.name.removesuffix(".nii.gz"))
        written, original = nib.load(folder / "mean.nii.gz"), nib.load(path)
        assert written.shape[:3] == original.shape
        assert np.array_equal(written.affine, original.affine)
        found[path.name] = np.asarray(nib.as_closest_canonical(written).dataobj)
    assert len(found) == 5
    first = found.pop("RAS.nii.gz")
    for other in found.values():
        np.testing.assert_allclose(other, first, atol=1e-3)
