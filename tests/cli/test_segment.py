"""`napari-diffseg segment` on a real crop."""

import json
import os
import re
import signal
import subprocess
import sys

import nibabel as nib
import numpy as np
import pytest

from napari_diffseg.results.folder import read_result
from napari_diffseg.results.options import SamplingOptions


def test_the_result_lies_on_the_scan_and_stdout_tells_volumes_and_folder(segment, crop_path, tmp_path):
    done = segment("--out", "result")
    assert (done.code, done.err.splitlines()[0][:19]) == (0, "2 members in 1 step")
    assert re.match(r"anterior: \d+\.\d\d ± \d+\.\d\d ml, consensus \d+\.\d\d ml\n", done.out)
    assert done.out.endswith("Saved to result\n")
    consensus, scan = nib.load(tmp_path / "result" / "consensus.nii.gz"), nib.load(crop_path)
    assert consensus.shape == scan.shape
    assert consensus.affine.tobytes() == scan.affine.tobytes()
    assert not (tmp_path / "result" / "members.nii.gz").exists()


def test_a_pipe_gets_a_line_for_each_member_and_no_bar(segment):
    lines = segment("--out", "result").err.splitlines()
    assert [line[:18] for line in lines[1:]] == ["member 1 of 2 done", "member 2 of 2 done"]
    assert "\x1b" not in "".join(lines)


def test_json_is_the_record_and_the_folder_and_nothing_else(segment, tmp_path):
    told = json.loads(segment("--out", "result", "--json").out)
    assert told.pop("folder") == str(tmp_path / "result")
    assert told == json.loads((tmp_path / "result" / "result.json").read_text())


def test_quiet_says_nothing(segment):
    done = segment("--out", "result", "--quiet")
    assert (done.code, done.out, done.err) == (0, "", "")


def test_without_out_a_new_dated_folder_appears_here(segment, tmp_path):
    folder = json.loads(segment("--json").out)["folder"]
    assert re.search(r"/hippocampus_148-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d$", folder)
    assert [str(path) for path in tmp_path.iterdir()] == [folder]


def test_every_setting_has_a_flag_and_reaches_the_record(segment, tmp_path):
    done = segment(
        "--out", "result", "--members", 3, "--steps", 2, "--seed", 9, "--sampler", "ddim",
        "--fusion", "majority", "--threshold", 0.4, "--device", "cpu", "--precision", "fp32",
        "--members-at-once", 2, "--keep-members", "--reproducible", "--box", "0:20,4:40,2:30",
    )  # fmt: skip
    assert done.code == 0, done.err
    result = read_result(tmp_path / "result")
    assert result.options == SamplingOptions(
        members=3, steps=2, seed=9, sampler="ddim", fusion="majority", threshold=0.4, device="cpu",
        precision="fp32", members_at_once=2, keep_members=True, reproducible=True, preview=False,
        box={"start": (0, 4, 2), "stop": (20, 40, 30)},
    )  # fmt: skip
    assert result.members.shape == (3, 20, 36, 28)
    assert result.options.model_fields_set == set(SamplingOptions.model_fields)


def test_settings_of_slices_reach_the_record_and_the_plan_tells_their_number(
    segment, slice_checkpoint_path, tmp_path
):
    done = segment(
        "--checkpoint", slice_checkpoint_path, "--out", "result", "--sampler", "ddim", "--eta", 0.5,
        "--slice-noise", "independent", "--start-slice", 9, "--relative-area", 0.25, "--fusion", "staple",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert done.err.startswith("2 members of 32 slices, 4 at once, in 1 step on 32 × 48 × 34 voxels")
    result = read_result(tmp_path / "result")
    assert (result.options.eta, result.options.slice_noise, result.options.start_slice) == (
        0.5,
        "independent",
        9,
    )
    assert (result.options.relative_area, result.provenance.fusion) == (0.25, "staple")
    assert (result.provenance.slice_axis, result.provenance.slices_at_once) == (0, 4)


def test_settings_that_change_nothing_are_noted_by_their_flags(segment, slice_checkpoint_path):
    done = segment("--out", "result", "--start-slice", 9, "--eta", 0.5, "--slice-noise", "independent")
    assert "--eta, --slice-noise, --start-slice: of no use to “tiny”" in done.err
    done = segment("--checkpoint", slice_checkpoint_path, "--out", "other", "--members-at-once", 2)
    assert "--members-at-once: of no use to “tiny-slices”" in done.err


def test_flags_left_out_are_the_fields_defaults(command):
    shown = command("segment", "--help").out
    for name in SamplingOptions.model_fields:
        assert (f"--{name.replace('_', '-')}" in shown) == (name != "preview")
    assert f"[default: {SamplingOptions().members}]" in shown


def test_the_same_seed_gives_the_same_answer(segment, tmp_path):
    for name in ("first", "second"):
        segment("--out", name, "--seed", 3, "--reproducible")
    first, second = (read_result(tmp_path / name) for name in ("first", "second"))
    assert np.array_equal(first.mean, second.mean)


def test_a_box_beyond_the_scan_is_clipped_with_a_note(segment, tmp_path):
    done = segment("--out", "result", "--box=-5:10,0:20,0:99")
    assert "-5:10,0:20,0:99 reaches beyond the scan and was clipped to 0:10,0:20,0:34" in done.err
    assert str(read_result(tmp_path / "result").box) == "0:10,0:20,0:34"


def test_a_box_outside_the_scan_is_refused(segment, tmp_path):
    done = segment("--out", "result", "--box", "90:99,0:20,0:20")
    assert (done.code, len(done.err.splitlines())) == (1, 1)
    assert "holds no voxel of the scan" in done.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("--box", "1:2,3:4"),
        ("--box", "1:2,3:4,a:b"),
        ("--members", "0"),
        ("--threshold", "1.5"),
        ("--sampler", "euler"),
        ("--channel", "t1=other.nii"),
        ("--unknown",),
    ],
)
def test_wrong_usage_is_exit_code_2(segment, tmp_path, arguments):
    done = segment("--out", "result", *arguments)
    assert (done.code, done.out) == (2, "")
    assert arguments[0] in done.err
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_is_refused_before_anything_is_read(segment, tmp_path):
    (tmp_path / "result").mkdir()
    done = segment("--out", "result", "--checkpoint", "does-not-exist")
    assert done.code == 1
    assert "--overwrite" in done.err
    assert segment("--out", "result", "--overwrite").code == 0


