"""Checkpoints of the released MedSegDiff networks, "new" and "v1"; neither is the paper's."""

from __future__ import annotations

from typing import Any, Literal

from napari_diffseg.checkpoints.official.foreign import Foreign
from napari_diffseg.checkpoints.official.guided import inputs
from napari_diffseg.checkpoints.official.guided_settings import GuidedSettings, learned_variance
from napari_diffseg.checkpoints.official.model import Model, Wanted, image_channels
from napari_diffseg.checkpoints.official.torch_file import read_torch_file as read
from napari_diffseg.methods.medsegdiff import Config
from napari_diffseg.networks.medsegdiff_official import MedSegDiffOfficialConfig
from napari_diffseg.preparation.preparation import Preparation

__all__ = ["Settings", "model", "read", "said"]

_BRATS_CHANNELS = 4
_MAP = "hwm.ffparser.0.complex_weight"

Settings = GuidedSettings


def said(foreign: Foreign) -> dict[str, Any]:
    """Nothing beside the tensors."""
    return {}


def model(foreign: Foreign, settings: GuidedSettings, wanted: Wanted) -> Model:
    """The weights under their own names, which are ours."""
    version, masks = _version(foreign), wanted.masks
    unet = MedSegDiffOfficialConfig.model_validate(settings.unet(foreign) | version)
    config = Config(
        unet=unet,
        learned_variance=learned_variance(foreign, masks),
        answer="calibrated" if version["version"] == "v1" else "sample",  # what each version saves and fuses
        **settings.chain(Config().steps),
    )
    channels = image_channels(foreign, inputs(foreign.shapes), masks)
    # The released loaders take four sequences with their raw intensities, pictures from 0 to 1.
    intensity: Literal["as-is", "min-max"] = "as-is" if channels == _BRATS_CHANNELS else "min-max"
    preparation = Preparation(percentiles=None, intensity=intensity, domain="scan", multiple=config.divisor)
    return Model("medsegdiff", config, channels, masks, foreign.tensors, preparation)


def _version(foreign: Foreign) -> dict[str, Any]:
    """FF-Parsers are in version 1 alone; the first map has as many rows as half the training size."""
    parser = foreign.shapes.get(_MAP)
    return {"version": "v1", "training_size": 2 * parser[1]} if parser else {"version": "new"}
