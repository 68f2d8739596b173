"""The recipes in recipes/ and the models that they speak of."""

from pathlib import Path

import pytest

import napari_diffseg as nd
from napari_diffseg.checkpoints.catalogue import find
from napari_diffseg.datasets import pairs
from napari_diffseg.datasets.split import read_split
from napari_diffseg.training.config import read_run

RECIPES = Path(__file__).parents[1] / "recipes"
DATA = Path(__file__).parent / "data" / "hippocampus"


@pytest.mark.parametrize("name", ["hippocampus-imgx", "hippocampus-unet", "lidc-ambiguous"])
def test_a_recipe_says_what_its_model_was_trained_with(name, monkeypatch):
    monkeypatch.chdir(RECIPES.parent)
    run, model = read_run(RECIPES / f"{name}.toml"), nd.load_checkpoint(find(name))
    document, facts = model.document, model.document.training
    assert (run.name, run.method) == (document.name, document.method)
    assert run.config == model.config.model_dump(mode="json")
    assert run.preparation == document.preparation
    assert (run.train.steps, run.train.seed) == (facts.steps, facts.seed)
    if run.data.split is not None:  # otherwise the data set has groups of its own
        assert len(read_split(run.data.split).train) == facts.cases


def test_the_crops_are_learnt_in_the_middle_first_and_then_whole_by_one_network():
    first, last = (read_run(RECIPES / f"lidc-ambiguous{part}.toml") for part in ("-64", ""))
    assert (first.method, first.config, first.preparation) == (last.method, last.config, last.preparation)
    assert (first.train.crop, first.train.crop_at, last.train.crop) == ((1, 64, 64), "centre", None)


def test_the_cases_among_the_tests_were_held_back_from_training():
    split = read_split(RECIPES / "hippocampus-split.json")
    assert {case.name for case in pairs.read(DATA).cases} <= set(split.test)
    assert (len(split.train), len(split.validation), len(split.test)) == (192, 0, 48)
