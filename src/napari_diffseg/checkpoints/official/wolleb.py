"""Checkpoints of EnsemDiff: savedmodelNNNNNN.pt and emasavedmodel_0.9999_NNNNNN.pt."""

from __future__ import annotations

from typing import Any

from napari_diffseg.checkpoints.official.foreign import Foreign
from napari_diffseg.checkpoints.official.guided import inputs
from napari_diffseg.checkpoints.official.guided_settings import GuidedSettings, learned_variance
from napari_diffseg.checkpoints.official.model import Model, Wanted, image_channels
from napari_diffseg.checkpoints.official.torch_file import read_torch_file as read
from napari_diffseg.methods.ensemdiff import Config
from napari_diffseg.preparation.preparation import Preparation

__all__ = ["Settings", "model", "read", "said"]

Settings = GuidedSettings


def said(foreign: Foreign) -> dict[str, Any]:
    """Nothing beside the tensors."""
    return {}


def model(foreign: Foreign, settings: GuidedSettings, wanted: Wanted) -> Model:
    """The weights under their own names, which are ours."""
    unet, masks = settings.unet(foreign), wanted.masks
    config = Config.model_validate(
        {
            "unet": unet,
            "learned_variance": learned_variance(foreign, masks),
            **settings.chain(Config().steps),
        }
    )
    channels = image_channels(foreign, inputs(foreign.shapes), masks)
    # The paper's percentiles, to [0, 1]; the released code reads files prepared so.
    preparation = Preparation(
        percentiles=(1, 99), intensity="min-max", domain="scan", multiple=config.divisor
    )
    return Model("ensemdiff", config, channels, masks, foreign.tensors, preparation)