def test_a_missing_scan_is_one_sentence(command, tiny_checkpoint_path):
    done = command("segment", "nowhere.nii.gz", "--checkpoint", tiny_checkpoint_path)
    assert (done.code, done.out) == (1, "")
    assert done.err == "There is no file nowhere.nii.gz. Check its folder and its name.\n"


def test_a_region_unlike_the_training_data_is_warned_of_even_when_quiet(segment):
    done = segment("--out", "result", "--quiet", "--box", "0:8,0:8,0:8")
    assert "The region is 8 × 8 × 8 mm; the model has seen" in done.err


def test_a_model_without_diffusion_gives_one_member_and_says_so(segment, plain_checkpoint_path, tmp_path):
    done = segment("--checkpoint", plain_checkpoint_path, "--out", "result", "--keep-members")
    assert "gives one member in one step, whatever --members and --steps say" in done.err
    assert done.code == 0
    assert len(read_result(tmp_path / "result").members) == 1
    assert " ± " not in done.out


def test_channels_are_taken_by_name_in_any_order(command, two_channel_checkpoint_path, crop_path, tmp_path):
    done = command(
        "segment", "--checkpoint", two_channel_checkpoint_path, "--members", 1, "--steps", 1,
        "--channel", f"flair={crop_path}", "--channel", f"t1={crop_path}", "--out", tmp_path / "result",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert (tmp_path / "result" / "result.json").exists()


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (("t1",), "flair: missing"),
        (("t1", "flair", "t1"), "t1: given more than once"),
        (("t1", "flair", "t2"), "t2: no channel of the model"),
    ],
)
def test_wrong_channels_are_one_sentence(command, two_channel_checkpoint_path, crop_path, names, sentence):
    channels = [word for name in names for word in ("--channel", f"{name}={crop_path}")]
    done = command("segment", "--checkpoint", two_channel_checkpoint_path, *channels)
    assert (done.code, len(done.err.splitlines())) == (1, 1)
    assert sentence in done.err


def test_one_scan_is_not_enough_for_two_channels(command, two_channel_checkpoint_path, crop_path):
    done = command("segment", crop_path, "--checkpoint", two_channel_checkpoint_path)
    assert done.code == 1
    assert "t1, flair: missing" in done.err


def started(scan, checkpoint, folder, *arguments):
    """A run in a process of its own, after its first line."""
    command = sys.executable, "-m", "napari_diffseg.cli", "segment", scan, "--checkpoint", checkpoint
    process = subprocess.Popen(
        [*map(str, command), "--out", str(folder), *arguments],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert " on 32 × 48 × 34 voxels" in process.stderr.readline()
    return process


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent otherwise there")
def test_ctrl_c_saves_the_members_that_are_finished(crop_path, tiny_checkpoint_path, tmp_path):
    arguments = ("--members", "64", "--steps", "50", "--keep-members")
    process = started(crop_path, tiny_checkpoint_path, tmp_path / "result", *arguments)
    assert process.stderr.readline().startswith("member 1 of 64 done")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Saved to" in out
    result = read_result(tmp_path / "result")
    assert result.cancelled
    assert 1 <= len(result.members) < 64
    assert f"Cancelled after {len(result.members)} of 64 members" in err
    assert "Traceback" not in err


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent otherwise there")
def test_ctrl_c_before_the_first_member_leaves_nothing(crop_path, tiny_checkpoint_path, tmp_path):
    process = started(
        crop_path, tiny_checkpoint_path, tmp_path / "result", "--members", "1", "--steps", "1000"
    )
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert err == "Cancelled before the first member was finished; nothing was kept.\n"
    assert list(tmp_path.iterdir()) == []
