"""What an importer makes of a foreign file: one of our methods, its config, and the weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict
from torch import Tensor

from napari_diffseg.checkpoints.official.foreign import Foreign
from napari_diffseg.errors import CheckpointError
from napari_diffseg.methods.method import MethodConfig
from napari_diffseg.preparation.preparation import Preparation


class Settings(BaseModel):
    """What files of a source do not show in names and shapes, with the released values where there are any.

    A field without a default is asked for by its name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the person says of the network's two sides; None where nothing was said.

    Args:
        channels: names of the image's, in the network's order.
        classes: names of the foreground's.
    """

    channels: Sequence[str] | None = None
    classes: Sequence[str] | None = None

    @property
    def masks(self) -> int:
        """Foreground classes; one in all the papers on binary masks."""
        return len(self.classes) if self.classes else 1


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A checkpoint of ours but for its words.

    Args:
        method: name in the registry.
        config: of the method.
        channels: of the image.
        classes: of the foreground.
        weights: by our names.
        preparation: as the official code prepares.
    """

    method: str
    config: MethodConfig
    channels: int
    classes: int
    weights: Mapping[str, Tensor]
    preparation: Preparation


@runtime_checkable
class Importer(Protocol):
    """The names that a source's module must have."""

    Settings: type[Settings]

    def read(self, path: Path) -> Foreign:
        """Tensors and whatever the file says beside them."""
        ...

    def said(self, foreign: Foreign) -> dict[str, Any]:
        """The settings that the file itself tells."""
        ...

    def model(self, foreign: Foreign, settings: Any, wanted: Wanted) -> Model:
        """Our method with these weights; what shapes tell is read off them."""
        ...


def image_channels(foreign: Foreign, inputs: int, others: int) -> int:
    """The network's inputs that are the image's.

    Raises:
        CheckpointError: none are left.
    """
    if inputs <= others:
        raise CheckpointError(
            f"{foreign.file} has a network of {inputs} input channels, of which {others} would be noisy "
            "masks and coordinates. Give the right number of classes, or choose the right source."
        )
    return inputs - others
