"""What goes wrong ends in a sentence, and what was saved before it can be gone on from."""

import json
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

import nibabel
import numpy as np
import pytest

import napari_diffseg as nd
from napari_diffseg.inference.evaluator import deterministic
from napari_diffseg.training.config import read_run, write_run
from napari_diffseg.training.events import Ended, EventReader, Started, Stepped, Validated, Warned
from napari_diffseg.training.run import train
from napari_diffseg.training.state import load_state
from napari_diffseg.training.status import read_status

AS_IS = {"percentiles": None, "intensity": "as-is", "domain": "scan"}
SHORT = {"steps": 2}
NOBODY = 65534


@pytest.fixture
def data(four_cases, tmp_path):
    """A copy of the cases, to be spoilt."""
    return shutil.copytree(four_cases, tmp_path / "data")


def spoil(path, change):
    volume = nibabel.load(path)
    values = change(np.asarray(volume.dataobj).astype(np.float32))
    nibabel.save(nibabel.Nifti1Image(values, volume.affine, dtype=np.float32), path)


def brightened(values):
    """So bright that sums of squares are beyond 32 bits."""
    return values * np.float32(1e30)


def with_a_hole(values):
    values[5, 5, 5] = np.nan
    return values


def cases_of(run, part):
    return json.loads((run / "split.json").read_text())[part]


def image_of(data, case):
    return data / "images" / f"{case}.nii.gz"


def steps_told(run):
    return [event.step for event in EventReader(run).new() if isinstance(event, Stepped)]


def assert_failed(run, sentence, *, step):
    status, last = read_status(run), EventReader(run).new()[-1]
    assert (status.state, status.step) == ("failed", step)
    assert sentence in status.sentence
    assert isinstance(last, Ended)
    assert (last.state, last.step, last.sentence) == ("failed", step, status.sentence)


def correct(run, section, **changes):
    config = read_run(run / "run.toml")
    changed = getattr(config, section).model_copy(update=changes)
    write_run(config.model_copy(update={section: changed}), run / "run.toml")


def test_a_loss_that_is_no_number_ends_the_run_and_spares_what_was_saved(
    new_run, carried_out, data, tmp_path
):
    run = new_run(tmp_path / "run", data={"path": data}, preparation=AS_IS, train=SHORT)
    assert carried_out(run).state == "finished"
    correct(run, "train", steps=4)
    good = shutil.move(run / "cache", tmp_path / "good")
    for case in cases_of(run, "train"):
        spoil(image_of(data, case), brightened)
    for _ in range(2):  # resumed as it is, it ends in the same way
        carried_out(run)
        assert_failed(run, "The loss became nan at step 3. What is saved is unharmed", step=2)
        assert load_state(run)[0].step == 2
        assert nd.load_checkpoint(run / "last.safetensors").document.training.steps == 2
    shutil.rmtree(run / "cache")
    shutil.move(good, run / "cache")
    assert carried_out(run).state == "finished"
    assert steps_told(run) == [1, 2, 3, 4]


@pytest.mark.parametrize(("limit", "step"), [(10_000, 0), (50_000, 4)], ids=["preparing", "saving"])
def test_a_full_disk_ends_the_run_and_spares_what_was_saved(
    new_run, start, carried_out, tmp_path, limit, step
):
    resource = pytest.importorskip("resource")
    if not hasattr(resource, "prlimit"):
        pytest.skip("the size of another process's files can be limited on Linux alone")
    run = new_run(tmp_path / "run", train=SHORT, validation={"every": 100})
    if step:
        assert carried_out(run).state == "finished"
        correct(run, "train", steps=6)
    process = start(run)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (limit, limit))
    process.join()
    assert_failed(run, "The disk is full. What is saved is unharmed: free some space and resume.", step=step)
    assert not [path for path in run.rglob(".*") if path.is_file()]
    state, damaged = load_state(run)
    assert damaged == []
    assert (state.step if state else 0) == (2 if step else 0)
    assert carried_out(run).state == "finished"


def test_data_that_vanish_while_training_end_the_run_until_they_are_back(
    new_run, start, until, carried_out, losses_of, data, tmp_path
):
    run = new_run(tmp_path / "run", data={"path": data})
    process = start(run)
    until(lambda: 1 in losses_of(run))
    data.rename(tmp_path / "away")
    process.join()
    assert_failed(run, f"There is no file {data}", step=3)
    carried_out(run)
    assert_failed(run, f"There is no folder {data}", step=2)
    (tmp_path / "away").rename(data)
    assert carried_out(run).state == "finished"
    undisturbed = new_run(tmp_path / "undisturbed", data={"path": data})
    carried_out(undisturbed)
    assert losses_of(run) == losses_of(undisturbed)


def test_a_preview_that_vanishes_is_made_again(new_run, start, until, tmp_path):
    run = new_run(tmp_path / "run")
    process = start(run)
    until(lambda: any(isinstance(event, Validated) for event in EventReader(run).new()))
    shutil.rmtree(run / "preview")
    process.join()
    assert read_status(run).state == "finished"
    assert json.loads((run / "preview" / "preview.json").read_text())["step"] == 6


