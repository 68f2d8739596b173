"""Every tensor of a file against the network that its config describes."""

from __future__ import annotations

import torch

from napari_diffseg.checkpoints.checkpoint import build_on_meta
from napari_diffseg.checkpoints.document import Document
from napari_diffseg.checkpoints.official.foreign import Foreign
from napari_diffseg.checkpoints.official.model import Model
from napari_diffseg.checkpoints.official.pickles import shown
from napari_diffseg.errors import CheckpointError
from napari_diffseg.methods.registry import method

_LISTED = 12


def check_tensors(foreign: Foreign, document: Document, model: Model) -> None:
    """Names, shapes, kinds of numbers, and that they are numbers.

    Raises:
        CheckpointError: with lists of the tensors that are missing, unexpected, mis-shaped or unusable.
    """
    expected = build_on_meta(document, method(model.method).load(), model.config).state_dict()
    found = model.weights
    both = [(name, found[name], tensor) for name, tensor in expected.items() if name in found]
    problems = {
        "missing": [name for name in expected if name not in found],
        "not expected": [f"{name} {list(found[name].shape)}" for name in found if name not in expected],
        "mis-shaped": [
            f"{name} {list(own.shape)} instead of {list(needed.shape)}"
            for name, own, needed in both
            if own.shape != needed.shape
        ],
        "of other numbers": [
            f"{name} {own.dtype} instead of {needed.dtype}"
            for name, own, needed in both
            if own.is_floating_point() != needed.is_floating_point()
        ],
        "not finite": [name for name, own, _ in both if not bool(torch.isfinite(own).all())],
    }
    told = [f"{len(names)} {kind}: {_listed(names)}" for kind, names in problems.items() if names]
    if told:
        raise CheckpointError(
            f"{foreign.file} does not hold the tensors of its network; {'; '.join(told)}. "
            "Choose the right source and settings, or get the file again."
        )


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(shown(name) for name in names[:_LISTED]) + more
