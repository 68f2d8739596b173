"""Networks of EnsemDiff, PatchDDM and Ambiguous: outputs, features, gradients, names."""

import re
from collections.abc import Iterator

import torch
from oracle import Comparison, Oracle, compare, exact, procedural, procedural_input
from torch import Tensor, nn

from napari_diffseg.networks.guided_blocks import sinusoid
from napari_diffseg.networks.guided_unet import GuidedUNet, GuidedUNetConfig
from networks import AdditiveUNet, Family, guided_config, guided_unet, our_names

WOLLEB = GuidedUNetConfig()
PATCHDDM = GuidedUNetConfig(
    dimensions=3,
    width=29,
    multipliers=(1, 3, 4, 4, 4, 4, 4),
    attention_at=(),
    middle_attention=False,
    skips="averaged",
    groups=29,
)


def small(oracle: Oracle, family: Family) -> Iterator[Comparison]:
    """A small network with stored weights: what it says, what it passes on, what it learns."""
    network = guided_unet(oracle.document["config"], oracle.weights, family=family)
    yield exact("names in order", list(network.state_dict()), oracle.document["weights"]["keys_in_order"])
    forward, backward = (_limits(oracle.document["tolerance"][of]) for of in ("y and activations", "grad/*"))
    x, t = oracle["x"].clone().requires_grad_(), oracle["t"].float()
    if "temb_raw" in oracle:
        raw = sinusoid(t, network.config.width, network.config.longest_period)
        yield compare("temb_raw", raw, oracle["temb_raw"], **forward)
    if "temb" in oracle:
        yield compare("temb", network.time_embed(t), oracle["temb"], **forward)
    passed = [name.removeprefix("act/") for name in oracle.tensors if name.startswith("act/")]
    features = _watched({name: network.get_submodule(name) for name in passed})
    y = network(x, t)
    yield compare("y", y, oracle["y"], **forward)
    for name in passed:
        yield compare(f"act/{name}", features[name], oracle[f"act/{name}"], **forward)
    (y * oracle["probe"]).sum().backward()
    learned = {"x": x, **dict(network.named_parameters())}
    for name in (name.removeprefix("grad/") for name in oracle.tensors if name.startswith("grad/")):
        yield compare(f"grad/{name}", learned[name].grad, oracle[f"grad/{name}"], **backward)


