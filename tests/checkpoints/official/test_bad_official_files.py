"""Poisoned, damaged and absurd files offered as every official format: one sentence each, nothing run."""

import collections
import io
import os
import pickle
import shutil
import sys
import zipfile

import numpy as np
import pytest
import torch

from napari_diffseg.checkpoints.official.described_tensors import STATE_DICT_NAMES
from napari_diffseg.checkpoints.official.pickles import StandIn, read_pickle
from napari_diffseg.errors import CheckpointError

TORCH_SOURCES = ("wolleb", "patchddm", "medsegdiff", "ambdiffseg")
SOURCES = (*TORCH_SOURCES, "imgx")
PROTO, STOP = b"\x80\x02", b"."


class Reduces:
    """Makes a folder when it is unpickled, by a call."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


def text(value):
    return b"X" + len(value).to_bytes(4, "little") + value.encode()


def global_(module, name):
    return b"c" + module.encode() + b"\n" + name.encode() + b"\n"


def stack_global(module, name):
    return text(module) + text(name) + b"\x93"


def poisons(marker):
    """Pickles that make `marker`, or would if something behind a listed name were reached, by their way."""
    command = text(f"touch {marker}")
    system, called = global_("os", "system"), command + b"\x85R"
    ordered = global_("collections", "OrderedDict") + b")R"
    return {
        "a call": pickle.dumps(Reduces(marker)),
        "a call in protocol 0": pickle.dumps(Reduces(marker), protocol=0),
        "a call inside a state dict": pickle.dumps({"time_embed.0.weight": Reduces(marker)}, protocol=2),
        "os.system": PROTO + system + called + STOP,
        "a name from the stack": b"\x80\x04" + stack_global("os", "system") + called + STOP,
        "eval": PROTO + global_("builtins", "eval")
        + text(f"__import__('os').mkdir({str(marker)!r})") + b"\x85R" + STOP,
        "a dotted name": b"\x80\x04" + stack_global("collections", "_sys.modules") + called + STOP,
        "an attribute of a listed class": PROTO
        + global_("collections", "OrderedDict.__reduce__") + called + STOP,
        "the globals of a listed function": b"\x80\x04"
        + stack_global("torch._utils", "_rebuild_tensor_v2.__globals__") + called + STOP,
        "a module in front of a listed name": PROTO
        + global_("torch._utils.torch", "_utils._rebuild_tensor_v2.__class__") + called + STOP,
        "a space in a name": PROTO + global_("collections OrderedDict", "__reduce__") + called + STOP,
        "a state of a listed object": PROTO + ordered + text("k") + system + command + b"\x85Rs" + b"}"
        + text("__setstate__") + system + b"sb" + STOP,
        "a state of a listed class": PROTO + global_("collections", "OrderedDict") + b"N}"
        + text("__init__") + system + b"s\x86b)R" + STOP,
        "an instance": PROTO + b"(" + command + b"ios\nsystem\n" + STOP,
        "an object": PROTO + b"(" + system + command + b"o" + STOP,
        "a registered extension": PROTO + b"\x82\x01" + called + STOP,
        "a call of a call": PROTO + ordered + called + STOP,
    }  # fmt: skip


HOW = tuple(poisons("nowhere"))


def archive(path, content, records=None):
    """A file as torch.save makes it, around any pickle."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as file:
        for name, record in {"data.pkl": content, "byteorder": b"little", "version": b"3\n"}.items():
            file.writestr(f"archive/{name}", record)
        for name, record in (records or {}).items():
            file.writestr(f"archive/data/{name}", record)
    return path


def offered(source, content, tmp_path, imgx_folder):
    if source != "imgx":
        return archive(tmp_path / "savedmodel.pt", content)
    folder = shutil.copytree(imgx_folder, tmp_path / "batch_1")
    (folder / "tree.pkl").unlink()
    (folder / "tree.pkl").write_bytes(content)
    return folder


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("source", SOURCES)
def test_a_poisoned_pickle_runs_nothing(source, how, tmp_path, imgx_folder, refused):
    marker = tmp_path / "written"
    refused(offered(source, poisons(marker)[how], tmp_path, imgx_folder), source, "asks for|damaged")
    assert not marker.exists()
    assert collections.OrderedDict(a=1) == {"a": 1}  # the class that some of them reach for is as it was


