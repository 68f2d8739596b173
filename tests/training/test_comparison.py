"""A run that asks whether diffusion helps: its control, and the two held against each other."""

import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from threading import Event, Thread
from types import SimpleNamespace

import nibabel as nib
import numpy as np
import pytest
import torch

import napari_diffseg as nd
from napari_diffseg.checkpoints.checkpoint import save_checkpoint
from napari_diffseg.checkpoints.document import Channel, Document
from napari_diffseg.datasets.opening import open_dataset
from napari_diffseg.datasets.split import read_split, split_by_patient, write_split
from napari_diffseg.evaluation.scores import evaluate
from napari_diffseg.methods.registry import method
from napari_diffseg.training.comparison import COMPARISON, cases_to_compare, compare, read_comparison
from napari_diffseg.training.config import RunConfig, read_run, write_run
from napari_diffseg.training.control import CONTROL, ask
from napari_diffseg.training.events import EVENTS, Answered, EventReader, Warned
from napari_diffseg.training.folder import RUN, SPLIT, make_run
from napari_diffseg.training.follow_up import follow_up
from napari_diffseg.training.run import train
from napari_diffseg.training.status import ALIVE, Status, read_status, write_status
from napari_diffseg.training.without_diffusion import WITHOUT_DIFFUSION, make_control

