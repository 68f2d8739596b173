"""Checkpoint files, sound and unsound: each bad one ends in one sentence."""

import json
import struct
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import napari_diffseg as nd
from napari_diffseg.checkpoints.catalogue import catalogue, find
from napari_diffseg.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from napari_diffseg.checkpoints.document import METADATA_KEY, read_document
from napari_diffseg.volume import Box, Scan

FORMATS = Path(__file__).parents[1] / "data" / "formats"


def with_document(path, target, change):
    """A copy of a checkpoint whose document was changed by hand."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    document = json.loads(header["__metadata__"][METADATA_KEY])
    change(document)
    header["__metadata__"][METADATA_KEY] = json.dumps(document)
    text = json.dumps(header).encode()
    target.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + length :])
    return target


def refused(path, match):
    with pytest.raises(nd.CheckpointError, match=match) as caught:
        load_checkpoint(path)
    assert path.name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_checkpoint_comes_back_as_it_was_saved(tiny_checkpoint, tmp_path):
    path = tmp_path / "copy.safetensors"
    save_checkpoint(path, tiny_checkpoint.document, tiny_checkpoint.weights)
    again = load_checkpoint(path)
    assert again.document == tiny_checkpoint.document
    assert again.config == tiny_checkpoint.config
    assert all(torch.equal(again.weights[name], value) for name, value in tiny_checkpoint.weights.items())


def test_half_precision_weights_are_used_in_single_precision(tiny_checkpoint, tmp_path):
    path = tmp_path / "half.safetensors"
    save_checkpoint(path, tiny_checkpoint.document, {k: v.half() for k, v in tiny_checkpoint.weights.items()})
    assert {parameter.dtype for parameter in load_checkpoint(path).network().parameters()} == {torch.float32}


def test_a_newer_format_is_refused_naming_the_versions(tiny_checkpoint_path, tmp_path):
    path = with_document(tiny_checkpoint_path, tmp_path / "new.safetensors", lambda d: d.update(format=3))
    refused(path, r"checkpoint format 3, and this version reads up to 2.*newer napari-diffseg")


def test_a_checkpoint_of_format_1_is_read_and_its_choices_written_out():
    path = FORMATS / "checkpoint-1.safetensors"
    assert b'\\"format\\":1' in path.read_bytes()
    checkpoint = load_checkpoint(path)
    preparation = checkpoint.document.preparation
    assert (preparation.range, preparation.slice_axis) == ((0.0, 1.0), 0)
    assert (preparation.multiple, preparation.percentiles) == (2, (0.5, 99.5))
    assert (checkpoint.document.config["sampler"], checkpoint.document.config["fusion"]) == ("ddpm", "mean")
    assert checkpoint.document.format == 2
    assert checkpoint.document.dimensions == 3


@pytest.mark.parametrize("spoil", [{"preparation": 3}, {"config": [1]}, {"preparation": {"rang": 1}}])
def test_a_spoilt_document_of_format_1_is_refused_in_a_sentence(tmp_path, spoil):
    path = FORMATS / "checkpoint-1.safetensors"
    refused(with_document(path, tmp_path / "x.safetensors", lambda d: d.update(spoil)), next(iter(spoil)))


def test_an_unknown_field_is_refused_by_name(tiny_checkpoint_path, tmp_path):
    path = with_document(tiny_checkpoint_path, tmp_path / "odd.safetensors", lambda d: d.update(extra=1))
    refused(path, "extra")


def test_an_unknown_method_names_those_that_are_known(tiny_checkpoint_path, tmp_path):
    path = with_document(tiny_checkpoint_path, tmp_path / "x.safetensors", lambda d: d.update(method="magic"))
    with pytest.raises(nd.CheckpointError, match=r"“magic” is not known here; known are .*imgx, imgx-unet"):
        load_checkpoint(path)


def test_a_config_that_the_method_does_not_take_is_named(tiny_checkpoint_path, tmp_path):
    path = with_document(
        tiny_checkpoint_path, tmp_path / "x.safetensors", lambda d: d["config"].update(steps=10**9)
    )
    refused(path, "steps")


def test_tensors_that_do_not_match_the_config_are_listed(tiny_checkpoint_path, tmp_path):
    def widen(document):
        document["config"]["unet"]["widths"] = [4, 16]

    refused(
        with_document(tiny_checkpoint_path, tmp_path / "x.safetensors", widen),
        r"do not match its config \(\d+ in all\).*instead of",
    )


def test_a_network_of_absurd_size_is_refused_before_memory_is_taken(tiny_checkpoint_path, tmp_path):
    def inflate(document):
        document["config"]["unet"]["widths"] = [100_000, 100_000]

    refused(with_document(tiny_checkpoint_path, tmp_path / "x.safetensors", inflate), "widths|parameters")


@pytest.mark.parametrize("kept", [4, 100, -1, -1000])
def test_a_file_that_is_cut_short_is_refused(tiny_checkpoint_path, tmp_path, kept):
    path = tmp_path / "short.safetensors"
    path.write_bytes(tiny_checkpoint_path.read_bytes()[:kept])
    refused(path, "cut short|not a checkpoint")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04" * 10, b"\x80\x04cos\nsystem\n", b"\xff" * 64])
def test_other_files_are_refused_without_being_run(tmp_path, content):
    path = tmp_path / "other.safetensors"
    path.write_bytes(content)
    refused(path, "not a checkpoint of this program")


def test_a_missing_file_is_one_sentence(tmp_path):
    refused(tmp_path / "nowhere.safetensors", "cannot be read")


def test_a_broken_file_stays_in_the_catalogue_with_its_reason(tiny_checkpoint_path, tmp_path):
    (tmp_path / "good.safetensors").write_bytes(tiny_checkpoint_path.read_bytes())
    (tmp_path / "bad.safetensors").write_bytes(b"nothing")
    entries = {entry.path.name: entry for entry in catalogue([tmp_path])}
    assert entries["good.safetensors"].document.title == "Tiny test model"
    assert "not a checkpoint" in entries["bad.safetensors"].problem
    assert find("tiny", [tmp_path]) == tmp_path / "good.safetensors"
    with pytest.raises(nd.CheckpointError, match="neither a file nor one of the names"):
        find("nothing-like-it")


def test_a_scan_outside_what_was_seen_gets_a_warning_each(tiny_checkpoint_path, head):
    document = read_document(tiny_checkpoint_path)
    box = head.grid.crop(Box((50, 50, 50), (90, 100, 90)))
    assert document.warnings(Scan(head.data, head.grid, modality="MR"), box) == []
    (extent,) = document.warnings(head, head.grid)
    assert "189 × 233 × 197 mm" in extent
    (modality,) = document.warnings(Scan(head.data, head.grid, modality="CT"), box)
    assert "CT" in modality


def test_a_network_for_slices_minds_their_size_and_not_their_number(slice_checkpoint_path, head):
    document = read_document(slice_checkpoint_path)
    assert (document.dimensions, document.slice_axis) == (2, 0)
    scan = Scan(head.data, head.grid, modality="MR")
    assert document.warnings(scan, head.grid.crop(Box((50, 50, 50), (51, 100, 90)))) == []
    (extent,) = document.warnings(scan, head.grid.crop(Box((50, 50, 50), (90, 60, 90))))
    assert "40 × 10 × 40 mm" in extent


def test_catalogue_and_documents_are_read_without_torch(tiny_checkpoint_path):
    code = (
        "import sys; from pathlib import Path; from napari_diffseg.checkpoints.catalogue import describe; "
        "assert describe(Path(sys.argv[1])).document; sys.exit('torch' in sys.modules)"
    )
    assert (
        subprocess.run([sys.executable, "-c", code, str(tiny_checkpoint_path)], check=False).returncode == 0
    )
