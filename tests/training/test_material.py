"""Which cases a run learns from and is judged by."""

from pathlib import Path

import napari_diffseg as nd
from napari_diffseg.datasets.split import Split, read_split, write_split
from napari_diffseg.training.config import read_run
from napari_diffseg.training.events import EventReader, Prepared
from napari_diffseg.training.folder import read_summary
from napari_diffseg.training.status import read_status

CASES = ("hippocampus_017", "hippocampus_017_part", "hippocampus_148", "hippocampus_148_part")


def written(path, **parts):
    write_split(Split(**({"train": (), "validation": (), "test": ()} | parts), rule="by hand"), path)
    return path


def test_a_run_keeps_to_the_split_that_it_is_given(new_run, carried_out, tmp_path):
    mine = written(tmp_path / "mine.json", train=CASES[1:2], validation=CASES[2:3], test=CASES[:1])
    run = new_run(tmp_path / "run", data={"split": mine})
    assert carried_out(run).state == "finished"
    assert read_split(run / "split.json") == read_split(mine)
    assert [event.cases for event in EventReader(run).new() if isinstance(event, Prepared)][-1] == 2
    facts = nd.load_checkpoint(run / "best.safetensors").document.training
    assert (facts.cases, facts.split) == (1, "by hand")
    mine.unlink()
    assert carried_out(run).state == "finished"


def test_without_a_validation_part_nothing_is_chosen(new_run, carried_out, tmp_path):
    mine = written(tmp_path / "mine.json", train=CASES[:2], test=CASES[2:])
    run = new_run(tmp_path / "run", data={"split": mine})
    assert carried_out(run).state == "finished"
    summary = read_summary(run)
    assert (summary.best, summary.checkpoint) == (None, run / "last.safetensors")
    assert nd.load_checkpoint(summary.checkpoint).document.training.steps == 6


def test_a_split_of_other_cases_fails_the_run_in_a_sentence(new_run, carried_out, tmp_path):
    mine = written(tmp_path / "mine.json", train=("heart_001",))
    run = new_run(tmp_path / "run", data={"split": mine})
    carried_out(run)
    assert "lacks 1 of the 1 cases asked for, such as heart_001" in read_status(run).sentence
    assert not (run / "split.json").exists()


def test_a_split_is_found_from_any_folder(new_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = new_run(tmp_path / "run", data={"split": Path("mine.json")})
    monkeypatch.chdir(Path(__file__).parent)
    assert read_run(run / "run.toml").data.split == tmp_path / "mine.json"