@pytest.mark.parametrize("how", ["a call", "os.system", "eval", "a name from the stack", "an instance"])
def test_the_poison_would_work_on_python_s_own_reader(how, tmp_path):
    pickle.loads(poisons(tmp_path / "written")[how])
    assert (tmp_path / "written").exists()


@pytest.mark.parametrize("source", TORCH_SOURCES)
def test_a_poisoned_pickle_without_an_archive_runs_nothing(source, tmp_path, refused):
    (tmp_path / "savedmodel.pt").write_bytes(pickle.dumps(Reduces(tmp_path / "written")))
    refused(tmp_path / "savedmodel.pt", source, "no file of torch.save")
    assert not (tmp_path / "written").exists()


def test_a_poisoned_file_of_older_torch_runs_nothing(tmp_path, refused):
    path = tmp_path / "savedmodel.pt"
    torch.save({"a": torch.zeros(1)}, path, _use_new_zipfile_serialization=False)
    path.write_bytes(path.read_bytes() + pickle.dumps(Reduces(tmp_path / "written")))
    refused(path, "wolleb", "format of torch before 1.6")
    assert not (tmp_path / "written").exists()


def test_a_poisoned_record_among_the_arrays_runs_nothing(tmp_path, imgx_folder, refused):
    folder = shutil.copytree(imgx_folder, tmp_path / "batch_1")
    (folder / "arrays.npy").unlink()
    with (folder / "arrays.npy").open("wb") as file:
        np.save(file, np.array([Reduces(tmp_path / "written")], dtype=object), allow_pickle=True)
    assert not (tmp_path / "written").exists()  # writing does not run it
    refused(folder, "imgx", "do not fit together")
    assert not (tmp_path / "written").exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("posix.system", PROTO + global_("posix", "system") + STOP),
        ("guided_diffusion.unet.UNetModel", PROTO + global_("guided_diffusion.unet", "UNetModel") + STOP),
        (
            "collections.OrderedDict.__reduce__",
            PROTO + global_("collections", "OrderedDict.__reduce__") + STOP,
        ),
    ],
)
def test_a_refused_name_is_told(name, content, tmp_path, refused):
    refused(archive(tmp_path / "savedmodel.pt", content), "wolleb", f"asks for “{name}”")


def test_another_source_s_names_are_refused_too(amb_pt, tmp_path):
    with zipfile.ZipFile(amb_pt) as file, pytest.raises(CheckpointError, match="asks for “omegaconf"):
        read_pickle(file.read("amb_ckpt/data.pkl"), STATE_DICT_NAMES, amb_pt.name)


def test_a_listed_class_becomes_a_stand_in_with_its_state():
    content = pickle.dumps(collections.Counter(a=2), protocol=2)
    found = read_pickle(content, {"collections.Counter"}, "x.pkl")
    assert (type(found), found.name, found.args) == (StandIn, "collections.Counter", ({"a": 2},))


@pytest.mark.parametrize("value", [{"a": [1, 2.5, None, True, ("x", "ä")]}, [], {}, 2**70, [[], [[]]]])
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_plain_values_are_read_as_python_reads_them(value, protocol):
    assert read_pickle(pickle.dumps(value, protocol), set(), "x.pkl") == value


@pytest.mark.parametrize("protocol", [3, 4, 5])  # protocol 2 has no bytes and calls a codec for them
def test_bytes_are_read_as_python_reads_them(protocol):
    assert read_pickle(pickle.dumps([b"x"], protocol), set(), "x.pkl") == [b"x"]


