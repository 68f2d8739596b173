"""MedSegDiff: blocks of the paper, the released networks, and the released evaluation."""

import re
from collections.abc import Iterator

import torch
from medsegdiff_networks import README, Version, medsegdiff_official, on_meta
from oracle import Comparison, Oracle, compare, exact, procedural_input
from torch import Tensor, nn
from torch.nn import functional as F

from napari_diffseg.networks.ff_parser import FFParser
from napari_diffseg.networks.highway import STAGES, magnified
from napari_diffseg.networks.medsegdiff_official import MedSegDiffOfficial
from napari_diffseg.networks.medsegdiff_unet import attended


def blocks(oracle: Oracle) -> Iterator[Comparison]:
    """FF-Parser and fusion are ours; the rest are defects of the released sampling and stand here alone."""
    limits = _limits(oracle)
    for name in _groups(oracle):
        kind = re.sub(r"\d+$", "", name)
        of = {
            key.removeprefix(f"{name}/"): oracle[key] for key in oracle.tensors if key.startswith(f"{name}/")
        }
        for what, ours in BLOCKS[kind](of).items():
            yield compare(f"{name}/{what}", ours, of[what], **limits)


def _ff_parser(of: dict[str, Tensor]) -> dict[str, Tensor]:
    x = of["x"].clone().requires_grad_()
    parser = FFParser(x.shape[1], x.shape[2:])
    parser.load_state_dict({"complex_weight": of["complex_weight"]})
    y = parser(x)
    (y * of["probe"]).sum().backward()
    return {"y": y, "grad_x": x.grad, "grad_complex_weight": parser.complex_weight.grad}


def _fusion(of: dict[str, Tensor]) -> dict[str, Tensor]:
    """The official function multiplies by its second argument, eq. 3 by the image's feature."""
    c, h = of["c"], of["h"]
    return {"y": attended(h, c), "y_swapped": attended(c, h)}


def _called_staple(of: dict[str, Tensor]) -> dict[str, Tensor]:
    """No STAPLE: the mean of the runs, weighted by itself once."""
    return {"y": of["masks"].mean(dim=0, keepdim=True) ** 2}


def _calibrated(of: dict[str, Tensor]) -> dict[str, Tensor]:
    """A sample that disagrees with the highway's mask, over the whole batch, counts less."""
    sample, cal = of["sample"], of["cal"]
    positive = (sample > 0).float()
    dice = 2 * (positive * cal).sum() / (positive.sum() + cal.sum())
    mixed = cal + 0.25 * sample if dice < 0.65 else 0.5 * cal + 0.5 * sample
    return {"dice": dice, "cal_out": mixed.clamp(0, 1)}


def _standardised(of: dict[str, Tensor]) -> dict[str, Tensor]:
    """Over the whole tensor, with the unbiased deviation."""
    return {"y": (of["x"] - of["x"].mean()) / of["x"].std()}


BLOCKS = {
    "ffparser": _ff_parser,
    "enhance": _fusion,
    "staple_official": _called_staple,
    "calibrate": _calibrated,
    "norm": _standardised,
}


def new_tiny(oracle: Oracle) -> Iterator[Comparison]:
    """The released default: outputs, what the highway hands on, and where no gradient goes."""
    config, limits = oracle.document["config"], _limits(oracle)
    network = medsegdiff_official(config, oracle.weights, version="new")
    stored = {name for name, _ in network.state_dict().items() if not name.endswith("num_batches_tracked")}
    yield exact("names", stored, set(oracle.document["weights"]["keys_in_order"]))
    decoded = _watched(
        {str(place): stage for place, stage in enumerate(network.hwm.conv_blocks_localization)}
    )
    prediction, cal = _called(network, oracle["x"], oracle["t"])
    yield compare("y", prediction, oracle["y"], **limits)
    yield compare("cal", cal, oracle["cal"], **limits)
    for name in (name for name in oracle.tensors if name.startswith("anchor")):
        halvings = int(re.search(r"\d+", name)[0]) + 1
        ours = magnified(decoded[str(STAGES - 1 - halvings)], 2**halvings)
        yield compare(name, _thinned(ours, oracle[name]), oracle[name], **limits)
    prediction.square().sum().backward()
    gradients = [parameter.grad for parameter in network.hwm.parameters()]
    reaches = any(gradient is not None and bool(gradient.any()) for gradient in gradients)
    yield exact(
        "diffusion_grad_reaches_highway", float(reaches), float(oracle["diffusion_grad_reaches_highway"])
    )


