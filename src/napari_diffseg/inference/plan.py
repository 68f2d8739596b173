"""What a run will take, before it takes it."""

from __future__ import annotations

import math

import torch

from napari_diffseg.checkpoints.checkpoint import Checkpoint, build_on_meta
from napari_diffseg.diffusion.noise import NoiseSource
from napari_diffseg.errors import PreparationError
from napari_diffseg.inference.device import GIB, choose_device, choose_precision, free_gib
from napari_diffseg.inference.memory import peak_bytes
from napari_diffseg.preparation.prepared import prepared_shape
from napari_diffseg.results.events import Plan
from napari_diffseg.results.options import SamplingOptions
from napari_diffseg.volume.grid import Box, Shape
from napari_diffseg.volume.scan import Scan

MARGIN = 1.2
"""A run is said to fit when this times its estimate is free."""

_MOST_AT_ONCE = 16


def plan(scan: Scan, checkpoint: Checkpoint, options: SamplingOptions) -> Plan:
    """Device, precision, batch and memory of a run; nothing is computed but a pass without data.

    Raises:
        PreparationError: the scan has other channels than the checkpoint, the box is outside it, or the
            network is for slices.
        SettingsError: the device asked for is not there.
    """
    wanted = len(checkpoint.document.channels)
    if len(scan.data) != wanted:
        names = ", ".join(channel.name for channel in checkpoint.document.channels)
        raise PreparationError(
            f"The model takes {wanted} channel{'s' * (wanted > 1)} ({names}), the scan has {len(scan.data)}. "
            "Choose one image for each channel."
        )
    if checkpoint.config.unet.dimensions != 3:
        raise PreparationError(
            f"“{checkpoint.document.name}” holds a network for slices, and this version segments volumes "
            "with networks for volumes alone. Choose another model."
        )
    box = options.box.clipped(scan.grid.shape) if options.box else Box.whole(scan.grid.shape)
    device, precision = choose_device(options), choose_precision(options, choose_device(options))
    shape = prepared_shape(checkpoint.document.preparation, scan, box)
    steps = (options.steps or checkpoint.config.steps) if checkpoint.entry.has_steps else 1
    members = options.members if checkpoint.entry.has_steps else 1
    free = free_gib(device)
    fixed = _network_gib(checkpoint, shape, precision)
    accumulators = _accumulator_gib(checkpoint, scan, box, members)
    at_once = _members_at_once(options, device, members, free - accumulators * MARGIN, fixed * MARGIN)
    needed = fixed * at_once + accumulators
    return Plan(
        box=box,
        device=str(device),
        precision="bf16" if precision == torch.bfloat16 else "fp32",
        members=members,
        steps=steps,
        members_at_once=at_once,
        needed_gib=needed,
        free_gib=free,
        fitting_box_mm=None if needed * MARGIN <= free else _fitting_edge_mm(scan, box, needed, free),
    )


def _network_gib(checkpoint: Checkpoint, shape: Shape, precision: torch.dtype) -> float:
    """Peak of one member's sampling step: the network's activations, x_t, x0 and the image."""
    document, module = checkpoint.document, checkpoint.method
    network = build_on_meta(document, module, checkpoint.config).to(precision).eval()
    image = torch.empty((1, len(document.channels), *shape), device="meta")
    noise = NoiseSource(
        0,
        range(1),
        (checkpoint.config.mask_channels(len(document.classes) + 1), *shape),
        torch.device("meta"),
    )

    def one_call() -> None:
        def evaluate(x: torch.Tensor, *t: torch.Tensor) -> torch.Tensor:
            return network(x.to(precision), *t).float()

        options = SamplingOptions(steps=1, members=1)
        for _ in module.sample(checkpoint.config, evaluate, image, noise, options):
            pass

    weights = sum(parameter.numel() for parameter in network.parameters()) * 4
    return (peak_bytes(one_call) + image.numel() * 4 + weights) / GIB


def _accumulator_gib(checkpoint: Checkpoint, scan: Scan, box: Box, members: int) -> float:
    """Mean, sum of squares, a soft member and copies of the first two for the viewer; label maps."""
    voxels = math.prod(box.shape)
    return voxels * (5 * 4 * len(checkpoint.document.classes) + members + 4 * len(scan.data)) / GIB


def _members_at_once(
    options: SamplingOptions, device: torch.device, members: int, free: float, each: float
) -> int:
    """One after the other on a CPU, so that they stream; on a GPU as many as fit."""
    if options.reproducible:
        return 1
    if options.members_at_once is not None:
        return min(options.members_at_once, members)
    if device.type != "cuda":
        return 1
    return max(1, min(members, _MOST_AT_ONCE, int(free / each)))


def _fitting_edge_mm(scan: Scan, box: Box, needed: float, free: float) -> float:
    """Edge of the cube whose share of the memory needed is free; memory grows with the voxels."""
    voxels = math.prod(box.shape) * free / (needed * MARGIN)
    return float((voxels * scan.grid.voxel_ml * 1000) ** (1 / 3))