TESTS = Path(__file__).parents[1] / "data"
STEPS = 40


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Two real crops and their mirror images along two axes: six cases."""
    folder = tmp_path_factory.mktemp("cases")
    for kind in ("images", "labels"):
        (folder / kind).mkdir()
        for path in (TESTS / "hippocampus" / kind).glob("*.nii.gz"):
            stored = nib.load(path)
            for axis in (None, 0, 1):
                voxels = np.asarray(stored.dataobj)
                voxels = voxels if axis is None else np.flip(voxels, axis)
                name = path.name.replace(".nii", f"_{'xy'[axis] if axis is not None else 'o'}.nii")
                nib.save(nib.Nifti1Image(voxels, stored.affine), folder / kind / name)
    return folder


def settings(folder, **changes):
    return RunConfig.model_validate(
        {
            "name": "tiny",
            "method": "imgx",
            "config": {"unet": {"widths": (4, 8)}, "steps": 2},
            "data": {"path": folder, "validation": 0.5},
            "preparation": {"spacing_mm": (2.0, 2.0, 2.0)},
            "train": {
                "steps": STEPS, "batch": 1, "learning_rate": 0.01, "warmup_steps": 0, "precision": "fp32",
                "device": "cpu",
            },
            "validation": {"every": STEPS, "members": 2, "cases": 1},
            "with_control": True,
        }
        | changes
    )  # fmt: skip


def facts(run, ended):
    """How the run and its control stand."""
    control = run / WITHOUT_DIFFUSION
    return SimpleNamespace(
        run=run,
        control=control,
        ended=ended,
        state=read_status(run).state,
        control_status=read_status(control),
        comparison=answer_of(run),
        answers=[event for event in EventReader(control).new() if isinstance(event, Answered)],
    )


@pytest.fixture(scope="module")
def stopped(data, tmp_path_factory):
    """A finished run whose follow-up was asked to stop, through the run, as soon as its control began."""
    run = tmp_path_factory.mktemp("runs") / "tiny"
    make_run(run, settings(data))
    assert train(run).state == "finished"
    asking = Thread(target=ask_once_there_is_a_control, args=(run,))
    asking.start()
    ended = follow_up(run)
    asking.join()
    return facts(run, ended)


def ask_once_there_is_a_control(run):
    while not (run / WITHOUT_DIFFUSION / RUN).exists():
        time.sleep(0.01)
    ask(run, "stop")


@pytest.fixture(scope="module")
def compared(stopped):
    """The same, resumed to its end."""
    return facts(stopped.run, follow_up(stopped.run))


def answer_of(run):
    return read_comparison(run, read_run(run / RUN))


def best(run):
    return nd.load_checkpoint(run / "best.safetensors")


def test_stopping_the_run_stops_its_control_and_leaves_the_run_finished(stopped):
    assert stopped.state == "finished"
    assert stopped.ended.state == stopped.control_status.state == "stopped"
    assert stopped.control_status.step < STEPS
    assert [answer.request for answer in stopped.answers] == ["stop"]
    assert stopped.comparison is None


def test_the_control_is_trained_on_the_same_parts_for_as_many_steps(compared):
    assert read_split(compared.control / SPLIT) == read_split(compared.run / SPLIT)
    assert compared.ended.state == compared.control_status.state == "finished"
    assert compared.control_status.step == STEPS
    assert best(compared.control).document.method == "imgx-unet"


def test_the_comparison_is_of_both_best_checkpoints_on_the_whole_validation_part(compared, data):
    names = read_split(compared.run / SPLIT).validation
    cases = open_dataset(data).chosen(names)
    options = {"seed": 0, "device": "cpu"}
    ours = [np.mean(s.dice) for s in evaluate(best(compared.run), cases, members=2, **options)]
    theirs = [np.mean(s.dice) for s in evaluate(best(compared.control), cases, members=1, **options)]
    found = compared.comparison
    assert (found.metric, found.members, found.difference.cases) == ("dice", 2, 3)
    assert found.with_diffusion == pytest.approx(np.mean(ours))
    assert found.without_diffusion == pytest.approx(np.mean(theirs))
    assert found.difference.mean == pytest.approx(np.mean(ours) - np.mean(theirs))
    assert found.difference.low <= found.difference.mean <= found.difference.high


def test_the_page_says_the_numbers_the_verdict_and_what_it_does_not_show(compared):
    found = compared.comparison
    assert found.sentence.startswith(f"Dice {found.with_diffusion:.3f} with diffusion and ")
    assert "95 % interval" in found.sentence
    assert "over 3 validation cases" in found.sentence
    assert "ImgX-DiffSeg" in found.verdict
    assert "U-Net without diffusion" in found.verdict
    assert "The validation part chose both checkpoints" in found.note
    assert "GED" not in found.note


def test_resuming_what_is_done_does_nothing_again_and_tells_the_verdict(compared):
    before = [(compared.run / COMPARISON).stat().st_mtime_ns, (compared.control / EVENTS).read_bytes()]
    command = [sys.executable, "-m", "napari_diffseg.cli", "train", "--resume", compared.run]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert compared.comparison.sentence in done.stdout
    assert compared.comparison.verdict in done.stdout
    after = [(compared.run / COMPARISON).stat().st_mtime_ns, (compared.control / EVENTS).read_bytes()]
    assert after == before


@pytest.fixture
def copied(compared, data, tmp_path):
    """A copy of the finished run and of its data, to be spoilt."""
    cases, run = tmp_path / "cases", tmp_path / "run"
    shutil.copytree(data, cases)
    shutil.copytree(compared.run, run, ignore=shutil.ignore_patterns("cache", "state"))
    for folder in (run, run / WITHOUT_DIFFUSION):
        config = read_run(folder / RUN)
        found = config.data.model_copy(update={"path": cases})
        write_run(config.model_copy(update={"data": found}), folder / RUN)
    return run


def test_other_weights_are_compared_anew(copied, compared):
    best_of_control = copied / WITHOUT_DIFFUSION / "best.safetensors"
    shutil.copy(copied / WITHOUT_DIFFUSION / "last.safetensors", best_of_control)
    found = compare(copied, go_on=lambda: True)
    assert found.checkpoints[0] == compared.comparison.checkpoints[0]
    assert found.checkpoints[1] == nd.load_checkpoint(best_of_control).sha256
    assert answer_of(copied) == found


def test_the_same_weights_are_not_compared_again(copied, compared):
    assert compare(copied, go_on=lambda: pytest.fail("a case was scored")) == compared.comparison


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b"\xff\xfe", b"[1]", b'{"metric": "dice"}'])
def test_a_damaged_comparison_reads_as_none_and_is_made_again(copied, compared, content):
    (copied / COMPARISON).write_bytes(content)
    assert answer_of(copied) is None
    assert compare(copied, go_on=lambda: False) is None  # it would have been


def test_a_prolonged_run_does_not_show_the_comparison_of_fewer_steps(compared, tmp_path):
    run = shutil.copytree(compared.run, tmp_path / "run")
    config = read_run(run / RUN)
    longer = config.train.model_copy(update={"steps": 10 * STEPS})
    write_run(config.model_copy(update={"train": longer}), run / RUN)
    command = [sys.executable, "-m", "napari_diffseg.cli", "train", "--resume", run]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while read_status(run / WITHOUT_DIFFUSION).state not in ALIVE:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 130
    assert read_status(run).step == 10 * STEPS
    assert "Best at step" in said
    assert "95 % interval" not in said
    assert answer_of(run) is None


def test_the_heart_of_a_run_beats_while_its_control_is_trained_and_compared(copied, monkeypatch):
    (copied / COMPARISON).unlink()
    shutil.rmtree(copied / WITHOUT_DIFFUSION)
    write_status(copied, Status(state="finished", step=STEPS, steps=STEPS, host="elsewhere", heartbeat=0.0))
    monkeypatch.setattr("napari_diffseg.training.follow_up._BEAT_S", 0.01)
    heard, over = set(), Event()

    def listen():
        while not over.wait(0.01):
            heard.add(read_status(copied).heartbeat)

    listening = Thread(target=listen)
    listening.start()
    began = time.time()
    assert follow_up(copied).state == "finished"
    over.set()
    listening.join()
    assert len(heard - {0.0}) > 3
    status = read_status(copied)
    assert (status.state, status.step, status.host) == ("finished", STEPS, socket.gethostname())
    assert status.heartbeat > began


def test_a_comparison_that_is_stopped_leaves_nothing(copied):
    (copied / COMPARISON).unlink()
    answers = iter((True, False))
    assert compare(copied, go_on=lambda: next(answers)) is None
    assert not (copied / COMPARISON).exists()


def test_stopping_the_run_while_it_is_compared_is_heard_too(copied):
    (copied / COMPARISON).unlink()
    ask(copied, "stop")
    assert follow_up(copied).state == "stopped"
    assert not (copied / COMPARISON).exists()
    assert not list((copied / CONTROL).iterdir())


def test_a_bad_case_is_left_out_of_both_only_on_consent(copied):
    (copied / COMPARISON).unlink()
    bad = cases_to_compare(copied)[0].name
    image = read_run(copied / RUN).data.path / "images" / f"{bad}.nii.gz"
    image.write_bytes(image.read_bytes()[:2000])
    with pytest.raises(nd.ScanError, match=bad):
        compare(copied, go_on=lambda: True)
    config = read_run(copied / RUN)
    consenting = config.data.model_copy(update={"skip_bad": True})
    write_run(config.model_copy(update={"data": consenting}), copied / RUN)
    assert compare(copied, go_on=lambda: True).difference.cases == 2


def test_a_run_without_best_weights_says_so(copied):
    (copied / WITHOUT_DIFFUSION / "best.safetensors").unlink()
    with pytest.raises(nd.TrainingError, match=r"without-diffusion has no best.safetensors to compare"):
        compare(copied, go_on=lambda: True)


def test_too_few_patients_are_told_before_the_control_is_trained(data, tmp_path):
    run = tmp_path / "tiny"
    make_run(run, settings(data, data={"path": data, "validation": 0.1}))
    train(run)
    assert follow_up(run).state == "failed"
    (told,) = [event.sentence for event in EventReader(run).new() if isinstance(event, Warned)]
    assert "has cases of 1 patients, and a comparison needs at least 2" in told
    assert read_status(run).state == "finished"
    assert not (run / WITHOUT_DIFFUSION).exists()


def test_ged_decides_where_every_case_has_several_reads(tmp_path):
    run = tmp_path / "lidc"
    unet = {"width": 16, "multipliers": (1, 2), "blocks": 1, "attention_at": (), "groups": 8}
    crops = TESTS / "lidc" / "hdf5"
    make_run(run, settings(crops, method="ambiguous", config={"unet": unet, "steps": 2}))
    write_split(split_by_patient(open_dataset(crops)), run / SPLIT)
    for folder in (run, make_control(run, read_run(run / RUN))):
        save_untrained(read_run(folder / RUN), folder / "best.safetensors")
    found = compare(run, go_on=lambda: True)
    assert found.metric == "ged"
    assert not found.difference.higher_is_better
    assert "GED falls with the number of members, here 2" in found.note
    assert found.sentence.startswith("GED ")


def save_untrained(config, path):
    entry = method(config.method)
    settings = entry.load().Config.model_validate(config.config)
    document = Document(
        name=config.name, title="Untrained", method=config.method, config=settings.model_dump(mode="json"),
        classes=open_dataset(config.data.path).classes, channels=(Channel(name="ct"),),
        preparation=config.preparation,
    )  # fmt: skip
    torch.manual_seed(0)
    save_checkpoint(path, document, entry.load().build(settings, channels=1, classes=2).state_dict())
