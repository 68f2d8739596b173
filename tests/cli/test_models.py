"""`napari-diffseg models`: what there is and what is known of it, without torch; and the import."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

AMB_PT = Path(__file__).parents[1] / "parity" / "data" / "amb_ckpt.pt"


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


def test_methods_without_a_model_are_named_and_each_says_how_to_get_one(command):
    *_, last = command("models", "list").out.splitlines()
    assert last.startswith("No model yet: ensemdiff, patchddm, medsegdiff, guided-unet;")
    assert "models import FILE" in command("models", "list", "--method", "medsegdiff").out


def test_the_list_of_one_method_says_what_it_is(command):
    first, *others = command("models", "list", "--method", "imgx").out.splitlines()
    assert first.startswith("ImgX-DiffSeg. Diffusion on one-hot masks")
    assert "arXiv:2303.06040" in first
    assert [line.split(":")[0] for line in others] == ["hippocampus-imgx"]


def test_a_method_that_nobody_knows_names_the_known_ones(command):
    done = command("models", "list", "--method", "magic")
    assert done.code == 1
    assert "known are ensemdiff" in done.err


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


@pytest.fixture
def import_(command, tmp_path):
    """Import the sample file of AmbDiffSeg's trainer; more arguments win."""

    def run(*arguments, source="ambdiffseg", out=tmp_path / "ours.safetensors"):
        return command("models", "import", AMB_PT, "--from", source, "--out", out, *arguments)

    return run


def test_an_official_checkpoint_becomes_one_of_ours(import_, command, tmp_path):
    names = ("--name", "nodules", "--class", "nodule", "--channel", "ct")
    done = import_(*names, "--network", "heads=4", "--network", "sampler=ddim")
    assert (done.code, done.err) == (0, "")
    assert done.out == command("models", "show", tmp_path / "ours.safetensors").out
    for text in ("nodules: AmbDiffSeg, imported from amb_ckpt.pt", "  nodule", "Channels: ct", "Christensen"):
        assert text in done.out
    config = json.loads(command("models", "show", tmp_path / "ours.safetensors", "--json").out)["config"]
    assert (config["unet"]["heads"], config["sampler"]) == (4, "ddim")


def test_without_out_it_joins_the_person_s_own(command, folder):
    done = command("models", "import", AMB_PT, "--from", "ambdiffseg", "--json")
    assert json.loads(done.out)["path"] == str(folder / "amb_ckpt.safetensors")
    assert "amb_ckpt: AmbDiffSeg" in command("models", "list").out


@pytest.mark.parametrize(
    ("source", "told"),
    [("wolleb", "looks like a checkpoint of AmbDiffSeg"), ("probunet", "cannot be imported yet")],
)
def test_an_import_that_fails_is_one_sentence_and_no_file(source, told, import_, tmp_path):
    done = import_(source=source)
    assert (done.code, done.out, len(done.err.splitlines())) == (1, "", 1)
    assert told in done.err
    assert not (tmp_path / "ours.safetensors").exists()


def test_an_existing_model_is_replaced_only_when_asked(import_):
    assert import_("--quiet").out == ""
    again = import_()
    assert again.code == 1
    assert "exists already" in again.err
    assert import_("--overwrite").code == 0


@pytest.mark.parametrize("arguments", [("--network", "heads"), ("--from", "unet")])
def test_wrong_usage_of_import_is_told(arguments, import_):
    assert import_(*arguments).code == 2


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
