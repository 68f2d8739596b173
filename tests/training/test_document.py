"""What comes out of a run: checkpoints that say what they are, a preview, and a beginning for other runs."""

import json
import shutil

import nibabel
import numpy as np
import pytest
import torch

import napari_diffseg as nd
from napari_diffseg.datasets.split import Split, write_split
from napari_diffseg.io.nifti import read_labels, read_stack, read_volume
from napari_diffseg.training.config import read_run, write_run
from napari_diffseg.training.events import EventReader, Validated
from napari_diffseg.training.folder import read_summary
from napari_diffseg.training.status import read_status


@pytest.fixture(scope="module")
def finished(new_run, carried_out, tmp_path_factory):
    run = new_run(tmp_path_factory.mktemp("finished") / "run", train={"tensorboard": True})
    assert carried_out(run).state == "finished"
    return run


def test_the_best_checkpoint_tells_of_its_data_and_its_scores(finished, four_cases):
    document = nd.load_checkpoint(finished / "best.safetensors").document
    best = read_summary(finished).best
    facts = document.training
    assert facts.steps == best.step
    assert facts.data == f"{four_cases.name}, images and labels"
    assert facts.licence == "not stated"
    assert facts.cases == 2
    assert "2 of 4 patients drawn for validation with seed 0" in facts.split
    assert {"torch", "accelerate", "monai", "napari-diffseg"} <= facts.versions.keys()
    assert facts.spacing_mm.low == facts.spacing_mm.high == (1.0, 1.0, 1.0)
    assert {metric.name: metric.value for metric in document.metrics} == {
        name: value for name, value in best.metrics.items() if value is not None
    }
    assert (document.metrics[0].members, document.metrics[0].steps, document.metrics[0].seed) == (2, 2, 0)
    assert document.preparation == read_run(finished / "run.toml").preparation


def test_the_best_validation_is_the_highest_dice(finished):
    validations = [event for event in EventReader(finished).new() if isinstance(event, Validated)]
    highest = max(validations, key=lambda event: event.metrics["dice"])
    assert read_summary(finished).best == highest
    assert "highest mean foreground Dice" in highest.selected_by
    assert read_summary(finished).checkpoint == finished / "best.safetensors"


def test_the_last_checkpoint_is_of_the_last_step_and_claims_no_score(finished):
    document = nd.load_checkpoint(finished / "last.safetensors").document
    assert document.training.steps == 6
    assert document.metrics == ()


def test_the_preview_lies_on_the_scan_of_its_case(finished, four_cases):
    preview = finished / "preview"
    told = json.loads((preview / "preview.json").read_text())
    scan = read_volume(four_cases / "images" / f"{told['case']}.nii.gz")
    labels = read_labels(four_cases / "labels" / f"{told['case']}.nii.gz")
    assert told["step"] == 6
    assert read_volume(preview / "image.nii.gz").grid.matches(scan.grid)
    assert np.array_equal(read_labels(preview / "truth.nii.gz").data, labels.data)
    mean, variance = (read_stack(preview / f"{name}.nii.gz").data for name in ("mean", "variance"))
    assert mean.shape == variance.shape == (2, *scan.grid.shape)
    assert mean.max() <= 1
    assert variance.max() <= 0.25


def test_the_preview_is_of_a_case_with_something_to_see(four_cases, new_run, carried_out, tmp_path):
    data = shutil.copytree(four_cases, tmp_path / "cases")
    empty, marked, *others = (path.name for path in sorted((data / "labels").iterdir()))
    label = nibabel.load(data / "labels" / empty)
    nothing = np.zeros(label.shape, np.uint8)
    nibabel.save(nibabel.Nifti1Image(nothing, label.affine), data / "labels" / empty)
    names = [name.removesuffix(".nii.gz") for name in (empty, marked, *others)]
    split = Split(train=names[2:], validation=names[:2], test=(), rule="by hand")
    write_split(split, tmp_path / "split.json")
    run = new_run(
        tmp_path / "run",
        data={"path": data, "split": tmp_path / "split.json"},
        train={"steps": 1},
        validation={"cases": 2},
    )
    assert carried_out(run).state == "finished"
    assert json.loads((run / "preview" / "preview.json").read_text())["case"] == names[1]


def weights_of(path):
    return nd.load_checkpoint(path).weights


def test_a_run_starts_from_another_checkpoint_and_no_longer_needs_it_once_it_has_a_state(
    finished, new_run, carried_out, tmp_path
):
    first = shutil.copy(finished / "best.safetensors", tmp_path / "first.safetensors")
    train = {"steps": 1, "warmup_steps": 0, "ema": None, "start_from": first}  # the last step's rate is zero
    run = new_run(tmp_path / "run", train=train)
    assert carried_out(run).state == "finished"
    found, wanted = weights_of(run / "last.safetensors"), weights_of(first)
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)
    first.unlink()
    config = read_run(run / "run.toml")
    write_run(
        config.model_copy(update={"train": config.train.model_copy(update={"steps": 2})}), run / "run.toml"
    )
    assert carried_out(run).state == "finished"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"config": {"unet": {"widths": (4, 4)}}}, "first.safetensors is of another network than this run's"),
        ({"start": "split.json"}, "first.safetensors"),
    ],
)
def test_a_beginning_that_does_not_fit_is_refused(finished, new_run, carried_out, tmp_path, change, sentence):
    first = shutil.copy(finished / change.pop("start", "best.safetensors"), tmp_path / "first.safetensors")
    run = new_run(tmp_path / "run", train={"start_from": first}, **change)
    carried_out(run)
    status = read_status(run)
    assert (status.state, status.step) == ("failed", 0)
    assert sentence in status.sentence
    assert "should not have happened" not in status.sentence


def test_a_checkpoint_holds_the_settings_that_its_run_left_to_the_defaults(new_run, carried_out, tmp_path):
    run = new_run(tmp_path / "run", train={"steps": 1}, validation={"steps": None})
    config, short = read_run(run / "run.toml"), {"unet": {"widths": [4, 8]}}
    write_run(config.model_copy(update={"config": short}), run / "run.toml")
    assert carried_out(run).state == "finished"
    document = nd.load_checkpoint(run / "best.safetensors").document
    assert document.config == config.config
    assert document.metrics[0].steps == config.config["steps"]


def test_tensorboard_gets_the_curves_that_the_events_tell(finished, losses_of):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    curves = accumulator.EventAccumulator(str(finished / "tensorboard"))
    curves.Reload()
    drawn = {point.step: point.value for point in curves.Scalars("loss")}
    assert drawn == pytest.approx(losses_of(finished))
    assert {"loss/dice_loss", "learning rate", "validation/dice"} <= set(curves.Tags()["scalars"])
