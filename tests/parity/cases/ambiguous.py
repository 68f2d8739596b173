"""Schedule, targets, objective and trajectories of the ambiguous models."""

import json
import re

import numpy as np
import torch
from oracle import Oracle, StoredNoise, compare
from torch import Tensor

from napari_diffseg.diffusion.continuous import ContinuousSchedule
from napari_diffseg.diffusion.forward import noised
from napari_diffseg.diffusion.posterior import Posterior
from napari_diffseg.diffusion.sampler import draw
from napari_diffseg.diffusion.schedule import log_snr, over
from napari_diffseg.diffusion.target import denoised, noise_from, v_from, x0_from
from napari_diffseg.diffusion.weighting import weight
from napari_diffseg.methods import ambiguous
from networks import guided_unet

TARGETS = {"x": "x0", "eps": "noise", "v": "v"}
WEIGHTINGS = {"uniform": "uniform", "SNR": "snr", "SNR_trunc": "truncated-snr", "SNR_plus1": "snr+1"}


class Straight(ContinuousSchedule):
    """Signal 1 − t, which no method here has."""

    def _scaled(self, t: Tensor) -> Tensor:
        return scaled(1 - t, self.input_scale)


class Parabola(ContinuousSchedule):
    """Signal (1 − t²)², which no method here has."""

    def _scaled(self, t: Tensor) -> Tensor:
        return scaled((1 - t**2) ** 2, self.input_scale)


def scaled(signal: Tensor, b: float) -> Tensor:
    return b**2 * signal / ((b**2 - 1) * signal + 1)


def schedule_of(words: str, limits: tuple[float, float]) -> ContinuousSchedule:
    """By a name such as linear.b0.1; the official code keeps b in float32."""
    scale = re.search(r"b=?([\d.]*\d)", words)
    b = float(np.float32(scale[1])) if scale else 1.0
    if words.startswith("linear_simple"):
        return Straight(input_scale=b, log_snr_range=limits)
    if words.startswith("parabola"):
        return Parabola(input_scale=b, log_snr_range=limits)
    return ContinuousSchedule("linear" if words.startswith("linear") else "cosine", b, limits)


def official_weight(name: str, ratio: Tensor) -> Tensor:
    words = _our_words(name)
    return weight(words["weighting"], ratio, bias=words.get("sigmoid_bias", 0.0))


def schedules(oracle: Oracle):
    t = oracle["t"]
    prefixes = dict.fromkeys(
        re.match(r"(.*?)\.(gamma|alpha|sigma|snr|logsnr|dlogsnr|weight)", name)[1]
        for name in oracle.tensors
        if name != "t"
    )
    for prefix in prefixes:
        schedule = schedule_of(*_described(oracle, prefix))
        signal = schedule.alpha_bars(t)
        ratio, slope = log_snr(signal), schedule.log_snr_slope(t)
        ours = {
            "gamma": signal,
            "alpha": signal.sqrt(),
            "sigma": (1 - signal).sqrt(),
            "snr": ratio.exp(),
            "logsnr": ratio,
            "dlogsnr_dt": slope,
        }
        for name in oracle.tensors:
            if not name.startswith(prefix + "."):
                continue
            kind = name.removeprefix(prefix + ".")
            if kind.startswith("weight"):
                kind, weighting = kind.split(".", 1)
                found = official_weight(weighting, ratio)
                found = -slope * found if "dlogsnr" in kind else found
            else:
                found = ours[kind]
            # 1 − γ has few digits near t = 0 (the oracle's own rule); sigma is its root
            exact_here = kind in ("gamma", "alpha")
            yield compare(name, found, oracle[name], rtol=1e-9 if exact_here else 1e-5, atol=1e-12)
            if not exact_here:
                away = t > 0.02
                yield compare(f"{name} away from 0", found[away], oracle[name][away], rtol=1e-9, atol=1e-12)


def _described(oracle: Oracle, prefix: str) -> tuple[str, tuple[float, float]]:
    """A schedule's name and its limits, which stand in the meaning where the name does not say them."""
    meaning = oracle.document["tensors"][f"{prefix}.gamma"]["meaning"]
    limits = re.search(r"range (-?[\d.]+)\.\.(-?[\d.]+)", meaning)
    if limits is None:
        return prefix, (-20.0, 20.0)
    return meaning, (float(limits[1]), float(limits[2]))


def _input_scale(oracle: Oracle) -> float:
    """Of the cosine schedule that conversions and trajectories use; in float32, as above."""
    found = re.search(r"b\s*=\s*([\d.]*\d)", oracle.document["config"])
    return float(np.float32(found[1])) if found else 1.0