def full_size(oracle: Oracle, config: GuidedUNetConfig) -> Iterator[Comparison]:
    """A network of the paper's size with weights made by rule; it may be off by a share of y's spread."""
    document = oracle.document
    shape = tuple(int(size) for size in re.findall(r"\d+", document["config"].split("input")[1]))
    x = procedural_input(re.search(r'crc32\("(\w+)"\)', document["procedural_input"])[1], shape)
    yield exact("x_first8", x.flatten()[:8], oracle["x_first8"])
    name = "y" if "y" in oracle else "y_sub"
    with torch.device("meta"):
        network = GuidedUNet(config, inputs=shape[1], outputs=oracle[name].shape[1]).eval()
    yield exact("parameters", _parameters(network), document["parameters"])
    shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    network.load_state_dict(procedural(shapes), assign=True)
    with torch.no_grad():
        y = network(x, oracle["t"].float())
    limits = _limits(document["tolerance"])
    limits["atol"] *= float(oracle["y_mean_std"][1] if "y_mean_std" in oracle else oracle["y"].std())
    if "y_mean_std" in oracle:
        yield compare("y_mean_std", torch.stack([y.mean(), y.std()]), oracle["y_mean_std"], **limits)
    every = [
        slice(None, None, -(-ours // kept)) for ours, kept in zip(y.shape, oracle[name].shape, strict=True)
    ]
    yield compare(name, y[tuple(every)], oracle[name], **limits)


def ambiguous(oracle: Oracle) -> Iterator[Comparison]:
    """The network of Ambiguous, or one with options of its code; the tanh belongs to the method."""
    config = oracle.document["config"]
    weights = {
        name.removeprefix("params/"): oracle[name] for name in oracle.tensors if name.startswith("params/")
    }
    unused = config["new_upsample_method"]
    network = AdditiveUNet(config, weights) if unused else guided_unet(config, weights, family="ambiguous")
    yield exact("parameters", _parameters(network), oracle.document["n_parameters"])
    limits = _limits(oracle.document["tolerance"])
    raw = sinusoid(oracle["t"], network.config.width, network.config.longest_period)
    yield compare("time_embedding", raw, oracle["time_embedding"], **limits)
    blocks = [*network.input_blocks, network.middle_block, *network.output_blocks]
    features = _watched({f"block_{index}": block for index, block in enumerate(blocks)})
    with torch.no_grad():
        output = network(torch.cat([oracle["sample"], oracle["image"]], 1), oracle["t"])
    tanh = config["final_act"] == "tanh" or (config["final_act"], config["predict"]) == ("tanh_if_x", "x")
    yield compare("output", output.tanh() if tanh else output, oracle["output"], **limits)
    for name in (name for name in oracle.tensors if name.startswith("block_")):
        yield compare(name, features[name], oracle[name], **limits)


def wolleb_keys(oracle: Oracle) -> Iterator[Comparison]:
    """Names and shapes for the flags in the listing's description."""
    flags = {name: _after(name, oracle) for name in ("image_size", "num_channels", "num_heads", "in", "out")}
    (size,), (width,), (heads,), (inputs,), (outputs,) = flags.values()
    config = {
        "model_channels": width,
        "num_res_blocks": _after("num_res_blocks", oracle)[0],
        "channel_mult": _after("channel_mult", oracle),
        "attention_resolutions": [size // pixels for pixels in _after("attention_resolutions", oracle)],
        "num_heads": heads,
    }
    yield from _listing(
        oracle, guided_config(config, "wolleb"), inputs, outputs, oracle.document["parameters"]
    )


def pddm_keys(oracle: Oracle) -> Iterator[Comparison]:
    """Likewise for PatchDDM."""
    what = oracle.document["what"]
    inputs, blocks, groups = (
        int(re.search(rf"(\d+) {name}", what)[1]) for name in ("input channels", "residual blocks", "groups")
    )
    multipliers, (width,) = _after("mult", oracle), _after("base", oracle)
    changed = {"width": width, "multipliers": multipliers, "blocks": blocks, "groups": groups}
    config = GuidedUNetConfig.model_validate(PATCHDDM.model_dump() | changed)
    yield from _listing(oracle, config, inputs, 1, oracle.document["parameters"])


def amb_keys(oracle: Oracle) -> Iterator[Comparison]:
    """Likewise for Ambiguous; its comparison network of other authors is not counted here."""
    config = guided_config(oracle.document["config"], "ambiguous")
    first, last = (oracle.document["keys"][name] for name in ("input_blocks.0.0.weight", "out.3.weight"))
    yield from _listing(oracle, config, first[1], last[0], int(oracle["n_parameters"]))
    attentions = sum(name.endswith("qkv.weight") for name in _on_meta(config, first[1], last[0]).state_dict())
    yield exact("attention blocks", attentions, int(oracle["n_attention_blocks"]))


def _listing(
    oracle: Oracle, config: GuidedUNetConfig, inputs: int, outputs: int, parameters: int
) -> Iterator[Comparison]:
    network = _on_meta(config, inputs, outputs)
    ours = [(name, list(tensor.shape)) for name, tensor in network.state_dict().items()]
    yield exact("names, their order and shapes", ours, list(our_names(oracle.document["keys"]).items()))
    yield exact("parameters", _parameters(network), parameters)


def _on_meta(config: GuidedUNetConfig, inputs: int, outputs: int) -> GuidedUNet:
    with torch.device("meta"):
        return GuidedUNet(config, inputs=inputs, outputs=outputs)


def _after(name: str, oracle: Oracle) -> list[int]:
    """The numbers that follow a flag in the words of a listing."""
    found = re.search(rf"\b{name} (\d+(?:,\d+)*)", oracle.document["what"])
    return [int(number) for number in found[1].split(",")]


def _parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def _watched(modules: dict[str, nn.Module]) -> dict[str, Tensor]:
    """Filled with what each module gives when the network is called."""
    seen: dict[str, Tensor] = {}
    for name, module in modules.items():
        module.register_forward_hook(lambda _, __, out, name=name: seen.__setitem__(name, out))
    return seen


def _limits(words: str) -> dict[str, float]:
    """rtol and atol as the oracle's tolerance spells them."""
    return {name: float(number) for name, number in re.findall(r"(rtol|atol) (\d[\d.e-]*)", words)}


CASES = {
    "wolleb_unet_a": lambda oracle: small(oracle, "wolleb"),
    "wolleb_unet_b": lambda oracle: small(oracle, "wolleb"),
    "wolleb_fullsize": lambda oracle: full_size(oracle, WOLLEB),
    "wolleb_keys_paper": wolleb_keys,
    "pddm_unet_a": lambda oracle: small(oracle, "patchddm"),
    "pddm_unet_b": lambda oracle: small(oracle, "patchddm"),
    "pddm_fullsize": lambda oracle: full_size(oracle, PATCHDDM),
    "pddm_keys_paper": pddm_keys,
    "amb_unet": ambiguous,
    "amb_unet_small": ambiguous,
    "amb_unet_variants": ambiguous,
    "amb_unet_paper_keys": amb_keys,
}
