"""run.toml: everything needed to repeat a run, read back as it was written."""

import os
import re
import tomllib
from pathlib import Path

import pytest

import napari_diffseg as nd
from napari_diffseg.datasets.opening import open_dataset
from napari_diffseg.methods.registry import methods
from napari_diffseg.training.config import read_run, valid_run, with_settings, write_run
from napari_diffseg.training.folder import make_run, read_summary, runs_in
from napari_diffseg.training.presets import new_run as preset_run

PRESETS = [(name, preset) for name, entry in methods().items() for preset in entry.load().PRESETS]
LEAST = {
    "name": "it",
    "method": "imgx",
    "config": {},
    "data": {"path": "cases"},
    "train": {"steps": 10},
}


@pytest.mark.parametrize(("name", "preset"), PRESETS)
def test_every_preset_of_every_method_comes_back_as_it_was_written(name, preset, four_cases, tmp_path):
    config = preset_run("it", method_name=name, preset=preset, dataset=open_dataset(four_cases))
    write_run(config, tmp_path / "run.toml")
    assert read_run(tmp_path / "run.toml") == config
    settings = methods()[name].load().Config
    assert (
        settings.model_validate(read_run(tmp_path / "run.toml").config)
        == methods()[name].load().PRESETS[preset]
    )


def test_what_toml_has_no_word_for_comes_back(tmp_path):
    nothing = {
        "train": {"steps": 10, "gradient_norm": None, "ema": None, "crop": None, "decay_steps": None},
        "preparation": {"percentiles": None, "spacing_mm": None},
        "validation": {"cases": None, "steps": None},
    }
    config = valid_run(LEAST | nothing, "it")
    write_run(config, tmp_path / "run.toml")
    assert read_run(tmp_path / "run.toml") == config
    assert tomllib.loads((tmp_path / "run.toml").read_text())["train"]["gradient_norm"] == "None"


def test_small_numbers_and_umlauts_come_back(tmp_path):
    config = valid_run(
        LEAST | {"name": "Übung “1”\n", "train": {"steps": 1, "learning_rate": 1e-7, "weight_decay": 1e-8}},
        "it",
    )
    write_run(config, tmp_path / "run.toml")
    assert read_run(tmp_path / "run.toml") == config


def test_a_run_resumed_from_another_folder_finds_its_data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = valid_run(LEAST | {"train": {"steps": 10, "start_from": "it.safetensors"}}, "it")
    write_run(config, tmp_path / "run.toml")
    monkeypatch.chdir(os.sep)
    again = read_run(tmp_path / "run.toml")
    assert (again.data.path, again.train.start_from) == (tmp_path / "cases", tmp_path / "it.safetensors")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("train.steps=2000", 2000),
        ("train.learning_rate = 1e-4", 1e-4),
        ("train.deterministic=true", True),
        ("train.crop=[8, 16, 24]", (8, 16, 24)),
        ("train.gradient_norm=None", None),
        ("data.path=/a folder/of cases", Path("/a folder/of cases")),
        ("data.reads=mean", "mean"),
        ('name="2026"', "2026"),
        ("name=a=b", "a=b"),
    ],
)
def test_a_setting_given_as_text_is_read_as_what_it_is(setting, value):
    config = valid_run(with_settings(LEAST, [setting]), "The settings")
    found = config
    for name in setting.partition("=")[0].strip().split("."):
        found = getattr(found, name)
    assert found == value


def test_settings_leave_the_others_and_the_last_one_wins():
    content = with_settings(LEAST, ["train.steps=1", "config.unet.widths=[4, 8]", "train.steps=2"])
    assert content["train"] == {"steps": 2}
    assert content["config"] == {"unet": {"widths": [4, 8]}}
    assert LEAST["config"] == {}


@pytest.mark.parametrize("setting", ["train.steps", "=5", "train..steps=5", "train.=5", ""])
def test_text_that_is_no_setting_is_refused_with_an_example(setting):
    with pytest.raises(
        nd.TrainingError, match=rf"“{re.escape(setting)}” is not a setting; write it as train.steps"
    ):
        with_settings(LEAST, [setting])


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("train.stepps=5", "the setting “train.stepps” is unknown here"),
        ("mood.good=5", "the setting “mood” is unknown here"),
        ("train.steps=0", "“train.steps” is 0. Input should be greater than or equal to 1"),
        ("train.steps=many", "“train.steps” is 'many'. Input should be a valid integer"),
        (
            "train.precision=fp8",
            "“train.precision” is 'fp8'. Input should be 'auto', 'bf16', 'fp16' or 'fp32'",
        ),
        ("train.crop=[8, 0, 8]", "Every size should be at least 1"),
        ("train.ema=1", "“train.ema” is 1. Input should be less than 1"),
        ("train.learning_rate=nan", "“train.learning_rate” is nan"),
        ("preparation.range=[1, 0]", "the range 1 to 0 is empty"),
        (
            "preparation.spacing_mm=[1, 0, 1]",
            "“preparation.spacing_mm.1” is 0. Input should be greater than or equal to 0.001",
        ),
        (
            "preparation.percentiles=[99, 1]",
            "“preparation.percentiles” is [99, 1]. The percentiles should rise, from 0 to 100 at most",
        ),
        ("data.validation=1", "“data.validation” is 1"),
    ],
)
def test_a_setting_that_may_not_be_is_refused_by_name_and_value(setting, sentence):
    with pytest.raises(nd.TrainingError, match=re.escape(sentence)):
        valid_run(with_settings(LEAST, [setting]), "The settings")


def test_a_missing_setting_is_named():
    with pytest.raises(nd.TrainingError, match=r"The settings cannot be used: the setting “data” is missing"):
        valid_run({name: value for name, value in LEAST.items() if name != "data"}, "The settings")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"train = [", "run.toml is not TOML"),
        (b"\xff\xfe", "run.toml is not TOML"),
        (b"", "the setting “name” is missing"),
        (b"train = 5", "missing"),
    ],
)
def test_a_damaged_run_file_is_refused_in_a_sentence(tmp_path, content, sentence):
    (tmp_path / "run.toml").write_bytes(content)
    with pytest.raises(nd.TrainingError, match=sentence):
        read_run(tmp_path / "run.toml")


def test_a_run_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(nd.TrainingError, match=r"run.toml cannot be read: No such file"):
        read_run(tmp_path / "run.toml")


def test_a_folder_takes_one_run_and_lists_the_newest_first(tmp_path):
    config = valid_run(LEAST, "it")
    for number, name in enumerate(("old", "new")):
        make_run(tmp_path / name, config)
        os.utime(tmp_path / name / "run.toml", (number, number))
    (tmp_path / "none").mkdir()
    assert [run.name for run in runs_in(tmp_path)] == ["new", "old"]
    with pytest.raises(nd.TrainingError, match="old already holds a run"):
        make_run(tmp_path / "old", config)
    with pytest.raises(nd.TrainingError, match=r"none holds no run: there is no run.toml"):
        read_summary(tmp_path / "none")
    with pytest.raises(nd.TrainingError, match="cannot be made: Not a directory"):
        make_run(tmp_path / "old" / "run.toml" / "run", config)
    summary = read_summary(tmp_path / "new")
    assert (summary.config, summary.status, summary.best, summary.checkpoint) == (config, None, None, None)
