"""Our network for the official ImgX weights of an oracle."""

from collections.abc import Mapping

from oracle import Oracle
from torch import Tensor

from napari_diffseg.checkpoints.official.haiku import our_weights
from napari_diffseg.networks.imgx_unet import ImgXUNet, ImgXUNetConfig


def stored_weights(oracle: Oracle) -> dict[str, Tensor]:
    """Of an oracle that holds them, by their official names."""
    names = [name for name in oracle.tensors if name.startswith("params/")]
    return {name.removeprefix("params/"): oracle[name] for name in names}


def our_names(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights, or their gradients, under our names and in our layout."""
    return our_weights("The oracle", weights)


def network_of(weights: Mapping[str, Tensor]) -> ImgXUNet:
    """Our network with the official weights, set for inference; every one must find its place.

    Args:
        weights: named `<top>/~encoder/…`.
    """
    network = empty_network(weights)
    network.load_state_dict(our_names(weights))
    return network.eval()


def empty_network(weights: Mapping[str, Tensor]) -> ImgXUNet:
    """The network that weights of these names and shapes belong to; t enters it as the raw index."""
    ours = our_names(weights)
    stem, head = ours["stem.conv.weight"], ours["head.bias"]
    levels = sum(name.startswith("pools.") and name.endswith(".conv.weight") for name in ours)
    config = ImgXUNetConfig(
        dimensions=stem.ndim - 2,
        widths=(len(stem), *(len(ours[f"pools.{level}.conv.weight"]) for level in range(levels))),
        time="added" if any(".project." in name for name in ours) else "none",
        time_scale=1.0,
    )
    return ImgXUNet(config, inputs=stem.shape[1], outputs=len(head))
