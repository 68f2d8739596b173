"""Checkpoints of ImgX-DiffSeg v0.1 and v0.2: folders ckpt/batch_<n>, with diffusion or without."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import Field

from napari_diffseg.checkpoints.official import model as models
from napari_diffseg.checkpoints.official.foreign import Foreign
from napari_diffseg.checkpoints.official.haiku import our_weights
from napari_diffseg.checkpoints.official.imgx_folder import read_imgx_folder as read
from napari_diffseg.checkpoints.official.model import Model, Wanted, image_channels
from napari_diffseg.errors import CheckpointError
from napari_diffseg.methods import imgx, imgx_unet
from napari_diffseg.methods.method import MethodConfig
from napari_diffseg.networks.imgx_unet import ImgXUNetConfig
from napari_diffseg.preparation.preparation import Preparation

__all__ = ["Settings", "model", "read", "said"]

_POOL = re.compile(r"pools\.(\d+)\.conv\.weight")


class Settings(models.Settings):
    """The defaults are those of the released configurations; of no meaning without diffusion.

    Attributes:
        train_steps: T.
        beta_start: first variance.
        beta_end: last variance.
        steps: K.
        variance: of a DDPM step; fixed_large in the official words.
    """

    train_steps: int = Field(1001, ge=2)
    beta_start: float = 1e-4
    beta_end: float = 0.02
    steps: int = 5
    variance: Literal["small", "large"] = "large"


def said(foreign: Foreign) -> dict[str, Any]:
    """Nothing beside the tensors: config.yaml of the run is not read."""
    return {}


def model(foreign: Foreign, settings: Settings, wanted: Wanted) -> Model:
    """The weights in our names and layouts."""
    weights = our_weights(foreign.file, foreign.tensors)
    diffusion = "decoder.0.project.weight" in weights
    try:
        stem, head = weights["stem.conv.weight"], weights["head.bias"]
    except KeyError as error:
        raise CheckpointError(
            f"{foreign.file} lacks the first convolution or the last one's bias, so it is no whole "
            "network. Choose another checkpoint."
        ) from error
    classes = len(head)  # the background is one of them
    unet = ImgXUNetConfig(
        dimensions=2 if stem.ndim == 4 else 3,
        widths=(len(stem), *_pooled(weights)),
        time="added" if diffusion else "none",
        time_scale=max(1, settings.steps - 1),  # the official code counts its kept steps from 0
    )
    config: MethodConfig = (
        imgx.Config(unet=unet, **settings.model_dump()) if diffusion else imgx_unet.Config(unet=unet)
    )
    channels = image_channels(foreign, stem.shape[1], classes if diffusion else 0)
    # From 0 to 1 over the volume that the network is shown.
    preparation = Preparation(percentiles=None, intensity="min-max", domain="box", multiple=config.divisor)
    return Model("imgx" if diffusion else "imgx-unet", config, channels, classes - 1, weights, preparation)


def _pooled(weights: dict[str, Any]) -> list[int]:
    """Widths below full size, in order."""
    found = {int(pool[1]): len(weights[name]) for name in weights if (pool := _POOL.fullmatch(name))}
    return [found[number] for number in sorted(found)]
