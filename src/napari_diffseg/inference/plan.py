"""What a run will take, before it takes it."""

from __future__ import annotations

import math

import torch

from napari_diffseg.checkpoints.checkpoint import Checkpoint, build_on_meta
from napari_diffseg.diffusion.noise import NoiseSource
from napari_diffseg.errors import PreparationError
from napari_diffseg.inference.device import GIB, choose_device, choose_precision, free_gib
from napari_diffseg.inference.division import per_batch
from napari_diffseg.inference.memory import peak_bytes
from napari_diffseg.methods.method import COORDINATES
from napari_diffseg.preparation.prepared import prepared_shape
from napari_diffseg.results.events import Plan
from napari_diffseg.results.options import SamplingOptions
from napari_diffseg.volume.grid import Box, Shape
from napari_diffseg.volume.scan import Scan

MARGIN = 1.2
"""A run is said to fit when this times its estimate is free."""

_MOST_MEMBERS_AT_ONCE = 16
_MOST_SLICES_AT_ONCE = 64
_SLICES_AT_ONCE_ON_CPU = 4
"""More are no faster there, and the first ones are shown later."""


def plan(scan: Scan, checkpoint: Checkpoint, options: SamplingOptions) -> Plan:
    """Device, precision, batch and memory of a run; nothing is computed but a pass without data.

    Raises:
        PreparationError: the scan has other channels than the checkpoint, or the box is outside it.
        SettingsError: the device asked for is not there.
    """
    _check_channels(scan, checkpoint)
    document, config = checkpoint.document, checkpoint.config
    box = options.box.clipped(scan.grid.shape) if options.box else Box.whole(scan.grid.shape)
    device, precision = choose_device(options), choose_precision(options, choose_device(options))
    axis = document.preparation.slice_axis if config.unet.dimensions == 2 else None
    shape = prepared_shape(document.preparation, scan, box, slices=axis is not None, divisor=config.divisor)
    members = options.members if checkpoint.entry.has_steps else 1
    slices = None if axis is None else shape[axis]
    free = free_gib(device)
    item = tuple(size for number, size in enumerate(shape) if number != axis)
    weights, each = _network_gib(checkpoint, item, precision)
    kept = weights + _kept_gib(checkpoint, scan, box, shape, members, options)
    at_once = _at_once(options, device, (free - kept * MARGIN) / (each * MARGIN), members, slices)
    members_at_once, slices_at_once = per_batch(at_once, slices or 1)
    needed = kept + each * members_at_once * slices_at_once
    return Plan(
        box=box,
        device=str(device),
        precision="bf16" if precision == torch.bfloat16 else "fp32",
        members=members,
        steps=(options.steps or config.steps) if checkpoint.entry.has_steps else 1,
        members_at_once=members_at_once,
        needed_gib=needed,
        free_gib=free,
        fitting_box_mm=None if needed * MARGIN <= free else _fitting_edge_mm(scan, box, free / needed, axis),
        slice_axis=axis,
        slices=slices or 1,
        slices_at_once=None if axis is None else slices_at_once,
    )


def _check_channels(scan: Scan, checkpoint: Checkpoint) -> None:
    wanted = len(checkpoint.document.channels)
    if len(scan.data) == wanted:
        return
    names = ", ".join(channel.name for channel in checkpoint.document.channels)
    raise PreparationError(
        f"The model takes {wanted} channel{'s' * (wanted > 1)} ({names}), the scan has {len(scan.data)}. "
        "Choose one image for each channel."
    )


def _network_gib(
    checkpoint: Checkpoint, space: tuple[int, ...], precision: torch.dtype
) -> tuple[float, float]:
    """The weights, and the peak of one item's sampling step: activations, x_t, x0 and the image."""
    document, module, config = checkpoint.document, checkpoint.method, checkpoint.config
    network = build_on_meta(document, module, config).to(precision).eval()
    channels = len(document.channels) + (COORDINATES if config.coordinates else 0)
    image = torch.empty((1, channels, *space), device="meta")
    masks = config.mask_channels(len(document.classes) + 1)
    noise = NoiseSource(0, range(1), (masks, *space), torch.device("meta"))

    def one_call() -> None:
        def evaluate(x: torch.Tensor, *t: torch.Tensor) -> torch.Tensor:
            return network(x.to(precision), *t).float()

        options = SamplingOptions(steps=1, members=1)
        for _ in module.sample(config, evaluate, image, noise, options):
            pass

    weights = sum(parameter.numel() for parameter in network.parameters()) * 4
    return weights / GIB, (peak_bytes(one_call) + image.numel() * 4) / GIB


def _kept_gib(
    checkpoint: Checkpoint, scan: Scan, box: Box, shape: Shape, members: int, options: SamplingOptions
) -> float:
    """What stays throughout: the accumulators, label maps, the scan, and what only some runs need.

    The accumulators are mean, sum of squares, a soft member and copies of the first two for the viewer.
    """
    classes, channels, voxels = len(checkpoint.document.classes), len(scan.data), math.prod(box.shape)
    each = 5 * 4 * classes + members + 4 * channels
    if options.relative_area is not None:
        each += 4 * classes * members  # every soft member, until it is known which are specks
    sliced = checkpoint.config.unet.dimensions == 2
    prepared = 4 * (classes + channels) * math.prod(shape) if sliced else 0  # a batch holds a part of it
    return (voxels * each + prepared) / GIB


def _at_once(
    options: SamplingOptions, device: torch.device, fitting: float, members: int, slices: int | None
) -> int:
    """Members, or slices of them: on a CPU few, so that they stream; on a GPU as many as fit."""
    if options.reproducible:
        return 1
    on_gpu = device.type == "cuda"
    if slices is not None:
        most = _MOST_SLICES_AT_ONCE if on_gpu else _SLICES_AT_ONCE_ON_CPU
        return max(1, min(members * slices, most, int(fitting)))
    if options.members_at_once is not None:
        return min(options.members_at_once, members)
    return max(1, min(members, _MOST_MEMBERS_AT_ONCE, int(fitting))) if on_gpu else 1


def _fitting_edge_mm(scan: Scan, box: Box, share: float, slice_axis: int | None) -> float:
    """Edge of the cube that fits, where this share of the box's memory is free.

    Memory grows with the voxels; a network for slices has part of it grow with those of one slice.
    """
    sizes = [n * edge for n, edge in zip(box.shape, scan.grid.spacing_mm, strict=True)]
    edge = float((math.prod(sizes) * share / MARGIN) ** (1 / 3))
    if slice_axis is None:
        return edge
    area = math.prod(sizes) / sizes[slice_axis]
    return min(edge, float((area * share / MARGIN) ** (1 / 2)))
