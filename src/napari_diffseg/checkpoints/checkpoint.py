"""A checkpoint's document and weights, from and to one .safetensors file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from napari_diffseg.checkpoints.document import METADATA_KEY, Document, parse_document, read_header
from napari_diffseg.errors import CheckpointError
from napari_diffseg.io.atomic import replacing
from napari_diffseg.methods.method import Method
from napari_diffseg.methods.registry import MethodEntry, method

_MOST_PARAMETERS = 2_000_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """Weights with everything needed to use them.

    Args:
        document: what stands in the file beside the tensors.
        entry: the method's row in the registry.
        config: the method's config, validated.
        weights: tensors by name, on the CPU, as stored.
        sha256: of the file; names the checkpoint in every result.
    """

    document: Document
    entry: MethodEntry
    config: Any
    weights: Mapping[str, Tensor]
    sha256: str

    @property
    def method(self) -> Method:
        """The method's module."""
        return self.entry.load()

    def network(self) -> nn.Module:
        """A network with these weights, in float32 on the CPU, set for inference."""
        network = build_on_meta(self.document, self.method, self.config).to_empty(device="cpu")
        network.load_state_dict({name: tensor.float() for name, tensor in self.weights.items()})
        return network.eval().requires_grad_(False)


def load_checkpoint(path: str | Path) -> Checkpoint:
    """Read a checkpoint; the whole file, so that it may be replaced or deleted afterwards.

    Raises:
        CheckpointError: the file is unreadable, cut short, of a newer format, of an unknown method, or
            its tensors are not those that its config describes.
    """
    path = Path(path)
    shapes, text = read_header(path)
    document = parse_document(path, text)
    entry = method(document.method)
    module = entry.load()
    try:
        config = module.Config.model_validate(document.config)
    except ValidationError as error:
        first = error.errors()[0]
        raise CheckpointError(
            f"{path.name} has a config that {entry.title} does not take, at "
            f"“{'.'.join(map(str, first['loc']))}”: {first['msg']}. Train or import the checkpoint again."
        ) from error
    _check_shapes(path, document, module, config, shapes)
    content = path.read_bytes()
    try:
        weights = safetensors.torch.load(content)
    except Exception as error:  # the Rust reader's own errors share no base class with Python's
        raise CheckpointError(f"{path.name} cannot be read: {error}. Copy the file again.") from error
    return Checkpoint(document, entry, config, weights, hashlib.sha256(content).hexdigest())


def save_checkpoint(path: Path, document: Document, weights: Mapping[str, Tensor]) -> None:
    """Write a checkpoint under a temporary name and put it in place."""
    content = safetensors.torch.save(
        {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()},
        metadata={METADATA_KEY: document.model_dump_json()},
    )
    with replacing(path) as partial:
        partial.write_bytes(content)


def build_on_meta(document: Document, module: Method, config: Any) -> nn.Module:
    """The document's network without memory for its weights."""
    with torch.device("meta"):
        return module.build(config, channels=len(document.channels), classes=len(document.classes) + 1)


def _check_shapes(
    path: Path, document: Document, module: Method, config: Any, shapes: Mapping[str, tuple[int, ...]]
) -> None:
    expected = {
        name: tuple(tensor.shape)
        for name, tensor in build_on_meta(document, module, config).state_dict().items()
    }
    size = sum(torch.Size(shape).numel() for shape in expected.values())
    if size > _MOST_PARAMETERS:
        raise CheckpointError(
            f"{path.name} describes a network of {size:.1e} parameters; at most {_MOST_PARAMETERS:.0e} are "
            "taken. Choose another checkpoint."
        )
    if expected == dict(shapes):
        return
    problems = [f"{name} is missing" for name in expected if name not in shapes]
    problems += [f"{name} is not expected" for name in shapes if name not in expected]
    problems += [
        f"{name} is {list(shapes[name])} instead of {list(shape)}"
        for name, shape in expected.items()
        if shapes.get(name, shape) != shape
    ]
    raise CheckpointError(
        f"{path.name} holds tensors that do not match its config ({len(problems)} in all): "
        f"{'; '.join(problems[:3])}. Train or import the checkpoint again."
    )