def v1_tiny(oracle: Oracle) -> Iterator[Comparison]:
    """Version 1, reduced, with the official random projection as a layer."""
    config = oracle.document["config"]
    network = medsegdiff_official(config, None, version="v1")
    in_no_checkpoint = sum(p.numel() for p in network.hwm.random_projection.parameters())
    yield exact("parameters", _parameters(network) - in_no_checkpoint, oracle.document["parameters"])
    seen = _watched({"uemb": network.hwm.random_projection, "hs3": network.input_blocks[_fourth(config)]})
    shape = (len(oracle["t"]), config["in_channels"], config["image_size"], config["image_size"])
    yield from by_rule(oracle, network, shape)
    limits = _limits(oracle, oracle["y"].std())
    yield compare("uemb", seen["uemb"], oracle["uemb"], **limits)
    first = seen["hs3"][tuple(slice(size) for size in oracle["hs3_first"].shape)]
    yield compare("hs3_first", first, oracle["hs3_first"], **limits)


def full_size(oracle: Oracle) -> Iterator[Comparison]:
    """A released network at the README's size."""
    shape = tuple(oracle.document["config"]["input"])
    version = {"new": "new", "1": "v1"}[oracle.document["config"]["changed"]["version"]]
    config = {**README, "in_channels": shape[1]}
    yield from by_rule(oracle, medsegdiff_official(config, None, version=version), shape)


def by_rule(oracle: Oracle, network: MedSegDiffOfficial, shape: tuple[int, ...]) -> Iterator[Comparison]:
    """Input by rule; what the network may be off by is a share of the output's spread."""
    x = procedural_input(re.search(r'crc32\("(\w+)"\)', oracle.document["procedural_input"])[1], shape)
    yield exact("x_first8", x.flatten()[: len(oracle["x_first8"])], oracle["x_first8"])
    with torch.no_grad():
        prediction, cal = _called(network, x, oracle["t"])
    spread = oracle["y_mean_std"][1] if "y_mean_std" in oracle else oracle["y"].std()
    limits = _limits(oracle, spread)
    if "y_mean_std" in oracle:
        ours = torch.stack([prediction.mean(), prediction.std()])
        yield compare("y_mean_std", ours, oracle["y_mean_std"], **limits)
    yield compare("y", _thinned(prediction, oracle["y"]), oracle["y"], **limits)
    yield compare("cal", _thinned(cal, oracle["cal"]), oracle["cal"], **limits)