@contextmanager
def unprivileged():
    """Without root's right to write everywhere."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.skipif(os.name == "nt", reason="a folder is made read-only in other ways there")
def test_a_read_only_run_folder_is_told_in_a_sentence(new_run):
    with deterministic(True):  # imports modules that another user may not read
        pass
    with tempfile.TemporaryDirectory() as place:  # pytest's own folders are closed to others
        Path(place).chmod(0o755)
        run = new_run(Path(place) / "run")
        run.chmod(0o555)
        with (
            unprivileged(),
            pytest.raises(nd.TrainingError, match=r"run cannot be written to: Permission denied"),
        ):
            train(run)
        run.chmod(0o755)


@pytest.mark.parametrize("part", ["train", "validation"])
def test_a_bad_case_of_either_part_ends_the_run_before_its_first_step(
    new_run, carried_out, data, tmp_path, part
):
    run = new_run(tmp_path / "run", data={"path": data}, train=SHORT)
    carried_out(run)
    case = cases_of(run, part)[0]
    spoil(image_of(data, case), with_a_hole)
    again = new_run(tmp_path / "again", data={"path": data})
    carried_out(again)
    assert_failed(again, f"Case {case} cannot be used. Channel “image” holds 1 voxels", step=0)
    assert steps_told(again) == []


def test_bad_cases_are_left_out_where_that_is_allowed(new_run, carried_out, data, tmp_path):
    bad = image_of(data, "hippocampus_017")
    spoil(bad, with_a_hole)
    image_of(data, "hippocampus_148").write_bytes(b"no scan")
    run = new_run(tmp_path / "run", data={"path": data, "skip_bad": True}, validation={"cases": 2})
    assert carried_out(run).state == "finished"
    warnings = [event.sentence for event in EventReader(run).new() if isinstance(event, Warned)]
    assert sorted(sentence.split(".")[0] for sentence in warnings) == [
        "Case hippocampus_017 was left out",
        "Case hippocampus_148 was left out",
    ]


def test_a_mask_of_another_class_is_named(new_run, carried_out, data, tmp_path):
    (data / "classes.json").write_text('[{"name": "anterior"}]')
    run = new_run(tmp_path / "run", data={"path": data})
    carried_out(run)
    assert_failed(run, "holds the value 2, but the data set has 2 classes with background", step=0)


def test_a_data_set_that_lacks_a_case_of_the_split_is_refused(new_run, carried_out, data, tmp_path):
    run = new_run(tmp_path / "run", data={"path": data}, train=SHORT)
    carried_out(run)
    case = cases_of(run, "train")[0]
    image_of(data, case).unlink()
    carried_out(run)
    assert_failed(run, f"data lacks 1 of the 2 cases asked for, such as {case}", step=2)


def test_a_second_process_is_refused_while_the_first_one_works(new_run, start, until, tmp_path):
    run = new_run(tmp_path / "run", train={"steps": 100_000})
    process = start(run)
    until(lambda: read_status(run) is not None and read_status(run).state == "running")
    with pytest.raises(nd.TrainingError, match=rf"run is going on already \(process {process.pid}"):
        train(run)
    process.kill()


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('precision = "fp32"', 'precision = "fp16"', "A CPU cannot train in fp16"),
        ("time_scale", "time_skale", "“config.unet.time_skale” is unknown here"),
        ('time = "scale-shift"', 'time = "never"', "“config.unet.time” is 'never'"),
        ('method = "imgx"', 'method = "magic"', "The method “magic” is not known here"),
    ],
)
def test_a_setting_that_cannot_be_used_fails_the_run_in_a_sentence(
    new_run, carried_out, tmp_path, old, new, sentence
):
    run = new_run(tmp_path / "run")
    text = (run / "run.toml").read_text()
    assert old in text
    (run / "run.toml").write_text(text.replace(old, new))
    carried_out(run)
    assert_failed(run, sentence, step=0)


def test_other_weights_than_the_saved_ones_are_refused(new_run, carried_out, tmp_path):
    run = new_run(tmp_path / "run", train=SHORT)
    carried_out(run)
    correct(run, "train", ema=None)
    other = new_run(tmp_path / "other", config={"unet": {"widths": (4, 4)}})
    shutil.copytree(run / "state", other / "state")
    carried_out(other)
    assert_failed(other, "is of another network or another moving average", step=2)


def test_preparing_with_another_rule_prepares_anew(new_run, carried_out, tmp_path):
    run = new_run(tmp_path / "run", train=SHORT)
    carried_out(run)
    before = np.load(run / "cache" / "000001" / "image.npy").shape
    correct(run, "preparation", spacing_mm=(4.0, 4.0, 4.0))
    correct(run, "train", steps=3)
    assert carried_out(run).state == "finished"
    after = np.load(run / "cache" / "000001" / "image.npy").shape
    assert after[1] == pytest.approx(before[1] / 2, abs=1)


def test_a_resumed_run_begins_where_its_process_failed(new_run, carried_out, tmp_path):
    run = new_run(tmp_path / "run", train=SHORT)
    carried_out(run)
    correct(run, "train", steps=3)
    carried_out(run)
    assert [event.step for event in EventReader(run).new() if isinstance(event, Started)] == [0, 2]