def conversions(oracle: Oracle):
    config = ambiguous.Config(input_scale=_input_scale(oracle))
    x, eps, t, x_t = (oracle[name] for name in ("x", "eps", "t", "x_t"))
    signal = config.schedule.alpha_bars(t.double())
    tight, loose = {"rtol": 1e-5, "atol": 1e-5}, {"rtol": 1e-4, "atol": 1e-5}
    yield compare("alpha_t", signal.sqrt(), oracle["alpha_t"], **tight)
    yield compare("sigma_t", (1 - signal).sqrt(), oracle["sigma_t"], **tight)
    yield compare("x_t", noised(x, eps, signal), x_t, **tight)
    yield compare("v", v_from(x, eps, signal), oracle["v"], **tight)
    yield compare("x_from_eps", x0_from("noise", eps, x_t, signal), oracle["x_from_eps"], **loose)
    yield compare("eps_from_x", noise_from(x, x_t, signal), oracle["eps_from_x"], **loose)
    for kind in dict.fromkeys(name.split(".")[0] for name in oracle.tensors if ".pred_x" in name):
        for clip, ending in ((None, ""), ((-1.0, 1.0), "_clipped")):
            pred_x, pred_eps = _predicted(oracle, kind, x_t, signal, clip)
            yield compare(f"{kind}.pred_x{ending}", pred_x, oracle[f"{kind}.pred_x{ending}"], **loose)
            yield compare(f"{kind}.pred_eps{ending}", pred_eps, oracle[f"{kind}.pred_eps{ending}"], **loose)
    yield from _losses(oracle, config, t, signal)
    s = oracle["posterior.s"].double()
    posterior = Posterior(signal, config.schedule.alpha_bars(s))
    for name, variance in (("small", posterior.variance), ("large", posterior.beta)):
        yield compare(
            f"posterior.{name}.mean", posterior.mean(x, x_t), oracle[f"posterior.{name}.mean"], **tight
        )
        yield compare(f"posterior.{name}.var", variance, oracle[f"posterior.{name}.var"], **tight)
        yield compare(f"posterior.{name}.std", variance.sqrt(), oracle[f"posterior.{name}.std"], **tight)


def _predicted(oracle: Oracle, kind: str, x_t: Tensor, signal: Tensor, clip):
    """x and noise; beside the paper's targets the official code has three that no method here uses."""
    output = oracle["model_out"]
    if kind in TARGETS:
        said = denoised(TARGETS[kind], output, x_t, signal, clip=clip, keep_noise=True)
        return said.x0, said.noise_hat
    if kind == "both":  # the mask by its share of signal, the one that follows from the noise by the rest
        noise, x = oracle["model_out_both"].split(1, dim=1)
        from_noise = x0_from("noise", noise, x_t, signal)
        x0 = over(signal.sqrt(), x) * x + over((1 - signal).sqrt(), x) * from_noise
        return (x0 if clip is None else x0.clamp(*clip)), noise
    probability = torch.sigmoid(output) if kind == "p_logits" else output
    x0 = 2 * probability - 1
    clipped = x0 if clip is None else x0.clamp(*clip)
    return clipped, noise_from(x0, x_t, signal)


def _losses(oracle: Oracle, config: ambiguous.Config, t: Tensor, signal: Tensor):
    """With the weights of the method's own objective."""
    for name in oracle.tensors:
        found = re.match(r"loss\.(\w+)\.([\w-]+?)(\.decoupled)?(\.mean)?$", name)
        if not found:
            continue
        kind, weighting, decoupled, mean = found.groups()
        x0 = x0_from(TARGETS[kind], oracle["model_out"], oracle["x_t"], signal)
        error = (x0 - oracle["x"]).square().flatten(1).mean(1)
        weighed = config.model_copy(update=_our_words(weighting) | {"slope_weight": bool(decoupled)})
        loss = ambiguous.weights(weighed, t.double()).float() * error
        yield compare(name, loss.mean().reshape(1) if mean else loss, oracle[name], rtol=1e-4, atol=1e-5)


def _our_words(weighting: str) -> dict:
    """An official weighting as fields of the config."""
    if weighting.startswith("sigmoid"):
        return {
            "weighting": "sigmoid",
            "sigmoid_bias": float(weighting.removeprefix("sigmoid").lstrip("_") or 0),
        }
    return {"weighting": WEIGHTINGS[weighting]}


def trajectories(oracle: Oracle):
    weights = {
        name.split("/", 1)[1]: value.float() for name, value in oracle.tensors.items() if name.count("/") == 1
    }
    words = re.search(r"\{.*\}", str(oracle.document["config"]))[0]
    image, noise = oracle["image"], StoredNoise(oracle["noise"])
    for run in dict.fromkeys(name.rsplit(".", 1)[0] for name in oracle.tensors if name.endswith(".result")):
        kind, sampler, variance, clip = run.split(".")
        own = {
            n.removeprefix(f"{kind}."): v for n, v in weights.items() if n.startswith(f"{kind}.")
        } or weights
        network = guided_unet(json.loads(words), own, family="ambiguous")
        config = ambiguous.Config(
            input_scale=_input_scale(oracle),
            unet=network.config,
            predict=TARGETS[kind],
            variance=variance,
            clip=clip == "clip",
        )
        states = list(
            draw(
                sampler,
                lambda x_t, t, config=config, network=network: ambiguous.denoise(
                    config, network, image, x_t, t
                ),
                config.schedule,
                len(oracle[f"{run}.x_t"]),
                noise=noise,
                variance=variance,
            )
        )
        tolerance = {"atol": 1e-3 if kind == "eps" else 1e-4, "rtol": 1e-4}
        seen = [noise.at(0), *(state.x_t for state in states[:-1])]
        yield compare(f"{run}.x_t", torch.stack(seen), oracle[f"{run}.x_t"], **tolerance)
        x0 = torch.stack([state.x0 for state in states])
        yield compare(f"{run}.pred_x", x0, oracle[f"{run}.pred_x"], **tolerance)
        yield compare(f"{run}.result", states[-1].x0, oracle[f"{run}.result"], **tolerance)


CASES = {"amb_schedule": schedules, "amb_conversions": conversions, "amb_sample": trajectories}