def keys(oracle: Oracle, version: Version) -> Iterator[Comparison]:
    """Names and shapes of a released checkpoint."""
    flags = {name: re.search(rf"(\d+) {name}", oracle.document["what"]) for name in FLAGS}
    config = README | {FLAGS[name]: int(found[1]) for name, found in flags.items()}
    pixels = [
        int(number) for number in re.search(r"attention ([\d,]*\d)", oracle.document["what"])[1].split(",")
    ]
    config["attention_resolutions"] = [config["image_size"] // number for number in pixels]
    multipliers = re.search(r"mult ([\d,]*\d)", oracle.document["what"])[1]
    config["channel_mult"] = [int(number) for number in multipliers.split(",")]
    network = on_meta(config, version=version)
    ours = {name: list(value.shape) for name, value in network.state_dict().items()}
    yield exact("names and shapes", ours, oracle.document["keys"])
    yield exact("parameters", _parameters(network), oracle.document["parameters"])
    yield exact("parameters_highway", _parameters(network.hwm), oracle.document["parameters_highway"])


FLAGS = {
    "pixels": "image_size",
    "channels": "model_channels",
    "residual blocks": "num_res_blocks",
    "head": "num_heads",
    "input channels": "in_channels",
}


def second_reading(oracle: Oracle) -> Iterator[Comparison]:
    """Another package's fusion: a real map over the whole spectrum, norms over channels with weights."""
    limits = _limits(oracle)
    for name in dict.fromkeys(
        key.split("/")[0] for key in oracle.tensors if not key.startswith(("w8/", "ws/"))
    ):
        x, c = oracle[f"{name}/x"], oracle[f"{name}/c"]
        weights = {
            key.removeprefix(f"{name}."): value
            for key, value in oracle.weights.items()
            if key.startswith(f"{name}.")
        }
        parsed = torch.fft.ifft2(torch.fft.fft2(x) * weights["ff_parser_attn_map"]).real
        fused = _channel_norm(parsed, weights, "norm_input") * _channel_norm(c, weights, "norm_condition") * c
        h = fused
        for block in ("block.block1", "block.block2"):
            h = F.conv2d(h, weights[f"{block}.proj.weight"], weights[f"{block}.proj.bias"], padding=1)
            h = F.silu(F.group_norm(h, 8, weights[f"{block}.norm.weight"], weights[f"{block}.norm.bias"]))
        for what, ours in (("parsed_x", parsed), ("fused", fused), ("y", h + fused)):
            yield compare(f"{name}/{what}", ours, oracle[f"{name}/{what}"], **limits)


def _channel_norm(x: Tensor, weights: dict[str, Tensor], name: str) -> Tensor:
    centred = x - x.mean(dim=1, keepdim=True)
    deviation = (centred.square().mean(dim=1, keepdim=True) + 1e-5).sqrt()
    return centred / deviation * weights[f"{name}.g"] + weights[f"{name}.b"]


def evaluation(oracle: Oracle) -> Iterator[Comparison]:
    """The released scores: prediction and mask cut at five levels, the scores averaged."""
    for name in _groups(oracle):
        pred, mask = oracle[f"{name}/pred"], oracle[f"{name}/mask"]
        scores = torch.stack(
            [_iou_dice(pred / pred.max() > cut, mask > cut) for cut in (0.1, 0.3, 0.5, 0.7, 0.9)]
        )
        ours = scores.mean(dim=0)
        yield compare(f"{name}/iou_dice", ours, oracle[f"{name}/iou_dice"], atol=1e-6)


def _iou_dice(predicted: Tensor, reference: Tensor) -> Tensor:
    both, either, sizes = (
        (predicted & reference).sum(),
        (predicted | reference).sum(),
        predicted.sum() + reference.sum(),
    )
    iou = (both.double() + 1e-6) / (either + 1e-6)
    return torch.stack([iou, (2 * both.double() + 1e-4) / (sizes + 1e-4)])


def _called(network: MedSegDiffOfficial, x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """Prediction and calibration map."""
    out = network(x, t.float())
    return out.split((out.shape[1] - 1, 1), dim=1)


def _fourth(config: dict) -> int:
    """Place of the fourth downsampling among the entries of the way down."""
    return 4 * (config["num_res_blocks"] + 1)


def _thinned(ours: Tensor, official: Tensor) -> Tensor:
    """Every n-th pixel, as many as are stored."""
    steps = [-(-size // kept) for size, kept in zip(ours.shape[2:], official.shape[2:], strict=True)]
    return ours[(..., *(slice(None, None, step) for step in steps))]


def _watched(modules: dict[str, nn.Module]) -> dict[str, Tensor]:
    """Filled with what each module gives when the network is called."""
    seen: dict[str, Tensor] = {}
    for name, module in modules.items():
        module.register_forward_hook(lambda _, __, out, name=name: seen.__setitem__(name, out))
    return seen


def _parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def _groups(oracle: Oracle) -> list[str]:
    return list(dict.fromkeys(name.split("/")[0] for name in oracle.tensors))


def _limits(oracle: Oracle, spread: Tensor | float = 1.0) -> dict[str, float]:
    """rtol and atol as the oracle's tolerance spells them, atol times the spread where it says so."""
    limits = {
        name: float(number)
        for name, number in re.findall(r"(rtol|atol) (\d[\d.e-]*)", oracle.document["tolerance"])
    }
    return limits | {"atol": limits["atol"] * float(spread)}


CASES = {
    "msd_blocks": blocks,
    "msd_new_tiny": new_tiny,
    "msd_v1_tiny": v1_tiny,
    "msd_new_fullsize": full_size,
    "msd_v1_fullsize": full_size,
    "msd_new_keys_rgb": lambda oracle: keys(oracle, "new"),
    "msd_v1_keys_rgb": lambda oracle: keys(oracle, "v1"),
    "msd_v1_keys_brats": lambda oracle: keys(oracle, "v1"),
    "msd_second_reading_conditioning": second_reading,
    "msd_eval": evaluation,
}