@pytest.mark.parametrize("kept", [0, 3, 200, 20_000, -30, -1])
def test_a_torch_file_cut_short_is_refused(kept, amb_pt, tmp_path, refused):
    (tmp_path / "cut.pt").write_bytes(amb_pt.read_bytes()[:kept])
    refused(tmp_path / "cut.pt", "ambdiffseg", "damaged or cut short|no file of torch.save")


def test_a_torch_file_with_a_wrong_byte_is_refused(amb_pt, tmp_path, refused):
    content = bytearray(amb_pt.read_bytes())
    content[content.find(b"amb_ckpt/data/0") + 2000] ^= 0xFF
    (tmp_path / "wrong.pt").write_bytes(content)
    refused(tmp_path / "wrong.pt", "ambdiffseg", "damaged or cut short")


@pytest.mark.parametrize(("file", "kept"), [("arrays.npy", -1), ("arrays.npy", 100), ("tree.pkl", -1)])
def test_an_imgx_folder_cut_short_is_refused(file, kept, imgx_folder, tmp_path, refused):
    folder = shutil.copytree(imgx_folder, tmp_path / "batch_1")
    content = (folder / file).read_bytes()
    (folder / file).unlink()
    (folder / file).write_bytes(content[:kept])
    refused(folder, "imgx", "damaged or cut short")


@pytest.mark.parametrize("source", TORCH_SOURCES)
@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"<html>", b"\x1f\x8b\x08\x00", b"\xff" * 64])
def test_other_files_are_refused(source, content, tmp_path, refused):
    (tmp_path / "other.pt").write_bytes(content)
    refused(tmp_path / "other.pt", source, "no file of torch.save|damaged")


def test_a_zip_of_something_else_is_refused(tmp_path, refused):
    with zipfile.ZipFile(tmp_path / "other.pt", "w") as file:
        file.writestr("readme.txt", "nothing")
    refused(tmp_path / "other.pt", "wolleb", "not one of torch.save")


class Storage:
    """A reference to a record, as torch's pickler makes it."""

    def __init__(self, count, key="0"):
        self.count, self.key = count, key


class Tensor:
    """A tensor as torch's pickler describes it, true or not."""

    def __init__(self, storage, offset, shape, strides):
        self.description = (storage, offset, shape, strides, False, collections.OrderedDict())

    def __reduce__(self):
        return torch._utils._rebuild_tensor_v2, self.description


class Pickler(pickle.Pickler):
    def persistent_id(self, value):
        if isinstance(value, Storage):
            return ("storage", torch.FloatStorage, value.key, "cpu", value.count)
        return None


def described(path, tensors, records=None):
    """A file that describes tensors; by default there is one record of 16 numbers."""
    content = io.BytesIO()
    Pickler(content, 2).dump(tensors)
    return archive(path, content.getvalue(), records or {"0": bytes(64)})


@pytest.mark.parametrize(
    ("tensor", "match"),
    [
        (Tensor(Storage(16), 0, (2**40,), (0,)), "as no tensor can be"),
        (Tensor(Storage(16), 0, (2**40, 2**40), (1, 1)), "as no tensor can be"),
        (Tensor(Storage(16), 15, (4, 4), (4, 1)), r"shape \[4, 4\] at 15 in a storage of 16"),
        (Tensor(Storage(16), -1, (4,), (1,)), "as no tensor can be"),
        (Tensor(Storage(16), 0, (4,), (-1,)), "as no tensor can be"),
        (Tensor(Storage(16), 0, (4,), (1, 1)), "as no tensor can be"),
        (Tensor(Storage(16), 0, (4.0,), (1,)), "as no tensor can be"),
        (Tensor(Storage(16), 0, (1,) * 100, (1,) * 100), "as no tensor can be"),
        (Tensor(Storage(2**40), 0, (2**40,), (1,)), "more bytes than it has"),
        (Tensor(Storage(10**5000), 0, (10**5000,), (1,)), "not made of whole numbers"),
        (Tensor(Storage(2**40), 0, (4,), (1,)), "holds 1099511627776 numbers"),
        (Tensor(Storage(16, "1"), 0, (4,), (1,)), "has no record data/1"),
        (Tensor(Storage(16, "../../data.pkl"), 0, (4,), (1,)), "has no record"),
        (Tensor("storage", 0, (4,), (1,)), "it has no storage"),
        (4, "“w” as no tensor can be: it is something else"),
    ],
)
def test_a_tensor_outside_its_storage_is_refused(tensor, match, tmp_path, refused):
    refused(described(tmp_path / "absurd.pt", {"w": tensor}), "wolleb", match)


