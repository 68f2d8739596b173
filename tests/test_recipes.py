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


@pytest.mark.parametrize("name", ["hippocampus-imgx", "hippocampus-unet"])
def test_a_recipe_says_what_its_model_was_trained_with(name, monkeypatch):
    monkeypatch.chdir(RECIPES.parent)
    run, model = read_run(RECIPES / f"{name}.toml"), nd.load_checkpoint(find(name))
    document, facts = model.document, model.document.training
    assert (run.name, run.method) == (document.name, document.method)
    assert run.config == model.config.model_dump(mode="json")
    assert run.preparation == document.preparation
    assert (run.train.steps, run.train.seed) == (facts.steps, facts.seed)
    assert len(read_split(run.data.split).train) == facts.cases


def test_the_cases_among_the_tests_were_held_back_from_training():
    split = read_split(RECIPES / "hippocampus-split.json")
    assert {case.name for case in pairs.read(DATA).cases} <= set(split.test)
    assert (len(split.train), len(split.validation), len(split.test)) == (192, 0, 48)
