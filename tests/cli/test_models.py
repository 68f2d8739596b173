"""`napari-diffseg models`: what there is and what is known of it, without torch."""

import json
import shutil
import subprocess
import sys

import pytest


@pytest.fixture
def folder(tmp_path, monkeypatch, tiny_checkpoint_path):
    """A person's own checkpoints: one good, one broken."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    folder = tmp_path / "napari-diffseg" / "checkpoints"
    folder.mkdir(parents=True)
    shutil.copy(tiny_checkpoint_path, folder / "mine.safetensors")
    (folder / "spoilt.safetensors").write_bytes(tiny_checkpoint_path.read_bytes()[:-10])
    return folder


def test_good_and_broken_files_are_listed(command, folder):
    lines = command("models", "list").out.splitlines()
    assert "tiny: Tiny test model (ImgX-DiffSeg)" in lines
    (broken,) = (line for line in lines if line.startswith("spoilt:"))
    assert "cannot be used" in broken
    assert "cut short" in broken


def test_the_list_as_json(command, folder):
    models = {model["name"]: model for model in json.loads(command("models", "list", "--json").out)["models"]}
    assert models["tiny"]["method"] == "imgx"
    assert models["tiny"]["path"] == str(folder / "mine.safetensors")
    assert models["tiny"]["problem"] is None
    assert "cut short" in models["spoilt"]["problem"]


def test_a_model_is_shown_by_name_and_by_path(command, folder):
    by_name = command("models", "show", "tiny").out
    for text in ("Tiny test model", "anterior", "t1 (MR)", "Trained on: nothing", "Intended use"):
        assert text in by_name
    assert command("models", "show", folder / "mine.safetensors").out == by_name


def test_a_model_as_json_is_its_document(command, folder):
    shown = json.loads(command("models", "show", "tiny", "--json").out)
    assert shown["classes"][0]["name"] == "anterior"
    assert shown["training"]["spacing_mm"]["low"] == [1.0, 1.0, 1.0]
    assert shown["path"] == str(folder / "mine.safetensors")


def test_quiet_says_nothing_of_a_good_model_and_why_a_broken_one_is_broken(command, folder):
    good = command("models", "show", "tiny", "--quiet")
    assert (good.code, good.out, good.err) == (0, "", "")
    broken = command("models", "show", folder / "spoilt.safetensors", "--quiet")
    assert (broken.code, broken.out) == (1, "")
    assert "cut short" in broken.err


def test_an_unknown_name_is_one_sentence_with_the_known_ones(command, folder):
    done = command("models", "show", "tyni")
    assert (done.code, len(done.err.splitlines())) == (1, 1)
    assert "tiny" in done.err


WITHOUT_TORCH = """
import sys
from napari_diffseg.cli import main
try:
    main(sys.argv[1:])
finally:
    assert not {"torch", "napari", "qtpy"} & set(sys.modules)
"""


@pytest.mark.parametrize("arguments", [("list",), ("show", "tiny")])
def test_models_are_told_of_without_loading_torch(folder, arguments):
    command = [sys.executable, "-c", WITHOUT_TORCH, "models", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "Tiny test model" in done.stdout
