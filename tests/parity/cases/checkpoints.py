"""Sample checkpoints written by official training code, imported and run."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch
from oracle import Comparison, Oracle, channels_first, compare, exact
from torch import Tensor

import napari_diffseg as nd
from napari_diffseg.checkpoints.official import ambdiffseg, imgx


def ambdiffseg_checkpoint(oracle: Oracle) -> Iterator[Comparison]:
    path = beside(oracle, ".pt")
    yield from parameters(oracle, ambdiffseg.read(path).tensors)
    checkpoint = imported(path, "ambdiffseg")
    unet, written = checkpoint.config.unet, oracle.document["config"]["unet"]
    shape = (unet.width, list(unet.multipliers), list(unet.blocks_at), unet.middle_blocks, unet.heads)
    names = ("num_channels", "channel_mult", "num_res_blocks", "num_middle_res_blocks", "num_heads")
    yield exact("shape of the network", shape, tuple(written[name] for name in names))
    with torch.no_grad():
        output = checkpoint.network()(torch.cat([oracle["sample"], oracle["image"]], 1), oracle["t"].float())
    output = output.tanh() if checkpoint.config.predict == "x0" else output
    yield compare("output", output, oracle["output"], atol=1e-5)


def imgx_checkpoint(oracle: Oracle) -> Iterator[Comparison]:
    path = beside(oracle, "_files")
    yield from parameters(oracle, imgx.read(path).tensors)
    checkpoint = imported(path, "imgx")
    unet = checkpoint.config.unet
    x, official = oracle["input"], oracle["output"]
    depth = x.shape[3]
    if unet.dimensions == 2:  # the official code puts depth into the batch
        x, official = x.movedim(3, 1).flatten(0, 1), official.movedim(3, 1).flatten(0, 1)
    times = () if unet.time == "none" else (oracle["t"].float() / unet.time_scale,)
    if unet.dimensions == 2:
        times = tuple(t.repeat_interleave(depth) for t in times)
    with torch.no_grad():
        output = checkpoint.network()(channels_first(x), *times)
    yield compare("output", output, channels_first(official), atol=2e-4)


def beside(oracle: Oracle, ending: str) -> Path:
    """The checkpoint that belongs to an oracle; a held-out one may share that of its name."""
    own = oracle.folder / (oracle.stem + ending)
    return own if own.exists() else oracle.folder / (oracle.name + ending)


def imported(path: Path, source: str) -> nd.Checkpoint:
    with tempfile.TemporaryDirectory() as folder:
        return nd.import_official(path, source=source, out=Path(folder) / "ours.safetensors")


def parameters(oracle: Oracle, read: dict[str, Tensor]) -> Iterator[Comparison]:
    official = {
        name.removeprefix("params/"): oracle[name] for name in oracle.tensors if name[:7] == "params/"
    }
    yield exact("names of parameters", sorted(read), sorted(official))
    for name, tensor in official.items():
        yield exact(name, read[name], tensor)


CASES = {"amb_ckpt": ambdiffseg_checkpoint, "imgx_ckpt": imgx_checkpoint}
