"""Checkpoints of AmbDiffSeg: the trainer's .pt with its configuration, or a bare state dict."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from napari_diffseg.checkpoints.official import model as models
from napari_diffseg.checkpoints.official.foreign import Foreign
from napari_diffseg.checkpoints.official.guided import inputs, unet_settings
from napari_diffseg.checkpoints.official.model import Model, Wanted, image_channels
from napari_diffseg.checkpoints.official.pickles import StandIn
from napari_diffseg.checkpoints.official.torch_file import read_torch_file
from napari_diffseg.diffusion.target import Target
from napari_diffseg.diffusion.weighting import Weighting
from napari_diffseg.errors import CheckpointError
from napari_diffseg.methods.ambiguous import PRESETS, Config
from napari_diffseg.preparation.preparation import Preparation

NAMES = frozenset(
    {
        "_codecs.encode",
        "collections.defaultdict",
        *(f"{module}.{name}" for module in ("__builtin__", "builtins") for name in ("dict", "list", "tuple")),
        *("__builtin__.long", "builtins.int"),
        *("numpy.dtype", "numpy._core.multiarray.scalar", "numpy.core.multiarray.scalar"),
        *("omegaconf.base.ContainerMetadata", "omegaconf.base.Metadata", "omegaconf.dictconfig.DictConfig"),
        *("omegaconf.listconfig.ListConfig", "omegaconf.nodes.AnyNode", "typing.Any"),
    }
)
"""Globals of its configuration and its log of metrics."""

_PREDICT: dict[Any, Target] = {"x": "x0", "eps": "noise", "v": "v"}
_WEIGHTINGS: dict[Any, Weighting] = {
    "uniform": "uniform",
    "SNR": "snr",
    "SNR_trunc": "truncated-snr",
    "SNR_plus1": "snr+1",
}
_OTHER_NETWORKS = ("use_gen_prob_unet", "one_skip_per_reso", "new_upsample_method", "mlp_attn")
_TANH = "tanh_if_x"
_RGB = 3


class Settings(models.Settings):
    """The defaults are those of the shipped configurations; a trainer's file brings its own.

    Attributes:
        predict: not in the tensors of a bare state dict, and asked for.
        heads: attention heads.
        decoder_heads: likewise on the way up, when other than `heads`.
        noise_schedule: cosine in both shipped configurations.
        input_scale: b.
        weighting: of the loss, for training on.
        slope_weight: likewise.
        variance: of a DDPM step.
        clip: x0 is cut to [−1, 1] when sampling.
        steps: network calls.
        sampler: DDPM in both shipped configurations.
    """

    predict: Target
    heads: int = 4
    decoder_heads: int | None = None
    noise_schedule: Literal["cosine", "linear"] = "cosine"
    input_scale: float = 0.1
    weighting: Weighting = PRESETS["official"].weighting
    slope_weight: bool = False
    variance: Literal["small", "large"] = "large"
    clip: bool = True
    steps: int = 10
    sampler: Literal["ddpm", "ddim"] = "ddpm"


def read(path: Path) -> Foreign:
    """The tensors, and the configuration as plain dictionaries; the trainer's other entries are dropped."""
    foreign = read_torch_file(path, NAMES)
    sections = _content(foreign.settings.get("config"))
    config = {name: _numbers_and_texts(_content(section)) for name, section in sections.items()}
    return Foreign(foreign.file, foreign.tensors, config)


def said(foreign: Foreign) -> dict[str, Any]:
    """The configuration's values by our names.

    Raises:
        CheckpointError: the configuration is of another network or schedule.
    """
    names = ("unet", "diffusion", "training", "sampling")
    unet, diffusion, training, sampling = (foreign.settings.get(name, {}) for name in names)
    others = [name for name in _OTHER_NETWORKS if unet.get(name)]
    if others or unet.get("final_act", _TANH) != _TANH:
        raise CheckpointError(
            f"{foreign.file} was trained with {', '.join(others) or 'another final_act'}, an option of the "
            "official code that no paper uses and that is not read here. Choose another checkpoint."
        )
    heads = unet.get("num_heads_upsample", -1)
    found = {
        "predict": _PREDICT.get(unet.get("predict"), unet.get("predict")),
        "heads": unet.get("num_heads"),
        "decoder_heads": None if heads == -1 else heads,
        "noise_schedule": diffusion.get("noise_schedule"),
        "input_scale": diffusion.get("input_scale"),
        "variance": diffusion.get("var_type"),
        "weighting": _WEIGHTINGS.get(training.get("loss_weights")),
        "slope_weight": training.get("decouple_loss_weights"),
        "clip": sampling.get("clip_denoised"),
        "steps": sampling.get("num_timesteps"),
        "sampler": sampling.get("sampler_type"),
    }
    return {name: value for name, value in found.items() if value is not None}


def model(foreign: Foreign, settings: Settings, wanted: Wanted) -> Model:
    """The weights with the head's names as ours; a network for three colours is one for a grey image."""
    chosen = settings.model_dump()
    unet = {
        **unet_settings(foreign.file, foreign.shapes),
        **{name: chosen.pop(name) for name in ("heads", "decoder_heads")},
        "groups": None,
        "longest_period": 10.0,
    }
    masks = foreign.shapes.get("out.3.weight", (1,))[0]
    images = image_channels(foreign, inputs(foreign.shapes), masks)
    rgb = images == _RGB and len(wanted.channels or [""]) == 1
    config = Config.model_validate({"unet": unet, "rgb": rgb, **chosen})
    preparation = Preparation(percentiles=None, intensity="min-max", domain="scan", multiple=config.divisor)
    weights = _our_head(foreign.tensors)
    return Model("ambiguous", config, 1 if rgb else images, masks, weights, preparation)


def _our_head(tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """The official head begins with an identity, so its norm and convolution are out.1 and out.3."""
    ours = {"out.1.": "out.0.", "out.3.": "out.2."}
    if any(name.startswith(tuple(ours.values())) for name in tensors):
        return tensors
    return {ours.get(name[:6], name[:6]) + name[6:]: tensor for name, tensor in tensors.items()}


def _content(node: Any) -> dict[Any, Any]:
    """The entries of a section: of the state that omegaconf's object would have been given."""
    if isinstance(node, StandIn) and isinstance(node.state, dict):
        node = node.state.get("_content")
    return node if isinstance(node, dict) else {}


def _numbers_and_texts(section: dict[Any, Any]) -> dict[Any, Any]:
    """A section's single values; lists tell only what shapes tell too."""
    values = {
        name: node.state.get("_val") if isinstance(node, StandIn) and isinstance(node.state, dict) else node
        for name, node in section.items()
    }
    return {name: value for name, value in values.items() if isinstance(value, (str, int, float))}
