"""Checkpoints of PatchDDM, FullRes and HalfRes: brats3dimageNNNNNN.pt."""

from __future__ import annotations

from typing import Any, Literal

from napari_diffseg.checkpoints.official.foreign import Foreign
from napari_diffseg.checkpoints.official.guided import inputs
from napari_diffseg.checkpoints.official.guided_settings import GuidedSettings, learned_variance
from napari_diffseg.checkpoints.official.model import Model, Wanted, image_channels
from napari_diffseg.checkpoints.official.torch_file import read_torch_file as read
from napari_diffseg.errors import CheckpointError
from napari_diffseg.methods.method import COORDINATES
from napari_diffseg.methods.patchddm import Config
from napari_diffseg.preparation.preparation import Preparation

__all__ = ["Settings", "model", "read", "said"]

_RUN_SCRIPT_WIDTH, _RUN_SCRIPT_INPUTS = 29, 8


class Settings(GuidedSettings):
    """The defaults are the released run script's.

    Attributes:
        groups: the run script's 29; asked for when the width is another.
        variant: of the three, "patchddm" where the network has the run script's eight inputs (four
            sequences, three coordinates, the noisy mask); asked for otherwise.
    """

    groups: int | None = None
    variant: Literal["patchddm", "fullres", "halfres"] | None = None


def said(foreign: Foreign) -> dict[str, Any]:
    """What follows from the run script's sizes."""
    stem = foreign.shapes.get("input_blocks.0.0.weight", (0, 0))
    known: dict[str, Any] = {"groups": _RUN_SCRIPT_WIDTH} if stem[0] == _RUN_SCRIPT_WIDTH else {}
    return known | ({"variant": "patchddm"} if stem[1] == _RUN_SCRIPT_INPUTS else {})


def model(foreign: Foreign, settings: Settings, wanted: Wanted) -> Model:
    """The weights under their own names, which are ours."""
    unet, masks = settings.unet(foreign), wanted.masks
    _ask(foreign, settings)
    config = Config.model_validate(
        {
            "unet": unet,
            "variant": settings.variant,
            "learned_variance": learned_variance(foreign, masks),
            **settings.chain(Config().steps),
        }
    )
    others = masks + (COORDINATES if config.coordinates else 0)
    channels = image_channels(foreign, inputs(foreign.shapes), others)
    # The paper's percentiles; the released code brings [0, 1] to [−1, 1] and has −1 around the scan.
    preparation = Preparation(
        percentiles=(1, 99), intensity="min-max", range=(-1.0, 1.0), domain="scan", multiple=config.divisor
    )
    return Model("patchddm", config, channels, masks, foreign.tensors, preparation)


def _ask(foreign: Foreign, settings: Settings) -> None:
    unknown = [name for name in ("groups", "variant") if getattr(settings, name) is None]
    if unknown:
        raise CheckpointError(
            f"{foreign.file} does not tell {' and '.join(f'“{name}”' for name in unknown)}, and it is not "
            "the network of the released run script. Give groups (of every group norm) and variant "
            "(patchddm, fullres or halfres) as network settings."
        )