def test_a_thousand_copies_of_one_storage_are_refused(tmp_path, refused):
    whole = Tensor(Storage(2**16), 0, (2**16,), (1,))
    path = described(tmp_path / "x.pt", {f"w{n}": whole for n in range(1000)}, {"0": bytes(2**18)})
    refused(path, "wolleb", "more bytes than it has")


def test_a_packed_record_is_refused_before_it_is_unpacked(tmp_path, refused):
    with zipfile.ZipFile(tmp_path / "bomb.pt", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("archive/data.pkl", bytes(2**26))
    refused(tmp_path / "bomb.pt", "wolleb", "compressed record")


@pytest.mark.parametrize(
    "content",
    [
        PROTO + b"Nr\xff\xff\xff\x7f0" + STOP,  # a memo of two thousand million places
        PROTO + b"]" + b"\x85" * 50_000 + STOP,  # a tuple that deep, and its hash
        PROTO + b"}]" + b"\x85" * 50_000 + b"Ns" + STOP,
        PROTO + b"\x8b\xff\xff\xff\x7f" + STOP,  # a number of that many bytes
        b"\x80\x04\x8e" + b"\xff" * 7 + b"\x7f" + STOP,
        PROTO + b"\x85" + STOP,
        PROTO + b"(((" + STOP,
        PROTO + b"tttt" + STOP,
        PROTO + STOP,
    ],
)
def test_a_pickle_that_would_end_python_is_refused(content, tmp_path, imgx_folder, refused):
    refused(archive(tmp_path / "bomb.pt", content), "wolleb", "damaged|tensors by name")
    refused(offered("imgx", content, tmp_path, imgx_folder), "imgx", "damaged|holds no|do not fit")


def test_branches_that_multiply_without_end_are_refused(tmp_path, imgx_folder, amb_pt, refused, imported):
    tree = []
    for _ in range(30):
        tree = [tree] * 100
    refused(offered("imgx", pickle.dumps({"params": tree}), tmp_path, imgx_folder), "imgx", "do not fit")
    weights = Tensor(Storage(16), 0, (16,), (1,))
    file = {"model": {"time_embed.0.weight": weights}, "config": {"unet": {"predict": tree}}}
    refused(described(tmp_path / "x.pt", file), "ambdiffseg", "does not hold the network")


def test_a_record_that_claims_more_than_the_file_has_is_refused(tmp_path, imgx_folder, refused):
    folder = shutil.copytree(imgx_folder, tmp_path / "batch_1")
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (2**40,)})
    (folder / "arrays.npy").unlink()
    (folder / "arrays.npy").write_bytes(header.getvalue() + bytes(64))
    refused(folder, "imgx", "do not fit together")


def test_a_stranger_s_name_is_short_and_on_one_line(tmp_path, refused):
    content = b"\x80\x04" + stack_global("a\x1b[31m\nb", "x" * 100_000) + STOP
    message = refused(archive(tmp_path / "long.pt", content), "wolleb", "asks for “a.*…”")
    assert len(message) < 600
    assert "\x1b" not in message


def test_a_module_that_a_pickle_names_is_not_imported(tmp_path, refused):
    path = archive(tmp_path / "savedmodel.pt", PROTO + global_("antigravity", "webbrowser") + STOP)
    refused(path, "ambdiffseg", "asks for “antigravity.webbrowser”")
    assert "antigravity" not in sys.modules
